import json

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from comove.risk_model.judgement import (
    Check,
    Evidence,
    auc_standard_error,
    chance_area,
    judge_challenger,
    poisson_interval,
    refusal,
)
from comove.settings import Settings

RULES = Settings()
AUC = "The model ranks those with an event above the others"
CALIBRATION = "As many events happen as the model expects"
SLOPE = "Predictions are as far apart as the chances of the events are"
SPREAD = "The scores are spread as the champion's, or clearly predict better"
ORDER = "The borrowers are ranked much as by the champion"
MISSING = "No feature is missing much more often than in training"
SHIFT = "The features are distributed as in training"
EXTREME = "Few features are of another population altogether"
PROBABILITY = "Every prediction is a probability strictly between 0 and 1"


def lender(rows=20_000, seed=1, spread=1.0):
    """Borrowers whose true PD the model knows: logit-normal around 2.7 %."""
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(3.6 - spread * random.standard_normal(rows)))
    y = (random.random(rows) < p).astype(float)
    return y, p


def verdicts(evidence):
    return {check.name: check for check in judge_challenger(evidence, RULES)}


def refused(evidence):
    return [check.name for check in judge_challenger(evidence, RULES) if check.refuses]


def test_a_sound_model_passes_every_check():
    y, p = lender()
    sound = Evidence(
        y, p, p, {"dpd": 0.01}, {"dpd": 0.1, "income": 0.5}, {"dpd": 0.1, "income": 0.6}
    )
    assert all(check.success for check in judge_challenger(sound, RULES))
    assert refusal(judge_challenger(sound, RULES)) is None


# Discrimination


def test_a_model_that_ranks_by_chance_is_refused_with_its_figures():
    y, p = lender()
    shuffled = Evidence(y, np.random.default_rng(2).permutation(p))
    check = verdicts(shuffled)[AUC]
    assert check.refuses
    assert check.observed.startswith(("AUC 0.48", "AUC 0.49", "AUC 0.50", "AUC 0.51"))
    assert f"({int(y.sum()):,} events among 20,000 rows)" in check.observed


SAMPLES = 200


def share_refused(area, events, others):
    """Of some samples: events from N(delta, 1), others from N(0, 1)."""
    shift = np.sqrt(2) * stats.norm.ppf(area)
    random = np.random.default_rng(3)
    y = np.repeat([1.0, 0.0], [events, others])
    refusals = 0
    for _ in range(SAMPLES):
        x = np.concatenate([random.normal(shift, 1, events), random.normal(0, 1, others)])
        refusals += verdicts(Evidence(y, stats.norm.cdf(x)))[AUC].refuses
    return refusals / SAMPLES


@pytest.mark.parametrize(("events", "others"), [(5, 200), (30, 300), (76, 2_000)])
def test_mere_chance_is_refused_in_nineteen_of_twenty_samples(events, others):
    assert share_refused(0.5, events, others) > 0.9  # 0.95, less three standard errors


def test_a_model_of_the_least_area_is_refused_by_bad_luck_in_one_of_twenty_samples():
    # So many events that chance alone stays below the least area.
    assert share_refused(RULES.gate_min_auc, 1_000, 2_000) < 0.1


def test_a_model_of_the_usual_area_passes_with_few_events():
    assert share_refused(0.75, 30, 300) < 0.05


def test_the_area_of_chance_is_the_quantile_of_the_mann_whitney_statistic():
    random = np.random.default_rng(6)
    areas = [np.mean(random.random(12)[:, None] > random.random(48)) for _ in range(4000)]
    assert chance_area(12, 48) == pytest.approx(np.quantile(areas, 0.95), abs=0.01)


def test_a_model_with_one_prediction_for_all_is_refused():
    y, _ = lender(200)
    check = verdicts(Evidence(y, np.full(200, 0.03)))[AUC]
    assert check.refuses
    assert check.observed.startswith("the same prediction in every row")


@pytest.mark.parametrize(
    ("event", "words"), [(0.0, "have no event"), (1.0, "have an event")]
)
def test_one_class_only_cannot_be_ranked_and_says_so(event, words):
    check = verdicts(Evidence(np.full(80, event), np.linspace(0.01, 0.05, 80)))[AUC]
    assert (check.severity, check.success) == ("info", True)
    assert check.observed.startswith("not available: all 80 rows")
    assert words in check.observed


def test_the_standard_error_is_that_of_hanley_and_mcneil():
    # Their worked example (Radiology 143, 1982): area 0.893, 51 abnormal and 58 normal
    # images, standard error 0.032.
    assert auc_standard_error(0.893, 51, 58) == pytest.approx(0.032, abs=0.0006)


def test_the_standard_error_is_exact_for_exponential_scores():
    # Q1 and Q2 are exact when scores are exponential; the variance over samples is known
    # by simulation only.
    random = np.random.default_rng(4)
    areas = []
    for _ in range(4000):
        events, others = random.exponential(2.0, 12), random.exponential(1.0, 20)
        areas.append(np.mean(events[:, None] > others))
    assert auc_standard_error(2 / 3, 12, 20) == pytest.approx(np.std(areas), rel=0.05)


# Calibration


def test_a_model_three_times_too_high_is_refused():
    y, p = lender()
    check = verdicts(Evidence(y, 3 * p / (1 + 2 * p)))[CALIBRATION]
    assert check.refuses
    assert f"{int(y.sum()):,} happened" in check.observed


def test_a_model_three_times_too_low_is_refused():
    y, p = lender()
    assert CALIBRATION in refused(Evidence(y, p / 3))


def test_few_events_do_not_fail_calibration_by_noise():
    y = np.zeros(100)
    y[:1] = 1
    assert verdicts(Evidence(y, np.full(100, 0.04)))[CALIBRATION].success


def test_no_event_is_consistent_with_few_expected_but_not_with_many():
    none = np.zeros(1000)
    assert verdicts(Evidence(none, np.full(1000, 0.003)))[CALIBRATION].success
    assert verdicts(Evidence(none, np.full(1000, 0.01)))[CALIBRATION].refuses


@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_the_poisson_interval_leaves_a_fortieth_at_each_end(count):
    low, high = poisson_interval(count)
    assert stats.poisson.cdf(count, high) == pytest.approx(0.025)
    if count:
        assert stats.poisson.sf(count - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_no_champion_excuses_a_pd_that_is_wrong_many_times_over(factor):
    y, p = lender()
    worse = np.clip(p * factor**2, 1e-6, 0.9)
    assert CALIBRATION in refused(Evidence(y, np.clip(p * factor, 0, 0.9), worse))


def test_a_challenger_closer_than_the_champion_passes_in_a_crisis():
    y, p = lender()
    assert CALIBRATION not in refused(Evidence(y, p / 3, p / 5))


@pytest.mark.parametrize("slope", [0.28, 0.33, 3.0, 4.4])
def test_predictions_too_far_apart_or_too_close_are_refused(slope):
    y, p = lender(spread=1.5)
    margin = np.log(p / (1 - p))
    wrong = 1 / (1 + np.exp(-(margin.mean() + (margin - margin.mean()) / slope)))
    check = verdicts(Evidence(y, wrong))[SLOPE]
    assert check.refuses
    assert check.observed.startswith("calibration slope")


def test_the_slope_and_its_interval_are_those_of_statsmodels():
    y, p = lender(4_000)
    shown = verdicts(Evidence(y, p))[SLOPE].observed
    found = sm.Logit(y, sm.add_constant(np.log(p / (1 - p)))).fit(disp=False)
    low, high = found.conf_int()[1]
    expected = f"slope {found.params[1]:.2f} (95 % interval {low:.2f} to {high:.2f})"
    assert shown == f"calibration {expected}"


def test_events_that_lie_above_all_others_determine_no_slope():
    y, p = np.repeat([0.0, 1.0], [90, 10]), np.linspace(0.01, 0.3, 100)
    assert "determine no slope" in verdicts(Evidence(y, p))[SLOPE].observed


# Stability against the champion


def test_what_the_champion_has_learned_from_tells_nothing_of_it():
    y, p = lender()
    check = verdicts(Evidence(y, p, np.full_like(p, np.nan)))[SPREAD]
    assert check.severity == "info"
    assert "has learned from all of these rows" in check.observed


def test_only_rows_new_to_both_are_compared():
    y, p = lender()
    champion = np.where(np.arange(len(p)) < 10_000, np.nan, p)
    assert verdicts(Evidence(y, p, champion))[SPREAD].observed.startswith("PSI 0.000")


def test_without_a_champion_stability_is_not_available():
    y, p = lender(1000)
    for name in (SPREAD, ORDER):
        check = verdicts(Evidence(y, p))[name]
        assert check.severity == "info"
        assert check.observed == "not available: there is no champion yet"


def test_scores_that_moved_and_predict_worse_are_refused():
    y, p = lender()
    check = verdicts(Evidence(y, p * 0.4, p))[SPREAD]
    assert check.refuses
    assert "worse than the champion's" in check.observed


def test_scores_that_moved_because_they_predict_better_pass():
    y, p = lender()
    assert verdicts(Evidence(y, p, p * 0.4))[SPREAD].success


def test_a_gain_that_chance_would_give_waives_no_limit():
    """Log loss is lower by 0.0100, with a standard error of 0.0056."""
    y, p = lender(1_000)
    champion = p * 0.4
    check = verdicts(Evidence(y, p, champion))[SPREAD]
    by_row = np.where(y > 0, np.log(p / champion), np.log((1 - p) / (1 - champion)))
    paired = sm.stats.DescrStatsW(by_row)
    assert 0 < paired.mean < 2 * paired.std_mean
    assert check.refuses
    assert (
        f"log loss {paired.mean:.5f} better than the champion's "
        f"(standard error {paired.std_mean:.5f})"
    ) in check.observed


def test_too_few_rows_tell_nothing_about_the_spread():
    y, p = lender(100)
    assert "too few" in verdicts(Evidence(y, p, p / 3))[SPREAD].observed


def test_another_order_of_borrowers_is_a_warning():
    y, p = lender()
    check = verdicts(Evidence(y, np.random.default_rng(5).permutation(p), p))[ORDER]
    assert (check.severity, check.success) == ("warning", False)


def test_a_champion_that_predicts_one_value_has_no_order():
    y, p = lender(1000)
    assert verdicts(Evidence(y, p, np.full(1000, 0.02)))[ORDER].severity == "info"


# Features


def test_a_feature_that_went_missing_refuses_the_model_and_is_named():
    y, p = lender(1000)
    gone = Evidence(
        y,
        p,
        missing_trained={"dpd": 0.1, "income": 0.5},
        missing_now={"dpd": 0.9, "income": 0.5},
    )
    check = verdicts(gone)[MISSING]
    assert check.refuses
    assert check.observed == "dpd risen by 0.800"


def test_a_feature_that_was_always_missing_is_no_rise():
    y, p = lender(1000)
    shares = {"dpd": 0.0, "house_value": 1.0}
    assert verdicts(Evidence(y, p, None, {}, shares, shares))[MISSING].success


def test_everything_missing_is_refused_even_if_it_always_was():
    y, p = lender(1000)
    check = verdicts(Evidence(y, p, None, {}, {"dpd": 1.0}, {"dpd": 1.0}))[MISSING]
    assert check.refuses
    assert check.observed == "no feature has any value"


def test_a_shifted_population_is_a_warning_that_names_features():
    y, p = lender(1000)
    check = verdicts(Evidence(y, p, None, {"dpd": 0.4, "age": 0.3, "new": np.nan}))[SHIFT]
    assert (check.severity, check.success) == ("warning", False)
    assert check.observed == "dpd PSI 0.400; age PSI 0.300"


def shifted(features):
    """PSI of forty features' known values, of which so many are of other units."""
    return {f"f{j}": 1.5 if j < features else 0.6 for j in range(40)}


def test_a_population_of_another_kind_refuses_the_model_and_names_features():
    y, p = lender(1000)
    check = verdicts(Evidence(y, p, known_psi=shifted(11)))[EXTREME]
    assert check.refuses
    assert "in 11 of 40 features (f0 PSI 1.500; " in check.observed


def test_a_quarter_of_the_features_beyond_the_extreme_is_still_a_warning():
    y, p = lender(1000)
    aged = Evidence(y, p, feature_psi=shifted(40), known_psi=shifted(10))
    assert refused(aged) == []
    assert not verdicts(aged)[SHIFT].success


def test_features_too_few_rows_know_are_not_counted():
    y, p = lender(1000)
    unknown = dict.fromkeys(map(str, range(30)), np.nan)
    assert EXTREME in refused(Evidence(y, p, known_psi={**shifted(11), **unknown}))


# Predictions that are none


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1.0])
def test_a_prediction_that_is_no_probability_refuses_the_model(value):
    y, p = lender(1000)
    p[3] = value
    check = verdicts(Evidence(y, p))[PROBABILITY]
    assert check.refuses
    assert check.observed == "1 of 1,000 rows outside"


def test_no_validation_row_at_all_refuses_the_model():
    nothing = np.empty(0)
    assert refused(Evidence(nothing, nothing)) == [PROBABILITY]
    assert "no rows to judge" in refusal(
        judge_challenger(Evidence(nothing, nothing), RULES)
    )


@given(
    events=st.lists(st.booleans(), max_size=12),
    p=st.lists(st.floats(), min_size=12, max_size=12),
    champion=st.one_of(
        st.none(), st.lists(st.floats(0.001, 0.999), min_size=12, max_size=12)
    ),
)
def test_whatever_the_rows_every_check_ends_in_words(events, p, champion):
    n = len(events)
    evidence = Evidence(
        np.array(events, float),
        np.array(p[:n]),
        None if champion is None else np.array(champion[:n]),
    )
    for check in judge_challenger(evidence, RULES):
        assert check.observed
        assert Check.from_json(json.loads(json.dumps(check.to_json()))) == check
