"""What the report of a month's score drift tells: rows of the matrix, no applicant."""

import datetime as dt
from dataclasses import dataclass

import duckdb
import pandas as pd

from comove.connection import literal

LABELS = ("policy", "performance")
# Transitions down the funnel, by the stage they lead to.
STEPS = {
    "credit_approved": "Credit policy",
    "drawdown_applied": "Draw-down willingness",
    "disbursed": "Draw-down control",
}
WAY = ("credit_applied", *STEPS)
_NOTHING = "the run stored nothing for this month"


@dataclass(frozen=True)
class DriftFacts:
    """Everything the page is written from.

    Parameters
    ----------
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Last cohort, first day.
    score_kind : str
        ``own`` or ``lender``; empty where there is no matrix.
    drift : DataFrame
        Rows of ``risk.score_drift``, in the order of the funnel, then of months.
    funnel : DataFrame
        Rows of ``risk.funnel_count``, likewise.
    cuts : DataFrame
        Rows of ``risk.score_drift_cut``, empty where none was asked for.
    checks : DataFrame
        Of the run, from ``audit.quality_result``.
    why_nothing : str or None
        Why the run has no matrix at all.
    """

    portfolio: str
    run_id: str
    month: dt.date
    score_kind: str
    drift: pd.DataFrame
    funnel: pd.DataFrame
    cuts: pd.DataFrame
    checks: pd.DataFrame
    why_nothing: str | None

    @property
    def why_missing(self) -> str:
        """Reason to give where a table has nothing."""
        return self.why_nothing or _NOTHING

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels any cell has a KS for, policy first."""
        known = set(self.drift.loc[self.drift["ks"].notna(), "label"])
        return tuple(label for label in LABELS if label in known)

    def of(self, label: str) -> pd.DataFrame:
        """Rows of one label."""
        return self.drift[self.drift["label"] == label]

    def flagged(self) -> pd.DataFrame:
        """Cells that drifted, newest first."""
        return _newest_drifts(self.drift)

    def flagged_cuts(self) -> pd.DataFrame:
        """Cells of further cuts that drifted, newest first."""
        return self.cuts if self.cuts.empty else _newest_drifts(self.cuts)

    def judged_month(self, label: str) -> pd.Timestamp | None:
        """Newest cohort mature at every recorded stage of its way; None without any.

        The top of the funnel alone says nothing: by the policy label it always is.
        """
        rows = self.of(label)
        rows = rows[rows["is_available"] & rows["stage"].isin(WAY)]
        young = set(rows.loc[~rows["is_mature"].astype(bool), "cohort_month"])
        known = set(rows.loc[rows["ks"].notna(), "cohort_month"])
        return max(known - young, default=None)


def _newest_drifts(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[cells["is_drift"]].sort_values(
        ["cohort_month", "stage_no", "label"],
        ascending=[False, True, True],
        kind="stable",
    )


def read_facts(
    connection: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    run_id: str,
    month: dt.date,
) -> DriftFacts:
    """Read everything the page is written from.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading.
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        First day of the run's month.

    Returns
    -------
    DriftFacts
        Empty frames where something was never published.
    """
    known = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    }

    def frame(table: str, query: str) -> pd.DataFrame:
        return connection.execute(query).df() if table in known else pd.DataFrame()

    last = f"cohort_month <= date {literal(month.isoformat())}"
    drift = frame("risk.score_drift", _DRIFT.format(last=last))
    if drift.empty:
        drift = pd.DataFrame(columns=["ks", "label", "is_drift", "stage", "stage_no"])
    reasons = frame("audit.unavailable_model", _REASON.format(run=literal(run_id)))
    kinds = drift["score_kind"] if "score_kind" in drift else pd.Series(dtype=str)
    return DriftFacts(
        portfolio=portfolio,
        run_id=run_id,
        month=month,
        score_kind=str(kinds.iloc[0]) if len(kinds) else "",
        drift=drift,
        funnel=frame("risk.funnel_count", _FUNNEL.format(last=last)),
        cuts=frame("risk.score_drift_cut", _CUTS.format(last=last)),
        checks=frame("audit.quality_result", _CHECKS.format(run=literal(run_id))),
        why_nothing=str(reasons["reason"].iloc[0]) if len(reasons) else None,
    )


_DRIFT = """
    select * from risk.score_drift where {last} order by stage_no, label, cohort_month
"""
_FUNNEL = """
    select * from risk.funnel_count where {last} order by stage_no, cohort_month
"""
_CUTS = """
    select * from risk.score_drift_cut where {last} and ks is not null
    order by cut_by, cut_value, stage, label, cohort_month
"""
_REASON = """
    select reason from audit.unavailable_model
    where run_id = {run} and purpose = 'score_drift'
"""
_CHECKS = """
    select stage, check_name, severity, success, observed, expected
    from audit.quality_result where run_id = {run}
    order by success, stage, check_name
"""
