"""Simulation-based calibration: ranks of truths among draws (Talts et al., 2018)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chisquare
from tests.joint_risk.simulated_panel import Design, count, from_priors

from comove.joint_risk.evidence import ThresholdEvidence
from comove.joint_risk.sampler import Sampler
from comove.settings import Settings

FloatArray = NDArray[np.float64]

JUDGED = (
    "loading_national",
    "loading_region",
    "loading_industry",
    "phi_national",
    "phi_region",
    "phi_industry",
    "offset_region",
    "offset_industry",
    "national",
    "region",
    "industry",
)
# Draws that a truth is ranked among: so far apart that they are nearly independent.
_APART = 8
RANKED = 100


@dataclass(frozen=True)
class Ranks:
    """Of one quantity, over simulated data sets.

    Parameters
    ----------
    rank : ndarray, shape (seeds, quantities)
        Draws below the truth, of 100.
    covered : ndarray of bool, shape (seeds, quantities)
        Whether the 90 % interval has the truth in it.
    """

    rank: NDArray[np.int64]
    covered: NDArray[np.bool_]

    @property
    def of_one(self) -> NDArray[np.int64]:
        """One quantity per data set, in turn: those of one data set go together."""
        places = np.arange(len(self.rank)) % self.rank.shape[1]
        return self.rank[np.arange(len(self.rank)), places]

    @property
    def p_value(self) -> float:
        """Chi-square test that ranks are uniform, in five bins."""
        found = np.histogram(self.of_one, bins=5, range=(0, RANKED + 1))[0]
        return float(chisquare(found).pvalue)


def settings() -> Settings:
    return Settings(joint_tune=400, joint_draws=RANKED * _APART // 2, joint_chains=2)


def calibrate(design: Design, seeds: Iterable[int]) -> dict[str, Ranks]:
    """Draw parameters from the priors, then counts, and fit; once per seed."""
    sampler = Sampler(settings())
    rows = [dict(_ranked(design, seed, sampler)) for seed in seeds]
    return {
        name: Ranks(
            np.stack([row[name][0] for row in rows]),
            np.stack([row[name][1] for row in rows]),
        )
        for name in JUDGED
    }


def _ranked(
    design: Design, seed: int, sampler: Sampler
) -> Iterator[tuple[str, tuple[NDArray[np.int64], NDArray[np.bool_]]]]:
    truth = from_priors(design, settings(), seed)
    panel = count(truth, design, seed)
    found = sampler.fit(ThresholdEvidence(panel)).draws
    for name in JUDGED:
        true, draws = getattr(truth, name)[0], getattr(found, name)
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        rank = (draws[::_APART] < true).sum(axis=0)
        yield name, (np.ravel(rank), np.ravel((low < true) & (true < high)))
