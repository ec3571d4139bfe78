"""A decision made again gives the same; other days have other models and rules."""

import datetime as dt
import json
import math
import shutil
from dataclasses import replace

import duckdb
import pytest
from tests.decision.small_lender import (
    CASES,
    change,
    open_lender,
    planted_cases,
    publish,
    rows,
    run,
)

from comove.connection import connect
from comove.decision.scratch import DecisionError
from comove.decision.trail import decide_dry, replay_published
from comove.decision.trail_text import lines
from comove.settings import Settings

LAST = f"{CASES - 1:032x}"
ALL_THE_SAME = {"decisions": CASES, "changed": 0, "scored_otherwise": 0}
SCORED = """
    insert into risk.score by name
    select
        application_key, '2024-07-01'::date as as_of, 600 as score,
        score_pd + {moved} as pd, '{version}' as model_version, '{scoring}' as scoring,
        '[]' as reason_codes, false as is_mature
    from risk.decision_case where score_pd is not null
"""
REJECT = """
    insert into risk.lending_control values (
        'c9', null, '{industry}', 'reject', 0, '{since}', '2024-12-31', 'e9',
        'freeze', 5, 'r', '{written}'
    )
"""


def reject_industry(
    lender: Settings, since: str = "2024-01-01", written: str = "2024-01-01"
) -> None:
    (industry,) = rows(
        lender,
        f"select industry from risk.decision_case where application_key = '{LAST}'",
    )[0]
    change(lender, REJECT.format(industry=industry, since=since, written=written))
    publish(lender)


def test_every_decision_made_again_is_the_same(lender: Settings) -> None:
    assert replay_published(lender) == ALL_THE_SAME


def test_a_decision_that_comes_out_otherwise_is_counted(lender: Settings) -> None:
    change(
        lender,
        "update risk.credit_decision set limit_if_admitted = limit_if_admitted + 1 "
        f"where application_key = '{LAST}'",
    )
    publish(lender)
    assert replay_published(lender) == ALL_THE_SAME | {"changed": 1}


def test_without_published_decisions_nothing_is_made_again(settings: Settings) -> None:
    settings.places.make()
    duckdb.connect(settings.places.serving).close()
    with pytest.raises(DecisionError, match="no decision has been published yet"):
        replay_published(settings)


def test_a_replay_of_one_is_the_same_in_every_column(lender: Settings) -> None:
    trail = decide_dry(lender, LAST)
    assert trail.kept is not None
    assert trail.differs == ()
    assert "the same decision as kept" in list(lines(trail))


@pytest.mark.parametrize(
    ("status", "who", "said"),
    [
        ("waiting", None, "waits for a person"),
        ("historical", None, "historical, the lender decided itself"),
        ("returned", "ada", "not final, to be decided by its form, returned by ada"),
    ],
)
def test_it_is_said_why_a_decision_is_not_final(
    lender: Settings, status: str, who: str | None, said: str
) -> None:
    trail = decide_dry(lender, LAST)
    assert trail.kept is not None
    answer = {"review_status": status, "reviewed_by": who, "final_decision": None}
    told = replace(trail, kept={**trail.kept, **answer})
    assert f"kept        {said} (run run)" in list(lines(told))


def spoil_models(lender: Settings, change: float) -> None:
    """Move the probability every line of admission gives."""
    for file in (lender.places.root / "artifacts/models/admission").glob("*/line.json"):
        told = json.loads(file.read_text())
        file.write_text(json.dumps(told | {"intercept": told["intercept"] + change}))


def test_a_replay_asks_the_model_that_decided(lender: Settings) -> None:
    key = rows(
        lender,
        "select max(application_key) from risk.decision_input "
        "where admission_source = 'score and admission model'",
    )[0][0]
    kept = decide_dry(lender, key).decision["admission_probability"]
    spoil_models(lender, 0.5)
    trail = decide_dry(lender, key)
    assert "admission_probability" in trail.differs
    # Half of the log-odds is the score's.
    odds = kept / (1 - kept) * math.exp(-0.25)
    assert trail.decision["admission_probability"] == pytest.approx(odds / (1 + odds))
    assert replay_published(lender)["changed"] > 0


@pytest.mark.parametrize(
    ("moved", "version", "scoring", "is_otherwise"),
    [
        (0.0, "application-blend-x", "out_of_time", False),
        (0.01, "application-blend-x", "out_of_time", True),
        (0.01, "application-blend-y", "out_of_time", False),
        (0.01, "application-blend-x", "cross_fitted", False),
    ],
)
def test_a_replay_names_what_the_same_model_of_the_score_says_otherwise_now(
    lender: Settings, moved: float, version: str, scoring: str, is_otherwise: bool
) -> None:
    change(lender, SCORED.format(moved=moved, version=version, scoring=scoring))
    publish(lender)
    trail = decide_dry(lender, LAST)
    assert trail.differs == (("score_pd",) if is_otherwise else ())


def test_what_the_score_says_otherwise_now_is_counted_and_changes_no_decision(
    lender: Settings,
) -> None:
    said = {"version": "application-blend-x", "scoring": "out_of_time"}
    change(lender, SCORED.format(moved=0.01, **said))
    publish(lender)
    (scored,) = rows(lender, "select count(*) from risk.score")[0]
    assert scored > 0
    told = {"scored_otherwise": scored}
    assert replay_published(lender) == ALL_THE_SAME | told


def test_a_replay_asks_with_the_features_that_were_kept(lender: Settings) -> None:
    key = rows(
        lender,
        "select max(application_key) from risk.decision_case "
        "where is_existing_borrower and worst_dpd_12m < 5",
    )[0][0]
    kept = decide_dry(lender, key).decision["admission_probability"]
    change(
        lender,
        "update risk.decision_input set features = "
        """json_merge_patch(features, '{"worst_dpd_12m": 25}')"""
        f" where application_key = '{key}'",
    )
    publish(lender)
    assert decide_dry(lender, key).decision["admission_probability"] < kept - 0.02


def test_a_model_that_is_gone_is_named(lender: Settings) -> None:
    shutil.rmtree(lender.places.root / "artifacts/models/limit")
    with pytest.raises(DecisionError, match=r"the model limit-\S+ is not there any more"):
        decide_dry(lender, LAST)


def test_decisions_from_before_features_were_kept_are_made_of_what_models_said(
    lender: Settings,
) -> None:
    change(lender, "update risk.decision_input set features = null")
    publish(lender)
    shutil.rmtree(lender.places.root / "artifacts/models")
    assert replay_published(lender) == ALL_THE_SAME


def test_a_policy_changed_since_changes_no_replay(lender: Settings) -> None:
    strict = Settings(
        portfolio="contract",
        home=lender.places.root,
        admission_min_probability=0.99,
        limit_income_months=0.1,
    )
    assert decide_dry(strict, LAST).differs == ()


def test_cases_that_late_files_changed_change_no_replay(lender: Settings) -> None:
    change(lender, "update risk.decision_case set monthly_income = 1, worst_dpd_12m = 99")
    publish(lender)
    assert decide_dry(lender, LAST).differs == ()


def test_a_rule_written_after_the_decision_changes_no_replay(lender: Settings) -> None:
    reject_industry(lender, written="2099-01-01")
    assert decide_dry(lender, LAST).differs == ()


def test_a_rule_that_is_gone_since_changes_no_replay(settings: Settings) -> None:
    open_lender(settings, planted_cases())
    reject_industry(settings)
    run(settings, application=LAST)
    change(settings, "drop table risk.lending_control")
    publish(settings)
    trail = decide_dry(settings, LAST)
    assert (trail.decision["event_id"], trail.differs) == ("e9", ())


def test_the_same_day_decided_anew_knows_what_was_written_since(lender: Settings) -> None:
    reject_industry(lender)
    (day,) = rows(
        lender,
        f"select applied_on from risk.decision_case where application_key = '{LAST}'",
    )[0]
    trail = decide_dry(lender, LAST, as_of=day)
    assert (trail.decision["control_applied"], trail.decision["event_id"]) == (
        "reject",
        "e9",
    )
    assert "credit_limit" in trail.differs


def test_another_day_has_its_own_rules(lender: Settings) -> None:
    reject_industry(lender, since="2024-09-01")
    august = decide_dry(lender, LAST, as_of=dt.date(2024, 8, 31))
    september = decide_dry(lender, LAST, as_of=dt.date(2024, 9, 1))
    assert august.decision["control_applied"] is None
    assert september.decision["control_applied"] == "reject"


def test_another_day_has_the_models_in_force_on_it(lender: Settings) -> None:
    early = rows(
        lender,
        "select application_key from risk.decision_case where is_existing_borrower "
        "and applied_on between '2023-12-01' and '2023-12-31' order by 1 limit 1",
    )[0][0]
    versions = {
        decide_dry(lender, early, as_of=day).decision["limit_version"]
        for day in (dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 4, 1))
    }
    assert len(versions) == 3


def test_decided_dry_it_is_as_the_run_decides_it(lender: Settings) -> None:
    day = dt.date(2024, 4, 1)
    key = rows(
        lender,
        "select min(application_key) from risk.credit_decision "
        f"where decided_as_of >= '{day}'",
    )[0][0]
    kept = decide_dry(lender, key)
    assert kept.kept is not None
    again = decide_dry(lender, key, as_of=kept.kept["decided_as_of"])
    assert again.differs == ()


def test_a_day_before_the_application_is_refused(lender: Settings) -> None:
    with pytest.raises(DecisionError, match="was made on 2024-06"):
        decide_dry(lender, LAST, as_of=dt.date(2024, 1, 1))


def test_an_unknown_application_is_told(lender: Settings) -> None:
    with pytest.raises(DecisionError, match="no application with this id"):
        decide_dry(lender, "A0000001")


def test_before_anything_is_published_the_dag_is_named(settings: Settings) -> None:
    settings.places.make()
    with connect(settings) as connection:
        connection.execute("create schema risk")
    publish(settings)
    with pytest.raises(DecisionError, match="Run the DAG `credit_decision`"):
        decide_dry(settings, "a")


def test_an_undecided_application_is_decided_dry(settings: Settings) -> None:
    open_lender(settings, planted_cases())
    run(settings, application=f"{0:032x}")
    publish(settings)
    text = list(lines(decide_dry(settings, LAST)))
    assert "kept        not decided yet" in text


@pytest.mark.parametrize(
    ("contradiction", "asked_for"),
    [
        ("nothing requested", 0),
        ("decided before it was applied for", 900),
        ("the borrower is younger than it", 900),
    ],
)
def test_an_application_that_contradicts_itself_is_refused_and_told_why(
    lender: Settings, contradiction: str, asked_for: int
) -> None:
    """As decision_case finds it; here from its row to the words that are answered."""
    change(
        lender,
        f"update risk.decision_case set contradiction = '{contradiction}', "
        f"requested_amount = {asked_for} where application_key = '{LAST}'",
    )
    publish(lender)
    trail = decide_dry(lender, LAST, as_of=dt.date(2024, 7, 1))
    decision = trail.decision
    assert (decision["proposed_decision"], decision["refused_at"]) == (
        "refuse",
        "contradiction",
    )
    assert (decision["credit_limit"], decision["needs_review"]) == (0, True)
    assert f"the application cannot be decided: {contradiction}" in trail.reasons
