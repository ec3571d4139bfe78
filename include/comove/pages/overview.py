"""The overview: this month's figures against last month's, each a link to its page."""

# ruff: noqa: S608 - SQL of the tables and columns named below

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from comove.pages.published import Published

MONTHS_OF = ("marts.fct_borrower_month", "month")


@dataclass(frozen=True)
class Figure:
    """One figure of the overview.

    Parameters
    ----------
    title, unit : str
        What it counts, and in what.
    page : str
        Slug of the page it leads to.
    sql : str
        One row, ``now`` and ``before``; ``$month`` and ``$before`` are first days.
    tables : tuple of str
        Published tables it reads; without one of them it is not available.
    share : bool
        Shown in per cent.
    """

    title: str
    unit: str
    page: str
    sql: str
    tables: tuple[str, ...]
    share: bool = False


def _by_month(what: str, table: str, column: str = "month") -> str:
    return (
        f"select {what} filter ({column} = $month) as now, "
        f"{what} filter ({column} = $before) as before "
        f"from {table} where {column} in ($month, $before)"
    )


FIGURES = (
    Figure(
        "Borrowers at risk",
        "borrowers",
        "runs",
        "select count(*) filter (month = $month and is_at_risk) as now, "
        "count(*) filter (month = $before and is_at_risk) as before "
        "from marts.fct_borrower_month where month in ($month, $before)",
        ("marts.fct_borrower_month",),
    ),
    Figure(
        "Exposure",
        "currency of the portfolio",
        "portfolio-loss",
        _by_month("sum(exposure)", "marts.fct_borrower_month"),
        ("marts.fct_borrower_month",),
    ),
    Figure(
        "Events",
        "borrowers with a first default",
        "joint-risk",
        "select count(*) filter (month = $month and is_event) as now, "
        "count(*) filter (month = $before and is_event) as before "
        "from marts.fct_borrower_month where month in ($month, $before)",
        ("marts.fct_borrower_month",),
    ),
    Figure(
        "Overdue",
        "borrowers past due at the month's end",
        "overdue",
        "select count(*) filter (month = $month and current_dpd_max > 0) as now, "
        "count(*) filter (month = $before and current_dpd_max > 0) as before "
        "from marts.fct_borrower_month where month in ($month, $before)",
        ("marts.fct_borrower_month",),
    ),
    Figure(
        "Mean joint-risk index",
        "1: as the conventional models say",
        "joint-risk",
        _by_month("avg(joint_risk_index)", "risk.joint_risk_index", "as_of_month"),
        ("risk.joint_risk_index",),
    ),
    Figure(
        "Borrowers much riskier than a month ago",
        "index up by more than a tenth",
        "joint-risk",
        "select count(*) filter (as_of_month = $month and joint_risk_change > 1.1) "
        "as now, count(*) filter (as_of_month = $before and joint_risk_change > 1.1) "
        "as before from risk.joint_risk_index where as_of_month in ($month, $before)",
        ("risk.joint_risk_index",),
    ),
    Figure(
        "Cells of the score drift flagged",
        "stage and label, by cohort month",
        "score-drift",
        "select count(*) filter (cohort_month = $month and is_drift) as now, "
        "count(*) filter (cohort_month = $before and is_drift) as before "
        "from risk.score_drift where cohort_month in ($month, $before)",
        ("risk.score_drift",),
    ),
    Figure(
        "Applications admitted",
        "share of those decided",
        "decisions",
        "select avg((d.admission = 'admit')::integer) "
        "filter (a.cohort_month = $month) as now, "
        "avg((d.admission = 'admit')::integer) "
        "filter (a.cohort_month = $before) as before "
        "from risk.credit_decision d join marts.fct_application a "
        "using (application_key) where a.cohort_month in ($month, $before)",
        ("risk.credit_decision", "marts.fct_application"),
        share=True,
    ),
    Figure(
        "Checks failed",
        "by the gates of the month's runs",
        "data-quality",
        "select count(*) filter (r.month = $month and not q.success) as now, "
        "count(*) filter (r.month = $before and not q.success) as before "
        "from audit.quality_result q join audit.run r using (run_id) "
        "where r.month in ($month, $before)",
        ("audit.quality_result", "audit.run"),
    ),
)

# What waits for a person: question, page, SQL of a count, tables.
WAITING = (
    (
        "freezes wait for approval",
        "joint-risk",
        "select count(*) as n from risk.strategy_action "
        "where strategy = 'freeze' and status = 'proposed'",
        "risk.strategy_action",
    ),
    (
        "changed strategies of the score wait for approval",
        "score-drift",
        "select count(*) as n from risk.strategy_version where status = 'proposed'",
        "risk.strategy_version",
    ),
    (
        "applications wait for a review",
        "decisions",
        "select count(*) as n from risk.credit_decision where review_status = 'waiting'",
        "risk.credit_decision",
    ),
    (
        "checks of the gates have failed",
        "data-quality",
        "select count(*) as n from audit.quality_result where not success",
        "audit.quality_result",
    ),
)


def month_before(month: dt.date) -> dt.date:
    """First day of the month before."""
    return (month - dt.timedelta(days=1)).replace(day=1)


def figures(published: Published, month: dt.date) -> list[dict[str, Any]]:
    """Compute the figures of a month.

    Parameters
    ----------
    published : Published
        The published copy.
    month : date
        First day.

    Returns
    -------
    list of dict
        ``title``, ``unit``, ``page``, ``share``, ``now``, ``before``, ``change``
        (relative; None where there is none) and ``is_available``.
    """
    tables = published.tables()
    values = {"month": month, "before": month_before(month)}
    found = []
    for figure in FIGURES:
        known = all(table in tables for table in figure.tables)
        row = published.query(figure.sql, values)[0] if known else {}
        now, before = row.get("now"), row.get("before")
        found.append(
            {
                "title": figure.title,
                "unit": figure.unit,
                "page": figure.page,
                "share": figure.share,
                "now": now,
                "before": before,
                "change": (now - before) / before if before and now is not None else None,
                "is_available": known,
            }
        )
    return found


def waiting(published: Published) -> list[dict[str, Any]]:
    """Count what waits for a person, or for somebody's attention; nothing left out."""
    tables = published.tables()
    return [
        {"n": published.query(sql, {})[0]["n"], "what": what, "page": page}
        for what, page, sql, table in WAITING
        if table in tables
    ]
