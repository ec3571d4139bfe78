"""Bins follow the declared direction, hold every row, and come back from JSON."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comove.risk_model import woe
from comove.risk_model.features import Feature
from comove.risk_model.woe import WoeBins, fit_bins, weight_of_evidence

ROWS = 20_000


def number(direction=0):
    return Feature("days_late", "number", direction, "Days past due.")


REGION = Feature("region", "category", 0, "Region of the borrower.")


@pytest.fixture(scope="module")
def late():
    """Whole days, a third of them 0, some missing; risk rises with them."""
    generator = np.random.default_rng(1)
    days = np.floor(generator.exponential(8.0, ROWS) - 3).clip(0).astype(np.float32)
    y = (generator.random(ROWS) < 0.02 + 0.01 * days.clip(0, 30)).astype(float)
    days[generator.random(ROWS) < 0.05] = np.nan
    return days, y


@pytest.fixture(scope="module")
def bins(late):
    return fit_bins(number(1), *late)


@pytest.fixture(scope="module")
def regional():
    """Three levels of risk over six regions; a seventh is known and never seen."""
    generator = np.random.default_rng(2)
    codes = generator.integers(0, 6, ROWS).astype(np.float32)
    rates = np.array([0.02, 0.20, 0.08, 0.02, 0.20, 0.08])
    y = (generator.random(ROWS) < rates[codes.astype(int)]).astype(float)
    return codes, y


def test_weight_is_the_log_of_shares_of_non_events_over_events():
    # A bin of 400 of 10,000 non-events and 300 of 1,000 events: ln(0.04 / 0.3), but for
    # half a pseudo-event among 1,000.
    weights = weight_of_evidence(np.array([400, 9_600]), np.array([300, 700]))
    assert weights[0] == pytest.approx(np.log(0.04 / 0.3), abs=0.02)
    assert weights[0] == np.log(0.04 + 0.0005) - np.log(0.3 + 0.0005)


def test_an_empty_bin_weighs_nothing_and_one_without_events_not_infinitely():
    weights = weight_of_evidence(np.array([0, 50, 950]), np.array([0, 0, 10]))
    assert weights[0] == 0
    assert weights[1] == pytest.approx(np.log((0.05 + 0.05) / 0.05))


def test_one_class_weighs_nothing():
    assert weight_of_evidence(np.array([3, 4]), np.array([0, 0])).tolist() == [0, 0]


def test_every_row_is_counted_once(late, bins):
    days, y = late
    codes = bins.codes(days)
    assert np.bincount(codes[y == 1], minlength=len(bins.events)).tolist() == list(
        bins.events
    )
    assert np.bincount(codes[y == 0], minlength=len(bins.events)).tolist() == list(
        bins.non_events
    )


def test_missing_values_have_a_bin_of_their_own(late, bins):
    days, y = late
    assert bins.labels[bins.missing] == "missing"
    assert bins.events[bins.missing] == y[np.isnan(days)].sum()
    assert bins.codes(np.array([np.nan], np.float32)).tolist() == [bins.missing]


def test_information_value_is_the_divergence_of_the_shares(bins):
    good, bad = np.array(bins.non_events), np.array(bins.events)
    share_of_good, share_of_bad = good / good.sum(), bad / bad.sum()
    plain = ((share_of_good - share_of_bad) * np.log(share_of_good / share_of_bad)).sum()
    assert bins.information_value == pytest.approx(plain, rel=0.02)


def test_bins_are_as_telling_as_those_optbinning_makes_of_all_rows(late, bins):
    from optbinning import OptimalBinning

    whole = OptimalBinning(
        monotonic_trend="ascending", max_n_bins=6, min_prebin_size=woe.LEAST_SHARE
    ).fit(*late)
    table = whole.binning_table
    table.build()
    assert bins.information_value > 0.97 * table.iv


@pytest.mark.parametrize("direction", [-1, 1])
def test_weights_fall_as_the_declared_risk_rises(late, direction):
    days, y = late
    fitted = fit_bins(number(direction), direction * days, y)
    steps = np.diff(fitted.woe[: fitted.missing])
    assert len(steps) >= 2
    assert (steps * direction < 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([0.005, 0.05, 0.4]))
def test_weights_never_go_against_the_declared_direction(seed, rate):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=600).astype(np.float32)
    y = (generator.random(600) < rate * (1 + (x > 1))).astype(float)
    y[0], y[1] = 0, 1
    fitted = fit_bins(number(1), x, y)
    if not isinstance(fitted, str):
        assert (np.diff(fitted.woe[: fitted.missing]) < 0).all()


def test_a_feature_whose_effect_has_the_other_sign_tells_nothing(late):
    days, y = late
    present = ~np.isnan(days)
    assert "sign that is known" in fit_bins(number(-1), days[present], y[present])


def test_an_unknown_direction_may_turn():
    generator = np.random.default_rng(3)
    x = generator.normal(size=ROWS).astype(np.float32)
    y = (generator.random(ROWS) < 0.02 + 0.15 * (np.abs(x) > 1)).astype(float)
    weights = fit_bins(number(0), x, y).woe
    middle = weights[:-1].argmax()
    assert 0 < middle < len(weights) - 2


def test_bins_are_at_most_as_many_as_asked(late):
    assert len(fit_bins(number(1), *late, max_bins=3).edges) <= 2


def test_a_value_equal_to_an_edge_stays_below_it():
    # 0.1 is no float32: compared as float64 it would lie below the edge's neighbour.
    x = np.repeat(np.array([0.1, 0.2, 0.3], np.float32), 1_000)
    y = (np.arange(3_000) % np.repeat([100, 10, 3], 1_000) == 0).astype(float)
    fitted = WoeBins.from_json(
        json.loads(json.dumps(fit_bins(number(1), x, y).to_json()))
    )
    assert fitted.edges == tuple(np.array([0.1, 0.2], np.float32).tolist())
    assert fitted.codes(np.array([0.1, 0.2, 0.3], np.float32)).tolist() == [0, 1, 2]


def test_the_tail_where_events_are_has_edges_although_rows_are_few():
    generator = np.random.default_rng(4)
    x = np.zeros(50_000, np.float32)
    x[:2_000] = generator.uniform(1, 90, 2_000)
    y = (
        generator.random(50_000) < np.where(x > 45, 0.6, np.where(x > 0, 0.2, 0.01))
    ).astype(float)
    fitted = fit_bins(number(1), x, y)
    assert fitted.edges[0] == 0
    assert any(30 < edge < 60 for edge in fitted.edges)


def test_categories_of_like_risk_share_a_bin(regional):
    fitted = fit_bins(REGION, *regional, categories=tuple("ABCDEFG"), max_bins=3)
    assert fitted.labels == ("A, D", "C, F", "B, E", "missing")
    assert fitted.groups == (0, 2, 1, 0, 2, 1, -1)


def test_a_category_never_seen_weighs_nothing(regional):
    fitted = fit_bins(REGION, *regional, categories=tuple("ABCDEFG"))
    never_seen, beyond_the_encoding = 6, 99
    asked = np.array([never_seen, beyond_the_encoding, -1], np.float32)
    assert fitted.weights(asked).tolist() == [0, 0, 0]


def test_missing_categories_weigh_nothing_where_none_were_missing(regional):
    fitted = fit_bins(REGION, *regional, categories=tuple("ABCDEFG"))
    assert fitted.weights(np.array([np.nan], np.float32)).tolist() == [0]


def test_bins_survive_json(bins, regional):
    for fitted in (bins, fit_bins(REGION, *regional)):
        stored = json.loads(json.dumps(fitted.to_json()))
        assert WoeBins.from_json(stored) == fitted
        assert stored["woe"] == fitted.woe.tolist()


def test_a_feature_all_missing_says_so():
    x = np.full(10, np.nan, np.float32)
    assert fit_bins(number(), x, np.arange(10) % 2.0) == "all values are missing"


def test_a_constant_feature_says_so():
    assert fit_bins(number(), np.ones(10, np.float32), np.arange(10) % 2.0) == "constant"


def test_a_feature_that_tells_all_is_suspected_of_a_leak():
    x = np.arange(400, dtype=np.float32)
    assert "a leak" in fit_bins(number(1), x, (x > 300).astype(float))


def test_a_constant_that_is_sometimes_missing_is_kept():
    x = np.ones(2_000, np.float32)
    x[:500] = np.nan
    y = np.zeros(2_000)
    y[:100] = 1
    fitted = fit_bins(number(1), x, y)
    assert fitted.labels == ("any value", "missing")
    assert fitted.woe[0] > 0 > fitted.woe[1]


def test_bins_repeat_with_their_seed_when_rows_are_drawn(late, monkeypatch):
    monkeypatch.setattr(woe, "EDGE_ROWS", 500)
    assert fit_bins(number(1), *late, seed=1) == fit_bins(number(1), *late, seed=1)


def test_scoring_needs_no_optbinning_and_fitting_says_nothing_of_its_solvers():
    program = """
import sys
import numpy as np
from comove.risk_model.features import Feature
from comove.risk_model.woe import fit_bins
assert "optbinning" not in sys.modules
x = np.arange(400, dtype=np.float32)
fit_bins(Feature("a", "number", 1, ""), x, (x > 300).astype(float))
assert "optbinning" in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""
    assert "HIGHS" not in ran.stderr
