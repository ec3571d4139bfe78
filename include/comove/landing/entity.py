"""Landing the files of one entity, in one transaction."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from comove.contract import Table
from comove.landing.csv_file import PreparedCsv, insert_csv, prepare_csv
from comove.landing.delivery import (
    Delivery,
    UnreadableRow,
    batch_id,
    landed_deliveries,
    record_landed,
    record_refused,
    record_skipped,
    record_unreadable,
    record_withdrawn,
    refused_delivery,
    sha256_of,
    times_landed,
)
from comove.landing.discovery import FoundFile
from comove.landing.parquet_file import (
    PreparedParquet,
    first_broken,
    insert_parquet,
    prepare_parquet,
)
from comove.landing.raw_tables import ensure_raw_tables
from comove.landing.refusal import LandingError, RefusedFileError
from comove.landing.report import EntityReport
from comove.landing.selection import Stamp
from comove.landing.warning_sentences import warning_sentences

Prepared = PreparedCsv | PreparedParquet


@dataclass(frozen=True)
class Landing:
    """One landing run.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    folder : Path
        The data folder.
    scratch : Path
        Folder for rewritten copies.
    run_id : str
        The run.
    landed_at : datetime
        UTC, without time zone; later than that of every landing before.
    threads : int
        Files hashed at once.
    tell : callable
        Takes one sentence of progress per file.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    scratch: Path
    run_id: str
    landed_at: dt.datetime
    threads: int
    tell: Callable[[str], None]


@dataclass
class _Sorted:
    """Files of one entity, sorted by what is to be done with them."""

    skipped: list[tuple[FoundFile, Delivery]] = field(default_factory=list)
    ready: list[tuple[Prepared, str]] = field(default_factory=list)
    refused: list[Delivery] = field(default_factory=list)


def land_entity(
    landing: Landing, table: Table, files: tuple[FoundFile, ...]
) -> tuple[EntityReport, list[str]]:
    """Land what is new of one entity.

    Parameters
    ----------
    landing : Landing
        The run.
    table : Table
        The entity.
    files : tuple of FoundFile
        All its files, landed before or not.

    Returns
    -------
    tuple of EntityReport and list of str
        Counts, and warnings as sentences.

    Raises
    ------
    LandingError
        When a file changes while it is read; nothing of the entity has landed then.
    """
    sorted_files = _sort(landing, table, files)
    stamp = _stamp(landing, table, sorted_files)
    while broken := _land_sorted(landing, table, sorted_files, files, stamp):
        _move_to_refused(landing, table, sorted_files, broken)
        stamp = _stamp(landing, table, sorted_files)
    deliveries = _deliveries(landing, table, sorted_files, stamp)
    _tell(landing, sorted_files, deliveries)
    warnings = warning_sentences([*deliveries, *sorted_files.refused])
    return _count(sorted_files, deliveries), warnings


def _sort(landing: Landing, table: Table, files: tuple[FoundFile, ...]) -> _Sorted:
    known = landed_deliveries(landing.connection, table.name)
    result = _Sorted()
    changed = []
    for file in files:
        before = known.get(file.name)
        if before and _is_untouched(file, before):
            result.skipped.append((file, before))
        else:
            changed.append(file)
    for file, digest in zip(changed, _hash_all(landing, changed), strict=True):
        before = known.get(file.name)
        if before and before.sha256 == digest:
            result.skipped.append((file, before))
        else:
            _prepare(landing, table, file, digest, result)
    return result


def _is_untouched(file: FoundFile, before: Delivery) -> bool:
    return (file.size_bytes, file.modified_at) == (before.size_bytes, before.modified_at)


def _hash_all(landing: Landing, files: list[FoundFile]) -> list[str | RefusedFileError]:
    with ThreadPoolExecutor(landing.threads) as pool:
        return list(pool.map(_hash_or_refusal, files))


def _hash_or_refusal(file: FoundFile) -> str | RefusedFileError:
    try:
        return sha256_of(file)
    except RefusedFileError as error:
        return error


def _prepare(
    landing: Landing,
    table: Table,
    file: FoundFile,
    digest: str | RefusedFileError,
    result: _Sorted,
) -> None:
    try:
        if isinstance(digest, RefusedFileError):
            raise digest
        result.ready.append((_prepared(landing, table, file), digest))
    except RefusedFileError as error:
        sha256 = digest if isinstance(digest, str) else ""
        result.refused.append(_refusal(landing, table, file, sha256, error))


def _prepared(landing: Landing, table: Table, file: FoundFile) -> Prepared:
    if file.is_parquet:
        return prepare_parquet(landing.connection, file, table)
    copy = landing.scratch / f"{table.name}_{len(list(landing.scratch.iterdir()))}.csv"
    return prepare_csv(landing.connection, file, table, copy)


def _refusal(
    landing: Landing, table: Table, file: FoundFile, sha256: str, error: RefusedFileError
) -> Delivery:
    return refused_delivery(
        file,
        table.name,
        sha256,
        error,
        landed_at=landing.landed_at,
        run_id=landing.run_id,
    )


def _move_to_refused(
    landing: Landing, table: Table, result: _Sorted, broken: RefusedFileError
) -> None:
    for prepared, sha256 in result.ready:
        if prepared.found.name == broken.where:
            result.ready.remove((prepared, sha256))
            refusal = _refusal(landing, table, prepared.found, sha256, broken)
            result.refused.append(refusal)
            return


def _land_sorted(
    landing: Landing,
    table: Table,
    result: _Sorted,
    files: tuple[FoundFile, ...],
    stamp: Stamp,
) -> RefusedFileError | None:
    """Land in one transaction; on a file that breaks off, undo all and name the file."""
    parquet = [file for file, _ in result.ready if isinstance(file, PreparedParquet)]
    landing.connection.begin()
    try:
        ensure_raw_tables(landing.connection, table)
        _insert(landing, table, result, parquet, stamp)
        _record(landing, table, result, files, stamp)
        landing.connection.commit()
    except RefusedFileError as refusal:
        landing.connection.rollback()
        return refusal
    except duckdb.Error as error:
        landing.connection.rollback()
        if broken := first_broken(landing.connection, parquet):
            return broken
        raise _not_written(table, error) from error
    except BaseException:
        landing.connection.rollback()
        raise
    return None


def _insert(
    landing: Landing,
    table: Table,
    result: _Sorted,
    parquet: list[PreparedParquet],
    stamp: Stamp,
) -> None:
    try:
        insert_parquet(landing.connection, parquet, table, stamp, landing.folder)
        for file, _ in result.ready:
            if isinstance(file, PreparedCsv):
                insert_csv(landing.connection, file, table, stamp)
    finally:
        # Whatever else went wrong, a file that is still being written explains it.
        for file, _ in result.ready:
            if not file.found.is_as_found():
                raise _changed_meanwhile(file.found.name)


def _record(
    landing: Landing,
    table: Table,
    result: _Sorted,
    files: tuple[FoundFile, ...],
    stamp: Stamp,
) -> None:
    record_skipped(landing.connection, result.skipped)
    record_withdrawn(landing.connection, table.name, [file.name for file in files])
    record_landed(landing.connection, _deliveries(landing, table, result, stamp))
    record_refused(landing.connection, table.name, result.refused)
    record_unreadable(landing.connection, list(_unreadable(table, result, stamp)))


def _stamp(landing: Landing, table: Table, result: _Sorted) -> Stamp:
    parts = [
        (
            file.found.name,
            sha256,
            times_landed(landing.connection, table.name, file.found.name, sha256),
        )
        for file, sha256 in result.ready
    ]
    return Stamp(landing.landed_at, batch_id(table.name, parts))


def _deliveries(
    landing: Landing, table: Table, result: _Sorted, stamp: Stamp
) -> list[Delivery]:
    return [
        _delivery(landing, table, file, sha256, stamp) for file, sha256 in result.ready
    ]


def _delivery(
    landing: Landing, table: Table, file: Prepared, sha256: str, stamp: Stamp
) -> Delivery:
    text = file.text if isinstance(file, PreparedCsv) else None
    return Delivery(
        file=file.found.name,
        entity=table.name,
        batch_id=stamp.batch_id,
        sha256=sha256,
        size_bytes=file.found.size_bytes,
        modified_at=file.found.modified_at,
        format="csv" if text else "parquet",
        encoding=text.encoding if text else None,
        delimiter=text.delimiter if text else None,
        rows_landed=file.rows,
        rows_unreadable=len(file.rejects) if isinstance(file, PreparedCsv) else 0,
        rows_recoded=text.rows_recoded if text else 0,
        missing_columns=", ".join(file.header.missing) or None,
        unknown_columns=", ".join(file.header.unknown) or None,
        status="landed",
        rule=None,
        reason=None,
        landed_at=stamp.landed_at,
        run_id=landing.run_id,
    )


def _unreadable(table: Table, result: _Sorted, stamp: Stamp) -> Iterator[UnreadableRow]:
    for file, _ in result.ready:
        for reject in file.rejects if isinstance(file, PreparedCsv) else ():
            yield UnreadableRow(
                entity=table.name,
                batch_id=stamp.batch_id,
                file=file.found.name,
                row_number=reject.row,
                rule=reject.rule,
                reason=reject.reason(file.found.name),
                raw=reject.raw,
            )


def _count(result: _Sorted, deliveries: list[Delivery]) -> EntityReport:
    refused = [delivery for delivery in result.refused if delivery.status == "refused"]
    return EntityReport(
        files_new=len(deliveries),
        files_skipped=len(result.skipped),
        files_refused=len(refused),
        files_empty=len(result.refused) - len(refused),
        rows_landed=sum(delivery.rows_landed for delivery in deliveries),
        rows_unreadable=sum(delivery.rows_unreadable for delivery in deliveries),
        rows_recoded=sum(delivery.rows_recoded for delivery in deliveries),
    )


def _tell(landing: Landing, result: _Sorted, deliveries: list[Delivery]) -> None:
    for file, _ in result.skipped:
        landing.tell(f"{file.name}: unchanged, not read again")
    for delivery in deliveries:
        landing.tell(f"{delivery.file}: {delivery.rows_landed:,} rows landed")
    for delivery in result.refused:
        landing.tell(f"{delivery.status}: {delivery.reason}")


def _changed_meanwhile(file: str) -> LandingError:
    return LandingError(
        "the file changed while it was being read; nothing of its entity has landed.",
        where=file,
        remedy="Run again once the delivery is complete. Best let the lender write under "
        "another name (beginning with a dot) and rename at the end.",
    )


def _not_written(table: Table, error: duckdb.Error) -> LandingError:
    return LandingError(
        f"the rows could not be written ({str(error).splitlines()[0]}); nothing of this "
        "entity has landed.",
        where=f"raw.{table.raw_table}",
        remedy="See that disk and memory suffice (COMOVE_DUCKDB_MEMORY_LIMIT_GIB) and "
        "run again.",
    )
