"""Drifts: which flags of the score drift hold for a whole month, and when they began."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
from scipy.stats import norm

from comove.risk_model.folds import number

# Interval ends of the score drift are of this chance of error.
_INTERVAL_ERROR = 0.05


@dataclass(frozen=True)
class Flag:
    """A cell of the score drift that was flagged.

    Parameters
    ----------
    stage, label : str
        Stage of the funnel; ``policy`` or ``performance``.
    cohort_month : date
        First day.
    errors : float
        Its change in KS, in standard errors.
    reference : str
        Against what: ``baseline``, or ``selection``: what the funnel above it makes of
        the stage before by selection alone.
    change : float
        In KS, signed.
    """

    stage: str
    label: str
    cohort_month: dt.date
    errors: float
    reference: str
    change: float


@dataclass(frozen=True)
class Drift:
    """Months in a row in which cells were flagged.

    Parameters
    ----------
    first, last : date
        First and last month, first days.
    after : date
        Last month of the drift before it, or the month before the first cohort: what
        was adjusted later may be its reason.
    flag : Flag
        The one of the largest change, which says stage and label.
    """

    first: dt.date
    last: dt.date
    after: dt.date
    flag: Flag


def newest_drift(flags: Iterable[Flag], before_first: dt.date) -> Drift | None:
    """Put flags together to drifts, and give the newest.

    Parameters
    ----------
    flags : iterable of Flag
        That hold.
    before_first : date
        Month before the first cohort there is, first day.

    Returns
    -------
    Drift or None
        Months in a row are one drift; None without a flag.
    """
    by_month: dict[dt.date, list[Flag]] = {}
    for flag in flags:
        by_month.setdefault(flag.cohort_month, []).append(flag)
    drifts: list[list[dt.date]] = []
    for month in sorted(by_month):
        if drifts and number(month) - number(drifts[-1][-1]) == 1:
            drifts[-1].append(month)
        else:
            drifts.append([month])
    if not drifts:
        return None
    months = drifts[-1]
    largest = max(
        (flag for month in months for flag in by_month[month]),
        key=lambda flag: (flag.errors, flag.stage, flag.label),
    )
    after = drifts[-2][-1] if len(drifts) > 1 else before_first
    return Drift(months[0], months[-1], after, largest)


def read_flags(
    connection: duckdb.DuckDBPyConnection, month: dt.date, error_chance: float
) -> list[Flag]:
    """Read the flags of the score drift that are no chance of their month.

    A month has several cells; with a chance of error of 5 % for each, one of them is
    flagged in many a month where nothing has changed. So a flag counts here only where
    its change is beyond what all cells of its month together show by chance
    (Bonferroni).

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.score_drift`.
    month : date
        Last cohort month looked at, first day.
    error_chance : float
        Of a month, 0 to 1.
    """
    made = []
    for row in connection.execute(_FLAGS, [month]).fetchall():
        stage, label, cohort, reference, is_drift, change, low, high, tests = row
        errors = abs(change) / _standard_error(change, low, high)
        if is_drift and errors > norm.isf(error_chance / (2 * tests)):
            flag = Flag(stage, label, cohort, float(errors), reference, float(change))
            made.append(flag)
    return made


def first_cohort(connection: duckdb.DuckDBPyConnection) -> dt.date | None:
    """Find the first cohort month of the score drift; None without any."""
    row = connection.execute("select min(cohort_month) from risk.score_drift").fetchone()
    return row[0] if row else None


def drift_score_kind(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Tell whose score the matrix is of, ``own`` or ``lender``; None without rows."""
    row = connection.execute("select max(score_kind) from risk.score_drift").fetchone()
    return row[0] if row else None


def _standard_error(change: float, low: float, high: float) -> float:
    """Of a change, from the end of its interval that lies towards zero."""
    towards = change - low if change > 0 else high - change
    return max(towards, 1e-12) / float(norm.isf(_INTERVAL_ERROR / 2))


_FLAGS = """
    select
        stage,
        label,
        cohort_month,
        drift_reference,
        is_drift,
        drift_change,
        drift_change_low,
        drift_change_high,
        count(*) over (partition by cohort_month) as tests
    from risk.score_drift
    where
        cohort_month <= ? and is_mature and not is_thin and not is_baseline
        and drift_change_low is not null and drift_change_high is not null
    order by cohort_month, stage, label
"""
