"""A look through a text file before DuckDB reads it: encoding, delimiter, rows.

Everything here streams; no file is held in memory.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from comove.contract import Table
from comove.landing.refusal import empty_file, not_csv, truncated_gz, unreadable_file

DELIMITERS = (",", ";", "\t", "|")
GZIP_MAGIC = b"\x1f\x8b"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK = b"\xef\xbb\xbf"
# DuckDB refuses lines above 2,000,000 bytes, and above its buffer of 32 MB it drops
# them without a word (measured on 2.0.0), so longer lines never reach it.
LONGEST_LINE_BYTES = 1_900_000
HEAD_BYTES = 65_536
# What files that are not CSV begin with, what they look like, what to do.
OTHER_KINDS = (
    (
        b"PK\x03\x04",
        "it looks like an Excel workbook or a zip archive",
        "Save it as CSV.",
    ),
    (b"\xd0\xcf\x11\xe0", "it looks like an old Excel workbook", "Save it as CSV."),
    (b"PAR1", "it looks like Parquet", "Let its name end in .parquet."),
    (b"%PDF", "it looks like a PDF document", "Export the table itself as CSV."),
    (b"<", "it looks like HTML or XML", "Download the file itself, not its page."),
    (b"{", "it looks like JSON", "Export it as CSV or Parquet."),
)


@dataclass(frozen=True)
class TextFile:
    r"""What a look through a text file found.

    Parameters
    ----------
    path : Path
        The file as delivered.
    is_gzip : bool
        By its content, whatever its name says.
    encoding : str
        ``utf-8``, ``utf-8 with byte-order mark``, ``utf-16`` or ``utf-8 and
        windows-1252`` where single lines are not UTF-8.
    newline : str
        ``\n``, or ``\r`` where no line feed is used at all.
    delimiter : str
        One of `DELIMITERS`.
    columns : list of str
        Names as they stand in the header.
    rows : int
        Data rows by line ends outside quotes; blank lines are not rows.
    rows_recoded : int
        Lines that are not UTF-8.
    has_quotes : bool
        Whether a quote stands anywhere in it.
    needs_copy : bool
        Whether DuckDB must be given a rewritten copy to read it rightly.
    """

    path: Path
    is_gzip: bool
    encoding: str
    newline: str
    delimiter: str
    columns: list[str]
    rows: int
    rows_recoded: int
    has_quotes: bool
    needs_copy: bool


def look_through(file: str, path: Path, table: Table) -> TextFile:
    """Read a text file once from end to end.

    Parameters
    ----------
    file : str
        Name for messages.
    path : Path
        Where it is.
    table : Table
        Its column names tell the delimiter.

    Raises
    ------
    RefusedFileError
        When it is empty, unreadable, damaged or no CSV.
    """
    try:
        return _look_through(file, path, table)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise truncated_gz(file, error) from error
    except UnicodeError as error:
        raise not_csv(
            file, f"its UTF-16 text is damaged ({error})", "Save it as UTF-8."
        ) from error
    except OSError as error:
        raise unreadable_file(file, error) from error


def text_lines(text: TextFile) -> Iterator[bytes]:
    """Lines of a looked-through file, in UTF-8, each with its line feed.

    Lines that are not UTF-8 are read as Windows-1252.
    """
    with _open(text.path, is_gzip=text.is_gzip) as stream:
        for line in _lines(stream, text.encoding, text.newline):
            yield line if _is_utf8(line) else recoded(line)


def recoded(line: bytes) -> bytes:
    """UTF-8 for a line in Windows-1252; bytes it does not define are kept as controls."""
    try:
        return line.decode("cp1252").encode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()


def _look_through(file: str, path: Path, table: Table) -> TextFile:
    is_gzip = _begins_with_gzip(file, path)
    with _open(path, is_gzip=is_gzip) as stream:
        head = stream.read(HEAD_BYTES)
    _refuse_other_kinds(file, head)
    encoding = _encoding(head)
    newline = "\r" if b"\r" in head and b"\n" not in head else "\n"
    with _open(path, is_gzip=is_gzip) as stream:
        lines = _lines(stream, encoding, newline)
        header = next(lines)
        text = header if _is_utf8(header) else recoded(header)
        delimiter, columns = _read_header(file, text.decode(), table)
        tally = _Tally()
        tally.look(header)
        for line in lines:
            tally.look(line)
    return TextFile(
        path=path,
        is_gzip=is_gzip,
        encoding="utf-8 and windows-1252" if tally.recoded else encoding,
        newline=newline,
        delimiter=delimiter,
        columns=columns,
        rows=tally.records - 1,
        rows_recoded=tally.recoded,
        has_quotes=tally.has_quotes,
        needs_copy=tally.needs_copy or encoding == "utf-16" or newline == "\r",
    )


def _begins_with_gzip(file: str, path: Path) -> bool:
    with path.open("rb") as stream:
        begin = stream.read(2)
    if not begin:
        raise empty_file(file)
    return begin == GZIP_MAGIC


@contextmanager
def _open(path: Path, *, is_gzip: bool) -> Iterator[IO[bytes]]:
    with path.open("rb", buffering=1 << 20) as stream:
        if not is_gzip:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            # GzipFile is a raw-enough stream, whatever its stub says.
            yield io.BufferedReader(cast(io.RawIOBase, unpacked), 1 << 20)


def _lines(stream: IO[bytes], encoding: str, newline: str) -> Iterator[bytes]:
    if encoding == "utf-16":
        decoded = io.TextIOWrapper(stream, "utf-16", newline=newline)
        for text in decoded:
            yield text.replace("\r", "\n").encode() if newline == "\r" else text.encode()
    elif newline == "\r":
        for text in io.TextIOWrapper(stream, "latin-1", newline=newline):
            yield text.replace("\r", "\n").encode("latin-1").removeprefix(UTF8_MARK)
    else:
        first = next(stream, b"")
        yield first.removeprefix(UTF8_MARK)
        yield from stream


def _encoding(head: bytes) -> str:
    if head.startswith(UTF16_MARKS):
        return "utf-16"
    if head.startswith(UTF8_MARK):
        return "utf-8 with byte-order mark"
    return "utf-8"


def _refuse_other_kinds(file: str, head: bytes) -> None:
    if not head:
        raise empty_file(file)
    if head.startswith(UTF16_MARKS):
        return
    for magic, looks_like, remedy in OTHER_KINDS:
        if head.lstrip().startswith(magic):
            raise not_csv(file, looks_like, remedy)
    if b"\0" in head:
        raise not_csv(file, "it holds binary data", "Export it as CSV or Parquet.")


def _read_header(file: str, line: str, table: Table) -> tuple[str, list[str]]:
    known = {name.lower() for name in table.column_names}
    read = {mark: next(csv.reader([line], delimiter=mark), []) for mark in DELIMITERS}
    hits = {mark: len(known & {c.strip().lower() for c in read[mark]}) for mark in read}
    best = max(DELIMITERS, key=lambda mark: hits[mark])
    if not hits[best]:
        raise not_csv(
            file,
            "its first line names no column of "
            f"{table.name} (such as {', '.join(table.column_names[:3])})",
            "Let the first line be the header, with the names of the source contract.",
        )
    return best, read[best]


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Tally:
    """Counts over the lines of a file.

    A line with an odd number of quotes opens or closes a text of several lines. That
    is right for well-formed files; where it disagrees with what DuckDB reads, the file
    is rewritten record by record.
    """

    def __init__(self) -> None:
        self.records = 0
        self.recoded = 0
        self.has_quotes = False
        self._is_inside = False
        self._blank_lines = 0
        self._ended_lines = 0
        self._dos_lines = 0
        self._has_inner_blank_line = False
        self._has_odd_line = False

    @property
    def needs_copy(self) -> bool:
        """Whether DuckDB would misread the file, or misnumber its rows."""
        return (
            self.recoded > 0
            or self._has_inner_blank_line
            or self._has_odd_line
            or self._is_inside
            or self._dos_lines not in (0, self._ended_lines)
        )

    def look(self, line: bytes) -> None:
        """Count one line, header included."""
        if not _is_utf8(line):
            self.recoded += 1
        if len(line) > LONGEST_LINE_BYTES or line.find(b"\r", 0, -2) >= 0:
            self._has_odd_line = True
        if quotes := line.count(b'"'):
            self.has_quotes = True
            self._is_inside ^= quotes % 2 == 1
        if not self._is_inside:
            self._end_record(line)

    def _end_record(self, line: bytes) -> None:
        if line in (b"\n", b"\r\n"):
            self._blank_lines += 1
            return
        self.records += 1
        self._has_inner_blank_line |= self._blank_lines > 0
        # The last line may lack its end, which is no mixture.
        self._ended_lines += line.endswith(b"\n")
        self._dos_lines += line.endswith(b"\r\n")
