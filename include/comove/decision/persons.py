"""Which keys are one person from which day on: links taken together, both ways."""

import datetime as dt
from collections.abc import Iterable

import duckdb

Link = tuple[str, str, dt.date]


def same_persons(
    links: Iterable[Link], apart: Iterable[tuple[str, str]] = ()
) -> list[Link]:
    """Take links together: who is linked to one is linked to all of that person's keys.

    Parameters
    ----------
    links : iterable of (str, str, date)
        Two keys of one person, and from when that is known; the order of both is of no
        consequence.
    apart : iterable of (str, str)
        Pairs a person has called two persons: they are never taken for one.

    Returns
    -------
    list of (str, str, date)
        Key, another key of the same person, and from when; each pair both ways, sorted.
    """
    different = {frozenset(pair) for pair in apart}
    person: dict[str, frozenset[str]] = {}
    found: list[Link] = []
    # Oldest first: two groups are one from the day of the first link between them.
    for one, other, day in sorted(links, key=lambda link: (link[2], link[:2])):
        left, right = (person.get(key, frozenset({key})) for key in (one, other))
        if right is left or frozenset({one, other}) in different:
            continue
        pairs = [(a, b) for a in left for b in right if {a, b} not in different]
        found += [(a, b, day) for a, b in pairs] + [(b, a, day) for a, b in pairs]
        person |= dict.fromkeys(left | right, left | right)
    return sorted(found)


def store_persons(connection: duckdb.DuckDBPyConnection) -> int:
    """Write ``risk.identity_person`` anew from links and verdicts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction of the caller's.

    Returns
    -------
    int
        Rows.
    """
    links = connection.execute(
        "select borrower_key, former_borrower_key, known_from from risk.identity_link"
    ).fetchall()
    apart = connection.execute(
        "select borrower_key, former_borrower_key from risk.identity_review "
        "where status = 'different'"
    ).fetchall()
    persons = same_persons(links, apart)
    connection.execute("delete from risk.identity_person")
    if persons:
        connection.executemany(
            "insert into risk.identity_person values (?, ?, ?)", persons
        )
    return len(persons)
