"""Reports and docs that lie in a home as files, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from comove.errors import ComoveError
from comove.home import Home

# What reports are made of; models, data and secrets are never handed out.
SHOWN = {".html", ".pdf", ".csv", ".parquet", ".md", ".png", ".svg"}
# Reports are written without keys of persons; the files of rows beside them have some.
WITHOUT_PERSONS = (".html", ".pdf", ".png", ".svg")
ROWS = {".csv", ".parquet"}


class NoSuchFileError(ComoveError):
    """A file that was asked for is not there, or not to be shown."""


@dataclass(frozen=True)
class Report:
    """A report to link to.

    Parameters
    ----------
    path : str
        Below ``reports/``.
    title : str
        Its folder and month.
    """

    path: str
    title: str


def page_file(folder: Path, path: str) -> Path:
    """Find a file below a folder.

    Parameters
    ----------
    folder : Path
        What may be shown.
    path : str
        Relative to it, as a reader wrote it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NoSuchFileError
        If it is not there, of another kind, or outside of the folder.
    """
    if "\0" in path:
        raise _missing()
    root = folder.resolve()
    file = (root / path).resolve()
    if file.is_relative_to(root) and file.suffix in SHOWN and file.is_file():
        return file
    raise _missing()


def reports_of(
    home: Home, folders: tuple[str, ...], *, sees_persons: bool
) -> list[Report]:
    """List the pages of some folders of reports, and the files of rows beside them.

    Parameters
    ----------
    home : Home
        Whose.
    folders : tuple of str
        Names below ``reports/``.
    sees_persons : bool
        Whether files of rows are listed.

    Returns
    -------
    list of Report
        Of each folder, newest month first.
    """
    found = []
    for name in folders:
        months = sorted((home.reports / name).glob("*/"), reverse=True)
        files = [file for month in months for file in _of_month(month, sees_persons)]
        files += (home.reports / name).glob("latest.html")
        for file in files:
            inner = "latest" if file.name == "latest.html" else file.parent.name
            title = f"{name.replace('_', ' ')} {inner}"
            if file.suffix in ROWS:
                title += f": {file.name}"
            found.append(Report(file.relative_to(home.reports).as_posix(), title))
    return found


def _of_month(folder: Path, sees_persons: bool) -> list[Path]:
    rows = [file for file in sorted(folder.iterdir()) if file.suffix in ROWS]
    return [*folder.glob("index.html"), *(rows if sees_persons else [])]


def _missing() -> NoSuchFileError:
    return NoSuchFileError(
        "there is no such file.",
        where="reports and docs",
        remedy="Open it from the list of its page.",
    )
