"""Actions and rules as files, for the systems that carry them out."""

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.connection import connect_serving, literal, row_count
from comove.settings import Settings

_MONTHS = """
    select distinct month from risk.strategy_action
    where run_id = $run or decided_in_run = $run
    order by month
"""
_ACTIONS = """
    select
        actions.action_id,
        actions.month,
        actions.borrower_key,
        actions.strategy,
        actions.status,
        actions.is_strongest,
        actions.contacts_per_week_before,
        actions.contacts_per_week,
        actions.joint_risk_index,
        actions.joint_probability,
        actions.exposure,
        actions.event_id,
        events.month as event_month,
        actions.decided_by,
        actions.decided_at,
        actions.reason,
        actions.proposed_at
    from risk.strategy_action as actions
    inner join risk.default_event as events using (event_id)
    where actions.month = {month}
    order by actions.borrower_key, actions.event_id
"""
_RULES = """
    select * from risk.lending_control
    where event_id in (
        select event_id from risk.default_event where forecast_month = {month}
    )
    order by event_id, caused_by, region, industry
"""
# What a spreadsheet would take for a formula: the first character decides.
_FORMULA = r"^[=+@\t\r\n-]"


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Parameters
    ----------
    actions, rules : int
        Rows of the files.
    folders : tuple of Path
        ``reports/default_response/<YYYY-MM>``, one per month the actions are for.
    """

    actions: int
    rules: int
    folders: tuple[Path, ...]


def export_actions(settings: Settings, *, run_id: str) -> ExportReport:
    """Write ``strategy_action`` and ``lending_control`` as CSV and Parquet.

    Reads the published copy. A month's files hold all there is for it, whichever run it
    is from; they are replaced whole.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        The months it proposed or decided actions for are written.

    Returns
    -------
    ExportReport
        Counts and folders.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    with connect_serving(settings) as connection:
        rows = connection.execute(_MONTHS, {"run": run_id}).fetchall()
        written = [_write_month(connection, settings, month) for (month,) in rows]
    return ExportReport(
        actions=sum(actions for actions, _, _ in written),
        rules=sum(rules for _, rules, _ in written),
        folders=tuple(folder for _, _, folder in written),
    )


def _write_month(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> tuple[int, int, Path]:
    folder = settings.places.reports / "default_response" / f"{month:%Y-%m}"
    folder.mkdir(parents=True, exist_ok=True)
    day = f"date {literal(month)}"
    actions = _write(connection, _ACTIONS.format(month=day), folder, "strategy_action")
    rules = _write(connection, _RULES.format(month=day), folder, "lending_control")
    return actions, rules, folder


def _write(
    connection: duckdb.DuckDBPyConnection, query: str, folder: Path, name: str
) -> int:
    for ending, rows, options in (
        ("csv", _guarded(connection, query), "format csv, header"),
        ("parquet", query, "format parquet, compression zstd"),
    ):
        file = folder / f"{name}.{ending}"
        # Another run may be writing the same month.
        fresh = file.with_name(f"{file.name}.{os.getpid()}.fresh")
        connection.execute(f"copy ({rows}) to {literal(fresh)} ({options})")
        fresh.replace(file)
    return row_count(connection, f"read_parquet({literal(file)})")


def _guarded(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Keep a spreadsheet from taking text for a formula, whoever wrote the text.

    Systems read the Parquet file, which holds every text as it is.
    """
    columns = connection.execute(f"describe {query}").fetchall()
    pattern, sign = literal(_FORMULA), literal("'")
    replaced = ", ".join(
        f"if(regexp_matches({name}, {pattern}), {sign} || {name}, {name}) as {name}"
        for name, kind, *_ in columns
        if kind == "VARCHAR"
    )
    return f"select * replace ({replaced}) from ({query})"  # noqa: S608 - names of ours
