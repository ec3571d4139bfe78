"""What a run of overdue grades makes: up to which day, by which rules, on from where."""

import calendar
import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass

import duckdb

from comove.connection import connect
from comove.errors import SettingsError
from comove.home import project_root
from comove.overdue_grade.tables import ensure_grade_tables
from comove.settings import Settings

_DAYS_A_MONTH = 365.25 / 12
# Where the SQL of grades and their bands stand: a change there grades everything anew.
_LOGIC = (
    "macros/overdue_grade/*.sql",
    "models/overdue_grade/*/*.sql",
    "seeds/overdue_grade_bands.csv",
)


@dataclass(frozen=True)
class GradeRules:
    """What weights follow from besides the data.

    Parameters
    ----------
    first_weight, min_weight, max_weight : float
        Weight of the historical extreme at a borrower's first point, and its limits,
        0 to 1.
    adjustment : float
        How strongly a change of the extreme moves the weight, 0 to below 1.
    window_months, window_days : int
        Trailing window of the historical extreme.
    """

    first_weight: float
    min_weight: float
    max_weight: float
    adjustment: float
    window_months: int
    window_days: int


@dataclass(frozen=True)
class GradeRequest:
    """Days of one run.

    Parameters
    ----------
    month : date
        Of the run, first day.
    as_of : date
        Last day graded: the end of the month, or of a later one graded before.
    graded_until : date or None
        Last day graded before by the same rules; None where everything is made anew.
    rules_hash : str
        SHA-256 of settings, SQL and bands.
    """

    month: dt.date
    as_of: dt.date
    graded_until: dt.date | None
    rules_hash: str


def rules_of(settings: Settings) -> GradeRules:
    """Read the rules of the weights.

    Parameters
    ----------
    settings : Settings
        Those that begin with ``overdue_grade``.

    Returns
    -------
    GradeRules
        With the window in days, a month having 30.4375.

    Raises
    ------
    SettingsError
        When the first weight does not lie within the limits.
    """
    low, high = settings.overdue_grade_min_weight, settings.overdue_grade_max_weight
    first = settings.overdue_grade_first_weight
    if not low <= first <= high:
        raise SettingsError(
            f"the first weight {first:g} does not lie between {low:g} and {high:g}.",
            where="overdue_grade_first_weight",
            remedy="Set overdue_grade_min_weight <= overdue_grade_first_weight <= "
            "overdue_grade_max_weight.",
        )
    months = settings.overdue_grade_window_months
    return GradeRules(
        first_weight=first,
        min_weight=low,
        max_weight=high,
        adjustment=settings.overdue_grade_adjustment,
        window_months=months,
        window_days=round(months * _DAYS_A_MONTH),
    )


def write_request(
    settings: Settings, *, run_id: str, month: dt.date, full_refresh: bool = False
) -> GradeRequest:
    """Say in `audit.overdue_grade_request` what the SQL that follows makes.

    Parameters
    ----------
    settings : Settings
        Weights and window.
    run_id : str
        Kept with every row it makes.
    month : date
        First day of the run's month.
    full_refresh : bool
        Whether to keep no grade of an earlier run.

    Returns
    -------
    GradeRequest
        What was asked for.

    Raises
    ------
    SettingsError
        When the weights contradict each other.
    """
    rules = rules_of(settings)
    rules_hash = _rules_hash(rules)
    with connect(settings) as connection:
        ensure_grade_tables(connection)
        last, until = _graded(connection, rules_hash)
        as_of = max(month_end(month), last or month_end(month))
        request = GradeRequest(month, as_of, None if full_refresh else until, rules_hash)
        row = {
            "run_id": run_id,
            "month": month,
            "as_of": as_of,
            "graded_until": request.graded_until,
            **asdict(rules),
        }
        connection.execute("begin")
        connection.execute("delete from audit.overdue_grade_request")
        connection.execute(
            f"""
            insert into audit.overdue_grade_request ({", ".join(row)})
            values ({", ".join("?" * len(row))})
            """,  # noqa: S608 - names of ours
            list(row.values()),
        )
        connection.execute("commit")
    return request


def note_graded(settings: Settings, request: GradeRequest, *, run_id: str) -> None:
    """Note how far grades were made, and of which facts, for the run after this one.

    Parameters
    ----------
    settings : Settings
        Say which home.
    request : GradeRequest
        What was made, to the end.
    run_id : str
        The run that made it.
    """
    with connect(settings) as connection:
        connection.execute("begin")
        connection.execute("delete from intermediate.overdue_grade_input")
        connection.execute(
            """
            insert into intermediate.overdue_grade_input
            select borrower_key, facts_hash from intermediate.int_overdue_borrower
            """
        )
        connection.execute("delete from audit.overdue_grade_state")
        connection.execute(
            "insert into audit.overdue_grade_state values (?, ?, ?)",
            [run_id, request.as_of, request.rules_hash],
        )
        connection.execute("commit")


def month_end(month: dt.date) -> dt.date:
    """Last day of a month.

    Parameters
    ----------
    month : date
        Any of its days.
    """
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _graded(
    connection: duckdb.DuckDBPyConnection, rules_hash: str
) -> tuple[dt.date | None, dt.date | None]:
    """Last day graded by any rules, and by these."""
    there = connection.execute(
        """
        select 1 from information_schema.tables
        where table_schema = 'risk' and table_name = 'overdue_grade'
        """
    ).fetchone()
    row = connection.execute(
        "select graded_until, rules_hash from audit.overdue_grade_state"
    ).fetchone()
    if row is None or there is None:
        return None, None
    return row[0], row[0] if row[1] == rules_hash else None


def _rules_hash(rules: GradeRules) -> str:
    digest = hashlib.sha256(json.dumps(asdict(rules), sort_keys=True).encode())
    project = project_root() / "dbt_project"
    for pattern in _LOGIC:
        for file in sorted(project.glob(pattern)):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
