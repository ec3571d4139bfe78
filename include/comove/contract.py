"""The source contract, read from the dbt source files, its one home."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from comove.errors import SettingsError
from comove.home import project_root


@dataclass(frozen=True)
class Column:
    """One column of a delivered table.

    Parameters
    ----------
    name, data_type, description : str
        As in the dbt source file; `data_type` is a SQL type.
    meta : dict
        Limits: ``required``, ``personal``, ``minimum``, ``maximum``,
        ``accepted_values``, ``not_after_delivery``, ``parent``.
    """

    name: str
    data_type: str
    description: str
    meta: dict[str, Any]

    @property
    def is_required(self) -> bool:
        """Whether a row without it is quarantined."""
        return bool(self.meta.get("required", False))

    @property
    def is_personal(self) -> bool:
        """Whether it must be masked or hashed outside ``raw``."""
        return bool(self.meta.get("personal", False))


@dataclass(frozen=True)
class Table:
    """One kind of delivered file.

    Parameters
    ----------
    source, name : str
        Source (``contract``, ``sba_7a`` …) and entity.
    columns : tuple of Column
        In contract order.
    key : tuple of str
        Columns of the key.
    amount : str or None
        Column whose sum is reconciled.
    files : tuple of str
        Patterns of file names below the data folder.
    """

    source: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    amount: str | None
    files: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def raw_table(self) -> str:
        """Name of its table in schema ``raw``."""
        return f"{self.source}__{self.name}"

    @property
    def is_typed(self) -> bool:
        """Whether the contract gives types, so that a typed twin exists."""
        return any(column.data_type != "varchar" for column in self.columns)


@cache
def load_source(source: str) -> tuple[Table, ...]:
    """Tables of one source.

    Parameters
    ----------
    source : str
        ``contract``, ``sba_7a``, ``superlender`` or ``xente``.

    Returns
    -------
    tuple of Table
        In the order of the source file.

    Raises
    ------
    SettingsError
        When no such source is described.
    """
    file = project_root() / f"dbt_project/models/staging/{source}/_{source}__sources.yml"
    if not file.is_file():
        raise SettingsError(
            f"there is no source called {source!r}.",
            where=str(file),
            remedy="Describe it there, or name one that exists.",
        )
    described = yaml.safe_load(file.read_text())["sources"][0]
    return tuple(_table(source, entry) for entry in described["tables"])


def _table(source: str, entry: dict[str, Any]) -> Table:
    meta = entry.get("config", {}).get("meta", {})
    name = entry["name"]
    return Table(
        source=source,
        name=name,
        columns=tuple(_column(column) for column in entry["columns"]),
        key=tuple(meta["key"]),
        amount=meta.get("amount"),
        files=tuple(meta.get("files", (f"{name}/**",))),
    )


def _column(entry: dict[str, Any]) -> Column:
    return Column(
        name=entry["name"],
        data_type=entry["data_type"],
        description=entry["description"],
        meta=entry.get("config", {}).get("meta", {}),
    )
