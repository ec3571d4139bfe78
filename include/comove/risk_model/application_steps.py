"""Which application model learns from what, and scores what."""

# ruff: noqa: S608 - SQL of dates and conditions of our own making

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import duckdb

from comove.connection import duckdb_config, literal
from comove.errors import ModelError
from comove.portfolio import load_portfolio
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

# Fewer of either outcome leave a handful in each part of the cross-fitting.
LEAST_OUTCOMES = 30
# Parts of the borrowers that are scored by models of the other parts.
PARTS = 5
# Parts of each training set: of the rows hyper-parameters, weights and calibration see.
INNER_PARTS = 3
# The lender's own word comes first: it knows more than its payments tell.
SOURCES = ("reported", "performance")


@dataclass(frozen=True)
class Step:
    """One model: what it learns from and what it scores.

    Parameters
    ----------
    scoring : str
        ``out_of_time`` or ``cross_fitted``.
    first_month : date
        First month of application it scores, first day.
    decided_in : date
        Month whose decision about the algorithm it obeys, first day.
    trained, scored : str
        SQL conditions on applications.
    seen : str
        SQL condition on the applications made by then, whatever came of them: of every
        part of the borrowers, and the same in whichever month the step is run.
    """

    scoring: Literal["out_of_time", "cross_fitted"]
    first_month: dt.date
    decided_in: dt.date
    trained: str
    scored: str
    seen: str


@contextmanager
def open_applications(
    settings: Settings, file: Path, month: dt.date
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database with the applications up to a month.

    Parameters
    ----------
    settings : Settings
        Memory, threads and seed.
    file : Path
        ``feat_application.parquet``.
    month : date
        First day of the last month of applications, and of outcomes, that count.

    Yields
    ------
    duckdb.DuckDBPyConnection
        With ``application``, which has the columns of the file and ``hashed``, a number
        of the borrower; and ``outcome``, those with a known outcome of one source. What
        the file holds is known by its month.

    Raises
    ------
    ModelError
        When the file is not there.
    """
    if not file.is_file():
        raise ModelError(
            "the features of applications are not there.",
            where=str(file),
            remedy="Run the DAG `risk_model` from its task `build_features` on.",
        )
    following = _date(month_of(number(month) + 1))
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        connection.execute(
            f"""
            create table application as
            select *, md5_number_lower(borrower_key || ':{settings.seed}') as hashed
            from read_parquet({literal(file)})
            where cohort_month < {following}
            order by cohort_month, application_key
            """
        )
        connection.execute(
            "create view known as select * from application where is_bad is not null"
        )
        connection.execute(
            "create view outcome as select * from known where outcome_source = "
            f"{literal(_source(connection))}"
        )
        yield connection


def _source(connection: duckdb.DuckDBPyConnection) -> str:
    """Choose one meaning of bad: the lender's where it has enough of both outcomes.

    By what is known in the run's month: an earlier month that is run again chooses as it
    did, a later one may have the words the earlier had not.
    """
    counts = {
        source: _outcomes(connection, "known", f"outcome_source = {literal(source)}")
        for source in SOURCES
    }
    enough = (one for one in SOURCES if min(counts[one]) >= LEAST_OUTCOMES)
    return next(enough, max(SOURCES, key=lambda source: sum(counts[source])))


def plan_steps(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    month: dt.date,
    turns: Collection[dt.date] = (),
) -> list[Step] | str:
    """Plan which model scores which applications.

    A walk-forward model of the months from ``b`` on (month number divisible by
    ``application_refit_months``) learns from outcomes known ``pd_gap_months`` before
    ``b``. What was applied for before the first such model is cross-fitted over what
    that one learns from, so that the plan does not depend on the run's month, but for
    the meaning of bad, which is chosen once the lender's words are enough. Only where no
    model could be walked forward yet are all outcomes known by the run's month
    cross-fitted.

    A person's decision holds from its month on: there the months of a walk-forward model
    are divided between two of the same outcomes. Cross-fitted models, which are fitted
    for all their applications anew, obey the decision in force at the last of their
    months; where all are cross-fitted, that of the month to come.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the tables ``application`` and ``outcome``.
    settings : Settings
        Months of the walk-forward.
    month : date
        Month of the run.
    turns : collection of date
        Months from which on another algorithm was decided for, first days.

    Returns
    -------
    list of Step or str
        Oldest first; or why there are none, as a sentence.
    """
    first = _first_block(connection, settings, month)
    if first is None:
        return _all_cross_fitted(connection, month)
    step = settings.application_refit_months
    walked = [
        _walked(block, begin, end, settings.pd_gap_months)
        for block in range(first, number(month) + 1, step)
        for begin, end in _stretches(block, block + step, turns)
    ]
    before = f"cohort_month < {_date(month_of(first))}"
    needed = [one for one in walked if _any_to_score(connection, one)]
    decided_in = month_of(first - 1)
    return [*_cross_fits(connection, walked[0].trained, before, decided_in), *needed]


def _stretches(begin: int, end: int, turns: Collection[dt.date]) -> list[tuple[int, int]]:
    """Divide counted months where another algorithm was decided for."""
    within = {number(turn) for turn in turns if begin < number(turn) < end}
    bounds = sorted({begin, end} | within)
    return list(pairwise(bounds))


def _walked(block: int, begin: int, end: int, gap: int) -> Step:
    """Walk the model of a block of months forward to some of them, `begin` to `end`."""
    return Step(
        scoring="out_of_time",
        first_month=month_of(begin),
        decided_in=month_of(begin),
        trained=_known_before(month_of(block - gap)),
        scored=f"cohort_month >= {_date(month_of(begin))} "
        f"and cohort_month < {_date(month_of(end))}",
        seen=f"cohort_month < {_date(month_of(block))}",
    )


def _any_to_score(connection: duckdb.DuckDBPyConnection, step: Step) -> bool:
    found = connection.execute(
        f"select exists (from application where {step.scored})"
    ).fetchall()
    return bool(found[0][0])


def _first_block(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> int | None:
    """Find the first month a model can be walked forward to, up to the run's."""
    earliest = connection.execute("select min(cohort_month) from outcome").fetchall()[0]
    if earliest[0] is None:
        return None
    step = settings.application_refit_months
    portfolio = load_portfolio(settings.portfolio)
    wanted = settings.pd_first_month or portfolio.first_predicted_month or earliest[0]
    start = -(-number(max(earliest[0], wanted)) // step) * step
    for block in range(start, number(month) + 1, step):
        cut = month_of(block - settings.pd_gap_months)
        bad, good = _outcomes(connection, "outcome", _known_before(cut))
        if min(bad, good) >= LEAST_OUTCOMES:
            return block
    return None


def _all_cross_fitted(
    connection: duckdb.DuckDBPyConnection, month: dt.date
) -> list[Step] | str:
    bad, good = _outcomes(connection, "outcome", "true")
    if min(bad, good) < LEAST_OUTCOMES:
        return (
            f"{bad:,} bad and {good:,} good outcomes are known by {month:%Y-%m}, and at "
            f"least {LEAST_OUTCOMES} of each are needed."
        )
    return _cross_fits(connection, "true", "true", month_of(number(month) + 1))


def _cross_fits(
    connection: duckdb.DuckDBPyConnection,
    trained: str,
    scored: str,
    decided_in: dt.date,
) -> list[Step]:
    """Plan a model per part of the borrowers, of the other parts' outcomes."""
    first = connection.execute(
        f"select min(cohort_month) from application where {scored}"
    ).fetchall()[0][0]
    if first is None:
        return []
    return [
        Step(
            scoring="cross_fitted",
            first_month=first,
            decided_in=decided_in,
            trained=f"({trained}) and hashed % {PARTS} <> {part}",
            scored=f"({scored}) and hashed % {PARTS} = {part}",
            seen=scored,
        )
        for part in range(PARTS)
    ]


def _outcomes(
    connection: duckdb.DuckDBPyConnection, table: str, condition: str
) -> tuple[int, int]:
    """Count bad and good outcomes."""
    found = connection.execute(
        "select count(*) filter (is_bad), count(*) filter (not is_bad) "
        f"from {table} where {condition}"
    ).fetchall()[0]
    return int(found[0]), int(found[1])


def _known_before(cut: dt.date) -> str:
    return f"outcome_known_on < {_date(cut)}"


def _date(day: dt.date) -> str:
    return f"date '{day:%Y-%m-%d}'"
