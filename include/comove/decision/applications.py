"""Which application a person means, and which applications a run decides."""

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, literal
from comove.decision.request import Wish
from comove.decision.scratch import CASES, DecisionError, fresh_folder
from comove.decision.tables import ensure_decision_tables
from comove.default_response.identity import hashed
from comove.risk_model.folds import month_of, number
from comove.settings import Settings


@dataclass(frozen=True)
class AskedReport:
    """What a run has to decide.

    Parameters
    ----------
    asked : int
        Applications without a decision.
    decided_before : int
        Of the wish, those that have one already.
    why_none : str or None
        Why nothing is to be decided, as a sentence.
    """

    asked: int
    decided_before: int
    why_none: str | None = None


def export_cases(settings: Settings, *, run_id: str, wish: Wish) -> AskedReport:
    """Write every case up to the run's month, and which of them are to be decided.

    Parameters
    ----------
    settings : Settings
        Say which home, and how many months back a run decides.
    run_id : str
        Names the folder of the files.
    wish : Wish
        What was asked for.

    Returns
    -------
    AskedReport
        Counts.

    Raises
    ------
    DecisionError
        When the application asked for is not there; says what became of it.
    """
    file = fresh_folder(settings, run_id) / CASES
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_decision_tables(connection)
        asked = _asked(connection, settings, wish)
        connection.execute(
            f"""
            copy (
                select cases.*, cases.applied_on as as_of, {asked} as is_asked
                from risk.decision_case as cases
                left join (
                    select application_key, true as is_decided from risk.credit_decision
                ) as decisions using (application_key)
                where cohort_month <= date {literal(wish.month)}
                order by application_key
            ) to {literal(file)} (format parquet, compression zstd)
            """  # noqa: S608 - conditions of ours
        )
        return _report(connection, settings, wish, str(file))


def has_case(settings: Settings, application: str) -> bool:
    """Tell whether an application can be decided from the cases built already.

    Parameters
    ----------
    settings : Settings
        Say which home.
    application : str
        Its id or key.
    """
    with connect(settings) as connection:
        try:
            application_key(connection, settings, application)
        except (DecisionError, duckdb.CatalogException):
            return False
    return True


def application_key(
    connection: duckdb.DuckDBPyConnection, settings: Settings, given: str
) -> str:
    """Find the key of an application.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse or the published copy.
    settings : Settings
        Say which home, and so which key hashes ids.
    given : str
        An application key, or the id the lender's files have.

    Returns
    -------
    str
        Of an application in ``risk.decision_case``.

    Raises
    ------
    DecisionError
        When there is none: it was never delivered, was quarantined (and why), or came
        after what was built. Ids are not repeated: they belong in no log.
    """
    text = given.strip()
    for candidate in (text.lower(), hashed(settings, text)):
        found = connection.execute(
            "select 1 from risk.decision_case where application_key = ?", [candidate]
        ).fetchone()
        if found:
            return candidate
    raise _unknown(connection, text)


def _unknown(connection: duckdb.DuckDBPyConnection, given: str) -> DecisionError:
    row = connection.execute(
        """
        select rule, reason, file, row_number from audit.quarantine
        where
            entity = 'applications'
            -- The published copy masks rows that hold names: what is left is no JSON.
            and try_cast(raw as json) ->> '$.application_id' = ?
        order by file, row_number limit 1
        """,
        [given],
    ).fetchone()
    if row is None:
        return DecisionError(
            "there is no application with this id or key.",
            where="application",
            remedy="Write the application_id as in the lender's files (capitals count), "
            "or the application_key of marts.fct_application; one of a month that was "
            "not built yet is decided with its month.",
        )
    rule, reason, file, place = row
    return DecisionError(
        f"the application was delivered, but cannot be used ({rule}): {reason}",
        where=f"{file}, row {place}",
        remedy="Correct the row, deliver it again and run the DAG `warehouse`.",
    )


def _asked(connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish) -> str:
    undecided = "coalesce(not is_decided, true)"
    if wish.application is None:
        return (
            f"{undecided} and cohort_month >= date {literal(_earliest(settings, wish))}"
        )
    key = application_key(connection, settings, wish.application)
    return f"{undecided} and application_key = {literal(key)}"


def _earliest(settings: Settings, wish: Wish) -> dt.date:
    return month_of(number(wish.month) - settings.decision_window_months + 1)


def _report(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish, file: str
) -> AskedReport:
    row = connection.execute(
        f"select count(*), count(*) filter (is_asked) from read_parquet({literal(file)})"  # noqa: S608 - a file of ours
    ).fetchone()
    cases, asked = row or (0, 0)
    before = connection.execute(
        "select count(*) from risk.credit_decision where cohort_month <= ?", [wish.month]
    ).fetchone()
    why = None
    if not cases:
        why = f"there is no application up to {wish.month:%Y-%m}."
    elif not asked:
        why = "every application asked for has been decided on before."
    return AskedReport(int(asked), int(before[0]) if before else 0, why)
