"""The end of `make run`: what was landed, built, judged and published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from comove.connection import connect_serving
from comove.errors import WarehouseError
from comove.portfolio import load_portfolio
from comove.settings import Settings

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Summary:
    """Figures of one run, all from the published audit trail.

    Parameters
    ----------
    run : list of tuple
        Run, month, how it ended, commit of the code; empty if it was never opened.
    failures : list of tuple
        Critical check that failed, what was observed, what to do.
    entities : list of tuple
        Entity, rows landed, accepted, quarantined, superseded.
    tables : list of tuple
        Table, rows, run that published it.
    gates : list of tuple
        Stage, checks passed, warned, noted, failed, not available, counted as on the
        page of the gates.
    stages : list of tuple
        Stage, seconds.
    absences : list of tuple
        Table or entity, why it is not available.
    """

    run: Rows
    failures: Rows
    entities: Rows
    tables: Rows
    gates: Rows
    stages: Rows
    absences: Rows


def read_summary(settings: Settings, run_id: str) -> Summary:
    """Read the figures of a run from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Which run.

    Raises
    ------
    WarehouseError
        When nothing has been published, or by another version of comove.
    """
    with connect_serving(settings) as connection:
        try:
            return _summary(connection, settings, run_id)
        except duckdb.Error as error:
            raise WarehouseError(
                f"the audit trail cannot be read ({str(error).splitlines()[0]}).",
                where=str(settings.places.serving),
                remedy="If another version of comove made it, move the warehouse away "
                "and run again: everything is landed and built anew from the files.",
            ) from error


def _summary(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run_id: str
) -> Summary:
    known = _tables(connection)
    return Summary(
        run=_rows(connection, known, "audit.run", RUN, run_id),
        failures=_rows(connection, known, "audit.quality_result", FAILURES, run_id),
        entities=_rows(connection, known, "audit.reconciliation", ENTITIES),
        tables=_rows(connection, known, "audit.published_table", TABLES, run_id),
        gates=_rows(connection, known, "audit.quality_result", GATES, run_id),
        stages=_rows(connection, known, "audit.stage_time", STAGES, run_id),
        absences=_absences(settings),
    )


def last_run_id(settings: Settings) -> str:
    """Name of the run that began last, from the published copy.

    Raises
    ------
    WarehouseError
        When nothing has been published.
    """
    with connect_serving(settings) as connection:
        row = connection.execute(
            "select run_id from audit.run order by started_at desc, run_id limit 1"
        ).fetchone()
    return str(row[0]) if row else ""


def show_summary(console: Console, summary: Summary, settings: Settings) -> None:
    """Print the figures, and where to look next."""
    sections = (
        ("Run", ("run", "month", "status", "code"), summary.run),
        ("Failed checks", ("check", "observed", "reason and remedy"), summary.failures),
        (
            "Rows",
            ("entity", "landed", "accepted", "quarantined", "superseded"),
            summary.entities,
        ),
        ("Tables", ("table", "rows", "published by"), summary.tables),
        ("Gates", GATE_COLUMNS, summary.gates),
        ("Time", ("stage", "seconds"), summary.stages),
        ("Not available for this portfolio", ("what", "why"), summary.absences),
    )
    for title, columns, rows in sections:
        if rows:
            _print_table(console, title, columns, rows)
    _show_places(console, settings)


GATE_COLUMNS = ("stage", "passed", "warned", "noted", "failed", "not available")
RUN = """
select
    run_id,
    coalesce(strftime(month, '%Y-%m'), '') as run_month,
    status,
    coalesce(git_sha, '') as code,
from audit.run
where run_id = ?
"""
FAILURES = """
select
    stage || ': ' || check_name as failed_check,
    observed,
    reason,
from audit.quality_result
where run_id = ? and not success and severity = 'critical'
order by checked_at, check_name
"""
ENTITIES = """
select
    entity,
    sum(rows_landed)::bigint as rows_landed,
    sum(rows_accepted)::bigint as rows_accepted,
    sum(rows_quarantined)::bigint as rows_quarantined,
    sum(rows_superseded)::bigint as rows_superseded,
from audit.reconciliation
group by entity
order by entity
"""
TABLES = """
select
    schema_name || '.' || table_name as published_table,
    rows_published,
    if(run_id = ?, 'this run', run_id) as published_by,
from audit.published_table
where schema_name in ('marts', 'risk')
order by published_table
"""
GATES = """
select
    stage,
    count(*) filter (where success and not is_absent) as passed,
    count(*) filter (where not success and severity = 'warning') as warned,
    count(*) filter (where not success and severity = 'info') as noted,
    count(*) filter (where not success and severity = 'critical') as failed,
    count(*) filter (where success and is_absent) as not_available,
from (
    select
        *,
        coalesce(starts_with(observed, 'not available'), false) as is_absent,
    from audit.quality_result
    where run_id = ?
)
group by stage
order by min(checked_at)
"""
STAGES = """
select
    stage,
    round(seconds, 1) as seconds,
from audit.stage_time
where run_id = ?
order by position
"""


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
    )
    return {name for (name,) in found.fetchall()}


def _rows(
    connection: duckdb.DuckDBPyConnection,
    known: set[str],
    needed: str,
    query: str,
    *parameters: str,
) -> Rows:
    # A run that failed early has published only part of the audit trail.
    if needed not in known:
        return []
    return connection.execute(query, list(parameters)).fetchall()


def _absences(settings: Settings) -> Rows:
    absent = load_portfolio(settings.portfolio).absent
    return sorted(absent.items())


def _print_table(
    console: Console, title: str, columns: Sequence[str], rows: Rows
) -> None:
    table = Table(title=title, title_justify="left", box=None, title_style="bold")
    for name in columns:
        numbers = all(isinstance(row[columns.index(name)], int | float) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row))
    console.print(table)
    console.print()


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _show_places(console: Console, settings: Settings) -> None:
    home = settings.places
    console.print("Where to look", style="bold")
    for name, place in (
        ("published tables", home.serving),
        ("reports", home.reports),
        ("documentation of the tables", home.docs),
        ("logs", home.airflow / "logs"),
    ):
        if place.exists():
            console.print(f"  {name}: {place}", soft_wrap=True, highlight=False)
