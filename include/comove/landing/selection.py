"""The one insert statement of landing: contract columns, extras and provenance."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from comove.connection import literal, quoted
from comove.contract import Table
from comove.landing.header import Header
from comove.landing.raw_tables import PROVENANCE


@dataclass(frozen=True)
class Stamp:
    """What all rows of a batch have in common.

    Parameters
    ----------
    landed_at : datetime
        UTC, without time zone.
    batch_id : str
        The batch.
    """

    landed_at: dt.datetime
    batch_id: str

    @property
    def parameters(self) -> dict[str, object]:
        """Parameters of the insert statement."""
        return {"landed_at": self.landed_at, "batch_id": self.batch_id}


def insert_statement(
    target: str,
    table: Table,
    header: Header,
    *,
    values: dict[str, str],
    file: str,
    row: str,
    origin: str,
) -> str:
    """Compose the insert statement for files of one shape.

    Parameters
    ----------
    target : str
        Table in schema ``raw``.
    table : Table
        The entity.
    header : Header
        Columns of the files.
    values : dict of str to str
        SQL expression for each column of the files, by its name in the header.
    file, row : str
        SQL expressions for `_file` and `_row`.
    origin : str
        What follows ``from``.

    Returns
    -------
    str
        With the parameters `$landed_at` and `$batch_id`.
    """
    selected = {name: values.get(name, "null") for name in table.column_names}
    selected |= {
        "_extra": extra_json({name: values[name] for name in header.unknown}),
        "_file": file,
        "_row": row,
        "_landed_at": "$landed_at",
        "_batch": "$batch_id",
    }
    names = ", ".join(quoted(name) for name in (*table.column_names, *PROVENANCE))
    expressions = ", ".join(selected.values())
    return f"insert into {target} ({names}) select {expressions} from {origin}"  # noqa: S608 - names quoted above


def extra_json(values: dict[str, str]) -> str:
    """Compose a JSON object of the columns that are not null; null where none is."""
    if not values:
        return "null"
    pairs = ", ".join(
        f"""{literal(f'"{_escaped(name)}":')} || cast(to_json({value}) as varchar)"""
        for name, value in values.items()
    )
    return f"nullif('{{' || concat_ws(',', {pairs}) || '}}', '{{}}')"


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def escaped_path(path: Path) -> str:
    """Write a path so that DuckDB finds no pattern in it."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
