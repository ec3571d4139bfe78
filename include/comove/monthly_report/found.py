"""What the published copy says of a month, figure by figure, and where it stands."""

# ruff: noqa: S608 - SQL of the figures' own tables and columns

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from comove.monthly_report.figures import FIGURES, STAGES, Figure, Stage
from comove.monthly_report.words import change, shown
from comove.quality.frames import NOT_AVAILABLE
from comove.risk_model.folds import month_of, number


@dataclass(frozen=True)
class Found:
    """A figure of a month.

    Parameters
    ----------
    figure : Figure
        Which.
    now, before : float or None
        Of the report's month and of the one before; None where it is not known.
    note : str or None
        Text that goes with it.
    run_ids, model_versions : tuple of str
        Runs that wrote the rows it is counted from, and models they come from.
    """

    figure: Figure
    now: float | None
    before: float | None
    note: str | None
    run_ids: tuple[str, ...]
    model_versions: tuple[str, ...]

    @property
    def text(self) -> str:
        """The number as a reader sees it."""
        return shown(self.now, self.figure.unit)

    @property
    def change(self) -> str:
        """Which way it went, in words."""
        return change(self.before, self.now, self.figure.unit)


@dataclass(frozen=True)
class Month:
    """Everything the report is written from.

    Parameters
    ----------
    month : date
        First day.
    found : mapping of str to Found
        By name of the figure.
    missing : mapping of str to str
        By name of the stage, why it has nothing for the month.
    """

    month: dt.date
    found: Mapping[str, Found]
    missing: Mapping[str, str]

    @property
    def next_month(self) -> dt.date:
        """First day of the month that follows."""
        return month_of(number(self.month) + 1)

    def of(self, stage: str) -> list[Found]:
        """Figures of a chapter that have a number."""
        return [
            one
            for one in self.found.values()
            if one.figure.stage == stage and one.now is not None
        ]

    def now(self, name: str) -> float | None:
        """Give a figure's number."""
        return self.found[name].now

    def text(self, name: str) -> str:
        """Give a figure's number as it is written."""
        return self.found[name].text

    def change(self, name: str) -> str:
        """Say which way a figure went."""
        return self.found[name].change


def read_month(connection: duckdb.DuckDBPyConnection, month: dt.date) -> Month:
    """Read every figure of a month.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading; tables may be missing.
    month : date
        First day.
    """
    reader = _Reader(connection, month)
    found = {figure.name: reader.found(figure) for figure in FIGURES}
    reasons = reader.reasons()
    missing = {
        stage.name: reader.why_missing(stage, reasons)
        for stage in STAGES
        if not reader.has(stage, found.values())
    }
    return Month(month, found, missing)


class _Reader:
    """Asks the published copy about one month."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, month: dt.date) -> None:
        self.connection = connection
        self.month = month
        self.tables = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }

    def found(self, figure: Figure) -> Found:
        """Count a figure; nothing is known where a table was never published."""
        if not set(figure.tables) <= self.tables:
            return Found(figure, None, None, None, (), ())
        now, note, rows = self._value(figure, self.month)
        before, _, _ = self._value(figure, month_of(number(self.month) - 1))
        if not figure.when:
            before = None
        return Found(
            figure,
            now,
            before,
            note,
            self._origins(figure, "run_id") or self._publishing_run(figure),
            self._origins(figure, "model_version") if rows and figure.when else (),
        )

    def has(self, stage: Stage, found: Iterable[Found]) -> bool:
        """Whether any figure of the month itself is known."""
        return any(
            one.now is not None and one.figure.when
            for one in found
            if one.figure.stage == stage.name
        )

    def why_missing(self, stage: Stage, reasons: Mapping[str, str]) -> str:
        """Say why a chapter has nothing."""
        for purpose in stage.purposes:
            if purpose in reasons:
                return reasons[purpose]
        if stage.table not in self.tables:
            why = (
                f"{stage.table} has never been published: the portfolio lacks what it "
                f"needs, or the DAG {stage.dag_id} has not run."
            )
        else:
            why = (
                f"{stage.table} holds nothing of {self.month:%Y-%m}: the DAG "
                f"{stage.dag_id} has not run for it, or had nothing to say."
            )
        return f"{why} {stage.runs}".strip()

    def reasons(self) -> dict[str, str]:
        """Why models of the month are not available, by purpose; the newest run's."""
        if not {"audit.unavailable_model", "audit.run"} <= self.tables:
            return {}
        rows = self.connection.execute(
            """
            select purpose, arg_max(reason, started_at)
            from audit.unavailable_model join audit.run using (run_id)
            where month = $month group by purpose
            """,
            {"month": self.month},
        ).fetchall()
        return {name: text.removeprefix(f"{NOT_AVAILABLE}: ") for name, text in rows}

    def _value(
        self, figure: Figure, month: dt.date
    ) -> tuple[float | None, str | None, int]:
        where, given = self._of_month(figure, month)
        found = self.connection.execute(
            f"select {figure.value}, {figure.note}, count(*) from "
            f"{self._source(figure)} {where}",
            given,
        ).fetchone()
        value, note, rows = found or (None, None, 0)
        known = not figure.when or bool(rows)
        if not known and figure.is_sparse and self._has_run(figure, month):
            return 0.0, None, 0
        return (float(value) if known and value is not None else None), note, rows

    def _has_run(self, figure: Figure, month: dt.date) -> bool:
        """Whether no row of a month means that there was nothing."""
        first = self.connection.execute(
            f"select min({figure.when}) from {self._source(figure)}"
        ).fetchone()
        begun = bool(first and first[0] and _day(first[0]) <= month)
        if month < self.month or "audit.published_table" not in self.tables:
            return begun
        known = self.connection.execute(
            "select count(*) from audit.published_table "
            "where schema_name || '.' || table_name = $table and month >= $month",
            {"table": figure.tables[0], "month": month},
        ).fetchone()
        return bool(known and known[0])

    def _origins(self, figure: Figure, column: str) -> tuple[str, ...]:
        """Values of a column that says where the rows of the month come from."""
        if column not in self._columns(figure):
            return ()
        where, given = self._of_month(figure, self.month)
        rows = self.connection.execute(
            f"select distinct {column} from {self._source(figure)} {where} "
            f"order by {column}",
            given,
        ).fetchall()
        return tuple(str(row[0]) for row in rows if row[0] is not None)

    def _publishing_run(self, figure: Figure) -> tuple[str, ...]:
        if "audit.published_table" not in self.tables:
            return ()
        rows = self.connection.execute(
            "select run_id from audit.published_table "
            "where schema_name || '.' || table_name = $table",
            {"table": figure.tables[0]},
        ).fetchall()
        return tuple(str(row[0]) for row in rows)

    def _columns(self, figure: Figure) -> list[str]:
        found = self.connection.execute(f"select * from {self._source(figure)} limit 0")
        return [column[0] for column in found.description]

    def _of_month(self, figure: Figure, month: dt.date) -> tuple[str, dict[str, dt.date]]:
        if not figure.when:
            return "", {}
        meant = month_of(number(month) + figure.ahead)
        return f"where {figure.when} = $month", {"month": meant}

    @staticmethod
    def _source(figure: Figure) -> str:
        return f"{figure.source or figure.tables[0]} as figures"


def _day(value: Any) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value
