"""What the page of a recalibration tells, read from the published copy."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from comove.connection import literal

_QUERIES = {
    "assessment": ("risk.score_assessment", "month = {month}", "month"),
    "candidates": ("risk.recalibration", "month = {month}", "kind, threshold, candidate"),
    "factors": ("risk.recalibration_factor", "month = {month}", "weighted_gap desc"),
    "performance": ("risk.score_performance", "month = {month}", "span, cohort_from"),
    "versions": ("risk.strategy_version", "true", "version desc"),
    "bands": ("risk.strategy_band", "true", "version, position"),
    "checks": ("audit.quality_result", "run_id = {run}", "success, stage, check_name"),
}


@dataclass(frozen=True)
class RecalibrationFacts:
    """Everything the page is written from.

    Parameters
    ----------
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Month assessed, first day.
    assessment : mapping or None
        Row of ``risk.score_assessment``; None where the month was never assessed.
    candidates, factors, performance, versions, bands, checks : DataFrame
        Rows of ``risk.recalibration``, ``recalibration_factor``, ``score_performance``,
        ``strategy_version``, ``strategy_band`` and ``audit.quality_result``.
    """

    portfolio: str
    run_id: str
    month: dt.date
    assessment: Mapping[str, Any] | None
    candidates: pd.DataFrame
    factors: pd.DataFrame
    performance: pd.DataFrame
    versions: pd.DataFrame
    bands: pd.DataFrame
    checks: pd.DataFrame

    @property
    def months(self) -> pd.DataFrame:
        """Performance of each cohort month."""
        if self.performance.empty:
            return self.performance
        return self.performance[self.performance["span"] == "month"]

    @property
    def window(self) -> Mapping[str, Any] | None:
        """Performance of the cohorts candidates are tried on."""
        if self.performance.empty:
            return None
        rows = self.performance[self.performance["span"] == "window"]
        return _first(rows)

    def version(self, status: str) -> Mapping[str, Any] | None:
        """Newest version of a status; None without one."""
        if self.versions.empty:
            return None
        return _first(self.versions[self.versions["status"] == status])


def read_facts(
    connection: duckdb.DuckDBPyConnection, *, portfolio: str, run_id: str, month: dt.date
) -> RecalibrationFacts:
    """Read everything the page is written from.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading.
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Month assessed, first day.
    """
    known = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    }
    names = {"month": f"date {literal(month.isoformat())}", "run": literal(run_id)}
    frames = {
        name: connection.execute(
            f"from {table} where {condition.format(**names)} order by {order}"
        ).df()
        if table in known
        else pd.DataFrame()
        for name, (table, condition, order) in _QUERIES.items()
    }
    assessment = _first(frames.pop("assessment"))
    return RecalibrationFacts(portfolio, run_id, month, assessment, **frames)


def _first(rows: pd.DataFrame) -> Mapping[str, Any] | None:
    if rows.empty:
        return None
    return {str(name): value for name, value in rows.iloc[0].to_dict().items()}
