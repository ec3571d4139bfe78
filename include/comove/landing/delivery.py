"""What is known of each delivered file, in ``audit.delivery``."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import duckdb

from comove.landing.discovery import FoundFile
from comove.landing.refusal import RefusedFileError, unreadable_file


@dataclass(frozen=True)
class Delivery:
    """One row of ``audit.delivery``; the fields are its columns."""

    file: str
    entity: str
    batch_id: str | None
    sha256: str
    size_bytes: int
    modified_at: dt.datetime
    format: str | None
    encoding: str | None
    delimiter: str | None
    rows_landed: int
    rows_unreadable: int
    rows_recoded: int
    missing_columns: str | None
    unknown_columns: str | None
    status: str
    rule: str | None
    reason: str | None
    landed_at: dt.datetime
    run_id: str

    @property
    def is_new(self) -> bool:
        """Whether its rows are in the warehouse."""
        return self.rule is None


COLUMNS = tuple(field.name for field in fields(Delivery))


@dataclass(frozen=True)
class UnreadableRow:
    """One row of ``audit.unreadable_row``; the fields are its columns."""

    entity: str
    batch_id: str | None
    file: str
    row_number: int | None
    rule: str
    reason: str
    raw: str | None


def sha256_of(file: FoundFile) -> str:
    """SHA-256 of a file's content.

    Raises
    ------
    RefusedFileError
        When it cannot be read.
    """
    try:
        with file.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable_file(file.name, error) from error


def batch_id(entity: str, files: list[tuple[str, str, int]]) -> str:
    """Name of a batch, made of what is in it.

    Parameters
    ----------
    entity : str
        Entity of the files.
    files : list of tuple
        Name, SHA-256, and how often that very content landed under that name before: a
        file set back to an earlier version is a delivery of its own.

    Returns
    -------
    str
        ``b`` and 16 hexadecimal digits; the same for the same files.
    """
    parts = [entity, *(f"{name}\n{sha}\n{times}" for name, sha, times in sorted(files))]
    return "b" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def landed_deliveries(
    connection: duckdb.DuckDBPyConnection, entity: str
) -> dict[str, Delivery]:
    """Read the last delivery of each file that has landed, by file name."""
    rows = connection.execute(
        f"""
        select {", ".join(COLUMNS)} from audit.delivery
        where entity = ? and rule is null
        order by landed_at
        """,  # noqa: S608 - the columns are the fields of Delivery
        [entity],
    ).fetchall()
    return {row[0]: Delivery(*row) for row in rows}


def times_landed(
    connection: duckdb.DuckDBPyConnection, entity: str, file: str, sha256: str
) -> int:
    """How often this content has landed under this name."""
    rows = connection.execute(
        """
        select count(*) from audit.delivery
        where entity = ? and file = ? and sha256 = ? and rule is null
        """,
        [entity, file, sha256],
    ).fetchall()
    return int(rows[0][0])


def refused_delivery(
    file: FoundFile,
    entity: str,
    sha256: str,
    error: RefusedFileError,
    *,
    landed_at: dt.datetime,
    run_id: str,
) -> Delivery:
    """Describe a file that is refused or empty."""
    return Delivery(
        file=file.name,
        entity=entity,
        batch_id=None,
        sha256=sha256,
        size_bytes=file.size_bytes,
        modified_at=file.modified_at,
        format="parquet" if file.is_parquet else "csv",
        encoding=None,
        delimiter=None,
        rows_landed=0,
        rows_unreadable=0,
        rows_recoded=0,
        missing_columns=None,
        unknown_columns=None,
        status=error.status,
        rule=error.rule,
        reason=str(error),
        landed_at=landed_at,
        run_id=run_id,
    )


def record_landed(
    connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery]
) -> None:
    """Add the files that land now."""
    _insert(connection, "audit.delivery", deliveries)


def record_refused(
    connection: duckdb.DuckDBPyConnection, entity: str, refused: list[Delivery]
) -> None:
    """Replace the refusals of an entity; those that no longer hold are withdrawn."""
    connection.execute(
        """
        update audit.delivery set status = 'withdrawn'
        where entity = ? and rule is not null
        """,
        [entity],
    )
    for delivery in refused:
        connection.execute(
            """
            delete from audit.delivery
            where entity = ? and file = ? and sha256 = ? and rule is not null
            """,
            [entity, delivery.file, delivery.sha256],
        )
    connection.execute(
        "delete from audit.unreadable_row where entity = ? and row_number is null",
        [entity],
    )
    _insert(connection, "audit.delivery", refused)
    whole = [_whole_file(file) for file in refused if file.status == "refused"]
    record_unreadable(connection, whole)


def record_unreadable(
    connection: duckdb.DuckDBPyConnection, rows: list[UnreadableRow]
) -> None:
    """Add rows whose line cannot be read, and refused files."""
    _insert(connection, "audit.unreadable_row", rows)


def record_skipped(
    connection: duckdb.DuckDBPyConnection, skipped: list[tuple[FoundFile, Delivery]]
) -> None:
    """Note that files are (again) there as they landed, maybe with another time."""
    for file, before in skipped:
        if (before.modified_at, before.status) != (file.modified_at, "landed"):
            connection.execute(
                """
                update audit.delivery set status = 'landed',
                    modified_at = if(sha256 = ?, ?, modified_at)
                where entity = ? and file = ? and rule is null
                """,
                [before.sha256, file.modified_at, before.entity, file.name],
            )


def record_withdrawn(
    connection: duckdb.DuckDBPyConnection, entity: str, present: list[str]
) -> None:
    """Note which landed files are gone; their rows stay."""
    connection.execute(
        """
        update audit.delivery set status = 'withdrawn'
        where entity = ? and status = 'landed' and not list_contains(?, file)
        """,
        [entity, present],
    )


def _whole_file(refused: Delivery) -> UnreadableRow:
    return UnreadableRow(
        entity=refused.entity,
        batch_id=None,
        file=refused.file,
        row_number=None,
        rule=str(refused.rule),
        reason=str(refused.reason),
        raw=None,
    )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Sequence[Delivery | UnreadableRow],
) -> None:
    if not rows:
        return
    names = [field.name for field in fields(rows[0])]
    unnested = ", ".join(f"unnest(${name})" for name in names)
    # One statement for all rows: a statement per row takes milliseconds each.
    # The names are the fields of our own classes.
    connection.execute(
        f"insert into {table} ({', '.join(names)}) select {unnested}",
        {name: [getattr(row, name) for row in rows] for name in names},
    )
