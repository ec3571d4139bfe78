"""The overview: this month's figures against last month's, each a link to its page."""

# ruff: noqa: S608 - SQL of the tables and columns named below

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from comove.monthly_report import figures as report
from comove.pages.catalogue import NEWEST_CHECKS
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
    value : str
        SQL of one number over the rows of a month; null where they do not tell it.
    source : str
        SQL of the relation the rows are read from.
    when : str
        Column of it that holds the first day of the month.
    tables : tuple of str
        Published tables it reads; without one of them it is not available.
    share : bool
        Shown in per cent.
    """

    title: str
    unit: str
    page: str
    value: str
    source: str
    when: str
    tables: tuple[str, ...]
    share: bool = False

    @property
    def sql(self) -> str:
        """A row of each month that has any: a month without one is not known, not 0."""
        return (
            f"select cast({self.when} as date) as month, {self.value} as value "
            f"from {self.source} as figures "
            f"where {self.when} in ($month, $before) group by 1"
        )


_REPORTED = {one.name: one for one in report.FIGURES}


def _of_report(
    name: str, title: str, unit: str, page: str, *, share: bool = False
) -> Figure:
    """Show a figure that the monthly report has, counted as there."""
    one = _REPORTED[name]
    return Figure(
        title,
        unit,
        page,
        one.value,
        one.source or one.tables[0],
        one.when,
        one.tables,
        share,
    )


FIGURES = (
    _of_report("at_risk", "Borrowers at risk", "borrowers", "runs"),
    _of_report("exposure", "Exposure", "currency of the portfolio", "portfolio-loss"),
    _of_report("events", "Events", "borrowers with a first default", "joint-risk"),
    _of_report("past_due", "Overdue", "borrowers past due at the month's end", "overdue"),
    _of_report(
        "index_mean",
        "Mean joint-risk index",
        "1: as the conventional models say",
        "joint-risk",
    ),
    Figure(
        "Borrowers much riskier than a month ago",
        "index up by more than a tenth",
        "joint-risk",
        # Nobody is riskier than a month ago in the first month with an index.
        "case when count(joint_risk_change) > 0 "
        "then count(*) filter (joint_risk_change > 1.1) end",
        "risk.joint_risk_index",
        "as_of_month",
        ("risk.joint_risk_index",),
    ),
    Figure(
        "Cells of the score drift flagged",
        "stage and label, by cohort month",
        "score-drift",
        "case when count(*) filter (status = 'judged') > 0 "
        "then count(*) filter (is_drift) end",
        "risk.score_drift",
        "cohort_month",
        ("risk.score_drift",),
    ),
    _of_report(
        "admitted",
        "Applications admitted",
        "share of those decided",
        "decisions",
        share=True,
    ),
    _of_report(
        "checks_failed",
        "Checks failed",
        "critical or warning, of each DAG's newest run of the month",
        "data-quality",
    ),
)


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a person, or for somebody's attention.

    Parameters
    ----------
    what : str
        What waits.
    page : str
        Slug of the page it leads to.
    value, source : str
        SQL of how much of it there is, and of the relation it is counted in.
    table : str
        Published table it reads.
    """

    what: str
    page: str
    value: str
    source: str
    table: str

    @property
    def sql(self) -> str:
        """One row, ``n``."""
        return f"select {self.value} as n from {self.source} as waiting"


def _waits(name: str, what: str, page: str) -> Waiting:
    """Count what waits as the monthly report does."""
    one = _REPORTED[name]
    return Waiting(what, page, one.value, one.tables[0], one.tables[0])


WAITING = (
    _waits("freezes_waiting", "freezes wait for approval", "joint-risk"),
    _waits(
        "strategies_waiting",
        "changed strategies of the score wait for approval",
        "score-drift",
    ),
    _waits("reviews_waiting", "applications wait for a review", "decisions"),
    Waiting(
        "checks of the gates have failed",
        "data-quality",
        report.FAILED,
        NEWEST_CHECKS,
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
    return [
        _shown(one, published, month)
        if all(table in tables for table in one.tables)
        else _told(one, None, None, is_available=False)
        for one in FIGURES
    ]


def _shown(figure: Figure, published: Published, month: dt.date) -> dict[str, Any]:
    before = month_before(month)
    rows = published.query(figure.sql, {"month": month, "before": before})
    found = {row["month"]: row["value"] for row in rows}
    return _told(figure, found.get(str(month)), found.get(str(before)))


def _told(
    figure: Figure,
    now: float | None,
    before: float | None,
    *,
    is_available: bool = True,
) -> dict[str, Any]:
    return {
        "title": figure.title,
        "unit": figure.unit,
        "page": figure.page,
        "share": figure.share,
        "now": now,
        "before": before,
        "change": (now - before) / before if before and now is not None else None,
        "is_available": is_available,
    }


def waiting(published: Published) -> list[dict[str, Any]]:
    """Count what waits for a person, or for somebody's attention; nothing left out."""
    tables = published.tables()
    return [
        {"n": published.query(one.sql, {})[0]["n"], "what": one.what, "page": one.page}
        for one in WAITING
        if one.table in tables
    ]
