"""What is written of events, links and actions: by the seed, and once."""

import datetime as dt
import hashlib

import pytest
from tests.default_response.conftest import Respond
from tests.default_response.small_bank import AHEAD, change, links, rows

from comove.default_response.scratch import ResponseError
from comove.settings import Settings

TABLES = ("default_event", "linked_debtor", "strategy_action", "lending_control")


def contents(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows(settings, f"from risk.{name} order by all") for name in TABLES}


def test_every_interval_of_the_seed_has_its_strategy(
    bank: Settings, response: Respond
) -> None:
    report = response()
    # Each of four events: five debtors in its cell, five in its region, its industry.
    assert report.events == 4
    assert report.linked_debtors == 60
    assert report.actions == {"freeze": 20, "collection": 20, "lending_control": 20}
    found = rows(
        bank,
        """
        select strategy, min(joint_risk_index), max(joint_risk_index)
        from risk.linked_debtor group by strategy order by 2
        """,
    )
    assert [name for name, _, _ in found] == ["lending_control", "collection", "freeze"]
    assert [round(low, 6) for _, low, _ in found] == [1.5, 2.5, 5.0]


@pytest.mark.parametrize(
    ("index", "strategy"),
    [
        (1.25, "lending_control"),
        (1.9999, "lending_control"),
        (2.0, "collection"),
        (3.9999, "collection"),
        (4.0, "freeze"),
        (400.0, "freeze"),
    ],
)
def test_an_interval_includes_its_lower_end_and_not_its_upper(
    bank: Settings, response: Respond, index: float, strategy: str
) -> None:
    # Ends are exact where the interpolation is: a hair's breadth is left to it.
    response(links(lambda *_: index * (1 + 1e-12), joint_probability=0.5))
    found = rows(bank, "select distinct strategy from risk.linked_debtor")
    assert found == [(strategy,)]


def test_below_the_floor_a_linked_debtor_has_no_strategy(
    bank: Settings, response: Respond
) -> None:
    report = response(links(lambda *_: 5.0, joint_probability=0.0199))
    assert (report.linked_debtors, report.below_floor, report.actions) == (80, 80, {})
    assert rows(bank, "select distinct strategy from risk.linked_debtor") == [(None,)]


def test_on_the_floor_it_has_one(bank: Settings, response: Respond) -> None:
    report = response(links(lambda *_: 5.0, joint_probability=0.02 * (1 + 1e-12)))
    assert report.actions == {"freeze": 80}


def test_responding_twice_adds_nothing(bank: Settings, response: Respond) -> None:
    response()
    before = contents(bank)
    again = response(run_id="another run")
    assert (again.events, again.linked_debtors, again.actions) == (
        0,
        0,
        {
            "collection": 0,
            "freeze": 0,
            "lending_control": 0,
        },
    )
    assert contents(bank) == before


def test_a_default_that_arrives_late_is_answered_once(
    bank: Settings, response: Respond
) -> None:
    response()
    change(
        bank,
        "update marts.fct_borrower_month set is_event = true "
        "where borrower_key = 'standing0' and month = '2024-02-01'",
    )
    late = response(run_id="next")
    assert late.events == 1
    assert late.linked_debtors > 0
    before = contents(bank)
    assert response(run_id="once more").events == 0
    assert contents(bank) == before


def test_the_same_files_written_twice_add_nothing(
    bank: Settings, response: Respond
) -> None:
    from comove.default_response.respond import respond

    response()
    before = contents(bank)
    # As when the task was killed after its commit and is tried again.
    assert respond(bank, run_id="run").events == 0
    assert contents(bank) == before


def test_a_borrower_given_by_hand_after_the_month_adds_nothing(
    bank: Settings, response: Respond
) -> None:
    response()
    before = contents(bank)
    response(run_id="by hand", borrower="fallen1", is_month_given=True)
    assert contents(bank) == before


def test_ids_are_hashes_of_what_they_name(bank: Settings, response: Respond) -> None:
    response()
    (event_id,) = rows(
        bank, "select event_id from risk.default_event where borrower_key = 'fallen0'"
    )[0]
    named = "fallen0|2024-03"
    assert event_id == hashlib.sha256(named.encode()).hexdigest()[:32]
    action_id, borrower, strategy = rows(
        bank,
        f"""
        select action_id, borrower_key, strategy from risk.strategy_action
        where event_id = '{event_id}' order by 1 limit 1
        """,
    )[0]
    named = f"{event_id}|{borrower}|{strategy}"
    assert action_id == hashlib.sha256(named.encode()).hexdigest()[:32]


def test_nobody_is_linked_to_his_own_default(bank: Settings, response: Respond) -> None:
    # He is at risk in the month to come, and reported to have fallen in it.
    response(run_id="by hand", borrower="standing3", given_by="ada")
    response()
    own = rows(
        bank,
        """
        select count(*) from risk.linked_debtor
        inner join risk.default_event using (event_id, borrower_key)
        """,
    )
    assert own == [(0,)]
    # And he is nobody else's debtor.
    assert rows(
        bank, "select count(*) from risk.linked_debtor where borrower_key = 'standing3'"
    ) == [(0,)]


def test_a_debtor_of_several_events_has_one_strongest_action(
    bank: Settings, response: Respond
) -> None:
    response()
    found = rows(
        bank,
        """
        select borrower_key, count(*), count(*) filter (is_strongest),
            max(joint_risk_index) = max(joint_risk_index) filter (is_strongest)
        from risk.strategy_action group by borrower_key
        """,
    )
    assert {(n, strongest, largest) for _, n, strongest, largest in found} == {
        (3, 1, True)
    }


def test_a_later_and_stronger_event_of_the_month_takes_the_mark(
    bank: Settings, response: Respond
) -> None:
    response(links(lambda *_: 1.5))
    late = links(lambda *_: 3.0)
    response(late, run_id="by hand", borrower="standing0")
    # The late faller is no debtor of his own default.
    found = rows(
        bank,
        "select distinct joint_risk_index::decimal(5, 2) from risk.strategy_action"
        " where is_strongest and borrower_key <> 'standing0'",
    )
    assert [float(index) for (index,) in found] == [3.0]


def test_collection_raises_the_frequency_of_contacts_and_never_lowers_it(
    bank: Settings, response: Respond
) -> None:
    change(
        bank,
        # In the four weeks before April: sixteen contacts, so four a week; one a week.
        """
        insert into marts.fct_collection
        select 'standing1', timestamp '2024-03-10' + to_hours(cast(n as integer))
        from range(16) as contacts (n)
        union all
        select 'standing3', timestamp '2024-03-20' from range(4)
        union all
        select 'standing3', timestamp '2024-01-20' from range(100)
        """,
    )
    response(links(lambda *_: 2.5))
    found = rows(
        bank,
        """
        select distinct borrower_key, contacts_per_week_before, contacts_per_week, status
        from risk.strategy_action
        where borrower_key in ('standing1', 'standing3', 'standing5') order by 1
        """,
    )
    assert found == [
        ("standing1", 4.0, 4.0, "done"),
        ("standing3", 1.0, 2.0, "done"),
        ("standing5", 0.0, 2.0, "done"),
    ]


def test_actions_by_rule_are_done_and_freezes_only_proposed(
    bank: Settings, response: Respond
) -> None:
    response()
    found = rows(
        bank,
        "select distinct strategy, status, decided_by, decided_at is null "
        "from risk.strategy_action order by 1",
    )
    assert found == [
        ("collection", "done", "rule", False),
        ("freeze", "proposed", None, True),
        ("lending_control", "done", "rule", False),
    ]


def test_events_keep_what_their_links_were_computed_from(
    bank: Settings, response: Respond
) -> None:
    response()
    found = rows(
        bank,
        """
        select distinct as_of_month, forecast_month, model_version, previous_version,
            initial_links, linked_debtors, run_id
        from risk.default_event
        """,
    )
    assert found == [
        (
            dt.date(2024, 3, 1),
            AHEAD,
            "posterior-2024-03",
            "posterior-2024-02",
            20,
            15,
            "run",
        )
    ]


def test_the_strategy_of_every_debtor_is_that_of_the_seed(
    bank: Settings, response: Respond
) -> None:
    # Margins from far below every floor to far above.
    change(
        bank,
        """
        update risk.joint_risk_index
        set pd_star = 0.0005 * power(1.35, cast(substr(borrower_key, 9) as integer))
        """,
    )
    response()
    found = rows(
        bank,
        "select joint_risk_index, joint_probability, strategy from risk.linked_debtor",
    )
    assert len(found) == 60
    assert {strategy for *_, strategy in found} == {
        None,
        "lending_control",
        "collection",
        "freeze",
    }
    assert [strategy for *_, strategy in found] == [
        by_hand(index, probability) for index, probability, _ in found
    ]


def by_hand(index: float, probability: float) -> str | None:
    """Strategy of an index, as design 4.5 has it, with the floors of the seed."""
    if 1.25 <= index < 2 and probability >= 0.005:
        return "lending_control"
    if 2 <= index < 4 and probability >= 0.01:
        return "collection"
    return "freeze" if index >= 4 and probability >= 0.02 else None


def test_a_seed_that_cannot_be_obeyed_stops_everything(
    bank: Settings, response: Respond
) -> None:
    change(bank, "update risk.risk_strategies set index_to = 3 where index_to = 2")
    with pytest.raises(ResponseError, match="begins before 'lending_control' has ended"):
        response()
    assert all(content == [] for content in contents(bank).values())


def test_a_run_without_events_still_tells_which_freezes_wait(
    bank: Settings, response: Respond
) -> None:
    first = response()
    change(bank, "update marts.fct_borrower_month set is_event = false")
    again = response(run_id="next month")
    assert again.freezes_waiting == first.freezes_waiting == 20
    assert again.waiting_id == first.waiting_id
