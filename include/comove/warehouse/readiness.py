"""Whether the marts may be built upon: built to the end, judged, and published."""

import datetime as dt

import duckdb

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.errors import GateFailedError, WarehouseBusyError, WarehouseError
from comove.settings import Settings
from comove.warehouse.window import BuildRequest, last_request


def require_built(settings: Settings, month: dt.date | None = None) -> BuildRequest:
    """Refuse to go on with marts that are not built up to a month.

    Parameters
    ----------
    settings : Settings
        Say which home.
    month : date, optional
        First day of the last month that is needed.

    Returns
    -------
    BuildRequest
        Of the last build, which ended well.

    Raises
    ------
    WarehouseError
        Which months there are, and what to run.
    """
    with connect(settings) as connection:
        built = last_request(connection)
    if built is None or (month and built.horizon < month):
        raise _not_built(settings, month, built)
    return built


def require_published_marts(settings: Settings, month: dt.date) -> None:
    """Refuse to go on with marts that no gate has passed.

    The warehouse holds the tables of the last build, and that build may have failed its
    gate afterwards. What is published stays the last good copy; models must not be
    trained on anything else either.

    Parameters
    ----------
    settings : Settings
        Say which home.
    month : date
        First day of the last month that is needed.

    Raises
    ------
    WarehouseError
        When the marts are not built up to the month.
    GateFailedError
        When they failed their gate.
    WarehouseBusyError
        When the run that built them has not published them yet; later it may have.
    """
    require_built(settings, month)
    with connect(settings) as connection:
        ensure_tables(connection)
        builder = _builder(connection)
        if failed := _failed_checks(connection, builder):
            raise _failed(builder, failed)
        if not _is_published(connection, builder):
            raise _in_between(settings, builder)


def _builder(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select run_id from audit.build_request").fetchone()
    return str(row[0]) if row else ""


def _failed_checks(connection: duckdb.DuckDBPyConnection, builder: str) -> list[str]:
    rows = connection.execute(
        """
        select check_name from audit.quality_result
        where run_id = ? and stage in ('landed', 'staging', 'marts')
            and not success and severity = 'critical'
        order by check_name
        """,
        [builder],
    ).fetchall()
    return [name for (name,) in rows]


def _is_published(connection: duckdb.DuckDBPyConnection, builder: str) -> bool:
    row = connection.execute(
        """
        select count(*) from audit.published_table
        where schema_name = 'marts' and run_id = ?
        """,
        [builder],
    ).fetchone()
    return bool(row and row[0])


def _not_built(
    settings: Settings, month: dt.date | None, built: BuildRequest | None
) -> WarehouseError:
    last = f"end with {built.horizon:%Y-%m}" if built else "are not all built"
    asked = f" for {month:%Y-%m}" if month else ""
    return WarehouseError(
        f"the marts {last}.",
        where=str(settings.places.warehouse),
        remedy=f"Run the DAG `warehouse`{asked} to its end first.",
    )


def _failed(builder: str, failed: list[str]) -> GateFailedError:
    return GateFailedError(
        f"the marts of the run {builder!r} failed {', '.join(failed)}.",
        where="audit.quality_result",
        remedy="Correct what its gate names and run the DAG `warehouse` again first.",
    )


def _in_between(settings: Settings, builder: str) -> WarehouseBusyError:
    return WarehouseBusyError(
        f"the run {builder!r} has built the marts and not published them.",
        where=str(settings.places.warehouse),
        remedy="Let that run end, or run the DAG `warehouse` again if it has failed.",
    )
