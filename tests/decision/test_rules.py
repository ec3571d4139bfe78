"""What is decided, step by step, against a table worked by hand."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.decision.cases import (
    DAY,
    NOON,
    POLICY,
    decided,
    decided_all,
    open_tables,
    rule,
    write_input,
    write_rules,
)

from comove.decision.rules import apply_rules, keep_controls

# 3 months of 1,000 carry 3,000. Limits are multiples of 10.
#   what is known -> admission, credit limit, who refused, whether a person looks
HAND_WORKED = [
    ({}, ("admit", 1500, None, False)),
    # Asked for more than comparable borrowers repaid: 1,800.
    ({"requested_amount": 2500.0}, ("admit", 1800, None, False)),
    # 3,000 less 1,750 still open.
    ({"open_principal": 1750.0}, ("admit", 1250, None, False)),
    # Twice the largest loan repaid.
    ({"largest_repaid": 444.0}, ("admit", 880, None, False)),
    # Without an income the inflow stands for it: 3 x 300.
    ({"monthly_income": None, "monthly_inflow": 300.0}, ("admit", 900, None, False)),
    # No inflow seen is not no income: the estimate alone holds.
    ({"monthly_income": None, "monthly_inflow": 0.0}, ("admit", 1500, None, False)),
    # An income of zero carries nothing.
    ({"monthly_income": 0.0}, ("admit", 0, "limit", True)),
    # What is open takes up all.
    ({"open_principal": 3000.0}, ("admit", 0, "limit", True)),
    # 9.99 rounds down to no limit at all.
    ({"limit_estimate": 9.99}, ("admit", 0, "limit", True)),
    ({"limit_estimate": 0.0}, ("admit", 0, "limit", True)),
    # Nothing says how much.
    (
        {"limit_estimate": None, "monthly_income": None},
        ("admit", 0, "limit", True),
    ),
    # The edge of what is required admits; within 0.02 of it a person looks.
    ({"admission_probability": 0.8}, ("admit", 1500, None, True)),
    ({"admission_probability": 0.83}, ("admit", 1500, None, False)),
    ({"admission_probability": 0.79}, ("refuse", 0, "admission", True)),
    ({"admission_probability": 0.3}, ("refuse", 0, "admission", True)),
    ({"admission_probability": None}, ("refuse", 0, "no model", True)),
    (
        {"contradiction": "nothing requested", "requested_amount": None},
        ("refuse", 0, "contradiction", True),
    ),
    ({"identity_status": "review"}, ("admit", 1500, None, True)),
]


@pytest.mark.parametrize(("known", "expected"), HAND_WORKED)
def test_decisions_are_those_worked_by_hand(
    known: dict[str, Any], expected: tuple[str, float, str | None, bool]
) -> None:
    got = decided(**known)
    found = (
        got["admission"],
        got["credit_limit"],
        got["refused_at"],
        got["needs_review"],
    )
    assert found == expected


@pytest.mark.parametrize(("known", "expected"), HAND_WORKED)
def test_every_adverse_decision_has_a_reason_in_words(
    known: dict[str, Any], expected: tuple[str, float, str | None, bool]
) -> None:
    got = decided(**known)
    is_adverse = expected[2] is not None or got["credit_limit"] < known.get(
        "requested_amount", 1500
    )
    if is_adverse or got["needs_review"]:
        assert json.loads(got["reason_codes"])


def test_a_refusal_names_the_reasons_of_the_model() -> None:
    got = decided(admission_probability=0.3)
    assert json.loads(got["reason_codes"]) == [
        "the probability of repaying is below what the lender requires",
        "age: low",
    ]


# ---- lending control -------------------------------------------------------------------


def test_a_control_reduces_the_limit_and_names_the_event() -> None:
    got = decided(rules=(rule(factor=0.5),))
    assert (got["limit_before_control"], got["credit_limit"]) == (1500, 750)
    assert (got["control_applied"], got["event_id"]) == ("reduce", "event c1")
    assert "event c1" in got["reason_codes"]
    assert got["proposed_decision"] == "admit"


def test_a_control_of_zero_refuses_and_names_the_event() -> None:
    got = decided(rules=(rule(factor=0.0),))
    assert (got["credit_limit"], got["proposed_decision"]) == (0, "refuse")
    assert (got["refused_at"], got["control_applied"]) == ("lending control", "reject")
    assert "event c1" in got["reason_codes"]
    assert got["admission"] == "admit"


@pytest.mark.parametrize(
    ("region", "industry", "is_meant"),
    [
        ("north", "retail", True),
        (None, "retail", True),
        ("north", None, True),
        ("south", "retail", False),
        ("north", "farming", False),
        (None, "farming", False),
    ],
)
def test_a_rule_without_region_or_industry_means_all_of_them(
    region: str | None, industry: str | None, is_meant: bool
) -> None:
    got = decided(rules=(rule(region=region, industry=industry),))
    assert (got["control_applied"] is not None) == is_meant


def test_an_application_without_a_region_is_held_by_rules_for_all_regions_only() -> None:
    assert decided(rules=(rule(),), region=None)["control_applied"] is None
    assert decided(rules=(rule(region=None),), region=None)["control_applied"] == "reduce"


@pytest.mark.parametrize(
    ("valid", "is_meant"),
    [
        ((DAY, DAY), True),
        ((dt.date(2024, 6, 11), dt.date(2024, 9, 1)), False),
        ((dt.date(2024, 3, 1), dt.date(2024, 6, 9)), False),
    ],
)
def test_a_rule_holds_from_its_first_to_its_last_day(
    valid: tuple[dt.date, dt.date], is_meant: bool
) -> None:
    assert (decided(rules=(rule(valid=valid),))["event_id"] is not None) == is_meant


def test_a_rule_written_later_was_not_known() -> None:
    later = rule(written_at=NOON + dt.timedelta(seconds=1))
    assert decided(rules=(later,))["control_applied"] is None


def test_of_several_rules_the_strictest_holds() -> None:
    rules = (rule("c1", factor=0.7), rule("c2", factor=0.4), rule("c3", factor=0.5))
    assert decided(rules=rules)["credit_limit"] == 600
    rules = (*rules, rule("c4", factor=0.0))
    assert decided(rules=rules)["control_id"] == "c4"


def test_decisions_change_only_where_the_control_applies() -> None:
    elsewhere = (rule(region="south"),)
    assert decided(rules=elsewhere) == decided()


@pytest.mark.parametrize("factor", [0.5, 0.0])
def test_who_is_refused_anyway_is_told_of_the_control_too(factor: float) -> None:
    """A person who turns the refusal round is bound by it."""
    got = decided(rules=(rule(factor=factor),), admission_probability=0.3)
    assert (got["refused_at"], got["event_id"]) == ("admission", "event c1")
    assert got["limit_if_admitted"] == factor * 1500
    first, *_, last = json.loads(got["reason_codes"])
    assert first.startswith("the probability of repaying is below")
    assert last.startswith("lending control after the default event event c1")


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"monthly_income": 0.0}, "there is no income to carry one"),
        ({"open_principal": 3000.0}, "what is still open takes up what the income can"),
    ],
)
def test_no_income_is_not_called_what_is_still_open(
    what: dict[str, Any], sentence: str
) -> None:
    (reason,) = json.loads(decided(**what)["reason_codes"])
    assert reason.startswith(f"no limit is left: {sentence}")


@pytest.mark.parametrize(
    "change",
    [
        "delete from risk.lending_control",
        "update risk.lending_control set valid_to = '2024-06-05'",
        "update risk.lending_control set region = 'south'",
    ],
    ids=["withdrawn", "shortened", "narrowed"],
)
def test_a_rule_that_is_withdrawn_or_changed_refuses_nobody_any_more(
    change: str,
) -> None:
    """What was decided under it is replayed under it all the same."""
    later = NOON + dt.timedelta(days=1)
    with open_tables() as connection:
        write_rules(connection, (rule(factor=0.0),))
        keep_controls(connection, NOON)
        connection.execute(change)
        keep_controls(connection, later)
        write_input(connection)

        def outcome(moment: dt.datetime, is_replay: bool) -> tuple[Any, ...]:
            connection.execute(
                "create or replace temp table asked as select application_key, as_of, "
                "?::timestamp as known_until from risk.decision_input",
                [moment],
            )
            inputs = "risk.decision_input"
            apply_rules(connection, POLICY, inputs=inputs, is_replay=is_replay)
            found = connection.execute("select proposed_decision, event_id from decided")
            return found.fetchall()[0]

        assert outcome(later, is_replay=False) == ("admit", None)
        assert outcome(later, is_replay=True) == ("admit", None)
        assert outcome(NOON, is_replay=True) == ("refuse", "event c1")


def test_a_rule_that_stands_as_it_stood_is_kept_once() -> None:
    with open_tables() as connection:
        write_rules(connection, (rule(), rule("c2", region=None)))
        for days in range(3):
            keep_controls(connection, NOON + dt.timedelta(days=days))
        kept = connection.execute(
            "select control_id, kept_at, gone_at from risk.decision_control order by 1"
        ).fetchall()
        assert kept == [("c1", NOON, None), ("c2", NOON, None)]


# ---- bands of the score ----------------------------------------------------------------

BANDED = replace(
    POLICY,
    bands=(
        ("refused", None, 480.0, "refuse", 0.0),
        ("watched", 480.0, 540.0, "review", 0.5),
        ("standard", 540.0, 620.0, "approve", 0.85),
        ("preferred", 620.0, None, "approve", 1.0),
    ),
    bands_version=3,
)
REDUCED = "the limit is reduced to {} % by the strategy of the score (band {}, version 3)"
LOOKED_AT = "the strategy of the score asks for a person's look (band watched, version 3)"
TOO_LOW = (
    "the score is below what the strategy of the score requires (band refused, version 3)"
)


@pytest.mark.parametrize(
    ("score", "limit", "refused_at", "is_looked_at", "reasons"),
    [
        (479.99, 0, "score band", True, [TOO_LOW]),
        (480.0, 750, None, True, [REDUCED.format(50, "watched"), LOOKED_AT]),
        # 1,500 x 0.85 = 1,275, in steps of 10.
        (540.0, 1270, None, False, [REDUCED.format(85, "standard")]),
        (619.99, 1270, None, False, [REDUCED.format(85, "standard")]),
        (620.0, 1500, None, False, []),
    ],
)
def test_the_band_of_the_score_refuses_reviews_or_reduces_and_names_its_version(
    score: float,
    limit: float,
    refused_at: str | None,
    is_looked_at: bool,
    reasons: list[str],
) -> None:
    got = decided(policy=BANDED, score=score)
    found = (got["credit_limit"], got["refused_at"], got["needs_review"])
    assert found == (limit, refused_at, is_looked_at)
    assert json.loads(got["reason_codes"]) == reasons
    assert (got["admission"], got["score_band_version"]) == ("admit", 3)


def test_a_person_who_turns_a_band_round_grants_what_it_would_have_been() -> None:
    got = decided(policy=BANDED, score=400.0)
    assert (got["proposed_decision"], got["limit_if_admitted"]) == ("refuse", 1500)


def test_lending_control_reduces_what_the_band_leaves() -> None:
    got = decided(policy=BANDED, score=500.0, rules=(rule(factor=0.5),))
    assert (got["limit_before_control"], got["credit_limit"]) == (750, 370)


def test_a_band_that_leaves_less_than_a_step_refuses_for_want_of_a_limit() -> None:
    got = decided(policy=BANDED, score=500.0, limit_estimate=19.0)
    assert (got["refused_at"], got["credit_limit"]) == ("limit", 0)
    first, second, _ = json.loads(got["reason_codes"])
    assert first.endswith("what could be granted is below the smallest limit")
    assert second == REDUCED.format(50, "watched")


def test_without_a_score_and_after_a_refusal_the_band_says_nothing() -> None:
    without = {"admission_probability": None, "score": None}
    assert decided(policy=BANDED, **without) == decided(**without)
    refused = decided(policy=BANDED, admission_probability=0.3, score=400.0)
    assert refused["refused_at"] == "admission"
    assert "strategy of the score" not in refused["reason_codes"]


# ---- strategy --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "amount", "expected"),
    [
        (599.99, 1990.0, ("weak", "small", "watched")),
        (600.0, 1990.0, ("good", "small", "instant")),
        (600.0, 2000.0, ("good", "large", "standard")),
        (300.0, 2000.0, ("weak", "large", "secured")),
    ],
)
def test_the_strategy_is_that_of_qualification_and_limit_band(
    score: float, amount: float, expected: tuple[str, str, str]
) -> None:
    got = decided(score=score, requested_amount=amount, limit_estimate=5000.0)
    assert (got["qualification"], got["limit_band"], got["strategy"]) == expected


def test_a_strategy_may_ask_for_a_persons_look() -> None:
    got = decided(score=500.0, requested_amount=2500.0, limit_estimate=5000.0)
    assert (got["strategy"], got["needs_review"]) == ("secured", True)


def test_who_is_refused_has_a_qualification_and_no_strategy() -> None:
    got = decided(admission_probability=0.3)
    assert (got["qualification"], got["strategy"]) == ("good", None)


# ---- invariants ------------------------------------------------------------------------

AMOUNT = st.one_of(st.none(), st.floats(0, 1e6))
CASE = st.fixed_dictionaries(
    {
        "requested_amount": st.floats(1, 1e6),
        "monthly_income": AMOUNT,
        "monthly_inflow": AMOUNT,
        "largest_repaid": AMOUNT,
        "open_principal": st.floats(0, 1e6),
        "limit_estimate": AMOUNT,
        "admission_probability": st.one_of(st.none(), st.floats(0, 1)),
    }
)


@settings(max_examples=6, deadline=None)
@given(cases=st.lists(CASE, min_size=5, max_size=25), factor=st.sampled_from([0.0, 0.7]))
def test_limits_never_exceed_what_was_asked_for_nor_any_ceiling(
    cases: list[dict[str, Any]], factor: float
) -> None:
    every = decided_all(cases)
    held = decided_all(cases, rules=(rule(factor=factor),))
    for case, free, under in zip(cases, every, held, strict=True):
        limit, estimate = free["credit_limit"], case["limit_estimate"]
        income, repaid = case["monthly_income"], case["largest_repaid"]
        left = None if income is None else max(3 * income - case["open_principal"], 0)
        assert 0 <= under["credit_limit"] <= limit <= case["requested_amount"] + 1e-6
        assert under["credit_limit"] <= factor * limit + 1e-6
        assert estimate is None or limit <= estimate + 1e-6
        assert repaid is None or limit <= 2 * repaid + 1e-6
        assert left is None or limit <= left + 1e-6
        assert (free["proposed_decision"] == "admit") == (limit > 0)
        assert free["needs_review"] or free["proposed_decision"] == "admit"


def test_a_stricter_policy_never_admits_more() -> None:
    strict = replace(POLICY, min_probability=0.97)
    assert decided(policy=strict)["admission"] == "refuse"


def test_what_was_asked_for_is_granted_as_asked_for() -> None:
    """The step rounds what is less than asked for, nothing else."""
    coarse = replace(POLICY, step_amount=1000.0)
    assert decided(requested_amount=1499.5, policy=coarse)["credit_limit"] == 1499.5
    held = decided(requested_amount=1950.0, policy=coarse)
    assert (held["limit_estimate"], held["credit_limit"]) == (1800.0, 1000.0)
