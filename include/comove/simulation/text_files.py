"""A few rows delivered as text, as branches and partners type them."""

import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from comove.simulation.calendar import Ints
from comove.simulation.dirt import ACCEPTED, QUARANTINED, Dirt, Record, keys_of

MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
ACCENTED_NAME = "Zoë Müller-Núñez"


def _spaced(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",")


def _dollars(amount: Decimal) -> str:
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def _by_strokes(day: dt.date) -> str:
    return f"{day:%d/%m/%Y}"


def _by_name(day: dt.date) -> str:
    # Not %b: that depends on the locale.
    return f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year % 100:02d}"


@dataclass(frozen=True)
class Style:
    """How one text file is written.

    Parameters
    ----------
    rows : int
        Rows taken from the block for it.
    file : str
        Name within the entity's folder; sorts after the typed files.
    delimiter : str
        Between fields.
    money, date : callable
        How amounts and dates are written.
    has_mark : bool
        Starts with a byte-order mark.
    has_latin_1 : bool
        One line is in Latin-1, the others in UTF-8.
    extra_column : str or None
        A column the contract does not know.
    """

    rows: int
    file: str
    delimiter: str = ","
    money: Callable[[Decimal], str] = str
    date: Callable[[dt.date], str] = str
    has_mark: bool = False
    has_latin_1: bool = False
    extra_column: str | None = None


STYLES = {
    "borrowers": Style(
        40, "text-branch.csv", money=_dollars, date=_by_strokes, has_latin_1=True
    ),
    "applications": Style(80, "text-partner.csv.gz", delimiter=";", money=_spaced),
    "loans": Style(40, "text-branch.csv", date=_by_name, money=_dollars),
    "repayments": Style(
        200, "text-bank.csv.gz", money=_dollars, date=_by_strokes, has_mark=True
    ),
    "loan_events": Style(40, "text-branch.csv", date=_by_strokes),
    "collections": Style(
        40, "text-agency.csv", delimiter=";", money=_spaced, date=_by_strokes
    ),
    "transactions": Style(120, "text-bank.csv", extra_column="branch_note"),
    "credit_limits": Style(40, "text-branch.csv.gz", money=_spaced, delimiter="|"),
}


def take_text_rows(
    name: str, good: pa.Table, rng: np.random.Generator
) -> tuple[pa.Table, pa.Table]:
    """Rows that stay typed, and those that are delivered as text only."""
    count = min(STYLES[name].rows, good.num_rows // 20)
    chosen = np.zeros(good.num_rows, np.bool_)
    chosen[rng.choice(good.num_rows, count, replace=False)] = True
    return good.filter(pa.array(~chosen)), good.filter(pa.array(chosen))


def write_text(name: str, rows: pa.Table, folder: Path, record: Record) -> int:
    """Write rows as text, with lines among them that cannot be read.

    Parameters
    ----------
    name : str
        Entity.
    rows : pyarrow.Table
        Good rows; damaged copies of the first few are added.
    folder : Path
        ``landing``.
    record : Record
        Where each line is noted.

    Returns
    -------
    int
        Lines written, the header not counted.
    """
    style = STYLES[name]
    file = f"{name}/{style.file}"
    lines = [_fields(row, style) for row in rows.to_pylist()]
    keys = keys_of(name, rows)
    _note(
        record, Dirt("written_as_text", ACCEPTED), name, file, np.arange(len(keys)), keys
    )
    if style.has_latin_1 and lines:
        _name_with_accents(lines, rows)
        record.kind[-1] = "latin_1_line"
    for number, (dirt, fields) in enumerate(_unreadable(lines, rows)):
        at = np.array([len(lines)])
        _note(record, dirt, name, file, at, [keys[number]])
        lines.append(fields)
    header = [*rows.column_names, *([style.extra_column] if style.extra_column else [])]
    latin = rows.num_rows - 1 if style.has_latin_1 else -1
    _write(folder / file, _encoded([header, *lines], style, latin + 1))
    return len(lines)


def _note(
    record: Record, dirt: Dirt, name: str, file: str, rows: Ints, keys: list[str]
) -> None:
    record.add(dirt, name, file, rows + 1, keys)


def _fields(row: dict[str, Any], style: Style) -> list[str]:
    fields = [_text(value, style) for value in row.values()]
    return [*fields, "typed by hand"] if style.extra_column else fields


def _text(value: Any, style: Style) -> str:
    match value:
        case None:
            return ""
        case Decimal():
            return style.money(value)
        case dt.datetime():
            return f"{style.date(value.date())} {value:%H:%M:%S}"
        case dt.date():
            return style.date(value)
        case _:
            return str(value)


def _name_with_accents(lines: list[list[str]], rows: pa.Table) -> None:
    """Two names outside ASCII: one line of them is later written in Latin-1."""
    column = rows.column_names.index("name")
    for line in (lines[0], lines[-1]):
        line[column] = ACCENTED_NAME


def _unreadable(
    lines: list[list[str]], rows: pa.Table
) -> Iterator[tuple[Dirt, list[str]]]:
    """Copy the first lines, and give each copy a defect."""
    if len(lines) < 4:
        return
    good = [list(line) for line in lines[:4]]
    yield Dirt("too_many_fields", QUARANTINED, "too_many_fields"), [*good[0], "x", "y"]
    yield Dirt("too_few_fields", QUARANTINED, "too_few_fields"), good[1][:-2]
    types = {field.name: field.type for field in rows.schema}
    money = next(name for name, kind in types.items() if pa.types.is_decimal(kind))
    good[2][rows.column_names.index(money)] = "about 12k"
    yield Dirt("unreadable_number", QUARANTINED, f"unreadable_{money}"), good[2]
    day = next(name for name, kind in types.items() if pa.types.is_temporal(kind))
    good[3][rows.column_names.index(day)] = "31/31/2023"
    yield Dirt("unreadable_date", QUARANTINED, f"unreadable_{day}"), good[3]


def _encoded(lines: list[list[str]], style: Style, latin: int) -> bytes:
    """Encode the file; `latin` is the line in Latin-1, 0 for none."""
    mark = b"\xef\xbb\xbf" if style.has_mark else b""
    texts = [_line(fields, style.delimiter) for fields in lines]
    coded = [
        text.encode("latin-1" if latin and number == latin else "utf-8")
        for number, text in enumerate(texts)
    ]
    return mark + b"".join(coded)


def _line(fields: list[str], delimiter: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerow(fields)
    return stream.getvalue()


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".gz":
        # Without a time in its header, the same content gives the same bytes.
        content = gzip.compress(content, mtime=0)
    file.write_bytes(content)


def write_broken_files(folder: Path) -> pa.Table:
    """Write files that cannot be landed at all, one of each kind.

    Returns
    -------
    pyarrow.Table
        File, entity and kind of each.
    """
    whole = gzip.compress(b"contact_id,borrower_id,contacted_at\n" * 500, mtime=0)
    broken = (
        (
            "collections/text-zz-truncated.csv.gz",
            "truncated_gz",
            whole[: len(whole) // 2],
        ),
        (
            "transactions/text-zz-page.csv",
            "not_csv",
            b"<html><body>Log in</body></html>\n",
        ),
        ("loans/text-zz-short.csv", "missing_column", b"loan_id,principal\nL1,5.00\n"),
        ("applications/text-zz-empty.csv", "empty_file", b""),
        ("repayments/zz-cut.parquet", "broken_parquet", b"PAR1 and then nothing"),
    )
    for name, _, content in broken:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return pa.table(
        {
            "file": [name for name, _, _ in broken],
            "entity": [name.split("/")[0] for name, _, _ in broken],
            "kind": [kind for _, kind, _ in broken],
        }
    )
