"""Which months a build is asked to make."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from comove.errors import WarehouseError
from comove.home import project_root

_LOGIC_SUFFIXES = {".sql", ".csv", ".yml"}
# Built whole by the DAGs that follow: a change to them leaves the marts as they are.
_BUILT_LATER = {
    "features",
    "risk",
    "joint_risk",
    "score_drift",
    "overdue",
    "overdue_grade",
}


@dataclass(frozen=True)
class BuildRequest:
    """Months one build makes; the dbt model `int_rebuild_window` reads it.

    Parameters
    ----------
    month : date
        Month of the run, first day.
    horizon : date
        Last month built, first day: the month of the run, or a later one already built.
    build_from : date or None
        First month asked for, first day; None asks for every month. Rows that arrived
        since the last build may move it back.
    """

    month: dt.date
    horizon: dt.date
    build_from: dt.date | None

    @property
    def is_full(self) -> bool:
        """Whether every month is built anew."""
        return self.build_from is None


@dataclass(frozen=True)
class _Before:
    """What the request before this one said, and whether its build ended well."""

    build_from: dt.date | None
    logic_hash: str
    is_built: bool


def logic_hash(variables: dict[str, Any]) -> str:
    """Hash of what the tables follow from besides the data.

    Parameters
    ----------
    variables : dict
        Handed to dbt.

    Returns
    -------
    str
        SHA-256, hexadecimal, of the variables and of every file of the dbt project that
        tables built month by month follow from.
    """
    digest = hashlib.sha256(json.dumps(variables, sort_keys=True).encode())
    for file in _logic_files():
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _logic_files() -> list[Path]:
    project = project_root() / "dbt_project"
    return sorted(
        file
        for folder in ("macros", "models", "seeds")
        for file in (project / folder).rglob("*")
        if file.suffix in _LOGIC_SUFFIXES
        and file.relative_to(project / folder).parts[0] not in _BUILT_LATER
    )


def request_build(
    connection: duckdb.DuckDBPyConnection,
    *,
    month: dt.date,
    full_refresh: bool,
    logic: str,
) -> BuildRequest:
    """Say which months to build, and note it in `audit.build_request`.

    The first build makes every month, and so does one after settings or SQL have changed:
    months made by different rules must not stand side by side. A build that did not end
    well is taken up again from its own first month.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    month : date
        Month of the run, first day.
    full_refresh : bool
        Whether to build every month in any case.
    logic : str
        From `logic_hash`.

    Returns
    -------
    BuildRequest
        The months.

    Raises
    ------
    WarehouseError
        When `month` is no first day of a month.
    """
    if month.day != 1:
        raise WarehouseError(
            f"{month:%Y-%m-%d} is not the first day of a month.",
            where="month of the build",
            remedy=f"Ask for {month:%Y-%m}-01.",
        )
    before = _before(connection)
    last = _last_built(connection)
    build_from = None if full_refresh else _build_from(month, last, before, logic)
    request = BuildRequest(month, max(month, last or month), build_from)
    connection.execute(
        """
        create or replace table audit.build_request as
        select ?::date as month, ?::date as horizon, ?::date as build_from,
            ?::varchar as logic_hash, false as is_built, null::varchar as run_id
        """,
        [request.month, request.horizon, request.build_from, logic],
    )
    return request


def last_request(connection: duckdb.DuckDBPyConnection) -> BuildRequest | None:
    """Give what was asked of the last build; None if it did not end well.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    """
    if not _exists(connection, "audit", "build_request"):
        return None
    row = connection.execute(
        "select month, horizon, build_from from audit.build_request where is_built"
    ).fetchone()
    return BuildRequest(*row) if row else None


def note_built(connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Note that the build asked for ended well, and which batches it has used.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    run_id : str
        The run that built.
    """
    # The reconciliation was made within the build, so a batch that landed after it
    # counts as not built.
    connection.execute(
        """
        insert into audit.built_batch
        select distinct batch_id, ?, cast(now() at time zone 'UTC' as timestamp)
        from audit.reconciliation
        where batch_id not in (select batch_id from audit.built_batch)
        """,
        [run_id],
    )
    connection.execute(
        "update audit.build_request set is_built = true, run_id = ?", [run_id]
    )


def _build_from(
    month: dt.date, last: dt.date | None, before: _Before | None, logic: str
) -> dt.date | None:
    if last is None or before is None or before.logic_hash != logic:
        return None
    wanted = min(month, _next_month(last))
    if before.is_built:
        return wanted
    return min(wanted, before.build_from) if before.build_from else None


def _next_month(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)


def _before(connection: duckdb.DuckDBPyConnection) -> _Before | None:
    if not _exists(connection, "audit", "build_request"):
        return None
    row = connection.execute(
        "select build_from, logic_hash, is_built from audit.build_request"
    ).fetchone()
    return _Before(*row) if row else None


def _last_built(connection: duckdb.DuckDBPyConnection) -> dt.date | None:
    if not _exists(connection, "marts", "fct_loan_month"):
        return None
    row = connection.execute("select max(month) from marts.fct_loan_month").fetchone()
    return row[0] if row else None


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    row = connection.execute(
        """
        select 1 from information_schema.tables
        where table_schema = ? and table_name = ?
        """,
        [schema, table],
    ).fetchone()
    return row is not None
