"""What the page of overdue grades tells: counts by grade and month, no borrower."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from comove.connection import literal

# By table they come from, so that a page can be written before there is one.
_QUERIES = {
    "bands": (
        "risk.overdue_grade_bands",
        "select * from risk.overdue_grade_bands order by composite_from_days",
    ),
    "distribution": (
        "risk.overdue_grade",
        """
        select month, grade, count(*) as borrowers, avg(composite) as mean_composite
        from (
            select
                borrower_key,
                month,
                arg_max(grade, point_no) as grade,
                arg_max(composite, point_no) as composite
            from risk.overdue_grade
            where month <= {month}
            group by borrower_key, month
        )
        group by month, grade
        order by month, grade
        """,
    ),
    "moves": (
        "risk.overdue_grade_transition",
        """
        select * from risk.overdue_grade_transition where month <= {month}
        order by month, from_grade, to_grade
        """,
    ),
    "request": (
        "audit.overdue_grade_request",
        "select * from audit.overdue_grade_request",
    ),
    "reasons": (
        "audit.unavailable_model",
        """
        select reason from audit.unavailable_model
        where run_id = {run} and purpose = 'overdue_grade'
        """,
    ),
    "checks": (
        "audit.quality_result",
        """
        select stage, check_name, severity, success, observed, expected
        from audit.quality_result where run_id = {run} and stage = 'overdue_grade'
        order by success, stage, check_name
        """,
    ),
}


@dataclass(frozen=True)
class GradeFacts:
    """Everything the page is written from.

    Parameters
    ----------
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Of the run, first day; nothing later is shown.
    bands : DataFrame
        Rows of the seed, in order.
    distribution : DataFrame
        month, grade (of each borrower's last point in the month), borrowers,
        mean_composite in days.
    moves : DataFrame
        Rows of ``risk.overdue_grade_transition``.
    rules : mapping or None
        Row of ``audit.overdue_grade_request``.
    checks : DataFrame
        Of the run's gate.
    why_nothing : str or None
        Why the portfolio has no grades.
    """

    portfolio: str
    run_id: str
    month: dt.date
    bands: pd.DataFrame
    distribution: pd.DataFrame
    moves: pd.DataFrame
    rules: Mapping[Any, Any] | None
    checks: pd.DataFrame
    why_nothing: str | None

    @property
    def grades(self) -> list[str]:
        """Letters, from the best on."""
        return [str(grade) for grade in self.bands["grade"]] if len(self.bands) else []

    def matrix(self, months: int) -> pd.DataFrame:
        """Sum the moves of the newest months.

        Parameters
        ----------
        months : int
            How many, up to the newest with a move.

        Returns
        -------
        DataFrame
            Borrowers, grade before by grade after; empty without moves.
        """
        if self.moves.empty:
            return pd.DataFrame()
        first = self.moves["month"].max() - pd.DateOffset(months=months - 1)
        shown = self.moves[self.moves["month"] >= first]
        table = shown.pivot_table(
            index="from_grade", columns="to_grade", values="borrowers", aggfunc="sum"
        )
        whole: pd.DataFrame = table.reindex(index=self.grades, columns=self.grades)
        return whole.fillna(0)


def read_facts(
    connection: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    run_id: str,
    month: dt.date,
) -> GradeFacts:
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
    GradeFacts
        Empty frames where something was never published.
    """
    known = {
        f"{schema}.{name}"
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    }
    given = {"month": f"date {literal(month.isoformat())}", "run": literal(run_id)}
    frames = {
        name: connection.execute(query.format(**given)).df()
        if table in known
        else pd.DataFrame()
        for name, (table, query) in _QUERIES.items()
    }
    request, reasons = frames.pop("request"), frames.pop("reasons")
    return GradeFacts(
        portfolio=portfolio,
        run_id=run_id,
        month=month,
        rules=request.iloc[0].to_dict() if len(request) else None,
        why_nothing=str(reasons["reason"].iloc[0]) if len(reasons) else None,
        **frames,
    )
