"""Who has come back under a new id, found in spite of typing errors, and nobody else."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.decision.small_lender import rows

from comove.connection import connect
from comove.decision.identity import _PLAIN, _store, link_identities, match, settle_pair
from comove.decision.tables import ensure_decision_tables
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


def test_addresses_are_written_one_way() -> None:
    with connect_memory() as connection:
        for written in ("12 Chapel St., Calder Vale", "12  chapel STREET Cälder Vale"):
            (plain,) = connection.execute(
                f"select {_PLAIN.format('?')}", [written]
            ).fetchone() or ("",)
            assert plain == "12 chapel street calder vale"


def connect_memory():  # type: ignore[no-untyped-def]
    import duckdb

    return duckdb.connect()


def test_only_keys_and_probabilities_are_kept(
    settings: Settings, found: pd.DataFrame
) -> None:
    settings.places.make()
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        _store(connection, found, settings, "run")
    columns = {name for name, *_ in rows(settings, "describe risk.identity_link")}
    assert not columns & {"name", "address", "born", "borrower_id"}


def test_a_pair_a_person_has_judged_stays_as_judged(settings: Settings) -> None:
    settings.places.make()
    pair = pd.DataFrame(
        {
            "borrower_key": ["n"],
            "former_borrower_key": ["o"],
            "match_probability": [0.7],
            "known_from": [dt.date(2023, 5, 1)],
        }
    )
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        _store(connection, pair, settings, "one")
    assert settle_pair(
        settings, pair=("n", "o"), is_same=True, decided_by="ada", run_id="two"
    )
    with connect(settings) as connection:
        _store(connection, pair, settings, "three")
    assert rows(settings, "select status from risk.identity_review") == [("same",)]
    assert rows(settings, "select decided_by from risk.identity_link") == [("ada",)]


def test_a_portfolio_without_names_links_nobody(tmp_path) -> None:  # type: ignore[no-untyped-def]
    settings = Settings(portfolio="xente", home=tmp_path / "home")
    settings.places.make()
    assert "delivers no names" in str(link_identities(settings, run_id="r").why_none)
