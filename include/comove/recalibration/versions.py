"""Versions of the strategy: added, decided on, in force; never changed, never deleted."""

import datetime as dt
from dataclasses import astuple, dataclass

import duckdb

from comove.connection import utc_now
from comove.recalibration.strategy import Band, RecalibrationError, Strategy

PROPOSED, IN_FORCE, RETIRED = "proposed", "in force", "retired"
REJECTED, WITHDRAWN, SHELVED = "rejected", "withdrawn", "shelved"
SEED, RECALIBRATED, RESTORED = "seed", "recalibration", "restored"
OWN = "own"
_WHERE = "risk.strategy_version"


@dataclass(frozen=True)
class Origin:
    """Where a version comes from.

    Parameters
    ----------
    origin : str
        ``seed``, ``recalibration`` or ``restored``.
    why : str
        In a sentence.
    run_id, proposed_by : str
        The run, and who asked for it.
    based_on : int or None
        Version it was made from.
    month : date or None
        Month assessed, first day.
    main_factor : str or None
        Of the drift it answers.
    score_kind : str
        Whose score its points are of: ``own`` or ``lender``.
    """

    origin: str
    why: str
    run_id: str
    proposed_by: str
    based_on: int | None = None
    month: dt.date | None = None
    main_factor: str | None = None
    score_kind: str = OWN


@dataclass(frozen=True)
class Answer:
    """What a person has decided on a proposed version.

    Parameters
    ----------
    version : int
        The one that was shown.
    content_hash : str
        Of what was shown.
    is_approved : bool
        Whether it comes into force.
    decided_by : str
        Who.
    decided_at : datetime
        When, UTC without a zone.
    reason : str or None
        In their own words.
    """

    version: int
    content_hash: str
    is_approved: bool
    decided_by: str
    decided_at: dt.datetime
    reason: str | None


def keep_seed(
    connection: duckdb.DuckDBPyConnection,
    seed: Strategy,
    *,
    run_id: str,
    score_kind: str = OWN,
) -> int | None:
    """Make a version of the seed unless there is one that says the same.

    The first one is in force at once; a seed that was changed later is shelved: it is
    there to be restored, and a person decides on that.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    seed : Strategy
        As of `read_seed`.
    run_id : str
        Kept with it.
    score_kind : str
        Whose score its points are of: ``own`` or ``lender``.

    Returns
    -------
    int or None
        The new version; None where there was one.
    """
    known = connection.execute(
        "select count(*), count(*) filter (content_hash = ?) from risk.strategy_version",
        [seed.content_hash],
    ).fetchone() or (0, 0)
    if known[1]:
        return None
    why = "As the seed score_strategies was delivered." if not known[0] else (
        "The seed score_strategies was changed."
    )  # fmt: skip
    origin = Origin(SEED, why, run_id, SEED, score_kind=score_kind)
    version = _add(connection, seed, origin, SHELVED)
    if not known[0]:
        _bring_into_force(connection, version, utc_now())
    return version


def version_in_force(connection: duckdb.DuckDBPyConnection) -> tuple[int, Strategy]:
    """Read the version in force.

    Raises
    ------
    RecalibrationError
        When there is none yet.
    """
    row = connection.execute(
        "select version from risk.strategy_version where status = ?", [IN_FORCE]
    ).fetchone()
    if row is None:
        raise RecalibrationError(
            "no strategy is in force.",
            where=_WHERE,
            remedy="Run the task `load_strategy` of the DAG `recalibration`.",
        )
    return int(row[0]), read_version(connection, int(row[0]))


def followed_as_of(
    connection: duckdb.DuckDBPyConnection, moment: dt.datetime
) -> int | None:
    """Find the version applications are decided by at a moment.

    It is the one in force, if a person approved it and its points are of our own score.
    The seed says how scores are used so far; nobody was asked whether it may cut limits.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse or the published copy.
    moment : datetime
        UTC without a zone.

    Returns
    -------
    int or None
        Its number; None where what is in force decides nothing, or nothing is.
    """
    try:
        row = connection.execute(
            """
            select version, origin, score_kind from risk.strategy_version
            where effective_from <= ?
            order by effective_from desc
            limit 1
            """,
            [moment],
        ).fetchone()
    except duckdb.CatalogException:
        return None
    if row is None or row[1] == SEED or row[2] != OWN:
        return None
    return int(row[0])


def read_version(connection: duckdb.DuckDBPyConnection, version: int) -> Strategy:
    """Read the bands of a version.

    Raises
    ------
    RecalibrationError
        When there is no such version; names those there are.
    """
    rows = connection.execute(
        """
        select band, score_from, score_to, action, limit_factor
        from risk.strategy_band where version = ? order by position
        """,
        [version],
    ).fetchall()
    if not rows:
        known = connection.execute(
            "select version from risk.strategy_version order by version"
        ).fetchall()
        raise RecalibrationError(
            f"there is no version {version} of the strategy.",
            where=_WHERE,
            remedy=f"Use one of {', '.join(str(v) for (v,) in known) or 'none yet'}.",
        )
    return Strategy(tuple(Band(*row) for row in rows))


def score_kind_of(connection: duckdb.DuckDBPyConnection, version: int) -> str:
    """Tell whose score the points of a version are of: ``own`` or ``lender``."""
    row = connection.execute(
        "select score_kind from risk.strategy_version where version = ?", [version]
    ).fetchone()
    return str(row[0]) if row else OWN


def propose(
    connection: duckdb.DuckDBPyConnection, strategy: Strategy, origin: Origin
) -> int:
    """Add a version that waits for a person; one that waited before is withdrawn.

    The same proposal made again, of the same origin and on the same version, stays the
    one that waits.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    strategy : Strategy
        What is proposed.
    origin : Origin
        Where it comes from.

    Returns
    -------
    int
        Its number.
    """
    same = connection.execute(
        """
        select version from risk.strategy_version
        where
            status = ? and content_hash = ? and origin = ? and based_on = ?
            and score_kind = ?
        """,
        [
            PROPOSED,
            strategy.content_hash,
            origin.origin,
            origin.based_on,
            origin.score_kind,
        ],
    ).fetchone()
    if same:
        return int(same[0])
    withdraw(connection, f"Replaced by the proposal of {origin.run_id}.")
    return _add(connection, strategy, origin, PROPOSED)


def waiting_restored(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Find the version a person asked to bring back, and nobody has decided on."""
    row = connection.execute(
        "select version from risk.strategy_version where status = ? and origin = ?",
        [PROPOSED, RESTORED],
    ).fetchone()
    return int(row[0]) if row else None


def withdraw(connection: duckdb.DuckDBPyConnection, reason: str) -> None:
    """Let nothing wait for a person any more.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    reason : str
        Kept with what waited.
    """
    connection.execute(
        """
        update risk.recalibration set status = ?
        where version in (select version from risk.strategy_version where status = ?)
        """,
        [WITHDRAWN, PROPOSED],
    )
    connection.execute(
        "update risk.strategy_version set status = ?, reason = ? where status = ?",
        [WITHDRAWN, reason, PROPOSED],
    )


def decide_version(
    connection: duckdb.DuckDBPyConnection, answer: Answer, *, run_id: str
) -> str:
    """Record a person's answer, and follow it; once more for the same run is no change.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    answer : Answer
        Approved, the version comes into force at once and the one before retires.
    run_id : str
        Kept with the decision.

    Returns
    -------
    str
        What it was decided to be, ``in force`` or ``rejected``, whatever became of it
        since.

    Raises
    ------
    RecalibrationError
        When the version that was shown no longer waits.
    """
    row = connection.execute(
        """
        select status, content_hash, decided_in_run, effective_from is not null
        from risk.strategy_version where version = ?
        """,
        [answer.version],
    ).fetchone()
    status, content_hash, decided_in_run, was_approved = row or (None, None, None, False)
    if decided_in_run == run_id:
        return IN_FORCE if was_approved else REJECTED
    if status != PROPOSED or content_hash != answer.content_hash:
        raise RecalibrationError(
            f"version {answer.version}, which was shown, does not wait for an answer any "
            "more.",
            where=_WHERE,
            remedy="Nothing was decided. Run the DAG `recalibration` again: it asks.",
        )
    connection.execute(
        """
        update risk.strategy_version
        set status = ?, decided_by = ?, decided_at = ?, decided_in_run = ?, reason = ?
        where version = ?
        """,
        [
            REJECTED,
            answer.decided_by,
            answer.decided_at,
            run_id,
            answer.reason,
            answer.version,
        ],
    )
    if not answer.is_approved:
        return REJECTED
    _bring_into_force(connection, answer.version, utc_now())
    return IN_FORCE


def _add(
    connection: duckdb.DuckDBPyConnection, strategy: Strategy, origin: Origin, status: str
) -> int:
    row = connection.execute(
        "select coalesce(max(version), 0) + 1 from risk.strategy_version"
    ).fetchone()
    version = int(row[0]) if row else 1
    connection.execute(
        """
        insert into risk.strategy_version
            (version, status, origin, based_on, content_hash, month, main_factor, why,
             run_id, proposed_by, proposed_at, score_kind)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
            version,
            status,
            origin.origin,
            origin.based_on,
            strategy.content_hash,
            origin.month,
            origin.main_factor,
            origin.why,
            origin.run_id,
            origin.proposed_by,
            utc_now(),
            origin.score_kind,
        ],
    )
    connection.executemany(
        "insert into risk.strategy_band values (?, ?, ?, ?, ?, ?, ?)",
        [
            [version, position, *astuple(band)]
            for position, band in enumerate(strategy.bands, start=1)
        ],
    )
    return version


def _bring_into_force(
    connection: duckdb.DuckDBPyConnection, version: int, moment: dt.datetime
) -> None:
    connection.execute(
        """
        update risk.strategy_version set status = ?, effective_to = ? where status = ?
        """,
        [RETIRED, moment, IN_FORCE],
    )
    connection.execute(
        """
        update risk.strategy_version set status = ?, effective_from = ? where version = ?
        """,
        [IN_FORCE, moment, version],
    )
