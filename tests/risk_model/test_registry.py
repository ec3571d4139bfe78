import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.connection import connect
from comove.risk_model.folds import month_of, number
from comove.risk_model.judgement import Check
from comove.risk_model.registry import (
    FoldEvidence,
    Loss,
    Promotion,
    RegistryError,
    champion_algorithm,
    decide_champion,
    in_force,
    read_promotions,
    record_decision,
)
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

RULES = Settings(champion_window_months=12)
ALGORITHMS = ("xgboost", "logit", "blend")
JANUARY = dt.date(2024, 1, 1)
PASSED = Check("It ranks", "critical", True, "AUC 0.7", "AUC at least 0.55", "Look.")
FAILED = replace(PASSED, success=False, observed="AUC 0.5")
WARNED = replace(FAILED, severity="warning")


def later(months, since=JANUARY):
    return month_of(number(since) + months)


def fold(first=0, validation=None, months=None, failing=(), fitted=ALGORITHMS):
    """Six months from `first`; `months` gives the log loss by algorithm of each month."""
    begin = later(first)
    return FoldEvidence(
        first_month=begin,
        last_month=later(5, begin),
        validation={n: Loss(100, v) for n, v in (validation or {}).items()},
        months={
            later(first + k): {n: Loss(100, v) for n, v in (months or {}).items()}
            for k in range(6)
            if months
        },
        checks={n: (FAILED if n in failing else PASSED,) for n in fitted},
    )


def promote(algorithm, months, decided=0):
    return Promotion(
        "pd",
        algorithm,
        later(months),
        "Ada",
        "asked for by the board",
        dt.datetime(2024, 1, 1) + dt.timedelta(days=decided),
    )


def decide(folds, promotions=()):
    return decide_champion(folds, promotions, RULES)


BLEND_IS_BEST = {"xgboost": 0.03, "logit": 0.04, "blend": 0.02}
LOGIT_IS_BEST = {"xgboost": 0.03, "logit": 0.01, "blend": 0.02}


# By the rule


def test_the_first_fold_goes_by_its_validation_months():
    (decision,) = decide([fold(validation=LOGIT_IS_BEST)])
    assert (decision.algorithm, decision.model_fold) == ("logit", JANUARY)
    assert decision.decided_by == "rule"


def test_later_folds_go_by_the_months_predicted_out_of_time():
    first, second = decide(
        [
            fold(0, validation=LOGIT_IS_BEST, months=BLEND_IS_BEST),
            fold(6, validation=LOGIT_IS_BEST, months=LOGIT_IS_BEST),
        ]
    )
    assert (first.algorithm, second.algorithm) == ("logit", "blend")
    assert second.log_losses == pytest.approx(BLEND_IS_BEST)


def test_months_older_than_the_window_no_longer_count():
    *_, last = decide(
        [
            fold(0, months={"xgboost": 9.0, "logit": 0.0, "blend": 9.0}),
            fold(6, months=BLEND_IS_BEST),
            fold(12, months=BLEND_IS_BEST),
            fold(18),
        ]
    )
    assert last.algorithm == "blend"


def test_months_count_by_their_rows():
    earlier = fold(0, fitted=("xgboost", "logit"))
    months = {
        later(0): {"xgboost": Loss(900, 0.02), "logit": Loss(900, 0.03)},
        later(1): {"xgboost": Loss(100, 0.06), "logit": Loss(100, 0.01)},
    }
    _, second = decide(
        [replace(earlier, months=months), fold(6, fitted=("xgboost", "logit"))]
    )
    assert second.log_losses == pytest.approx({"xgboost": 0.024, "logit": 0.028})
    assert second.algorithm == "xgboost"


def test_algorithms_are_compared_over_the_same_months_only():
    newcomer = {"logit": 0.04, "xgboost": 0.03}
    hard_times = {"logit": 0.4}
    _, _, third = decide(
        [
            fold(0, months=hard_times, fitted=("logit",)),
            fold(6, months=newcomer, fitted=("logit", "xgboost")),
            fold(12, fitted=("logit", "xgboost")),
        ]
    )
    assert third.log_losses == pytest.approx(newcomer)


def test_the_simpler_model_wins_a_tie():
    (decision,) = decide([fold(validation=dict.fromkeys(ALGORITHMS, 0.02))])
    assert decision.algorithm == "logit"


# The gate


def test_a_failing_challenger_leaves_the_champion_predicting():
    _, second = decide(
        [
            fold(0, validation=BLEND_IS_BEST, months=BLEND_IS_BEST),
            fold(6, failing=["blend"]),
        ]
    )
    assert (second.algorithm, second.model_fold) == ("blend", JANUARY)
    assert second.wanted == "blend"
    assert second.refused_because == (
        "blend failed the gate. It ranks: observed AUC 0.5, expected AUC at least 0.55."
    )


def test_without_a_champion_the_next_best_that_passes_predicts():
    (decision,) = decide([fold(validation=BLEND_IS_BEST, failing=["blend"])])
    assert decision.algorithm == "xgboost"
    assert decision.refused_because.startswith("blend failed the gate")


def test_where_nothing_passes_the_months_stay_unpredicted_and_say_why():
    (decision,) = decide([fold(validation=BLEND_IS_BEST, failing=ALGORITHMS)])
    assert (decision.algorithm, decision.model_fold) == (None, None)
    assert "AUC 0.5" in decision.refused_because


def test_a_warning_refuses_nobody():
    sound = fold(validation=BLEND_IS_BEST)
    (decision,) = decide([replace(sound, checks={"blend": (PASSED, WARNED)})])
    assert (decision.algorithm, decision.refused_because) == ("blend", None)


def test_too_few_events_leave_the_champion_predicting_and_say_so():
    without = replace(
        fold(6, fitted=()), absent="not available: 12 events are fewer than 50."
    )
    _, second = decide([fold(0, validation=LOGIT_IS_BEST), without])
    assert (second.algorithm, second.model_fold) == ("logit", JANUARY)
    assert second.refused_because == "not available: 12 events are fewer than 50."


def test_no_fold_needs_no_decision():
    assert decide([]) == ()


# By a person


def test_a_promotion_is_obeyed_from_its_date():
    folds = [fold(k, validation=BLEND_IS_BEST, months=BLEND_IS_BEST) for k in (0, 6, 12)]
    first, second, third = decide(folds, [promote("logit", 6)])
    assert [d.algorithm for d in (first, second, third)] == ["blend", "logit", "logit"]
    assert (first.decided_by, second.decided_by) == ("rule", "Ada")
    assert second.model_fold == later(6)


def test_a_promotion_within_a_fold_turns_at_its_month():
    decisions = decide([fold(0, validation=BLEND_IS_BEST)], [promote("logit", 3)])
    assert [(d.from_month, d.algorithm) for d in decisions] == [
        (JANUARY, "blend"),
        (later(3), "logit"),
    ]
    assert in_force(decisions, later(2)).algorithm == "blend"
    assert in_force(decisions, later(5)).algorithm == "logit"


def test_before_the_first_fold_nothing_is_in_force():
    assert in_force(decide([fold(0)]), later(-1)) is None


def test_a_person_gives_the_choice_back_to_the_rule():
    folds = [fold(k, validation=BLEND_IS_BEST, months=BLEND_IS_BEST) for k in (0, 6)]
    _, second = decide(folds, [promote("logit", 0), promote(None, 6)])
    assert (second.algorithm, second.decided_by) == ("blend", "rule")


def test_of_two_promotions_for_one_month_the_later_given_holds():
    chosen = [promote("xgboost", 0, decided=2), promote("logit", 0, decided=1)]
    (decision,) = decide([fold(0, validation=BLEND_IS_BEST)], chosen)
    assert decision.algorithm == "xgboost"


def test_a_promoted_algorithm_that_fails_the_gate_is_refused_with_a_sentence():
    folds = [fold(0, validation=BLEND_IS_BEST), fold(6, failing=["logit"])]
    _, second = decide(folds, [promote("logit", 6)])
    assert (second.algorithm, second.model_fold) == ("blend", JANUARY)
    assert second.wanted == "logit"
    assert second.refused_because.startswith("logit failed the gate. It ranks:")


def test_a_promoted_algorithm_that_was_not_fitted_is_refused_with_a_sentence():
    only = [fold(0, validation=BLEND_IS_BEST, fitted=("blend", "xgboost"))]
    (decision,) = decide(only, [promote("logit", 0)])
    assert decision.algorithm == "blend"
    assert decision.refused_because == "no logit was fitted for 2024-01."


# Whatever the evidence

LOSSES = st.fixed_dictionaries({n: st.floats(0.001, 1) for n in ALGORITHMS})


@st.composite
def histories(draw):
    return [
        fold(
            6 * k,
            validation=draw(LOSSES),
            months=draw(st.one_of(st.none(), LOSSES)),
            failing=draw(st.sets(st.sampled_from(ALGORITHMS))),
            fitted=draw(st.sets(st.sampled_from(ALGORITHMS))),
        )
        for k in range(draw(st.integers(1, 5)))
    ]


PROMOTIONS = st.lists(
    st.builds(
        promote,
        st.one_of(st.none(), st.sampled_from(ALGORITHMS)),
        st.integers(-3, 32),
        st.integers(0, 1000),
    ),
    max_size=4,
    unique_by=lambda p: p.decided_at,
)


@given(histories(), PROMOTIONS, st.randoms())
def test_the_order_of_folds_and_promotions_does_not_matter(folds, promotions, random):
    straight = decide(folds, promotions)
    random.shuffle(folds)
    random.shuffle(promotions)
    assert decide(folds, promotions) == straight


@given(histories(), PROMOTIONS, st.integers(1, 5))
def test_an_earlier_run_decides_its_months_as_a_later_one(folds, promotions, known):
    whole, part = decide(folds, promotions), decide(folds[:known], promotions)
    assert whole[: len(part)] == part


@given(histories(), PROMOTIONS)
def test_a_failing_challenger_is_never_in_force(folds, promotions):
    by_month = {one.first_month: one for one in folds}
    for decision in decide(folds, promotions):
        if decision.algorithm:
            checks = by_month[decision.model_fold].checks[decision.algorithm]
            assert not any(check.refuses for check in checks)


@given(histories(), PROMOTIONS)
def test_no_model_predicts_before_its_own_fold(folds, promotions):
    for decision in decide(folds, promotions):
        assert decision.model_fold is None or decision.model_fold <= decision.fold


@given(histories(), PROMOTIONS)
def test_no_promotion_changes_a_month_before_it(folds, promotions):
    plain, changed = decide(folds), decide(folds, promotions)
    first = min((p.effective_from for p in promotions), default=dt.date.max)
    before = [d for d in changed if d.from_month < first]
    assert before == [d for d in plain if d.from_month < first]


@given(histories(), st.sampled_from(ALGORITHMS), st.integers(0, 29))
def test_a_promotion_of_a_sound_model_is_obeyed(folds, algorithm, months):
    chosen = promote(algorithm, months)
    for decision in decide(folds, [chosen]):
        is_due = decision.from_month >= chosen.effective_from
        if is_due and decision.refused_because is None:
            assert (decision.algorithm, decision.decided_by) == (algorithm, "Ada")


# In the warehouse


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


BOTH = {"pd": "logit", "application": "logit"}


def record(settings, choices=None, **changed):
    given = {
        "month": dt.date(2024, 3, 17),
        "decided_by": "Ada",
        "reason": "reasons must be explained to borrowers",
        "run_id": "manual-1",
    }
    return record_decision(settings, choices or {"pd": "logit"}, **(given | changed))


def recorded(settings, purpose="pd"):
    with connect(settings, read_only=True) as connection:
        return read_promotions(connection, purpose)


def test_a_recorded_decision_is_read_back(settings):
    made = record(settings)
    assert recorded(settings) == made
    assert recorded(settings, "application") == ()


def test_a_decision_takes_effect_after_the_month_whose_outcomes_are_known(settings):
    [made] = record(settings)
    assert made.effective_from == dt.date(2024, 4, 1)


def test_a_decision_given_with_a_past_month_changes_no_month_that_is_known(settings):
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        june = dt.date(2024, 6, 1)
        connection.execute(
            "insert into audit.risk_request values (?, ?, ?, ?, 7)", [june] * 4
        )
    [made] = record(settings)
    assert made.effective_from == dt.date(2024, 7, 1)


def test_a_decision_is_never_changed_by_trying_its_run_again(settings):
    first = record(settings)
    second = record(settings, {"pd": "xgboost"}, run_id="manual-2")
    assert record(settings, reason="the same, better said") == ()
    assert recorded(settings) == (*first, *second)
    assert decide([fold(0), fold(6)], recorded(settings))[-1].wanted == "xgboost"


def test_a_decision_is_recorded_for_all_its_purposes_or_for_none(settings):
    with pytest.raises(RegistryError, match="no purpose 'lgd'"):
        record(settings, BOTH | {"lgd": "logit"})
    with pytest.raises(RegistryError, match="no algorithm 'forest'"):
        record(settings, BOTH | {"application": "forest"})
    assert recorded(settings) == recorded(settings, "application") == ()
    assert len(record(settings, BOTH)) == 2


def test_a_warehouse_without_a_registry_has_no_promotion(settings):
    with connect(settings) as connection:
        assert read_promotions(connection, "pd") == ()
        ensure_risk_tables(connection)
        assert read_promotions(connection, "pd") == ()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"reason": " "}, "reason is empty"),
        ({"decided_by": ""}, "decided_by is empty"),
        ({"choices": {"pd": "forest"}}, "no algorithm 'forest'"),
        ({"choices": {"lgd": "logit"}}, "no purpose 'lgd'"),
    ],
)
def test_a_promotion_nobody_can_account_for_is_refused(settings, changed, found):
    with pytest.raises(RegistryError, match=found):
        record(settings, **changed)


def test_a_warehouse_without_models_has_no_champion(settings):
    with connect(settings) as connection:
        connection.execute("select 1")
    assert champion_algorithm(settings, purpose="pd") is None
