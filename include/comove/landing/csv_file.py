"""From a text file into ``raw``: DuckDB reads it, its rejects keep their row numbers."""

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from comove.connection import literal
from comove.contract import Table
from comove.landing.clean_copy import (
    KEPT_CHARACTERS,
    MARK,
    split_records,
    write_clean_copy,
)
from comove.landing.discovery import FoundFile
from comove.landing.header import Header, match_header
from comove.landing.raw_tables import text_table
from comove.landing.refusal import contradictory_count
from comove.landing.selection import Stamp, escaped_path, insert_statement
from comove.landing.text_file import TextFile, look_through, text_lines

# DuckDB's kinds of rejects: our rule, what was found, what to do.
REJECTS = {
    "MISSING COLUMNS": (
        "too_few_fields",
        "the row has fewer fields than the header",
        "Write every field, also the empty ones.",
    ),
    "TOO MANY COLUMNS": (
        "too_many_fields",
        "the row has more fields than the header",
        'Put values that hold the delimiter in quotes (").',
    ),
    "UNQUOTED VALUE": (
        "bad_quoting",
        "text stands before or after a quoted value",
        'Write a quote within a quoted value twice ("").',
    ),
    "bad_quoting": (
        "bad_quoting",
        "text stands before or after a quoted value",
        'Write a quote within a quoted value twice ("").',
    ),
    "unclosed_quote": (
        "unclosed_quote",
        "a quote is opened and not closed",
        'Close the quote, or write it twice ("") where it is part of the value.',
    ),
    "stray_line_end": (
        "stray_line_end",
        "a carriage return stands within the row",
        'Put values that hold a line end in quotes (").',
    ),
    "line_too_long": (
        "line_too_long",
        "the line is longer than 1.9 million bytes",
        "Look for a missing line end or quote.",
    ),
}
# How many rejects stand before the n-th accepted record.
REJECTS_BEFORE = """
    asof left join (
        select row_number - place + 1 as first_n, max(place) as before
        from (
            select row_number, row_number() over (order by row_number) as place
            from (select unnest($rejected) as row_number)
        )
        group by all
    ) as rejected on read.n >= rejected.first_n
"""
FORGET_REJECTS = "drop table landing_reject; drop table landing_reject_scan"
UNKNOWN_REJECT = (
    "unreadable_line",
    "the line cannot be split into columns",
    "Correct the line.",
)


@dataclass(frozen=True)
class Reject:
    """A record that cannot be split into columns.

    Parameters
    ----------
    row : int
        Its number in the file, the header not counted.
    rule, found, remedy, raw : str
        Rule it breaks, what was found, what to do, and its text.
    column : str or None
        Column at fault, where known.
    """

    row: int
    rule: str
    found: str
    remedy: str
    raw: str
    column: str | None

    def reason(self, file: str) -> str:
        """Say to the operator what is wrong, where, and what to do."""
        column = f", column {self.column}" if self.column else ""
        cut = (
            f" (The line is long; only its first {KEPT_CHARACTERS:,} characters are kept "
            "here.)"
            if self.rule == "line_too_long"
            else ""
        )
        return f"{file}, row {self.row}{column}: {self.found}. {self.remedy}{cut}"


@dataclass(frozen=True)
class PreparedCsv:
    """A text file ready to be inserted.

    Parameters
    ----------
    found : FoundFile
        As found in the data folder.
    text : TextFile
        As looked through.
    header : Header
        Its columns.
    path : Path
        The file itself or its rewritten copy.
    rejects : tuple of Reject
        Records DuckDB cannot split, in order.
    rows : int
        Accepted and rejected records, counted by line ends.
    """

    found: FoundFile
    text: TextFile
    header: Header
    path: Path
    rejects: tuple[Reject, ...]
    rows: int


@dataclass(frozen=True)
class _Trial:
    accepted: int
    rejects: tuple[Reject, ...]

    @property
    def rows(self) -> int:
        return self.accepted + len(self.rejects)


def prepare_csv(
    connection: duckdb.DuckDBPyConnection, found: FoundFile, table: Table, copy: Path
) -> PreparedCsv:
    """Look through a text file and find the records that cannot be read.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Used for reading only.
    found : FoundFile
        The file.
    table : Table
        Its entity.
    copy : Path
        Where a rewritten copy may be put.

    Raises
    ------
    RefusedFileError
        When nothing of the file can be landed.
    """
    text = look_through(found.name, found.path, table)
    header = match_header(found.name, text.columns, table)
    if not text.needs_copy:
        trial = _trial(connection, text, header, found.path)
        # After a damaged quote DuckDB may take lines together, or show the wrong ones.
        is_sure = trial is not None and not (trial.rejects and text.has_quotes)
        if trial and is_sure and trial.rows == text.rows:
            rejects = _with_whole_text(trial.rejects, text)
            return PreparedCsv(found, text, header, found.path, rejects, text.rows)
    clean = write_clean_copy(text, copy)
    trial = _trial(connection, text, header, copy, clean.set_aside)
    if trial is None or trial.rows != clean.records:
        raise contradictory_count(found.name, clean.records, trial.rows if trial else 0)
    rejects = _with_whole_text(trial.rejects, text)
    return PreparedCsv(found, text, header, copy, rejects, clean.records)


def insert_csv(
    connection: duckdb.DuckDBPyConnection, csv: PreparedCsv, table: Table, stamp: Stamp
) -> None:
    """Insert the readable records of a text file.

    The n-th accepted record is record n plus the rejects before it.

    Raises
    ------
    RefusedFileError
        When fewer or more records can be read than line ends promise.
    """
    reading = _read_csv(csv.text, csv.header, csv.path)
    # Our own parts only, hence S608 has nothing to warn of.
    numbered = f"(select *, row_number() over () as n from {reading}) as read"  # noqa: S608 - our own SQL
    statement = insert_statement(
        text_table(table),
        table,
        csv.header,
        values={name: f"read.c{at}" for at, name in enumerate(csv.header.names)},
        file=literal(csv.found.name),
        row="read.n + coalesce(rejected.before, 0)" if csv.rejects else "read.n",
        origin=numbered + (REJECTS_BEFORE if csv.rejects else ""),
    )
    rejected = {"rejected": [reject.row for reject in csv.rejects]} if csv.rejects else {}
    inserted = connection.execute(statement, {**stamp.parameters, **rejected}).fetchall()
    connection.execute(FORGET_REJECTS)
    if (read := int(inserted[0][0]) + len(csv.rejects)) != csv.rows:
        raise contradictory_count(csv.found.name, csv.rows, read)


def _trial(
    connection: duckdb.DuckDBPyConnection,
    text: TextFile,
    header: Header,
    path: Path,
    set_aside: list[tuple[str, str]] | None = None,
) -> _Trial | None:
    """Read every record without keeping it; None where DuckDB gives the file up."""
    reading = _read_csv(text, header, path)
    counted = connection.sql(f"from {reading}")
    try:
        # Every column is counted, or DuckDB would not look at all of them.
        counts = counted.aggregate("count(*), count(columns(*))").fetchall()
    except duckdb.InvalidInputException:
        return None
    rows = connection.execute(
        """
        select line, arg_min(error_type, column_idx), arg_min(column_name, column_idx),
            any_value(csv_line)
        from landing_reject group by line order by line
        """
    ).fetchall()
    connection.execute(FORGET_REJECTS)
    rejects = (
        _reject(*row, text=text, header=header, set_aside=set_aside or []) for row in rows
    )
    return _Trial(int(counts[0][0]), tuple(rejects))


def _reject(
    line: int,
    error_type: str,
    column: str | None,
    raw: str,
    *,
    text: TextFile,
    header: Header,
    set_aside: list[tuple[str, str]],
) -> Reject:
    named = header.names[int(column[1:])] if column else None
    if set_aside and raw.startswith(MARK):
        number = int(raw.removeprefix(MARK).partition(text.delimiter)[0])
        named, (error_type, raw) = None, set_aside[number]
    rule, found, remedy = REJECTS.get(error_type, UNKNOWN_REJECT)
    return Reject(line - 1, rule, found, remedy, raw, named)


def _with_whole_text(rejects: tuple[Reject, ...], text: TextFile) -> tuple[Reject, ...]:
    """Put the record itself in place of what DuckDB shows of it, at most 10,000 bytes."""
    if not rejects:
        return ()
    wanted = {reject.row: reject for reject in rejects}
    records = split_records(text_lines(text), text.delimiter.encode())
    for row, (rule, record) in enumerate(records):
        if row in wanted and rule != "line_too_long":
            whole = record.decode().rstrip("\r\n")
            wanted[row] = replace(wanted[row], raw=whole)
    return tuple(wanted.values())


def _read_csv(text: TextFile, header: Header, path: Path) -> str:
    columns = ", ".join(f"'c{at}': 'varchar'" for at in range(len(header.names)))
    packed = "gzip" if text.is_gzip and path == text.path else "none"
    # `ignore_errors` would be another thing: it drops good rows after a badly quoted
    # one (measured on DuckDB 2.0.0).
    return f"""
        read_csv(
            {literal(escaped_path(path))}, columns = {{{columns}}}, auto_detect = false,
            header = true, delim = {literal(text.delimiter)}, quote = '"', escape = '"',
            compression = '{packed}', hive_partitioning = false, store_rejects = true,
            rejects_table = 'landing_reject', rejects_scan = 'landing_reject_scan'
        )
    """
