"""Dirty rows in typed files: damaged copies, repeats, corrections.

Every damaged row is a copy of a good one, which is delivered too; every wrong row is
delivered again, corrected, in a later file. So what has to be accepted is exactly what
was simulated, whatever becomes of the dirt.
"""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from comove.simulation.calendar import Ints
from comove.simulation.delivery import entity

# Share of an entity's rows that each kind of dirt makes.
RATE = 0.0005
FUTURE = dt.datetime(2098, 1, 15, 12)
# Beyond every number a lender of under ten million borrowers reaches.
UNKNOWN_PARENT = {"borrower_id": "B99000000", "loan_id": "L99000000"}

# Column each kind of dirt damages. Transactions may be negative and limits may lie in the
# future, so those have no such dirt.
FUTURE_COLUMN = {
    "borrowers": "registered_at",
    "applications": "applied_at",
    "loans": "disbursed_on",
    "repayments": "paid_on",
    "loan_events": "occurred_on",
    "collections": "contacted_at",
    "transactions": "occurred_at",
}
MONEY_COLUMN = {
    "borrowers": "liquid_assets",
    "applications": "requested_amount",
    "loans": "principal",
    "repayments": "paid_amount",
    "loan_events": "amount",
    "collections": "promised_amount",
    "transactions": "amount",
    "credit_limits": "credit_limit",
}
PARENT_COLUMN = {
    "applications": "borrower_id",
    "loans": "borrower_id",
    "repayments": "loan_id",
    "loan_events": "loan_id",
    "collections": "borrower_id",
    "transactions": "borrower_id",
    "credit_limits": "borrower_id",
}
UNKNOWN_VALUE = {
    "borrowers": ("kind", "persn"),
    "applications": ("decision", "maybe"),
    "loan_events": ("kind", "closed?"),
}

QUARANTINED, SUPERSEDED, ACCEPTED = "quarantined", "superseded", "accepted"


@dataclass
class Record:
    """What was planted where: rows of ``truth/dirty_rows.parquet``."""

    entity: list[str] = field(default_factory=list)
    file: list[str] = field(default_factory=list)
    row_number: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    rule: list[str | None] = field(default_factory=list)
    key: list[str] = field(default_factory=list)

    def add(
        self, dirt: "Dirt", name: str, file: str, rows: Ints, keys: list[str]
    ) -> None:
        """Note rows of one kind; `rows` counts from 1."""
        count = len(keys)
        self.entity += [name] * count
        self.file += [file] * count
        self.row_number += [int(row) for row in rows]
        self.kind += [dirt.kind] * count
        self.expected += [dirt.expected] * count
        self.rule += [dirt.rule] * count
        self.key += keys

    def extend(self, other: "Record") -> None:
        """Append another record."""
        for name, values in vars(self).items():
            values += getattr(other, name)

    def table(self) -> pa.Table:
        """As Arrow."""
        kinds = {"row_number": pa.int64()}
        return pa.table(
            {
                name: pa.array(values, kinds.get(name, pa.string()))
                for name, values in vars(self).items()
            }
        )


@dataclass(frozen=True)
class Dirt:
    """A kind of dirt, what becomes of its rows, and by which rule."""

    kind: str
    expected: str
    rule: str | None = None


@dataclass(frozen=True)
class Soiled:
    """An entity's file with dirt in it, and the later file that repeats some rows."""

    part: pa.Table
    redelivered: pa.Table


def keys_of(name: str, rows: pa.Table) -> list[str]:
    """Key of each row as text, its columns joined by ``|``."""
    columns = [rows[column].to_pylist() for column in entity(name).key]
    return ["|".join(map(str, values)) for values in zip(*columns, strict=True)]


def soil(
    name: str, good: pa.Table, file: str, record: Record, rng: np.random.Generator
) -> Soiled:
    """Add damaged copies to an entity's file, and repeat some rows in a later one.

    Parameters
    ----------
    name : str
        Entity.
    good : pyarrow.Table
        Its rows.
    file : str
        Name of the file below the data folder.
    record : Record
        Where the dirt is noted.
    rng : numpy.random.Generator
        Chooses the rows.
    """
    count = int(rng.binomial(good.num_rows, RATE)) if good.num_rows >= 100 else 0
    chosen = rng.permutation(good.num_rows)[: 7 * count].reshape(7, count)
    doubled, unchanged, wrong = chosen[4], chosen[5], chosen[6]
    for dirt, rows in (
        (Dirt("duplicate_key", SUPERSEDED), doubled),
        (Dirt("repeated_delivery", SUPERSEDED), unchanged),
        (Dirt("corrected_delivery", SUPERSEDED), wrong),
    ):
        record.add(dirt, name, file, rows + 1, keys_of(name, good.take(rows)))
    parts = [_with_errors(name, good, wrong)]
    at = good.num_rows + 1
    for dirt, copies in _damaged(name, good, chosen[:4]):
        numbers = at + np.arange(copies.num_rows)
        record.add(dirt, name, file, numbers, keys_of(name, copies))
        parts.append(copies)
        at += copies.num_rows
    parts.append(good.take(doubled))
    again = good.take(np.concatenate([unchanged, wrong]))
    return Soiled(pa.concat_tables(parts), again)


def _damaged(name: str, good: pa.Table, chosen: Ints) -> list[tuple[Dirt, pa.Table]]:
    """Copy good rows and give each kind of copy its own defect."""
    found = []
    if column := FUTURE_COLUMN.get(name):
        rows = _filled(good.take(chosen[0]), column)
        dirt = Dirt("future_date", QUARANTINED, f"future_{column}")
        found.append((dirt, _with_value(rows, column, FUTURE)))
    if name in MONEY_COLUMN and name != "transactions":
        column = MONEY_COLUMN[name]
        rows = _positive(good.take(chosen[1]), column)
        dirt = Dirt("negative_money", QUARANTINED, f"negative_{column}")
        negative = pc.negate(rows[column])
        found.append((dirt, _with_column(rows, column, negative)))
    if column := PARENT_COLUMN.get(name):
        rule = f"unknown_{column.removesuffix('_id')}"
        orphans = _with_value(good.take(chosen[2]), column, UNKNOWN_PARENT[column])
        found.append((Dirt("orphan", QUARANTINED, rule), orphans))
    if name in UNKNOWN_VALUE:
        column, value = UNKNOWN_VALUE[name]
        dirt = Dirt("unknown_value", QUARANTINED, f"unknown_value_{column}")
        found.append((dirt, _with_value(good.take(chosen[3]), column, value)))
    return found


def _filled(rows: pa.Table, column: str) -> pa.Table:
    return rows.filter(pc.is_valid(rows[column]))


def _positive(rows: pa.Table, column: str) -> pa.Table:
    return rows.filter(pc.fill_null(pc.greater(rows[column], Decimal(0)), False))


def _with_value(rows: pa.Table, column: str, value: object) -> pa.Table:
    kind = rows.schema.field(column).type
    if pa.types.is_date(kind) and isinstance(value, dt.datetime):
        value = value.date()
    return _with_column(rows, column, pa.array([value] * rows.num_rows, kind))


def _with_column(rows: pa.Table, column: str, values: pa.Array) -> pa.Table:
    index = rows.schema.get_field_index(column)
    return rows.set_column(index, rows.schema.field(index), values)


def _with_errors(name: str, good: pa.Table, wrong: Ints) -> pa.Table:
    """Rows of which some state another amount; their correction comes later."""
    column = MONEY_COLUMN.get(name)
    if column is None or not len(wrong):
        return good
    mask = np.zeros(good.num_rows, np.bool_)
    mask[wrong] = True
    values = good[column].combine_chunks()
    doubled = pc.add(values, values).cast(values.type)
    return _with_column(good, column, pc.if_else(pa.array(mask), doubled, values))
