"""The exported counts of a run, as panels of any earlier month."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from comove.joint_risk.export import CELLS, MARGIN
from comove.joint_risk.margin import Margin
from comove.joint_risk.panel import Panel
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

# Code compiled for one number of months does not serve another: numbers are rounded up.
_MONTHS_STEP = 12


@dataclass(frozen=True)
class Inputs:
    """What `build_cells` exported.

    Parameters
    ----------
    settings : Settings
        Windows.
    folder : Path
        Of the run, with cells and margin counts.
    month : date
        First day of the run's month.
    """

    settings: Settings
    folder: Path
    month: dt.date

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Rows of `marts.fct_copula_cell`."""
        cells = pd.read_parquet(self.folder / CELLS)
        return cells.assign(month=pd.to_datetime(cells["month"]).dt.date)

    @cached_property
    def _margin_counts(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / MARGIN)

    @property
    def first_month(self) -> dt.date:
        """First month with any cell."""
        months: list[dt.date] = self.cells["month"].to_list()
        return min(months)

    def has_history(self, as_of: dt.date) -> bool:
        """Whether a fit as of a month sees at least one month."""
        return self.first_month <= as_of

    def margin(self, as_of: dt.date) -> Margin:
        """Give what pd was worth, by what was known at the end of a month."""
        months = self.settings.residual_window_months
        return Margin.as_of(self._margin_counts, as_of, months)

    def panel(self, as_of: dt.date) -> Panel:
        """Count what was known at the end of a month.

        Parameters
        ----------
        as_of : date
            First day of the last month counted.

        Returns
        -------
        Panel
            Groups and number of months are those of the run, whatever the month.
        """
        last = number(as_of)
        months = tuple(month_of(last - k) for k in range(self._months)[::-1])
        cells = self.cells[
            (self.cells["month"] >= months[0]) & (self.cells["month"] <= as_of)
        ]
        regions = tuple(sorted(self.cells["region"].unique()))
        industries = tuple(sorted(self.cells["industry"].unique()))
        margin = self.margin(as_of)(cells["mean_model_pd"].to_numpy(np.float64))
        return Panel(
            regions,
            industries,
            months,
            region=_places(cells["region"], regions),
            industry=_places(cells["industry"], industries),
            month=_places(cells["month"], months),
            pd=np.clip(margin, 1e-12, 1 - 1e-12),
            n=cells["n"].to_numpy(np.int64),
            events=cells["events"].to_numpy(np.int64),
        )

    @property
    def _months(self) -> int:
        known = number(self.month) - number(self.first_month) + 1
        rounded = -(-known // _MONTHS_STEP) * _MONTHS_STEP
        return min(rounded, self.settings.joint_window_months)


def _places(values: pd.Series, names: tuple[object, ...]) -> np.ndarray:
    at = {name: place for place, name in enumerate(names)}
    return values.map(at).to_numpy(np.int64)
