"""What a month's posteriors say: indices, links, factors, validation, losses.

Everything is written as Parquet into the run's folder; `store` loads it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws
from comove.joint_risk.export import AHEAD, borrowers_file, run_folder
from comove.joint_risk.fit import VARIANTS
from comove.joint_risk.fit_gate import Fit, read_fits, why_refused
from comove.joint_risk.index import IndexFacts, Prediction, write_index
from comove.joint_risk.inputs import Inputs
from comove.joint_risk.link import cell_links
from comove.joint_risk.loo import compare
from comove.joint_risk.loss import Losses, portfolio_loss
from comove.joint_risk.posterior import read_draws, read_summary
from comove.joint_risk.summary import factor_table
from comove.joint_risk.validation import (
    Outcomes,
    ewma_probability,
    joint_probability,
    scores,
)
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Tell = Callable[[str], None]

LOSS_DISTRIBUTION = "loss_distribution.parquet"
_LOSS_BINS = 120


def derive_month(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """Work out what the fits of a run say.

    Parameters
    ----------
    settings : Settings
        Windows, losses, seed.
    run_id : str
        Names the folder of counts and fits.
    month : date
        First day of the run's month.
    tell : callable
        Takes sentences about the progress.

    Returns
    -------
    dict
        Rows written, by file.
    """
    work = _Work(settings, run_id, run_folder(settings, run_id), month, tell)
    return {
        "index": work.index(),
        "links": work.links(),
        "factors": work.factors(),
        "validation": work.validation(),
        "comparison": work.comparison(),
        "loss": work.losses(),
    }


@dataclass(frozen=True)
class _Work:
    settings: Settings
    run_id: str
    folder: Path
    month: dt.date
    tell: Tell

    @cached_property
    def _fits(self) -> dict[tuple[dt.date, str, str], Fit]:
        return {
            (fit.as_of_month, fit.copula, fit.factors): fit
            for fit in read_fits(self.folder)
        }

    @cached_property
    def _inputs(self) -> Inputs:
        return Inputs(self.settings, self.folder, self.month)

    @cached_property
    def _published(self) -> Fit:
        return next(fit for fit in self._fits.values() if fit.role == "published")

    @cached_property
    def _draws(self) -> Draws:
        return self._read(self._published)

    @property
    def _facts(self) -> dict[str, Any]:
        """What every row about the month to come says."""
        return {
            "month": month_of(number(self.month) + 1),
            "as_of_month": self.month,
            "model_version": self._published.model_version,
        }

    def _read(self, fit: Fit) -> Draws:
        return read_draws(self.settings.places.root / fit.artifact_path)

    def index(self) -> int:
        """Write the index of every borrower at risk in the month to come."""
        self.tell("Index of every borrower")
        margin = self._inputs.margin(self.month)
        now = Prediction(self._draws, margin, self.folder / AHEAD)
        facts = IndexFacts(**self._facts)
        target = self.folder / "index.parquet"
        return write_index(self.settings, now, self._previous(), facts, target).rows

    def _previous(self) -> Prediction | None:
        before = month_of(number(self.month) - 1)
        fit = self._fits.get((before, self._published.copula, self._published.factors))
        if fit is None or why_refused(self.settings, fit):
            return None
        margin = self._inputs.margin(before)
        return Prediction(self._read(fit), margin, self.folder / borrowers_file(0))

    def links(self) -> int:
        """Write the links of the cells with most borrowers."""
        self.tell("Links of cells")
        found = cell_links(self._draws, self._cell_margins())
        return self._write(found.assign(**self._facts), "links.parquet")

    def _cell_margins(self) -> FloatArray:
        """Mean margin of the largest cells (R, S); nan for the others."""
        borrowers = pd.read_parquet(
            self.folder / AHEAD, columns=["region", "industry", "pd"]
        )
        margin = self._inputs.margin(self.month)(borrowers["pd"].to_numpy(np.float64))
        grouped = borrowers.assign(margin=margin).groupby(["region", "industry"])
        cells = grouped["margin"].agg(["mean", "size"]).reset_index()
        kept = cells.nlargest(self.settings.joint_max_link_cells, "size", keep="all")
        regions, industries = (
            {name: place for place, name in enumerate(names)}
            for names in (self._draws.regions, self._draws.industries)
        )
        margins = np.full((len(regions), len(industries)), np.nan)
        kept = kept[kept["region"].isin(regions) & kept["industry"].isin(industries)]
        at = kept["region"].map(regions), kept["industry"].map(industries)
        margins[at] = kept["mean"]
        return margins

    def factors(self) -> int:
        """Write the posterior's parameters and factor paths, of all draws."""
        folder = self.settings.places.root / self._published.artifact_path
        summary = read_summary(folder)
        if summary is None:
            summary = factor_table(self._draws, self._published.chains)
        found = summary.assign(
            as_of_month=self.month,
            model_version=self._published.model_version,
            run_id=self.run_id,
        )
        return self._write(found, "factors.parquet")

    def validation(self) -> int:
        """Write how well each model had predicted the months that are validated."""
        rows: list[dict[str, Any]] = []
        for back in range(self.settings.joint_validation_months):
            month = month_of(number(self.month) - back)
            file = self.folder / borrowers_file(back)
            if month > self._inputs.first_month and file.is_file():
                self.tell(f"What was said of {month:%Y-%m}, against what happened")
                rows += self._validated(month, Outcomes.read(file))
        if not rows:
            return 0
        return self._write(pd.DataFrame(rows), "validation.parquet")

    def _validated(self, month: dt.date, outcomes: Outcomes) -> list[dict[str, Any]]:
        if len(outcomes) == 0:
            return []
        before = month_of(number(month) - 1)
        margin = self._inputs.margin(before)
        predictions = {
            "independent": outcomes.pd,
            "ewma": ewma_probability(
                outcomes,
                self._inputs.cells,
                before,
                self.settings.joint_ewma_half_life_months,
            ),
        }
        versions: dict[str, str] = {}
        for model, variant in VARIANTS.items():
            fit = self._fits.get((before, variant.copula, variant.factors))
            if fit is not None and why_refused(self.settings, fit) is None:
                draws = self._read(fit)
                predictions[model] = joint_probability(outcomes, draws, margin)
                versions[model] = fit.model_version
        return [
            {"month": month, "model_version": versions.get(row["model"])} | row
            for row in scores(outcomes, predictions)
        ]

    def comparison(self) -> int:
        """Write how well the fits of the month before tell their counts (PSIS-LOO)."""
        before = month_of(number(self.month) - 1)
        fits = {
            model: fit
            for model, variant in VARIANTS.items()
            if (fit := self._fits.get((before, variant.copula, variant.factors)))
            and why_refused(self.settings, fit) is None
        }
        if not fits:
            return 0
        self.tell(f"Comparison of the fits as of {before:%Y-%m}")
        draws = {model: self._read(fit) for model, fit in fits.items()}
        found = compare(self._inputs.counts(before), draws, seed=self.settings.seed)
        return self._write(
            found.assign(
                month=self.month,
                as_of_month=before,
                out_of_time_log_loss=found["model"].map(self._log_losses()),
                model_version=[fits[model].model_version for model in found["model"]],
            ),
            "comparison.parquet",
        )

    def _log_losses(self) -> dict[str, float]:
        """Scores of the run's month, by model; none where nothing was validated."""
        file = self.folder / "validation.parquet"
        if not file.is_file():
            return {}
        scored = pd.read_parquet(file)
        of_month = scored[pd.to_datetime(scored["month"]).dt.date == self.month]
        return dict(zip(of_month["model"], of_month["log_loss"], strict=True))

    def losses(self) -> int:
        """Write the distribution of next month's loss, and its contributions."""
        self.tell("Portfolio loss")
        margin = self._inputs.margin(self.month)
        found = portfolio_loss(self.settings, self._draws, margin, self.folder / AHEAD)
        self._write(found.cells.assign(**self._facts), "loss_cell.parquet")
        self._write_distribution(found)
        return self._write(found.measures.assign(**self._facts), "loss.parquet")

    def _write_distribution(self, losses: Losses) -> None:
        folder = self.settings.places.artifacts / "joint_risk" / f"{self.month:%Y-%m}"
        folder.mkdir(parents=True, exist_ok=True)
        largest = max(float(one.max()) for one in losses.simulated.values())
        edges = np.linspace(0.0, max(largest, 1.0), _LOSS_BINS + 1)
        tables = [
            pd.DataFrame(
                {
                    "copula": copula,
                    "bin_from": edges[:-1],
                    "bin_to": edges[1:],
                    "share": np.histogram(lost, edges)[0] / len(lost),
                }
            )
            for copula, lost in losses.simulated.items()
        ]
        pd.concat(tables).to_parquet(folder / LOSS_DISTRIBUTION, index=False)

    def _write(self, table: pd.DataFrame, name: str) -> int:
        fresh = (self.folder / name).with_suffix(".fresh")
        table.to_parquet(fresh, index=False)
        fresh.replace(self.folder / name)
        return len(table)
