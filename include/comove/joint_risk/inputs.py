"""The exported counts of a run, as panels of any earlier month."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.joint_risk.export import BANDS, CELLS, MARGIN
from comove.joint_risk.margin import Margin
from comove.joint_risk.panel import OrdinalPanel, Panel, PanelError
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

IntArray = NDArray[np.int64]
Names = tuple[tuple[str, ...], tuple[str, ...], tuple[dt.date, ...]]

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
        names = self._names(as_of)
        cells = _between(self.cells, names[2])
        margin = self.margin(as_of)(cells["mean_model_pd"].to_numpy(np.float64))
        return Panel(
            *names,
            *_all_places(cells, names),
            pd=np.clip(margin, 1e-12, 1 - 1e-12),
            n=cells["n"].to_numpy(np.int64),
            events=cells["events"].to_numpy(np.int64),
        )

    def ordinal_panel(self, as_of: dt.date) -> OrdinalPanel:
        """Count the bands of uniforms, by what was known at the end of a month.

        Parameters
        ----------
        as_of : date
            First day of the last month counted.

        Returns
        -------
        OrdinalPanel
            Names as for `panel`. A band nobody is in joins its neighbour.

        Raises
        ------
        PanelError
            When fewer than two bands hold anybody.
        """
        names = self._names(as_of)
        rows = _between(self._bands, names[2])
        keys = ["region", "industry", "month"]
        counts = rows.pivot_table("n", keys, "band", "sum", fill_value=0)
        if counts.shape[1] < 2:
            raise _no_bands(counts.shape[1], as_of)
        groups = counts.index.to_frame(index=False)
        return OrdinalPanel(
            *names, *_all_places(groups, names), counts=counts.to_numpy(np.int64)
        )

    def counts(self, as_of: dt.date) -> Panel | OrdinalPanel:
        """Count what the likelihood of the settings reads."""
        ordinal = self.settings.joint_likelihood == "ordinal"
        return self.ordinal_panel(as_of) if ordinal else self.panel(as_of)

    @cached_property
    def _bands(self) -> pd.DataFrame:
        bands = pd.read_parquet(self.folder / BANDS)
        return bands.assign(month=pd.to_datetime(bands["month"]).dt.date)

    def _names(self, as_of: dt.date) -> Names:
        """Regions and industries of the run; months up to one."""
        last = number(as_of)
        return (
            tuple(sorted(self.cells["region"].unique())),
            tuple(sorted(self.cells["industry"].unique())),
            tuple(month_of(last - k) for k in range(self._months)[::-1]),
        )

    @property
    def _months(self) -> int:
        known = number(self.month) - number(self.first_month) + 1
        rounded = -(-known // _MONTHS_STEP) * _MONTHS_STEP
        return min(rounded, self.settings.joint_window_months)


def _between(rows: pd.DataFrame, months: tuple[dt.date, ...]) -> pd.DataFrame:
    return rows[(rows["month"] >= months[0]) & (rows["month"] <= months[-1])]


def _all_places(rows: pd.DataFrame, names: Names) -> tuple[IntArray, IntArray, IntArray]:
    """Positions of each row's region, industry and month."""
    region, industry, month = names
    return (
        _places(rows["region"], region),
        _places(rows["industry"], industry),
        _places(rows["month"], month),
    )


def _places(values: pd.Series, names: tuple[object, ...]) -> np.ndarray:
    at = {name: place for place, name in enumerate(names)}
    return values.map(at).to_numpy(np.int64)


def _no_bands(found: int, as_of: dt.date) -> PanelError:
    return PanelError(
        f"the uniforms up to {as_of:%Y-%m} fall into {found} band(s); two are the least.",
        where="marts.fct_copula_band",
        remedy="Set COMOVE_JOINT_ORDINAL_EDGES to edges between 0 and 1 that divide them "
        "and run the DAG `joint_risk` again from its task `build_cells`.",
    )
