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
    too_old : int
        Without a decision and older than `decision_window_months`: left alone, unless one
        is asked for by name.
    why_none : str or None
        Why nothing is to be decided, as a sentence.
    """

    asked: int
    decided_before: int
    too_old: int
    why_none: str | None = None


def export_cases(settings: Settings, *, run_id: str, wish: Wish) -> AskedReport:
    """Write every case up to the run's month, and which of them are to be decided.

    One that is asked for by name is decided whenever it was made, also in a month that is
    not over.

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
        key = (
            application_key(connection, settings, wish.application)
            if wish.application
            else None
        )
        last = _last_month(connection, wish, key)
        connection.execute(
            f"""
            copy (
                select
                    cases.*,
                    cases.applied_on as as_of,
                    coalesce(not is_decided, true) as is_undecided,
                    is_undecided and {_is_meant(settings, wish, key)} as is_asked
                from risk.decision_case as cases
                left join (
                    select application_key, true as is_decided from risk.credit_decision
                ) as decisions using (application_key)
                where cohort_month <= date {literal(last)}
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


def is_new(settings: Settings, application: str) -> bool:
    """Tell whether an application has come since features were built last.

    Parameters
    ----------
    settings : Settings
        Say which home.
    application : str
        Its id or key.
    """
    text = application.strip()
    with connect(settings) as connection:
        try:
            found = connection.execute(
                "select 1 from marts.fct_application where application_key in (?, ?)",
                [text.lower(), hashed(settings, text)],
            ).fetchone()
        except duckdb.CatalogException:
            return False
    return found is not None and not has_case(settings, application)


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
            "or the application_key of marts.fct_application, once the DAG `warehouse` "
            "has taken it in." + _masked_ones(connection),
        )
    rule, reason, file, place = row
    return DecisionError(
        f"the application was delivered, but cannot be used ({rule}): {reason}",
        where=f"{file}, row {place}",
        remedy="Correct the row, deliver it again and run the DAG `warehouse`.",
    )


def _masked_ones(connection: duckdb.DuckDBPyConnection) -> str:
    """Say where to ask when the published copy cannot tell: it hides what rows held."""
    row = connection.execute(
        "select count(*) from audit.quarantine "
        "where entity = 'applications' and try_cast(raw as json) is null"
    ).fetchone()
    if not row or not row[0]:
        return ""
    return (
        f" Or it is one of the {row[0]:,} applications that were delivered and cannot be "
        "used, whose ids are masked here: the form of the DAG `credit_decision` says why."
    )


def _last_month(
    connection: duckdb.DuckDBPyConnection, wish: Wish, key: str | None
) -> dt.date:
    """Last month of applications that a run looks at."""
    if key is None:
        return wish.month
    row = connection.execute(
        "select cohort_month from risk.decision_case where application_key = ?", [key]
    ).fetchone()
    found: dt.date = row[0] if row else wish.month
    return found


def _is_meant(settings: Settings, wish: Wish, key: str | None) -> str:
    if key is None:
        return f"cohort_month >= date {literal(_earliest(settings, wish))}"
    return f"application_key = {literal(key)}"


def _earliest(settings: Settings, wish: Wish) -> dt.date:
    return month_of(number(wish.month) - settings.decision_window_months + 1)


def _report(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish, file: str
) -> AskedReport:
    row = connection.execute(
        f"""
        select
            count(*),
            count(*) filter (is_asked),
            count(*) filter (not is_undecided),
            count(*) filter (
                is_undecided and cohort_month < date {literal(_earliest(settings, wish))}
            )
        from read_parquet({literal(file)})
        """  # noqa: S608 - a file of ours
    ).fetchone()
    cases, asked, decided, too_old = row or (0, 0, 0, 0)
    is_named = wish.application is not None
    why = None
    if not cases:
        why = f"there is no application up to {wish.month:%Y-%m}."
    elif not asked:
        why = "every application asked for has been decided on before."
        if too_old and not is_named:
            why += (
                f" {too_old:,} older than decision_window_months "
                f"({settings.decision_window_months}) are left alone."
            )
    return AskedReport(
        asked=int(asked),
        decided_before=1 - int(asked) if is_named else int(decided),
        too_old=0 if is_named else int(too_old),
        why_none=why,
    )
