"""How uniform residuals are, against scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.risk.book import Tables
from tests.risk.macros import evaluate

KINDS = ["all", "pd_band", "region", "industry", "kind", "month"]


@pytest.mark.parametrize("kind", KINDS)
def test_distances_and_p_values_are_scipy_s(clustered: Tables, kind: str) -> None:
    rows = clustered.read("select * from risk.residual where is_in_window")
    segments = (
        rows["month"].dt.strftime("%Y-%m-%d")
        if kind == "month"
        else (pd.Series("all", rows.index) if kind == "all" else rows[kind].astype(str))
    )
    found = clustered.read(
        f"select * from risk.residual_uniformity where segment_kind = '{kind}'"
    ).set_index("segment")
    assert set(found.index) == set(segments)
    for segment, part in rows.groupby(segments):
        test = stats.kstest(part.quantile_residual, "uniform")
        row = found.loc[str(segment)]
        assert row.ks_statistic == pytest.approx(test.statistic, rel=1e-9)
        assert row.p_value == pytest.approx(test.pvalue, abs=0.01)
        test = stats.kstest(part.uniform, "uniform")
        assert row.ks_statistic_uniform == pytest.approx(test.statistic, rel=1e-9)
        assert row.n == len(part)
        assert row.events == part.is_event.sum()
        assert row.expected_events == pytest.approx(part.pd.sum())
        assert row["mean"] == pytest.approx(part.quantile_residual.mean())
        assert row.sd == pytest.approx(part.quantile_residual.std())


def test_calibrated_independent_residuals_are_uniform_everywhere(
    independent: Tables,
) -> None:
    p_values = independent.read("select p_value from risk.residual_uniformity").p_value
    # Of about 40 tests, none should be as rare as one in ten thousand.
    assert p_values.min() > 1e-4


def test_a_common_factor_makes_months_not_uniform(clustered: Tables) -> None:
    months = clustered.read(
        "select p_value from risk.residual_uniformity where segment_kind = 'month'"
    )
    assert months.p_value.min() < 1e-3


def test_the_series_is_kolmogorov_s_distribution() -> None:
    x = np.concatenate([np.linspace(0.01, 3, 300), [1.1799999, 1.18]])
    many = np.full(len(x), 10**12)
    found = evaluate("kolmogorov_p_value('d', 'n')", d=x / np.sqrt(many), n=many)
    np.testing.assert_allclose(found, stats.kstwobign.sf(x), atol=1e-6)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_the_p_value_of_few_values_is_good_where_it_matters(n: int) -> None:
    d = np.linspace(0.05, 0.9, 80)
    found = evaluate("kolmogorov_p_value('d', 'n')", d=d, n=np.full(len(d), n))
    exact = stats.kstwo.sf(d, n)
    np.testing.assert_allclose(found, exact, atol=0.025)
    np.testing.assert_allclose(found[exact < 0.2], exact[exact < 0.2], atol=0.003)


def test_the_normal_quantile_is_scipy_s() -> None:
    tiny = np.logspace(-16, -2, 200)
    p = np.concatenate([tiny, np.linspace(0.001, 0.999, 999), 1 - tiny])
    found = evaluate("normal_quantile('p')", p=p)
    np.testing.assert_allclose(found, stats.norm.ppf(p), atol=2e-8)


def hashed(seed: int) -> np.ndarray:
    keys = np.array([f"{number:032x}" for number in range(20_000)])
    month = np.full(len(keys), np.datetime64("2024-02-01"))
    seeds = np.full(len(keys), seed)
    return evaluate("hash_uniform('k', 'cast(m as date)', 's')", k=keys, m=month, s=seeds)


def test_the_hash_is_uniform_whatever_the_seed() -> None:
    draws = [hashed(seed) for seed in range(20)]
    assert 0 < np.min(draws) < np.max(draws) < 1
    p_values = [stats.kstest(draw, "uniform").pvalue for draw in draws]
    # 20 honest tests: none below 1 in 1000, and themselves uniform.
    assert min(p_values) > 1e-3
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_the_hash_repeats_and_seeds_are_unrelated() -> None:
    assert (hashed(1) == hashed(1)).all()
    assert abs(np.corrcoef(hashed(1), hashed(2))[0, 1]) < 0.03


def test_without_predictions_there_is_nothing_to_judge(empty: Tables) -> None:
    for table in ("residual_uniformity", "residual_dependence"):
        assert empty.value(f"select count(*) from risk.{table}") == 0
