"""Which model learns from which overdue borrowers, and assesses which."""

# ruff: noqa: S608 - SQL of dates of our own making

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import duckdb_config, literal
from comove.errors import ModelError
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

# Parts of the borrowers for cross-fitting within what a model learns from.
PARTS = 3
ORDER = "order by as_of, borrower_key"


@dataclass(frozen=True)
class Block:
    """Months that share one model.

    Parameters
    ----------
    first_month : date
        First month whose overdue borrowers it assesses, first day.
    trained, assessed : str
        SQL conditions on cases.
    repaid, not_repaid : int
        Known outcomes it learns from.
    """

    first_month: dt.date
    trained: str
    assessed: str
    repaid: int
    not_repaid: int


@contextmanager
def open_cases(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database with the cases of a run.

    Parameters
    ----------
    settings : Settings
        Memory, threads and seed.
    file : Path
        ``cases.parquet``.

    Yields
    ------
    duckdb.DuckDBPyConnection
        With the table ``overdue_case``: the columns of the file, and ``part``, the same
        for all cases of a borrower.

    Raises
    ------
    ModelError
        When the file is not there.
    """
    if not file.is_file():
        raise ModelError(
            "the cases of overdue borrowers are not there.",
            where=str(file),
            remedy="Run the DAG `overdue_assessment` from its task `build_cases` on.",
        )
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        connection.execute(
            f"""
            create table overdue_case as
            select *,
                md5_number_lower(borrower_key || ':{settings.seed}') % {PARTS} as part
            from read_parquet({literal(file)})
            {ORDER}
            """
        )
        yield connection


def plan_blocks(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> list[Block]:
    """Plan the models up to a month, oldest first.

    A block begins where the month number is divisible by ``overdue_refit_months``,
    whatever month a run is for. Its model learns from outcomes known before the first day
    of the month ``pd_gap_months`` before it: from no case younger than
    ``overdue_target_days`` then. Blocks with fewer than ``overdue_min_outcomes`` of
    either outcome are left out.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        As `open_cases` gives it.
    settings : Settings
        Months of the walk-forward, least outcomes.
    month : date
        Month of the run, first day.

    Returns
    -------
    list of Block
    """
    first = connection.execute("select min(as_of) from overdue_case").fetchall()[0][0]
    if first is None:
        return []
    step = settings.overdue_refit_months
    start = -(-number(first) // step) * step
    blocks = [
        _block(connection, settings, begin)
        for begin in range(start, number(month) + 1, step)
    ]
    least = settings.overdue_min_outcomes
    return [one for one in blocks if min(one.repaid, one.not_repaid) >= least]


def _block(
    connection: duckdb.DuckDBPyConnection, settings: Settings, begin: int
) -> Block:
    end = begin + settings.overdue_refit_months
    trained = f"outcome_known_on < {_day(begin - settings.pd_gap_months)}"
    repaid, not_repaid = connection.execute(
        "select count(*) filter (is_repaid), count(*) filter (not is_repaid) "
        f"from overdue_case where {trained}"
    ).fetchall()[0]
    return Block(
        first_month=month_of(begin),
        trained=f"is_repaid is not null and {trained}",
        assessed=f"as_of >= {_day(begin)} and as_of < {_day(end)}",
        repaid=int(repaid),
        not_repaid=int(not_repaid),
    )


def _day(count: int) -> str:
    return f"date '{month_of(count)}'"
