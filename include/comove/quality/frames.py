"""Frames: the small tables of figures that the expectations of a suite judge."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import duckdb
import pandas as pd

from comove.connection import literal
from comove.contract import Table, load_source
from comove.portfolio import Portfolio, load_portfolio
from comove.quality.catalogue import Columns, read_catalogue
from comove.quality.landed import landed_tables, profile_landed
from comove.quality.profile import (
    COLUMN_METRICS,
    Comparison,
    Profile,
    Subject,
    profile,
)
from comove.quality.suite import (
    BUILT_IN_TABLES,
    Suite,
    SuiteError,
    SuiteTable,
    closest,
)
from comove.settings import Settings

NOT_AVAILABLE = "not available for this portfolio"


@dataclass(frozen=True)
class Frame:
    """Figures about one table of a suite.

    Parameters
    ----------
    data : DataFrame
        A row per thing judged, a column per measure.
    labels : tuple of str
        Columns that name its rows.
    absent : str or None
        Why there is nothing to judge.
    """

    data: pd.DataFrame
    labels: tuple[str, ...] = ()
    absent: str | None = None


@dataclass(frozen=True)
class Scene:
    """Where frames are made: the warehouse, the portfolio and the run.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    catalogue : dict of str to dict of str to str
        What it holds.
    portfolio : Portfolio
        Whose it is.
    absences : dict of str to str
        Why entities are not available, by entity.
    month : date or None
        Month the run is for.
    where : str
        The suite file, for messages.
    """

    connection: duckdb.DuckDBPyConnection
    catalogue: dict[str, Columns]
    portfolio: Portfolio
    absences: dict[str, str]
    month: dt.date | None
    where: str

    @property
    def sql_names(self) -> dict[str, str]:
        """What ``{source}`` and ``{month}`` stand for in the SQL of a suite."""
        month = literal(self.month.isoformat()) if self.month else "null"
        return {"source": self.portfolio.source, "month": f"cast({month} as date)"}

    def filled_in(self, sql: str) -> str:
        """Put the portfolio's source and the month into SQL of a suite."""
        for name, value in self.sql_names.items():
            sql = sql.replace("{" + name + "}", value)
        return sql


def set_scene(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, where: str
) -> Scene:
    """Read what the frames of a run depend on.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for reading.
    settings : Settings
        Says which portfolio.
    run_id : str
        Its month is looked up in ``audit.run``.
    where : str
        The suite file, for messages.
    """
    catalogue = read_catalogue(connection)
    month = None
    if "audit.run" in catalogue:
        found = connection.execute(
            "select month from audit.run where run_id = ?", [run_id]
        ).fetchone()
        month = found[0] if found else None
    portfolio = load_portfolio(settings.portfolio)
    absences = _absences(connection, catalogue, portfolio)
    return Scene(connection, catalogue, portfolio, absences, month, where)


def _absences(
    connection: duckdb.DuckDBPyConnection,
    catalogue: dict[str, Columns],
    portfolio: Portfolio,
) -> dict[str, str]:
    if "audit.availability" not in catalogue:
        return {e: f"{NOT_AVAILABLE}: {why}" for e, why in portfolio.absent.items()}
    found = connection.execute(
        "select entity, reason from audit.availability where not is_available"
    ).fetchall()
    return dict(found)


def make_frames(scene: Scene, suite: Suite) -> dict[str, Frame]:
    """Make every frame of a suite.

    Returns
    -------
    dict of str to Frame
        By the name the checks use.

    Raises
    ------
    SuiteError
        When SQL of the suite names something the warehouse does not hold.
    """
    frames: dict[str, Frame] = {}
    profiles: dict[str, Profile] = {}
    for name, table in suite.tables.items():
        frames[name] = _make_frame(scene, name, table, profiles)
    return frames | _built_in_frames(scene, suite, profiles)


def _make_frame(
    scene: Scene, name: str, table: SuiteTable, profiles: dict[str, Profile]
) -> Frame:
    if table.query:
        return _query_frame(scene, name, table)
    subject = _subject(scene, name, table)
    if isinstance(subject, str):
        return Frame(pd.DataFrame(), absent=subject)
    made = _guarded(scene, name, subject)
    profiles[name] = made
    if not made.rows:
        absent = f"{NOT_AVAILABLE}: {subject.relation} has no rows"
        return Frame(_one_row_frame(made), absent=absent)
    return Frame(_one_row_frame(made))


def _one_row_frame(made: Profile) -> pd.DataFrame:
    """Lay a profile out in one row, a column's figures as ``column.figure``."""
    row: dict[str, Any] = {"rows": made.rows, "duplicate_keys": made.duplicate_keys}
    row |= made.measures
    for figures in made.columns.to_dict("records"):
        for metric in COLUMN_METRICS:
            row[f"{figures['column_name']}.{metric}"] = figures[metric]
    return pd.DataFrame([row])


def _subject(scene: Scene, name: str, table: SuiteTable) -> Subject | str:
    """Say what to profile, or why it is not available."""
    made = (
        _entity_subject(scene, name, table)
        if table.entity
        else _relation_subject(scene, name, table)
    )
    if isinstance(made, str):
        return made
    measures = {key: scene.filled_in(sql) for key, sql in table.measures.items()}
    return replace(made, measures=measures)


def _entity_subject(scene: Scene, name: str, table: SuiteTable) -> Subject | str:
    entity = table.entity or ""
    if absent := _absent_entity(scene, entity):
        return absent
    relation = f"staging.stg_{scene.portfolio.source}__{entity}"
    columns = _own_columns(scene.catalogue[relation])
    key = tuple(_staged_key(column) for column in _contract_table(entity).key)
    comparison = _against_earlier_batches(scene, entity, columns, table.leave_out)
    return Subject(name, relation, columns, key, comparison=comparison)


def _relation_subject(scene: Scene, name: str, table: SuiteTable) -> Subject:
    relation = scene.filled_in(table.relation or "")
    if relation not in scene.catalogue:
        raise SuiteError(
            f"table {name!r} reads {relation}, which the warehouse does not hold.",
            where=scene.where,
            remedy=closest(relation, sorted(scene.catalogue)),
        )
    columns = _own_columns(scene.catalogue[relation])
    for column in table.key:
        _require_column(scene, name, column, list(columns))
    comparison = None
    if table.compare:
        comparison = Comparison(
            relation,
            _comparable(columns, table.compare.leave_out),
            scene.filled_in(table.compare.now),
            scene.filled_in(table.compare.before),
        )
    return Subject(name, relation, columns, table.key, comparison=comparison)


def _require_column(scene: Scene, table: str, column: str, known: list[str]) -> None:
    if column not in known:
        raise SuiteError(
            f"table {table!r} names the unknown column {column!r}.",
            where=scene.where,
            remedy=closest(column, known),
        )


def _absent_entity(scene: Scene, entity: str) -> str | None:
    if reason := scene.absences.get(entity):
        return reason
    if f"staging.stg_{scene.portfolio.source}__{entity}" not in scene.catalogue:
        return f"{NOT_AVAILABLE}: it delivers no {entity}"
    return None


def _contract_table(entity: str) -> Table:
    return next(table for table in load_source("contract") if table.name == entity)


def _staged_key(column: str) -> str:
    return f"{column.removesuffix('_id')}_key" if column.endswith("_id") else column


def _own_columns(columns: Columns) -> Columns:
    return {name: kind for name, kind in columns.items() if not name.startswith("_")}


def _against_earlier_batches(
    scene: Scene, entity: str, columns: Columns, leave_out: tuple[str, ...]
) -> Comparison:
    """Compare what the newest delivery brought with all that came before it.

    The base table is read, not the view: rows that a full re-delivery supersedes are
    gone from the view, and with them what to compare with.
    """
    base = f"raw.base_{scene.portfolio.source}__{entity}"
    readable = "_status <> 'quarantined'"
    if base not in scene.catalogue:
        # An adapter's base tables are the source's own, not the contract's entities.
        base, readable = f"staging.stg_{scene.portfolio.source}__{entity}", "true"
    shared = {n: kind for n, kind in columns.items() if n in scene.catalogue[base]}
    newest = f"(select max(_landed_at) from {base})"  # noqa: S608 - a catalogue name
    return Comparison(
        base,
        _comparable(shared, leave_out),
        now=f"_landed_at = {newest} and {readable}",
        before=f"_landed_at < {newest} and {readable}",
    )


def _comparable(columns: Columns, leave_out: tuple[str, ...]) -> Columns:
    """Columns whose distribution means something: no keys, no dates."""
    return {
        name: kind
        for name, kind in columns.items()
        if not name.endswith(("_key", "_id"))
        and name not in leave_out
        and not kind.startswith(("DATE", "TIME"))
    }


def _query_frame(scene: Scene, name: str, table: SuiteTable) -> Frame:
    for entity in table.needs:
        if absent := _absent_entity(scene, entity):
            return Frame(pd.DataFrame(), table.labels, absent)
    query = scene.filled_in(table.query or "")
    data = _sql_of(scene, name, lambda: scene.connection.execute(query).df())
    for label in table.labels:
        _require_column(scene, name, label, list(data.columns))
    absent = f"{NOT_AVAILABLE}: nothing to judge, no rows" if data.empty else None
    return Frame(data, table.labels, absent)


def _guarded(scene: Scene, name: str, subject: Subject) -> Profile:
    """Profile, and find the measure to blame where the SQL does not hold."""
    for measure, sql in subject.measures.items():
        statement = f"explain select {sql} from {subject.relation}"  # noqa: S608 - the suite's own SQL
        _sql_of(scene, f"{name}, measure {measure}", partial(_execute, scene, statement))
    return _sql_of(scene, name, partial(profile, scene.connection, subject))


def _execute(scene: Scene, statement: str) -> None:
    scene.connection.execute(statement)


def _sql_of[T](scene: Scene, name: str, run: Callable[[], T]) -> T:
    try:
        return run()
    except duckdb.Error as error:
        raise SuiteError(
            f"the SQL of table {name!r} does not work ({_in_one_line(error)}).",
            where=scene.where,
            remedy="Correct the table, column or function it names.",
        ) from error


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split("LINE 1")[0].split())


def _built_in_frames(
    scene: Scene, suite: Suite, profiles: dict[str, Profile]
) -> dict[str, Frame]:
    if suite.stage == "landed":
        landed = landed_tables(scene.portfolio.tables, scene.catalogue)
        tables, columns = profile_landed(scene.connection, landed, _delivered(scene))
    else:
        tables = _table_rows(scene, suite, profiles)
        columns = _column_rows(suite, profiles)
    nothing = f"{NOT_AVAILABLE}: no table has rows"
    labels = {"tables": ("table_name",), "columns": ("table_name", "column_name")}
    return {
        name: Frame(data, labels[name], nothing if data.empty else None)
        for name, data in zip(BUILT_IN_TABLES, (tables, columns), strict=True)
    }


def _delivered(scene: Scene) -> dict[str, int]:
    """Count the readable rows of each entity's files, as landing recorded them."""
    found = scene.connection.execute(
        "select entity, sum(rows_landed - rows_unreadable)::bigint from audit.delivery "
        "group by entity"
    ).fetchall()
    return dict(found)


def _table_rows(scene: Scene, suite: Suite, profiles: dict[str, Profile]) -> pd.DataFrame:
    published = _published_rows(scene)
    rows = [
        {
            "table_name": name,
            "rows": made.rows,
            "rows_published": published.get(suite.tables[name].relation or ""),
            "duplicate_keys": made.duplicate_keys,
        }
        for name, made in profiles.items()
    ]
    frame = pd.DataFrame(
        rows, columns=["table_name", "rows", "rows_published", "duplicate_keys"]
    ).astype({"rows_published": "float64"})
    frame["row_change"] = frame["rows"] - frame["rows_published"]
    return frame


def _published_rows(scene: Scene) -> dict[str, int]:
    """Rows of each table when it was last published."""
    if "audit.published_table" not in scene.catalogue:
        return {}
    found = scene.connection.execute(
        "select schema_name || '.' || table_name, rows_published "
        "from audit.published_table"
    ).fetchall()
    return dict(found)


def _column_rows(suite: Suite, profiles: dict[str, Profile]) -> pd.DataFrame:
    """Lay out a row per column that holds anything."""
    parts = [
        _with_limits(suite.tables[name], made.columns).assign(table_name=name)
        for name, made in profiles.items()
        if made.rows
    ]
    if not parts:
        return pd.DataFrame(columns=["table_name", "column_name", *COLUMN_METRICS])
    frame = pd.concat(parts, ignore_index=True)
    return frame[frame["null_share"] < 1].reset_index(drop=True)


def _with_limits(table: SuiteTable, columns: pd.DataFrame) -> pd.DataFrame:
    """Keep the negative share apart for columns the contract does not let go below 0."""
    described = _contract_table(table.entity).columns if table.entity else ()
    limited = {column.name for column in described if column.meta.get("minimum", -1) >= 0}
    shares = columns["negative_share"].where(columns["column_name"].isin(limited))
    return columns.assign(negative_share_if_limited=shares)
