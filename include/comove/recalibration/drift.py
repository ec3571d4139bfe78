"""Drifts: which flags of the score drift hold for a whole month, and when they began."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
from scipy.stats import norm

from comove.risk_model.folds import number

# Stage, label and cohort month.
Cell = tuple[str, str, dt.date]
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
    """Months in a row in which the cells of one stage and label were flagged.

    Parameters
    ----------
    first, last : date
        First and last month, first days.
    after : date
        Last month of the newest drift that had ended before it, at any stage, or the
        month before the first cohort: what was adjusted later may be its reason.
    flag : Flag
        The one of the largest change, which says stage and label.
    flags : tuple of Flag
        All of them, oldest first.
    """

    first: dt.date
    last: dt.date
    after: dt.date
    flag: Flag
    flags: tuple[Flag, ...] = ()

    @property
    def cells(self) -> set[Cell]:
        """Stage, label and cohort month of every flag."""
        return {(one.stage, one.label, one.cohort_month) for one in self.flags}


def drifts_of(flags: Iterable[Flag], before_first: dt.date) -> list[Drift]:
    """Put flags together to drifts.

    Outcomes are known half a year later than policy labels, so the drifts of either are
    told apart, as are those of stages: one must not hide behind a newer other.

    Parameters
    ----------
    flags : iterable of Flag
        That hold.
    before_first : date
        Month before the first cohort there is, first day.

    Returns
    -------
    list of Drift
        Oldest first, by the last month, then by the size of the change. Months in a row
        at one stage and label are one drift.
    """
    runs: list[list[Flag]] = []
    for flag in sorted(flags, key=lambda one: (one.stage, one.label, one.cohort_month)):
        if runs and _goes_on(runs[-1][-1], flag):
            runs[-1].append(flag)
        else:
            runs.append([flag])
    ends = [run[-1].cohort_month for run in runs]
    found = []
    for run in runs:
        first = run[0].cohort_month
        after = max((end for end in ends if end < first), default=before_first)
        largest = max(run, key=lambda flag: flag.errors)
        found.append(Drift(first, run[-1].cohort_month, after, largest, tuple(run)))
    return sorted(found, key=lambda one: (one.last, one.flag.errors, one.flag.stage))


def _goes_on(before: Flag, flag: Flag) -> bool:
    is_same = (before.stage, before.label) == (flag.stage, flag.label)
    return is_same and number(flag.cohort_month) - number(before.cohort_month) == 1


def calling(
    drifts: Iterable[Drift], answered: set[Cell], since: dt.date | None
) -> list[Drift]:
    """Tell which drifts call for a change.

    Parameters
    ----------
    drifts : iterable of Drift
        Oldest first.
    answered : set of tuple
        Stages, labels and cohort months that a version answers, on which a person has
        decided.
    since : date or None
        First cohort that candidates are tried on; a drift that ended before has left no
        trace there. None for all.

    Returns
    -------
    list of Drift
        Newest first: of each stage and label the newest, unless a person has decided on
        an answer to all of it.
    """
    newest = {(one.flag.stage, one.flag.label): one for one in drifts}
    found = [
        one
        for one in newest.values()
        if not one.cells <= answered and (since is None or one.last >= since)
    ]
    return sorted(found, key=lambda one: (one.last, one.flag.errors), reverse=True)


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
