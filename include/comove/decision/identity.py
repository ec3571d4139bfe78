"""Which borrowers have come back under a new id: record linkage by splink.

Names, birth dates and addresses are read where they landed (schema ``raw``), compared in
memory, and forgotten: what is kept are keys and probabilities. The model is that of
Fellegi and Sunter (1969): each comparison adds the log of how much likelier it is among
records of one person than among those of two. How often two persons agree by chance is
learned from the lender's own borrowers, how often one person's records differ is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import duckdb
import pandas as pd

from comove.audit import ensure_tables
from comove.connection import connect, duckdb_config, utc_now
from comove.decision.persons import store_persons
from comove.decision.scratch import DecisionError
from comove.decision.tables import ensure_decision_tables
from comove.default_response.identity import borrower_key
from comove.portfolio import load_portfolio
from comove.settings import Settings

# Of two records of one person, how often names, birth dates and addresses are the same,
# nearly the same, and different: people move more often than they change names.
_SAME_NAME = (0.90, 0.07, 0.03)
_SAME_BIRTH = (0.93, 0.06, 0.01)
_SAME_ADDRESS = (0.70, 0.10, 0.20)
# Of the borrowers, how many are expected to be somebody who was there before.
_RETURNING_SHARE = 0.005
_SAMPLED_PAIRS = 1e6
# Chance agreement cannot be learned from fewer.
_LEAST_PEOPLE = 20


@dataclass(frozen=True)
class LinkReport:
    """What was found.

    Parameters
    ----------
    borrowers : int
        Compared.
    linked, to_review : int
        Pairs taken for one person; pairs a person has to judge.
    why_none : str or None
        Why nothing was compared, as a sentence.
    """

    borrowers: int
    linked: int
    to_review: int
    why_none: str | None = None


def link_identities(settings: Settings, *, run_id: str) -> LinkReport:
    """Find returning persons, and keep the pairs.

    Pairs a person has judged stay as judged, also links of the rule that were called two
    persons. Others are found anew: a better record may tell them apart.

    Parameters
    ----------
    settings : Settings
        Home, seed, and from which probability a pair is one person or to be reviewed.
    run_id : str
        Kept with the pairs.

    Returns
    -------
    LinkReport
        Counts; a portfolio without names links nobody.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_decision_tables(connection)
        people = read_people(connection, settings)
    if isinstance(people, str):
        return LinkReport(0, 0, 0, people)
    pairs = match(people, settings)
    with connect(settings) as connection:
        connection.execute("begin")
        _store(connection, pairs, settings, run_id)
        connection.execute("commit")
        linked, to_review = (
            _count(connection, f"select count(*) from {table}")  # noqa: S608 - names of ours
            for table in (
                "risk.identity_link",
                "risk.identity_review where status = 'waiting'",
            )
        )
    return LinkReport(len(people), linked, to_review)


def read_people(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> pd.DataFrame | str:
    """Read who the borrowers are, in one way of writing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    settings : Settings
        Say which portfolio.

    Returns
    -------
    DataFrame or str
        ``borrower_key``, ``kind``, ``name``, ``born`` (text, ISO 8601), ``address``,
        ``came_on``; or why there are none, as a sentence. In memory only.
    """
    portfolio = load_portfolio(settings.portfolio)
    if portfolio.source != "contract" or "borrowers" in portfolio.absent:
        return "not available for this portfolio: it delivers no names."
    return connection.execute(_PEOPLE).df()


# As cleaned as addresses allow: small letters, no accents, no signs, "st." written out.
# Letters and digits of every script stay: nobody is nameless for not writing in Latin.
_PLAIN = (
    "trim(regexp_replace(regexp_replace(regexp_replace(lower(strip_accents({})), "
    r"'\bst\b\.?', 'street', 'g'), '[^\p{{L}}\p{{N}} ]', ' ', 'g'), ' +', ' ', 'g'))"
)
_PEOPLE = f"""
    select
        base.borrower_key,
        base.kind,
        nullif({_PLAIN.format("coalesce(typed.name, texts.name)")}, '') as name,
        base.born_or_founded_on::varchar as born,
        nullif({_PLAIN.format("coalesce(typed.address, texts.address)")}, '') as address,
        coalesce(base.registered_at, first_applied.applied_at)::date as came_on
    from raw.base_contract__borrowers as base
    left join raw.contract__borrowers as typed
        on
            base._batch = typed._batch and base._file = typed._file
            and base._row = typed._row
    left join raw.contract__borrowers__text as texts
        on
            base._batch = texts._batch and base._file = texts._file
            and base._row = texts._row
    left join (
        select borrower_key, min(applied_at) as applied_at
        from marts.fct_application group by borrower_key
    ) as first_applied using (borrower_key)
    where base._status = 'accepted'
    order by base.borrower_key
"""  # noqa: S608 - SQL of ours


def match(people: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Compare borrowers who may be one person.

    Compared are those with the same birth date, the same name and birth year, or the same
    address, of one kind.

    Parameters
    ----------
    people : DataFrame
        From `read_people`.
    settings : Settings
        Seed, threads, and the least probability worth keeping.

    Returns
    -------
    DataFrame
        ``borrower_key``, ``former_borrower_key`` (who came first), ``match_probability``,
        ``known_from`` (the day the later one came).
    """
    empty = pd.DataFrame(
        columns=["borrower_key", "former_borrower_key", "match_probability", "known_from"]
    )
    if len(people) < _LEAST_PEOPLE:
        return empty
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        connection.register("people_given", people)
        connection.execute(
            "create table people as select borrower_key as unique_id, * "
            "from people_given order by borrower_key"
        )
        found = _predicted(connection, len(people), settings)
        if found.empty:
            return empty
        connection.register("found", found)
        return connection.execute(_DIRECTED).df()


# Who came first is the former; on one day, the smaller key.
_DIRECTED = """
    select
        if(is_left_later, unique_id_l, unique_id_r) as borrower_key,
        if(is_left_later, unique_id_r, unique_id_l) as former_borrower_key,
        match_probability,
        greatest(came_l, came_r) as known_from
    from (
        select
            found.*, l.came_on as came_l, r.came_on as came_r,
            (l.came_on, unique_id_l) > (r.came_on, unique_id_r) as is_left_later
        from found
        inner join people as l on found.unique_id_l = l.unique_id
        inner join people as r on found.unique_id_r = r.unique_id
        where l.came_on is not null and r.came_on is not null
    )
    order by borrower_key, former_borrower_key
"""


def _predicted(
    connection: duckdb.DuckDBPyConnection, people: int, settings: Settings
) -> pd.DataFrame:
    # Imports take a second that only this task pays.
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    api = DuckDBAPI(connection)
    linker = Linker(
        api.register(connection.table("people")),
        SettingsCreator(
            link_type="dedupe_only",
            comparisons=_comparisons(),
            blocking_rules_to_generate_predictions=[
                block_on("born", "kind"),
                block_on("name", "kind", "substr(born, 1, 4)"),
                block_on("address", "kind"),
            ],
            # Expected pairs over all pairs of borrowers.
            probability_two_random_records_match=2 * _RETURNING_SHARE / (people - 1),
            retain_matching_columns=False,
        ),
        log_level=None,
    )
    linker.training.estimate_u_using_random_sampling(
        max_pairs=_SAMPLED_PAIRS, seed=settings.seed
    )
    predicted = linker.inference.predict(
        threshold_match_probability=settings.identity_review_probability
    )
    columns = ["unique_id_l", "unique_id_r", "match_probability"]
    found: pd.DataFrame = predicted.as_pandas_dataframe()[columns]  # type: ignore[no-untyped-call]
    return found


def _comparisons() -> list[Any]:
    import splink.comparison_library as compare

    return [
        compare.JaroWinklerAtThresholds("name", [0.88]).configure(
            m_probabilities=list(_SAME_NAME)
        ),
        compare.DamerauLevenshteinAtThresholds("born", [1]).configure(
            m_probabilities=list(_SAME_BIRTH)
        ),
        compare.JaroWinklerAtThresholds("address", [0.92]).configure(
            m_probabilities=list(_SAME_ADDRESS)
        ),
    ]


def _store(
    connection: duckdb.DuckDBPyConnection,
    pairs: pd.DataFrame,
    settings: Settings,
    run_id: str,
) -> None:
    connection.register("pairs", pairs)
    given: dict[str, Any] = {
        "same": settings.identity_same_probability,
        "version": f"splink {version('splink')}",
        "run": run_id,
        "now": utc_now(),
    }
    connection.execute("delete from risk.identity_link where decided_by = 'rule'")
    connection.execute("delete from risk.identity_review where status = 'waiting'")
    connection.execute(
        """
        insert into risk.identity_link
        select
            borrower_key, former_borrower_key, match_probability, known_from, 'rule',
            $version, $run, $now
        from pairs
        anti join risk.identity_review using (borrower_key, former_borrower_key)
        where match_probability >= $same
        """,
        given,
    )
    connection.execute(
        """
        insert into risk.identity_review by name
        select
            *, 'waiting' as status, $version as model_version, $run as run_id,
            $now as found_at
        from pairs
        anti join risk.identity_review using (borrower_key, former_borrower_key)
        where match_probability < $same
        """,
        given,
    )
    connection.unregister("pairs")
    store_persons(connection)


@dataclass(frozen=True)
class Verdict:
    """What a person says of two keys.

    Parameters
    ----------
    borrower, other : str
        The lender's ids, or borrower keys; their order is of no consequence.
    is_same : bool
        One person, or two.
    decided_by : str
        Who says so.
    reason : str or None
        In their own words.
    """

    borrower: str
    other: str
    is_same: bool
    decided_by: str
    reason: str | None = None


@dataclass(frozen=True)
class SettledPair:
    """What a verdict changed; no key.

    Parameters
    ----------
    before : str
        ``waiting``, ``linked`` (by the rule), ``same`` or ``different`` (by a person).
    after : str
        ``same`` or ``different``.
    persons : int
        Rows of ``risk.identity_person`` since.
    """

    before: str
    after: str
    persons: int


def settle_pair(settings: Settings, verdict: Verdict, *, run_id: str) -> SettledPair:
    """Record a person's word on a pair of keys, and follow it from now on.

    A pair that waits is settled; one that the rule has linked, or that was judged before,
    is judged anew. Later runs find the pair and leave it as it was judged. Decisions that
    were made stay as they were made.

    Parameters
    ----------
    settings : Settings
        Say which home.
    verdict : Verdict
        Which keys, and what is said of them.
    run_id : str
        Kept with it.

    Raises
    ------
    ResponseError
        When there is no such borrower; it does not repeat what was given.
    DecisionError
        When nothing was found that speaks for one person.
    """
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        keys = [
            borrower_key(connection, settings, given)
            for given in (verdict.borrower, verdict.other)
        ]
        connection.execute("begin")
        before = _take_pair(connection, keys)
        _settle(connection, verdict, run_id)
        persons = store_persons(connection)
        connection.execute("commit")
    return SettledPair(before, "same" if verdict.is_same else "different", persons)


_EITHER_WAY = "list_sort([borrower_key, former_borrower_key]) = list_sort($keys)"


def _take_pair(connection: duckdb.DuckDBPyConnection, keys: list[str]) -> str:
    """Put what is known of a pair into ``settled_pair``; tell how it stood."""
    connection.execute(
        f"""
        create or replace temp table settled_pair as
        select
            borrower_key, former_borrower_key, match_probability, known_from, status,
            model_version
        from risk.identity_review where {_EITHER_WAY}
        union all
        select
            borrower_key, former_borrower_key, match_probability, known_from, 'linked',
            model_version
        from risk.identity_link where decided_by = 'rule' and {_EITHER_WAY}
        """,  # noqa: S608 - a condition of ours
        {"keys": keys},
    )
    row = connection.execute("select status from settled_pair").fetchone()
    if row is None:
        raise DecisionError(
            "nothing was found that speaks for these two being one person.",
            where="borrower",
            remedy="Look at risk.identity_review and risk.identity_link, page Decisions: "
            "a pair of either can be judged. Others share too little for a link.",
        )
    return str(row[0])


def _settle(connection: duckdb.DuckDBPyConnection, verdict: Verdict, run_id: str) -> None:
    """Write the verdict on ``settled_pair``, with its link where they are the same."""
    given = {
        "status": "same" if verdict.is_same else "different",
        "who": verdict.decided_by,
        "reason": verdict.reason,
        "run": run_id,
        "now": utc_now(),
    }
    for table in ("identity_link", "identity_review"):
        connection.execute(
            f"delete from risk.{table} where (borrower_key, former_borrower_key) in "  # noqa: S608 - names of ours
            "(select (borrower_key, former_borrower_key) from settled_pair)"
        )
    connection.execute(
        """
        insert into risk.identity_review by name
        select
            * replace ($status as status), $run as run_id, $now as found_at,
            $who as settled_by, $now as settled_at, $reason as reason,
            $run as settled_in_run
        from settled_pair
        """,
        given,
    )
    if verdict.is_same:
        del given["status"], given["reason"]
        connection.execute(
            """
            insert into risk.identity_link by name
            select * exclude (status), $who as decided_by, $run as run_id,
                $now as linked_at
            from settled_pair
            """,
            given,
        )


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
