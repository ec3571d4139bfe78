"""Which rules for new applications follow from linked debtors."""

import datetime as dt

import pytest
from tests.default_response.conftest import Respond
from tests.default_response.small_bank import change, links, rows

from comove.settings import Settings

Rule = tuple[str, str | None, str | None, str, float, int]


def of_north_retail(settings: Settings) -> list[Rule]:
    """Rules that the default of `fallen0`, of north and retail, has led to."""
    return rows(
        settings,
        """
        select
            rule.caused_by, rule.region, rule.industry, rule.strategy, rule.limit_factor,
            rule.linked_debtors
        from risk.lending_control as rule
        inner join risk.default_event as event using (event_id)
        where event.borrower_key = 'fallen0'
        order by all
        """,
    )


def test_rules_go_by_what_debtor_and_fallen_share(
    bank: Settings, response: Respond
) -> None:
    response(links(lambda *_: 1.5))
    # Five debtors each in its cell, its region alone, its industry alone. The five that
    # share neither lead to no rule.
    assert of_north_retail(bank) == [
        ("lending_control", "north", "retail", "reduce", 0.7, 5),
        ("lending_control", "north", None, "reduce", 0.7, 5),
        ("lending_control", None, "retail", "reduce", 0.7, 5),
    ]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("region", ("north", None)), ("industry", (None, "retail"))],
)
def test_the_seed_says_what_a_rule_may_go_by(
    bank: Settings, response: Respond, scope: str, expected: tuple[str | None, str | None]
) -> None:
    change(bank, f"update risk.risk_strategies set scope = '{scope}'")
    response(links(lambda *_: 1.5))
    (rule,) = of_north_retail(bank)
    # Those of its cell and those of the rest of its region (industry).
    assert (rule[1:3], rule[5]) == (expected, 10)


def test_rules_hold_from_the_month_to_come_for_the_months_of_the_seed(
    bank: Settings, response: Respond
) -> None:
    response(links(lambda *_: 1.5))
    dates = rows(bank, "select distinct valid_from, valid_to from risk.lending_control")
    assert dates == [(dt.date(2024, 4, 1), dt.date(2024, 6, 30))]


def test_stronger_links_lead_to_stricter_rules(bank: Settings, response: Respond) -> None:
    response(links(lambda *_: 2.5))
    assert {rule[4] for rule in of_north_retail(bank)} == {0.5}
    assert {rule[0] for rule in of_north_retail(bank)} == {"collection"}


def test_a_proposed_freeze_leads_to_no_rule(bank: Settings, response: Respond) -> None:
    assert response(links(lambda *_: 5.0)).rules == 0
    assert rows(bank, "select count(*) from risk.lending_control") == [(0,)]


@pytest.mark.parametrize(("min_share", "rules"), [(0.41, 0), (0.4, 3)])
def test_a_rule_needs_its_share_of_those_who_share_as_much(
    bank: Settings, response: Respond, min_share: float, rules: int
) -> None:
    change(
        bank,
        f"update risk.risk_strategies set min_share = {min_share}",
        # Two of the five in each class are likely enough to fall.
        """
        update risk.joint_risk_index set pd_star = 0.001
        where cast(substr(borrower_key, 9) as integer) >= 8
        """,
    )
    response(links(lambda *_: 1.5))
    assert len(of_north_retail(bank)) == rules


def test_a_strategy_without_a_factor_writes_no_rule(
    bank: Settings, response: Respond
) -> None:
    change(
        bank,
        "update risk.risk_strategies set limit_factor = null where strategy = "
        "'collection'",
    )
    assert response(links(lambda *_: 2.5)).rules == 0


def test_an_unknown_region_is_shared_with_nobody(
    bank: Settings, response: Respond
) -> None:
    change(bank, "update marts.dim_borrower set region = 'unknown'")
    response(links(lambda *_: 1.5))
    assert rows(bank, "select distinct region from risk.lending_control") == [(None,)]


def test_rules_of_merged_groups_go_by_the_regions_own_name(
    bank: Settings, response: Respond
) -> None:
    change(bank, "update risk.joint_risk_index set region = 'other'")
    response(links(lambda *_: 1.5))
    # North and south are one group of the model, and still two regions.
    assert {rule[1] for rule in of_north_retail(bank)} <= {"north", None}


def test_a_seed_changed_later_writes_no_rules_for_old_defaults(
    bank: Settings, response: Respond
) -> None:
    response(links(lambda *_: 1.5))
    before = rows(bank, "from risk.lending_control order by all")
    change(
        bank,
        "update risk.risk_strategies set limit_factor = 0.1, index_from = 1.3 "
        "where strategy = 'lending_control'",
    )
    assert response(run_id="later").rules == 0
    assert rows(bank, "from risk.lending_control order by all") == before
