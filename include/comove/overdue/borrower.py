"""One borrower, assessed because somebody asks: from the same SQL and the same models."""

# ruff: noqa: S608 - SQL of columns that the catalogue names

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect
from comove.default_response.identity import borrower_key
from comove.overdue.cases import PURPOSE, why_unavailable
from comove.overdue.decisions import write_decisions
from comove.overdue.request import OverdueError, Wish, last_day
from comove.overdue.tables import ensure_overdue_tables
from comove.quality.frames import NOT_AVAILABLE
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

_CASE = "features.feat_overdue_request"


@dataclass(frozen=True)
class BorrowerReport:
    """What came of a request; no figure of the borrower.

    Parameters
    ----------
    as_of : date
        Day at whose end the borrower was assessed.
    status : str
        As in ``risk.overdue_assessment``.
    model_version : str or None
        Model of the type that was in force then.
    """

    as_of: dt.date
    status: str
    model_version: str | None


def assess_borrower(settings: Settings, *, run_id: str, wish: Wish) -> BorrowerReport:
    """Assess one borrower at the end of a day, as known then, and keep it.

    Parameters
    ----------
    settings : Settings
        Say which home and target.
    run_id : str
        Kept with the row.
    wish : Wish
        Borrower, day or month, and who asked.

    Returns
    -------
    BorrowerReport
        One row of ``risk.overdue_assessment`` was written; one of the same borrower and
        day that it replaces is in ``risk.overdue_assessment_replaced``.

    Raises
    ------
    ResponseError
        When there is no such borrower. It does not repeat what was given.
    OverdueError
        When the borrower was not overdue then, the day is later than what is built, or
        no month has been assessed yet.
    """
    if reason := why_unavailable(settings):
        raise OverdueError(
            f"{NOT_AVAILABLE}: {reason}",
            where="borrower",
            remedy="A lender that delivers repayments can have it.",
        )
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_overdue_tables(connection)
        _require_built(connection, wish)
        key = borrower_key(connection, settings, wish.borrower or "")
        connection.execute("begin")
        connection.execute("delete from audit.overdue_request")
        connection.execute(
            "insert into audit.overdue_request values (?, ?)", [key, wish.as_of]
        )
        connection.execute(f"create or replace temp table wished as from {_CASE}")
        _require_overdue(connection, key, wish)
        version = _predict(connection, settings, run_id, wish)
        status = _decide(connection, run_id, wish)
        connection.execute("commit")
    return BorrowerReport(wish.as_of, status, version)


def _require_built(connection: duckdb.DuckDBPyConnection, wish: Wish) -> None:
    try:
        row = connection.execute(
            "select horizon from intermediate.int_rebuild_window"
        ).fetchone()
        connection.execute(f"describe {_CASE}")
    except duckdb.CatalogException as error:
        raise OverdueError(
            "no month has been assessed yet.",
            where="overdue assessment",
            remedy="Run the DAG `overdue_assessment` for a month first.",
        ) from error
    end = last_day(row[0]) if row else None
    if end is None or wish.as_of > end:
        raise OverdueError(
            f"{wish.as_of} is later than {end}, the last day that is known.",
            where="day",
            remedy="Ask for an earlier day, or run the DAG `warehouse` for its month.",
        )


def _require_overdue(connection: duckdb.DuckDBPyConnection, key: str, wish: Wish) -> None:
    if connection.execute("select 1 from wished").fetchone():
        return
    last = connection.execute(
        """
        select max(as_of) from features.feat_overdue_case
        where borrower_key = ? and as_of <= ?
        """,
        [key, wish.as_of],
    ).fetchall()[0][0]
    raise OverdueError(
        f"the borrower was not overdue on {wish.as_of}: there is nothing to assess.",
        where="borrower",
        remedy=f"The last month end with something overdue was {last}: ask for that day."
        if last
        else "At no earlier month end was anything overdue.",
    )


def _predict(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, wish: Wish
) -> str | None:
    """Write the probability of the model in force on the day; none without a model."""
    connection.execute(
        """
        delete from risk.overdue_probability
        where (borrower_key, as_of) in (select (borrower_key, as_of) from wished)
        """
    )
    version = _model_in_force(connection, wish.as_of)
    if version is None:
        return None
    # Seconds of imports, which only those who are overdue need to wait for.
    from comove.overdue.predict import case_columns, predict
    from comove.risk_model.application_model import ApplicationModel
    from comove.risk_model.artifact import model_folder, read_record
    from comove.risk_model.matrix import read_matrix

    folder = model_folder(settings.places, PURPOSE, version)
    model, record = ApplicationModel.load(folder), read_record(folder)
    select = f"select {case_columns(model.encoding.features)} from wished"
    x = read_matrix(connection, select, model.encoding, label=None).x
    said = predict(model, record, x, target_type=settings.overdue_target_type)
    connection.register("said", said)
    connection.execute(
        """
        insert into risk.overdue_probability by name
        select wished.borrower_key, wished.as_of, said.*, ? as run_id
        from wished positional join said
        """,
        [run_id],
    )
    connection.unregister("said")
    return version


def _model_in_force(connection: duckdb.DuckDBPyConnection, as_of: dt.date) -> str | None:
    """Find the newest model that was made for the month of a day, or an earlier one."""
    row = connection.execute(
        """
        select model_version from audit.model_registry
        where
            purpose = ? and status <> 'refused'
            and first_month_predicted <= ?
        order by
            first_month_predicted desc,
            regexp_extract(metrics, '"known_by": "([0-9-]+)"', 1) desc,
            registered_at desc
        limit 1
        """,
        [PURPOSE, as_of],
    ).fetchone()
    return row[0] if row else None


def _decide(connection: duckdb.DuckDBPyConnection, run_id: str, wish: Wish) -> str:
    connection.execute("create or replace temp table day as select as_of from wished")
    write_decisions(
        connection,
        "features.overdue_decision_request",
        replaced="(borrower_key, as_of) in (select (borrower_key, as_of) from wished)",
        origin="'request'",
        run_id=run_id,
        wish=wish,
    )
    row = connection.execute(
        "select status from risk.overdue_assessment where run_id = ?", [run_id]
    ).fetchall()
    return str(row[0][0])
