"""Things a reader looks up by their key: everything published of one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from comove.pages.catalogue import PAGES
from comove.pages.persons import is_personal
from comove.pages.published import Published, Request

_TIMES = ("month", "observed_on", "as_of", "started_at", "registered_at", "checked_at")
_TITLES = {one.table: one.title for page in PAGES for one in page.listings}


@dataclass(frozen=True)
class Subject:
    """A kind of thing with a page of its own.

    Parameters
    ----------
    word, title : str
        Its part of an address, and what a reader calls it.
    column : str
        Holds its key, in every table that tells of it.
    known_in : tuple of str
        Tables it is in if it exists at all.
    is_person : bool
        Shown only to those whose role allows it.
    has_persons : bool
        Whether tables about persons are shown too, or only the others.
    """

    word: str
    title: str
    column: str
    known_in: tuple[str, ...]
    is_person: bool = False
    has_persons: bool = False


SUBJECTS = {
    one.word: one
    for one in (
        Subject(
            "borrower",
            "Borrower",
            "borrower_key",
            ("marts.dim_borrower",),
            is_person=True,
            has_persons=True,
        ),
        Subject(
            "event",
            "Default event",
            "event_id",
            ("risk.default_event",),
            has_persons=True,
        ),
        Subject("run", "Run", "run_id", ("audit.run",)),
        Subject(
            "model",
            "Model",
            "model_version",
            ("audit.model_registry", "audit.posterior"),
        ),
    )
}


def tables_of(subject: Subject, published: Published) -> dict[str, str]:
    """Titles of the published tables that may tell of a subject, by their names.

    Those that say whether it exists stand first.
    """
    found = [
        table
        for table, columns in published.tables().items()
        if subject.column in columns
        and (subject.has_persons or not any(map(is_personal, columns)))
    ]
    found.sort(key=lambda table: table not in subject.known_in)
    return {table: _TITLES.get(table, _title(table)) for table in found}


def is_known(subject: Subject, key: str, published: Published) -> bool:
    """Whether anything is published of a key.

    Parameters
    ----------
    subject : Subject
        What it is a key of.
    key : str
        As the address has it.
    published : Published
        The published copy.
    """
    equals = ((subject.column, key),)
    return any(
        published.rows(Request(table=table, equals=equals, size=1)).total
        for table in subject.known_in
        if table in published.tables()
    )


def newest_first(table: str, published: Published) -> str | None:
    """Column a subject's rows are sorted by until a reader chooses another."""
    columns = published.columns(table)
    return next((column for column in _TIMES if column in columns), None)


def _title(table: str) -> str:
    name = table.split(".")[1]
    return re.sub("^(dim|fct)_", "", name).replace("_", " ").capitalize()
