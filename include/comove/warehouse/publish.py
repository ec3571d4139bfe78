"""Publishing: a new copy of the finished tables, swapped in atomically."""

import datetime as dt
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.audit.tables import ensure_tables
from comove.connection import connect, literal, row_count, utc_now
from comove.contract import Table
from comove.errors import WarehouseError
from comove.portfolio import load_portfolio
from comove.settings import Settings

PUBLISHED_SCHEMAS = ("marts", "risk", "audit")
# Tables that other gates judge than those of their schema; each part is published by the
# DAG whose gates judge it.
PARTS = {
    "cells": (
        "marts.dim_copula_group",
        "marts.fct_copula_band",
        "marts.fct_copula_cell",
        "marts.fct_margin_count",
    ),
    "joint_risk": (
        "risk.cell_link",
        "risk.concentration",
        "risk.factor_posterior",
        "risk.index_validation",
        "risk.joint_risk_index",
        "risk.model_comparison",
        "risk.portfolio_loss",
        "risk.portfolio_loss_cell",
    ),
    "score_drift": (
        "risk.application_label",
        "risk.funnel_count",
        "risk.score",
        "risk.score_drift",
        "risk.score_drift_cut",
        "risk.score_interval",
        "risk.credit_value_rules",
        "risk.review_rules",
    ),
    "default_response": (
        "risk.default_event",
        "risk.freeze_question",
        "risk.lending_control",
        "risk.linked_debtor",
        "risk.risk_strategies",
        "risk.strategy_action",
    ),
    "credit_decision": (
        "risk.credit_decision",
        "risk.decision_case",
        "risk.decision_control",
        "risk.decision_fairness",
        "risk.decision_input",
        "risk.decision_policy",
        "risk.review_question",
        "risk.transaction_strategies",
    ),
    "identity": (
        "risk.identity_link",
        "risk.identity_person",
        "risk.identity_review",
    ),
    "recalibration": (
        "risk.assessed_flag",
        "risk.recalibration",
        "risk.recalibration_factor",
        "risk.score_assessment",
        "risk.score_performance",
        "risk.score_strategies",
        "risk.strategy_band",
        "risk.strategy_version",
    ),
    "overdue": (
        "risk.collection_strategies",
        "risk.overdue_assessment",
        "risk.overdue_assessment_replaced",
        "risk.overdue_outcome",
        "risk.overdue_probability",
    ),
    "overdue_grade": (
        "risk.overdue_grade",
        "risk.overdue_grade_bands",
        "risk.overdue_grade_transition",
    ),
}
_PART_OF = {name: part for part, names in PARTS.items() for name in names}
# Scored by one DAG and labelled by another: published with its schema too.
_WITH_SCHEMA_TOO = ("risk.score",)
EVERYTHING = (*PUBLISHED_SCHEMAS, *PARTS)
MASK = "***"
SHIFTED = "^(unreadable|unknown_value|missing)_"


@dataclass(frozen=True)
class PublishReport:
    """What was published.

    Parameters
    ----------
    tables : dict of str to int
        Rows of each published table, by ``schema.table``.
    size_bytes : int
        Size of the published file.
    """

    tables: dict[str, int]
    size_bytes: int


def publish(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date | None,
    schemas: tuple[str, ...] = EVERYTHING,
) -> PublishReport:
    """Copy `marts`, `risk` and `audit` and swap the copy in; readers are not disturbed.

    Personal data in quarantined rows is masked in the copy. Whoever has the old copy
    open keeps reading it until they open the file again.

    Parameters
    ----------
    settings : Settings
        Says which home.
    run_id : str
        Noted at every published table.
    month : date or None
        Month the run was for.
    schemas : tuple of str
        What to publish: schemas, without the tables of `PARTS`, and names of parts.
        Other tables stay as they were published, unless the warehouse no longer holds
        them. A run publishes only what its own gates have passed.

    Returns
    -------
    PublishReport
        Rows per table.

    Raises
    ------
    WarehouseError
        When the marts have not been built.
    """
    fresh = _fresh_file(settings)
    if set(schemas) != set(EVERYTHING):
        _begin_with_published(fresh, settings)
    with connect(settings) as connection:
        ensure_tables(connection)
        if not _tables(connection, ("marts",)):
            raise _nothing_built(settings)
        tables = _tables(connection, schemas)
        counts = {name: row_count(connection, name) for name in tables}
        _note_published(connection, counts, run_id, month)
        _drop_gone(connection, fresh)
        _copy_tables(connection, fresh, tables, settings, note=f"published by {run_id}")
    _swap_in(fresh, settings.places.serving)
    return PublishReport(counts, settings.places.serving.stat().st_size)


def refresh_published_audit(settings: Settings) -> None:
    """Swap in a copy with the newest `audit`, its other tables as they were published.

    So a failed run shows why it failed while every figure stays the last good one.
    """
    fresh = _fresh_file(settings)
    _begin_with_published(fresh, settings)
    with connect(settings) as connection:
        ensure_tables(connection)
        tables = _tables(connection, ("audit",))
        _copy_tables(connection, fresh, tables, settings, note="audit trail")
    _swap_in(fresh, settings.places.serving)


def _fresh_file(settings: Settings) -> Path:
    folder = settings.places.serving.parent
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob("*.fresh*"):
        left_over.unlink()
    return folder / f"comove.{os.getpid()}.fresh"


def _begin_with_published(fresh: Path, settings: Settings) -> None:
    if settings.places.serving.is_file():
        shutil.copyfile(settings.places.serving, fresh)


def _swap_in(fresh: Path, serving: Path) -> None:
    with fresh.open("rb") as stream:
        os.fsync(stream.fileno())
    fresh.replace(serving)


def _tables(connection: duckdb.DuckDBPyConnection, parts: tuple[str, ...]) -> list[str]:
    rows = connection.execute(
        """
        select table_schema || '.' || table_name as name
        from information_schema.tables
        where list_contains(?, table_schema) and table_type = 'BASE TABLE'
            and table_catalog = current_database()
            and not contains(table_name, '__dbt_')
        order by name
        """,
        [list(PUBLISHED_SCHEMAS)],
    ).fetchall()
    return [name for (name,) in rows if _published_with(name) & set(parts)]


def _published_with(name: str) -> set[str]:
    schema = name.split(".")[0]
    found = {_PART_OF.get(name, schema)}
    return found | {schema} if name in _WITH_SCHEMA_TOO else found


def _note_published(
    connection: duckdb.DuckDBPyConnection,
    counts: dict[str, int],
    run_id: str,
    month: dt.date | None,
) -> None:
    now = utc_now()
    connection.executemany(
        "insert or replace into audit.published_table values (?, ?, ?, ?, ?, ?)",
        [[*name.split("."), run_id, month, rows, now] for name, rows in counts.items()],
    )


def _drop_gone(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    # Those of another lender than the one the warehouse now holds, for instance.
    kept = set(_tables(connection, EVERYTHING))
    connection.execute(f"attach {literal(fresh)} as published")
    try:
        published = connection.execute(
            """
            select schema_name || '.' || table_name from duckdb_tables()
            where database_name = 'published'
            """
        ).fetchall()
        for (name,) in published:
            if name not in kept:
                connection.execute(f"drop table published.{name}")
    finally:
        connection.execute("detach published")


def _copy_tables(
    connection: duckdb.DuckDBPyConnection,
    fresh: Path,
    tables: list[str],
    settings: Settings,
    *,
    note: str,
) -> None:
    connection.execute(f"attach {literal(fresh)} as published")
    try:
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema if not exists published.{schema}")
        for name in tables:
            connection.execute(
                f"create or replace table published.{name} as "
                f"{_selection(name, settings)}"
            )
            connection.execute(f"comment on table published.{name} is {literal(note)}")
    finally:
        connection.execute("detach published")


def _selection(name: str, settings: Settings) -> str:
    if name == "audit.quarantine":
        masked = _masked_raw(load_portfolio(settings.portfolio).tables)
        return f"select * replace ({masked} as raw) from {name}"  # noqa: S608 - a catalogue name
    if name == "audit.unreadable_row":
        # A line that cannot be split into columns may hold a name anywhere.
        return f"select * replace ('{MASK}' as raw) from {name}"  # noqa: S608 - a catalogue name
    return f"from {name}"


def _masked_raw(tables: tuple[Table, ...]) -> str:
    # Other JSON than ours is a line that was not split into columns. And the values of
    # a row that breaks one of these rules may each stand a column too far left or
    # right, a name where a region should be.
    unsure = f"""
        when not coalesce(json_valid(raw), false) then '{MASK}'
        when not json_exists(raw, '$._extra') then '{MASK}'
        when regexp_matches(rule, '{SHIFTED}') then '{MASK}'
    """
    cases = "\n".join(
        f"when entity = '{table.name}' then "
        f"cast(json_merge_patch(raw, '{_personal_patch(table)}') as varchar)"
        for table in tables
    )
    return f"case {unsure} {cases} end"


def _personal_patch(table: Table) -> str:
    personal = [column.name for column in table.columns if column.is_personal]
    return json.dumps(dict.fromkeys([*personal, "_extra"], MASK))


def _nothing_built(settings: Settings) -> WarehouseError:
    return WarehouseError(
        "there are no marts to publish.",
        where=str(settings.places.warehouse),
        remedy="Run the task `build` of the DAG `warehouse` first.",
    )
