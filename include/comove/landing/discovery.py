"""Finding the lender's files and telling which entity each belongs to."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from comove.contract import Table
from comove.landing.refusal import LandingError

SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class FoundFile:
    """A file in the data folder.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        Path relative to the data folder, with forward slashes.
    size_bytes : int
        Its size; -1 where even that cannot be asked.
    modified_at : datetime
        When it was last changed, UTC, without time zone.
    """

    path: Path
    name: str
    size_bytes: int
    modified_at: dt.datetime

    @property
    def is_parquet(self) -> bool:
        """Whether its name says Parquet."""
        return self.name.lower().endswith(".parquet")

    def is_as_found(self) -> bool:
        """Whether size and time of change are still what they were when found."""
        return _stat(self.path) == (self.size_bytes, self.modified_at)


@dataclass(frozen=True)
class Discovery:
    """All files of a data folder.

    Parameters
    ----------
    by_entity : dict of str to tuple of FoundFile
        Files of each entity, sorted by name.
    unknown : tuple of str
        Names of files that belong to no entity.
    """

    by_entity: dict[str, tuple[FoundFile, ...]]
    unknown: tuple[str, ...]


def discover(folder: Path, tables: tuple[Table, ...]) -> Discovery:
    """Look through the data folder.

    Hidden files, names that begin with an underscore and README files are passed over.

    Raises
    ------
    LandingError
        When the folder is missing or unreadable, or holds no file of any entity.
    """
    files = sorted(_walk(folder), key=lambda file: file.name)
    owners = {file.name: _owner(file.name, tables) for file in files}
    if not any(owners.values()):
        raise _no_files(folder, tables)
    by_entity = {
        table.name: tuple(file for file in files if owners[file.name] == table.name)
        for table in tables
    }
    unknown = tuple(name for name, owner in owners.items() if owner is None)
    return Discovery(by_entity, unknown)


def _walk(folder: Path) -> Iterator[FoundFile]:
    if not folder.is_dir():
        raise LandingError(
            "the folder with the lender's files does not exist.",
            where=str(folder),
            remedy="Create it and put the files in, or set COMOVE_DATA (DATA=…) to it.",
        )
    for here, folders, names in os.walk(folder, onerror=_stop, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_ignored(name))
        for name in names:
            if not _is_ignored(name):
                path = Path(here) / name
                yield FoundFile(path, path.relative_to(folder).as_posix(), *_stat(path))


def _stop(error: OSError) -> None:
    raise LandingError(
        f"the folder cannot be read ({error.strerror}).",
        where=str(error.filename),
        remedy="Give the account that runs comove the right to read it.",
    ) from error


def _is_ignored(name: str) -> bool:
    return name.startswith((".", "_")) or name.lower().startswith("readme")


def _stat(path: Path) -> tuple[int, dt.datetime]:
    try:
        found = path.stat()
    except OSError:
        return -1, dt.datetime(1970, 1, 1)
    changed = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
    return found.st_size, changed.replace(tzinfo=None)


def _owner(name: str, tables: tuple[Table, ...]) -> str | None:
    if not name.lower().endswith(SUFFIXES):
        return None
    for table in tables:
        if any(fnmatchcase(name, pattern) for pattern in table.files):
            return table.name
    return None


def _no_files(folder: Path, tables: tuple[Table, ...]) -> LandingError:
    patterns = ", ".join(pattern for table in tables for pattern in table.files)
    return LandingError(
        f"there is no file of any entity (looked for {patterns}).",
        where=str(folder),
        remedy=f"Put the lender's files there, ending in {', '.join(SUFFIXES)}; "
        "docs/source-contract.md shows how.",
    )
