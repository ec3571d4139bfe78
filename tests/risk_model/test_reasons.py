"""Reasons in plain words, checked against cases worked out by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from comove.risk_model.reasons import (
    MOST_REASONS,
    NOTHING_OWN,
    Population,
    as_json,
    find_reasons,
)


def feature(name, about, kind="number", direction=0):
    return SimpleNamespace(name=name, kind=kind, direction=direction, about=about)


FEATURES = (
    feature(
        "worst_days_past_due", "Worst days past due before the application, in days."
    ),
    feature("loans_before", "Number of loans before; one at a time."),
    feature("region", "Region of the borrower.", "category"),
    feature("pd_of_partner", ""),
    feature("months_known", "Months since the first loan"),
    feature("utc_hour", "UTC hour of the application"),
)
USUAL = Population(medians=(0, 2, float("nan"), 1, 6, 12), contributions=(0.0,) * 6)


def reasons_of(values, contributions, *, needed=True, population=USUAL):
    return find_reasons(
        np.array([values], dtype=np.float32),
        np.array([contributions], dtype=float),
        FEATURES,
        population,
        needed=np.array([needed]),
    )[0]


def test_the_strongest_four_come_first_in_plain_words():
    found = reasons_of([35, 0, 7, 1, np.nan, 13], [0.9, 0.5, 0.7, 0.2, 0.4, 0.1])
    assert found == (
        "worst days past due before the application: high",
        "region of the borrower: one that more losses came from",
        "number of loans before: low",
        "months since the first loan: not known",
    )


def test_a_feature_without_words_goes_by_its_name():
    found = reasons_of([0, 2, 0, 1, 6, 12], [0, 0, 0, 0.3, 0, 0])
    assert found == ("pd of partner: no better than usual",)


@pytest.mark.parametrize(
    ("direction", "value", "state"),
    [
        (-1, 1, "low"),
        (-1, 5, "no better than usual"),
        (1, 5, "no better than usual"),
        (1, 9, "high"),
        (0, 9, "high"),
        (0, 1, "low"),
    ],
)
def test_a_reason_says_on_which_side_of_the_median_a_value_is(direction, value, state):
    assert reason_of_one(direction, value, needed=True) == (f"external score: {state}",)


@pytest.mark.parametrize(("direction", "value"), [(-1, 9), (1, 1)])
def test_a_value_on_the_good_side_is_no_reason(direction, value):
    assert reason_of_one(direction, value, needed=False) == ()
    assert reason_of_one(direction, value, needed=True) == (NOTHING_OWN,)


def reason_of_one(direction, value, *, needed):
    # Its effect is skewed: the mean is pulled down by a few, this one adds more than it.
    return find_reasons(
        np.array([[value]], dtype=np.float32),
        np.array([[0.1]]),
        (feature("external_score", "External score", direction=direction),),
        Population(medians=(5,), contributions=(-0.4,)),
        needed=np.array([needed]),
    )[0]


def test_a_value_on_the_good_side_takes_the_place_of_no_other_reason():
    names = [f"f{j}" for j in range(6)]
    (found,) = find_reasons(
        np.array([[1, 9, 9, 9, 9, 9]], dtype=np.float32),
        np.array([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]]),
        [feature(name, "", direction=1) for name in names],
        Population(medians=(5,) * 6, contributions=(0.0,) * 6),
        needed=np.array([True]),
    )
    assert found == tuple(f"{name}: high" for name in names[1:5])


def test_an_abbreviation_keeps_its_capitals():
    found = reasons_of([0, 2, 0, 1, 6, 13], [0, 0, 0, 0, 0, 0.3])
    assert found == ("UTC hour of the application: high",)


def test_no_value_of_the_applicant_stands_in_a_reason():
    found = reasons_of([4711, 4712, 4713, 4714, 4715, 4716], [1, 1, 1, 1, 1, 1])
    assert "471" not in as_json(found)


def test_what_lowers_the_risk_is_no_reason():
    found = reasons_of([35, 0, 7, 1, 6, 12], [0.9, -0.5, 0, 0, 0, 0])
    assert len(found) == 1


def test_reasons_are_judged_against_the_population_not_against_zero():
    population = Population(USUAL.medians, contributions=(1.0, 0, 0, 0, 0, 0))
    found = reasons_of(
        [35, 0, 7, 1, 6, 12], [0.9, 0.5, 0, 0, 0, 0], population=population
    )
    assert found == ("number of loans before: low",)


def test_a_score_below_base_has_a_reason_even_where_nothing_stands_out():
    assert reasons_of([0] * 6, [0] * 6) == (NOTHING_OWN,)
    assert reasons_of([0] * 6, [0] * 6, needed=False) == ()


def test_equal_contributions_keep_the_order_of_the_features():
    found = reasons_of([35, 0, 7, 1, 6, 12], [0.5, 0.5, 0.5, 0, 0, 0])
    assert [reason.split(" ")[0].rstrip(":") for reason in found] == [
        "worst",
        "number",
        "region",
    ]


def test_the_population_is_the_median_and_the_mean_of_the_rows():
    x = np.array([[1, np.nan, 0], [3, np.nan, 1], [10, np.nan, 1]], dtype=np.float32)
    contributions = np.array([[0.0, 1, 2], [3, 4, 5], [6, 7, 8]])
    features = (FEATURES[0], FEATURES[1], FEATURES[2])
    population = Population.of(x, contributions, features)
    assert population.medians[0] == 3
    assert np.isnan(population.medians[1:]).all()
    assert population.contributions == (3.0, 4.0, 5.0)


def test_the_population_survives_json():
    stored = json.loads(json.dumps(USUAL.to_json()))
    assert Population.from_json(stored).medians == pytest.approx(
        USUAL.medians, nan_ok=True
    )


def test_reasons_are_a_json_list():
    assert json.loads(as_json(("a", "b"))) == ["a", "b"]
    assert as_json(()) == "[]"


@given(
    x=hnp.arrays(
        np.float32, (5, 6), elements=st.floats(-5, 5, width=32) | st.just(np.nan)
    ),
    contributions=hnp.arrays(float, (5, 6), elements=st.floats(-3, 3)),
    needed=hnp.arrays(bool, 5),
)
def test_reasons_are_few_there_when_needed_and_the_same_again(x, contributions, needed):
    found = find_reasons(x, contributions, FEATURES, USUAL, needed=needed)
    again = find_reasons(x, contributions, FEATURES, USUAL, needed=needed)
    assert found == again
    assert all(len(reasons) <= MOST_REASONS for reasons in found)
    assert all(reasons or not must for reasons, must in zip(found, needed, strict=True))
    assert all(len(set(reasons)) == len(reasons) for reasons in found)


@given(
    x=hnp.arrays(
        np.float32, (8, 3), elements=st.floats(-5, 5, width=32) | st.just(np.nan)
    ),
    contributions=hnp.arrays(float, (8, 3), elements=st.floats(-3, 3)),
    directions=st.tuples(*[st.sampled_from((-1, 0, 1))] * 3),
    medians=st.tuples(*[st.floats(-5, 5, width=32)] * 3),
)
def test_no_reason_contradicts_the_known_sign(x, contributions, directions, medians):
    features = [feature(f"f{j}", "", direction=d) for j, d in enumerate(directions)]
    found = find_reasons(
        x,
        contributions,
        features,
        Population(medians, (0.0,) * 3),
        needed=np.zeros(len(x), dtype=bool),
    )
    for row, reasons in zip(x, found, strict=True):
        for reason in reasons:
            name, state = reason.split(": ")
            j = int(name[1:])
            good = {-1: "high", 0: None, 1: "low"}[directions[j]]
            assert state != good
            # And what is said is so.
            is_so = {
                "high": row[j] > medians[j],
                "low": row[j] < medians[j],
                "no better than usual": row[j] == medians[j],
                "not known": np.isnan(row[j]),
            }
            assert is_so[state]
