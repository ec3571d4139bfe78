"""A rewritten copy of a text file in which every record can be read, or is set aside.

DuckDB lets an unclosed quote swallow the lines after it. The copy sets aside only the
line at fault: a mark takes its place, which DuckDB rejects with the right record number.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from comove.landing.text_file import LONGEST_LINE_BYTES, TextFile, text_lines

MARK = "\x1ecomove"
# Of a line too long to be a row, this much is kept to know it by.
KEPT_CHARACTERS = 10_000
# DuckDB passes over one space before a quoted value and any after it; a quote after two
# spaces is part of the value (measured on 2.0.0).
_OPENING_QUOTE = re.compile(rb' ?"')
_TO_CLOSING_QUOTE = re.compile(rb'[^"]*+(?:""[^"]*+)*+"(?!") *+')


@dataclass(frozen=True)
class CleanCopy:
    """A rewritten copy.

    Parameters
    ----------
    path : Path
        UTF-8, line feeds, no byte-order mark, no blank lines between records.
    records : int
        Records in it without the header, marks included.
    set_aside : list of tuple of str
        Rule and text of each line a mark stands for, by the number in the mark.
    """

    path: Path
    records: int
    set_aside: list[tuple[str, str]]


@dataclass
class _Writer:
    columns: int
    delimiter: str
    set_aside: list[tuple[str, str]] = field(default_factory=list)

    def mark(self, rule: str, line: bytes) -> bytes:
        text = line.decode(errors="replace").rstrip("\r\n")
        self.set_aside.append((rule, text[:KEPT_CHARACTERS]))
        # DuckDB forgives one field too many if it is empty, so there are more, and full.
        surplus = f"{self.delimiter}x" * (self.columns + 1)
        return f"{MARK}{len(self.set_aside) - 1}{surplus}\n".encode()


def write_clean_copy(text: TextFile, path: Path) -> CleanCopy:
    """Rewrite a text file record by record.

    Parameters
    ----------
    text : TextFile
        As looked through.
    path : Path
        Where to write the copy.
    """
    writer = _Writer(len(text.columns), text.delimiter)
    records = -1
    with path.open("wb") as stream:
        for record in split_records(text_lines(text), text.delimiter.encode()):
            rule, content = record
            stream.write(writer.mark(rule, content) if rule else content)
            records += 1
    return CleanCopy(path, records, writer.set_aside)


def split_records(
    lines: Iterable[bytes], delimiter: bytes
) -> Iterator[tuple[str, bytes]]:
    """Put lines together to records.

    Parameters
    ----------
    lines : iterable of bytes
        Lines in UTF-8 with their ends.
    delimiter : bytes
        One character.

    Yields
    ------
    tuple of str and bytes
        Rule the record breaks, or an empty text, and the record.
    """
    source = iter(lines)
    ahead: deque[bytes] = deque()
    while line := _next_line(ahead, source):
        if not line.strip(b"\r\n"):
            continue
        state = "too long" if len(line) > LONGEST_LINE_BYTES else _end(line, delimiter)
        if state == "closed":
            yield _complete(line, delimiter)
        elif state == "open":
            taken, is_closed = _take_until_closed(ahead, source, delimiter, len(line))
            if is_closed:
                yield _complete(line + b"".join(taken), delimiter)
            else:
                yield "unclosed_quote", line
                ahead.extendleft(reversed(taken))
        else:
            yield ("line_too_long" if state == "too long" else "bad_quoting"), line


def _take_until_closed(
    ahead: deque[bytes], source: Iterator[bytes], delimiter: bytes, size: int
) -> tuple[list[bytes], bool]:
    taken: list[bytes] = []
    while size <= LONGEST_LINE_BYTES and (line := _next_line(ahead, source)):
        taken.append(line)
        size += len(line)
        state = _end(line, delimiter, is_inside=True)
        if state != "open":
            return taken, state == "closed" and size <= LONGEST_LINE_BYTES
    return taken, False


def _next_line(ahead: deque[bytes], source: Iterator[bytes]) -> bytes:
    return ahead.popleft() if ahead else next(source, b"")


def _end(line: bytes, delimiter: bytes, *, is_inside: bool = False) -> str:
    """How a record stands at the end of a line: closed, open (in a quote) or broken."""
    if b'"' not in line:
        return "open" if is_inside else "closed"
    body = line.rstrip(b"\r\n")
    at = 0
    while True:
        opening = None if is_inside else _OPENING_QUOTE.match(body, at)
        if is_inside or opening:
            closing = _TO_CLOSING_QUOTE.match(body, opening.end() if opening else at)
            if closing is None:
                return "open"
            at, is_inside = closing.end(), False
            if at == len(body):
                return "closed"
            if body[at : at + 1] != delimiter:
                return "broken"
            at += 1
        else:
            following = body.find(delimiter, at)
            if following < 0:
                return "closed"
            at = following + 1


def _complete(record: bytes, delimiter: bytes) -> tuple[str, bytes]:
    body = record.rstrip(b"\r\n")
    # DuckDB stops at a carriage return that ends no line, unless it is quoted.
    if b"\r" in body and b"\r" in _without_quoted(body, delimiter):
        return "stray_line_end", record
    return "", body + b"\n"


def _without_quoted(body: bytes, delimiter: bytes) -> bytes:
    begin = rb"(?:^|(?<=" + re.escape(delimiter) + rb"))"
    return re.sub(begin + rb' ?"[^"]*+(?:""[^"]*+)*+"', b"", body)
