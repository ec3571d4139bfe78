"""Who has come back under a new id, found in spite of typing errors, and nobody else."""

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from tests.decision.small_lender import rows

from comove.connection import connect
from comove.decision.identity import (
    _PLAIN,
    SettledPair,
    Verdict,
    _store,
    link_identities,
    match,
    settle_pair,
)
from comove.decision.scratch import DecisionError
from comove.decision.tables import ensure_decision_tables
from comove.errors import ComoveError
from comove.settings import Settings

FORENAMES = [
    "Ada",
    "Ben",
    "Carla",
    "Dinesh",
    "Elena",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Keiko",
    "Liam",
]
SURNAMES = [
    "Abebe",
    "Brandt",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
]
STREETS = [
    "Chapel",
    "River",
    "Garden",
    "Orchard",
    "Windmill",
    "Victory",
    "Station",
    "Tower",
    "Spring",
]
TYPED_WRONG = 40


def population(people: int = 800, seed: int = 3) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    births = pd.Timestamp("1950-01-01") + pd.to_timedelta(
        draw.integers(0, 18_000, people), unit="D"
    )
    return pd.DataFrame(
        {
            "borrower_key": [f"p{i:05}" for i in range(people)],
            "kind": "person",
            "name": [
                f"{draw.choice(FORENAMES)} {draw.choice(SURNAMES)}".lower()
                for _ in range(people)
            ],
            "born": births.strftime("%Y-%m-%d"),
            "address": [
                f"{draw.integers(1, 300)} {draw.choice(STREETS)} street".lower()
                for _ in range(people)
            ],
            "came_on": dt.date(2022, 1, 1),
        }
    )


def returning(people: pd.DataFrame) -> pd.DataFrame:
    """The first 40 come back: a letter of the name, the house or the birthday is off."""
    back = people.head(TYPED_WRONG).copy()
    back["borrower_key"] = "r" + back["borrower_key"].str[1:]
    back["came_on"] = dt.date(2023, 5, 1)
    swapped = back["name"].str[:2] + back["name"].str[3] + back["name"].str[2]
    swapped += back["name"].str[4:]
    kind = np.arange(TYPED_WRONG) % 4
    back.loc[kind == 0, "name"] = swapped[kind == 0]
    back.loc[kind == 1, "address"] = back["address"].str[:-1][kind == 1]
    back.loc[kind == 2, "born"] = back["born"].str[:-1][kind == 2] + "9"
    return back


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    people = population()
    everyone = pd.concat([people, returning(people)], ignore_index=True)
    return match(everyone, Settings(portfolio="contract"))


def pairs_of(found: pd.DataFrame, least: float) -> set[tuple[str, str]]:
    sure = found[found["match_probability"] >= least]
    return set(zip(sure["borrower_key"], sure["former_borrower_key"], strict=True))


def test_returning_persons_are_found_in_spite_of_typing_errors(
    found: pd.DataFrame,
) -> None:
    true = {(f"r{i:05}", f"p{i:05}") for i in range(TYPED_WRONG)}
    linked, shown = (pairs_of(found, least) for least in (0.95, 0.5))
    assert len(shown & true) >= 0.95 * len(true)
    # With nine streets in town a house number that is off is told by a person.
    assert len(linked & true) >= 0.7 * len(true)
    assert linked <= true


def test_the_former_is_who_came_first_and_the_link_holds_from_the_return(
    found: pd.DataFrame,
) -> None:
    sure = found[found["match_probability"] >= 0.95]
    ours = sure[sure["borrower_key"].str.startswith("r")]
    assert ours["former_borrower_key"].str.startswith("p").all()
    assert set(pd.to_datetime(ours["known_from"])) == {pd.Timestamp("2023-05-01")}


@pytest.mark.slow
def test_the_same_people_give_the_same_pairs(found: pd.DataFrame) -> None:
    people = population()
    everyone = pd.concat([people, returning(people)], ignore_index=True)
    again = match(everyone.sample(frac=1, random_state=1), Settings(portfolio="contract"))
    pd.testing.assert_frame_equal(again, found)


def test_few_people_are_not_compared() -> None:
    assert match(population(5), Settings(portfolio="contract")).empty


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("12 Chapel St., Calder Vale", "12 chapel street calder vale"),
        ("12  chapel STREET Cälder Vale", "12 chapel street calder vale"),
        ("Øster, José", "øster jose"),
        ("Иванов-Петров, Иван", "иванов петров иван"),
        ("王小明", "王小明"),
        ("مُحَمَّد", "محمد"),
        ("김 철수", "김 철수"),
    ],
)
def test_names_and_addresses_of_every_script_are_written_one_way(
    written: str, plain: str
) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(f"select {_PLAIN.format('?')}", [written]).fetchone()
    assert found == (plain,)


def test_only_keys_and_probabilities_are_kept(
    settings: Settings, found: pd.DataFrame
) -> None:
    settings.places.make()
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        _store(connection, found, settings, "run")
    columns = {name for name, *_ in rows(settings, "describe risk.identity_link")}
    assert not columns & {"name", "address", "born", "borrower_id"}


NEW, OLD = "1" * 32, "2" * 32


def found_pair(probability: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "borrower_key": [NEW],
            "former_borrower_key": [OLD],
            "match_probability": [probability],
            "known_from": [dt.date(2023, 5, 1)],
        }
    )


def find(settings: Settings, probability: float, run_id: str = "found") -> None:
    """What a run of the linkage does with the pair."""
    settings.places.make()
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create table if not exists marts.dim_borrower as "
            "select unnest($keys) as borrower_key",
            {"keys": [NEW, OLD, "3" * 32]},
        )
        _store(connection, found_pair(probability), settings, run_id)


def say(settings: Settings, is_same: bool, *pair: str) -> SettledPair:
    one, other = pair or (OLD, NEW)
    verdict = Verdict(one, other, is_same, decided_by="ada", reason="saw the passport")
    return settle_pair(settings, verdict, run_id="said")


def state(settings: Settings) -> tuple[list[Any], list[Any], int]:
    return (
        rows(settings, "select status, settled_by, reason from risk.identity_review"),
        rows(settings, "select decided_by from risk.identity_link"),
        len(rows(settings, "from risk.identity_person")),
    )


SAID_SAME = ([("same", "ada", "saw the passport")], [("ada",)], 2)
SAID_DIFFERENT = ([("different", "ada", "saw the passport")], [], 0)


@pytest.mark.parametrize(("probability", "before"), [(0.7, "waiting"), (0.99, "linked")])
@pytest.mark.parametrize("is_same", [True, False])
def test_a_pair_a_person_has_judged_stays_as_judged(
    settings: Settings, probability: float, before: str, is_same: bool
) -> None:
    find(settings, probability)
    assert say(settings, is_same).before == before
    expected = SAID_SAME if is_same else SAID_DIFFERENT
    assert state(settings) == expected
    find(settings, probability, "found again")
    assert state(settings) == expected


def test_a_verdict_can_be_taken_back(settings: Settings) -> None:
    find(settings, 0.99)
    say(settings, False)
    assert say(settings, True) == SettledPair("different", "same", 2)
    assert state(settings) == SAID_SAME


def test_what_nothing_speaks_for_is_refused(settings: Settings) -> None:
    find(settings, 0.99)
    with pytest.raises(DecisionError, match="nothing was found that speaks for"):
        say(settings, True, NEW, "3" * 32)
    with pytest.raises(ComoveError, match="no borrower with this id") as told:
        say(settings, True, NEW, "B-secret")
    assert "B-secret" not in str(told.value)


def test_a_portfolio_without_names_links_nobody(tmp_path) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(portfolio="xente", home=tmp_path / "home")
    settings.places.make()
    assert "delivers no names" in str(link_identities(settings, run_id="r").why_none)
