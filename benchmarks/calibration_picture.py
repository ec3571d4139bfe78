"""Draw docs/pictures/sbc_ranks.svg: ranks of truths among posterior draws.

Run ``python benchmarks/calibration_picture.py``; it fits 80 simulated lenders, half of
them with 60,000 borrowers and half with 2,000 (about six minutes on two cores).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binom

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.joint_risk.calibration import JUDGED, RANKED, Ranks, calibrate  # noqa: E402
from tests.joint_risk.simulated_panel import Design  # noqa: E402

BINS = 10
TITLES = {
    "loading_national": "loading, national",
    "loading_region": "loading, a region",
    "loading_industry": "loading, an industry",
    "phi_national": "φ, national",
    "phi_region": "φ, regions",
    "phi_industry": "φ, industries",
    "offset_region": "offset, a region",
    "offset_industry": "offset, an industry",
    "national": "national path, a month",
    "region": "region's path, a month",
    "industry": "industry's path, a month",
}


def together(one: Ranks, other: Ranks) -> Ranks:
    """Ranks of both sets of lenders."""
    return Ranks(
        np.concatenate([one.rank, other.rank]),
        np.concatenate([one.covered, other.covered]),
    )


def draw(ranks: dict[str, Ranks], file: Path) -> None:
    """Histograms, with the range that 99 % of uniform ones keep to in each bar."""
    plt.rcParams.update({"svg.hashsalt": "comove", "font.size": 8})
    figure, axes = plt.subplots(
        3, 4, figsize=(9, 5.4), layout="constrained", sharex=True, sharey=True
    )
    for axis, name in zip(axes.flat, JUDGED, strict=False):
        found = ranks[name].of_one
        low, high = binom(len(found), 1 / BINS).ppf([0.005, 0.995])
        axis.axhspan(low, high, color="#dfe7ee", zorder=0)
        axis.hist(found, bins=BINS, range=(0, RANKED + 1), color="#2f6690", rwidth=0.9)
        axis.set_title(TITLES[name], loc="left")
        axis.set_xticks([0, 50, 100])
        axis.spines[["top", "right"]].set_visible(False)
    notes = axes.flat[-1]
    notes.axis("off")
    notes.text(
        0,
        0.9,
        f"{len(found)} simulated lenders.\nBars: how many truths had so many\n"
        "of 100 posterior draws below them.\nBand: 99 % of bars, if the posterior\n"
        "is right.",
        va="top",
        transform=notes.transAxes,
    )
    figure.supxlabel("rank of the truth among 100 draws")
    figure.supylabel("lenders")
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Fit, then draw."""
    many = calibrate(Design(), range(40))
    few = calibrate(Design(borrowers=2_000), range(310, 350))
    both = {name: together(many[name], few[name]) for name in JUDGED}
    draw(both, ROOT / "docs" / "pictures" / "sbc_ranks.svg")


if __name__ == "__main__":
    main()
