"""95 % intervals of KS and of its changes, from the counts the SQL has made.

An interval of one KS inverts the law of an observed KS (`ks_law`). One of a change joins
those of its two ends, as Zou and Donner do (Construction of confidence limits about
effect measures, Statistics in Medicine 27, 2008): with estimates a and b, intervals
(a-, a+) and (b-, b+), and correlation r, the change a - b lies above

    a - b - sqrt((a - a-)² + (b+ - b)² - 2 r (a - a-)(b+ - b)).

A stage is part of the one above, so their errors are correlated (`selection`); months
are not.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.connection import connect
from comove.risk_model.folds import number
from comove.score_drift.ks_law import invert
from comove.score_drift.selection import (
    correlations,
    outcome_changes,
    selection_changes,
)
from comove.score_drift.tables import ensure_drift_tables
from comove.settings import Settings

FloatArray = NDArray[np.float64]

_CUT = ["cut_by", "cut_value"]
_KEYS = [*_CUT, "stage", "cohort_month", "label"]
_CELLS = f"""
    select
        {", ".join(_CUT)}, stage, label, cohort_month, is_baseline,
        n_good, n_bad, tied_share, ks, is_turned, parent_stage
    from intermediate.int_score_cell
    inner join audit.drift_stage using (stage)
    where ks is not null
    order by all
"""  # noqa: S608 - names of ours


def write_intervals(settings: Settings) -> int:
    """Write the intervals of every cell into `risk.score_interval`.

    Parameters
    ----------
    settings : Settings
        Say which home; seed and draws of what is simulated.

    Returns
    -------
    int
        Cells with a KS, those of the baseline included.
    """
    with connect(settings) as connection:
        ensure_drift_tables(connection)
        cells = connection.execute(_CELLS).df()
        connection.execute("begin")
        connection.execute("delete from risk.score_interval")
        if len(cells):
            made = _made(connection, settings, cells)
            connection.register("made", made)
            connection.execute("insert into risk.score_interval by name from made")
        connection.execute("commit")
    return len(cells)


def _made(
    connection: duckdb.DuckDBPyConnection, settings: Settings, cells: pd.DataFrame
) -> pd.DataFrame:
    bands = connection.execute("select * from intermediate.int_score_band").df()
    parents = _parents(connection)
    rows = intervals(cells, correlations(bands, parents))
    selected = selection_changes(
        bands, parents, draws=settings.drift_bootstrap_draws, seed=settings.seed
    )
    by_score = outcome_changes(
        bands, draws=settings.drift_bootstrap_draws, seed=settings.seed
    )
    changes = [one for one in (selected, by_score) if len(one)]
    return rows.merge(pd.concat(changes), on=_KEYS, how="left") if changes else rows


def _parents(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Stages with the nearest recorded stage above, those without left out."""
    rows = connection.execute(
        """
        select stage, parent_stage from audit.drift_stage
        where is_available and parent_stage is not null
        """
    ).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class _Ends:
    """Estimates and intervals of true KS, and sizes; one value a cell."""

    middle: FloatArray
    low: FloatArray
    high: FloatArray
    size: FloatArray
    # 1 where the score is the wrong way round, and surely so.
    inverted: FloatArray

    def at(self, place: NDArray[np.int64]) -> "_Ends":
        """Give the cells at some places; missing ones (-1) become nan."""
        found = (
            np.where(place >= 0, values[place], np.nan)
            for values in (self.middle, self.low, self.high, self.size, self.inverted)
        )
        return _Ends(*found)


def intervals(cells: pd.DataFrame, correlated: pd.DataFrame) -> pd.DataFrame:
    """Work out the intervals of cells that have a KS.

    Parameters
    ----------
    cells : DataFrame
        cut_by, cut_value, stage, label, cohort_month, is_baseline, n_good, n_bad,
        tied_share, ks, is_turned (none where it is left out), parent_stage (null at the
        top).
    correlated : DataFrame
        As of `correlations`; stages it does not hold are taken to reach their KS where
        the stage above does.

    Returns
    -------
    DataFrame
        Keys, ks_low, ks_high, is_inverted, baseline_change, and both ends of the
        vertical, horizontal and baseline change; nan where one end of a change has no
        KS. Changes are those of signed KS: below 0 where good ones score lower, and
        surely so. A row per cell that is no baseline.
    """
    ends = _ends(cells)
    places = _Places(cells)
    own = np.flatnonzero(~cells["is_baseline"].to_numpy(dtype=bool))
    made = cells.iloc[own][_KEYS].reset_index(drop=True)
    here = ends.at(own)
    upright = here.inverted == 0
    made["ks_low"] = np.where(upright, here.low, -here.high)
    made["ks_high"] = np.where(upright, here.high, -here.low)
    made["is_inverted"] = ~upright
    of_baseline = ends.at(places.baseline()[own])
    made["is_baseline_inverted"] = of_baseline.inverted == 1
    made["baseline_change"] = here.middle - of_baseline.middle
    for name, place in (
        ("vertical", places.above()),
        ("horizontal", places.earlier()),
        ("baseline", places.baseline()),
    ):
        there = ends.at(place[own])
        shared = _overlap(made, correlated, here, there)
        correlation = shared if name == "vertical" else np.zeros(len(own))
        low, high = change_interval(here, there, correlation)
        made[f"{name}_change_low"], made[f"{name}_change_high"] = low, high
    return made


def _overlap(
    made: pd.DataFrame, correlated: pd.DataFrame, here: _Ends, there: _Ends
) -> FloatArray:
    nested = np.minimum(np.sqrt(here.size / there.size), 1.0)
    if correlated.empty:
        return np.asarray(nested)
    known = made[_KEYS].merge(correlated, on=_KEYS, how="left")["correlation"].to_numpy()
    return np.where(np.isnan(known), nested, known)


def _ends(cells: pd.DataFrame) -> _Ends:
    good, bad, ks, tied = (
        cells[name].to_numpy(dtype=np.float64)
        for name in ("n_good", "n_bad", "ks", "tied_share")
    )
    found = invert(ks, good, bad, tied)
    middle, low, high = found["middle"], found["low"], found["high"]
    size = good * bad / (good + bad)
    if "is_turned" not in cells:
        return _Ends(middle, low, high, size, np.zeros(len(ks)))
    # Where nothing is told apart, the larger distance may lie on either side.
    inverted = cells["is_turned"].to_numpy(dtype=bool) & (low > 0)
    sign = np.where(inverted, -1.0, 1.0)
    ends = np.where(inverted, high, low), np.where(inverted, low, high)
    return _Ends(
        sign * middle,
        sign * ends[0],
        sign * ends[1],
        size,
        inverted.astype(np.float64),
    )


def change_interval(
    one: _Ends, other: _Ends, correlation: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Join the intervals of two KS to that of their difference.

    Parameters
    ----------
    one, other : _Ends
        The KS, and the one it is compared with.
    correlation : array
        Of their errors.

    Returns
    -------
    tuple of array
        Lower and upper ends.
    """
    change = one.middle - other.middle
    below = _joined(one.middle - one.low, other.high - other.middle, correlation)
    above = _joined(one.high - one.middle, other.middle - other.low, correlation)
    return change - below, change + above


def _joined(one: FloatArray, other: FloatArray, correlation: FloatArray) -> FloatArray:
    squared = one**2 + other**2 - 2 * correlation * one * other
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


class _Places:
    """Where the cells stand that a cell is compared with; -1 where there is none."""

    def __init__(self, cells: pd.DataFrame) -> None:
        self._month = np.array([number(month) for month in cells["cohort_month"]])
        self._is_baseline = cells["is_baseline"].to_numpy(dtype=bool)
        names = cells[[*_CUT, "label"]].astype(str).agg("\t".join, axis=1).to_numpy()
        self._stage = cells["stage"].to_numpy()
        self._parent = cells["parent_stage"].to_numpy()
        self._name = names
        keys = zip(names, self._stage, self._month, self._is_baseline, strict=True)
        self._place = {key: place for place, key in enumerate(keys)}

    def above(self) -> NDArray[np.int64]:
        return self._find(self._parent, self._month)

    def earlier(self) -> NDArray[np.int64]:
        return self._find(self._stage, self._month - 1)

    def baseline(self) -> NDArray[np.int64]:
        of_baseline = {key[:2]: place for key, place in self._place.items() if key[3]}
        pairs = zip(self._name, self._stage, strict=True)
        return np.array([of_baseline.get(pair, -1) for pair in pairs], dtype=np.int64)

    def _find(
        self, stage: NDArray[np.object_], month: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        keys = zip(self._name, stage, month, strict=True)
        return np.array(
            [self._place.get((*key, False), -1) for key in keys], dtype=np.int64
        )
