"""Matching the columns of a file with those of the contract."""

from dataclasses import dataclass

from comove.contract import Table
from comove.landing.refusal import duplicate_header, missing_column


@dataclass(frozen=True)
class Header:
    """Columns of a file, matched with the contract.

    Parameters
    ----------
    names : tuple of str
        For each column of the file its contract name, or its own name when unknown.
    known : dict of str to str
        Contract column to the column's name in `names`.
    missing, unknown : tuple of str
        Contract columns the file lacks; columns the contract does not know.
    """

    names: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def match_header(file: str, delivered: list[str], table: Table) -> Header:
    """Match the columns of a file with the contract, whatever their case and spaces.

    Parameters
    ----------
    file : str
        Name for messages.
    delivered : list of str
        Column names as they stand in the file; an empty one is called `column_<n>`.
    table : Table
        What the contract expects.

    Raises
    ------
    RefusedFileError
        When a column stands twice or a required one is missing.
    """
    known = {name.lower(): name for name in table.column_names}
    cleaned = [name.strip() or f"column_{at}" for at, name in enumerate(delivered, 1)]
    names = [known.get(name.lower(), name) for name in cleaned]
    folded = [name.lower() for name in names]
    if doubled := sorted({name for name in folded if folded.count(name) > 1}):
        raise duplicate_header(file, doubled)
    missing = [column for column in table.columns if column.name not in names]
    if required := [column.name for column in missing if column.is_required]:
        raise missing_column(file, required)
    return Header(
        names=tuple(names),
        missing=tuple(column.name for column in missing),
        unknown=tuple(name for name in names if name not in table.column_names),
    )
