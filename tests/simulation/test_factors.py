"""The planted dependence is the model of design section 4.3."""

import dataclasses

import duckdb
import numpy as np
import pytest
from scipy import stats

from comove.errors import SettingsError
from comove.simulation import Plan
from comove.simulation.factors import (
    Threshold,
    draw_ar1,
    draw_events,
    draw_factors,
)


def test_factors_are_stationary_ar1_of_unit_variance() -> None:
    path = draw_ar1(40, 5_000, 0.8, np.random.default_rng(1))

    # 200,000 values with φ = 0.8 weigh as much as 22,000 independent ones.
    assert path.var() == pytest.approx(1, abs=0.03)
    assert path[:, 0].var() == pytest.approx(1, abs=0.5)
    lagged = np.mean(path[:, 1:] * path[:, :-1]) / path.var()
    assert lagged == pytest.approx(0.8, abs=0.01)


def test_margins_are_the_pd_and_pairs_share_the_loadings() -> None:
    """Over 4,000 months, rate and variance of the rate equal the model's.

    Two borrowers of one cell fall together with the bivariate normal probability at
    correlation Σλ²; a month's rate has that covariance as its variance when the cell is
    large (plus p(1-p)/n).
    """
    months, n, pd = 4_000, 2_000, 0.05
    plan = Plan(loading_spread=0.0, national_phi=0.0, region_phi=0.0, industry_phi=0.0)
    rng = np.random.default_rng(2)
    factors = draw_factors(plan, months, rng)
    cell = np.zeros(n, np.int64)
    threshold = Threshold(plan)(np.full(n, stats.norm.ppf(pd)))
    own = factors.own(cell, cell)
    rates = np.array(
        [
            draw_events(factors.common(cell, cell, t), own, threshold, 1.0, rng).mean()
            for t in range(months)
        ]
    )

    correlation = 0.30**2 + 0.22**2 + 0.22**2
    edge = [stats.norm.ppf(pd)] * 2
    both = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
    expected = both.cdf(edge) - pd**2 + pd * (1 - pd) / n
    assert rates.mean() == pytest.approx(pd, abs=4 * expected**0.5 / months**0.5)
    # The standard error of a variance over 4,000 skewed values is near 4 % of it.
    assert rates.var() == pytest.approx(expected, rel=0.16)


def test_the_student_t_margin_is_the_pd_too() -> None:
    plan = Plan(copula="student_t", nu=4.0, national_phi=0.0)
    rng = np.random.default_rng(3)
    months, n, pd = 4_000, 500, 0.05
    factors = draw_factors(plan, months, rng)
    cell = np.zeros(n, np.int64)
    threshold = Threshold(plan)(np.full(n, stats.norm.ppf(pd)))
    own = factors.own(cell, cell)
    rates = np.array(
        [
            draw_events(
                factors.common(cell, cell, t), own, threshold, factors.scale[t], rng
            ).mean()
            for t in range(months)
        ]
    )

    assert rates.mean() == pytest.approx(pd, abs=4 * rates.std() / months**0.5)
    # Common jumps: months worse than a Gaussian factor could make them.
    assert stats.kurtosis(rates) > 3


def test_observed_events_follow_the_planted_pd(clean: duckdb.DuckDBPyConnection) -> None:
    """By band of pd, events over all months within 25 % of what the pd says.

    Factors average out only in part over 36 months: national alone moves the mean rate
    by some 15 %.
    """
    for pd, rate, n in clean.sql("""
        select avg(pd), avg(cast(is_event as integer)), count(*)
        from true_borrower_month where pd > 0.02
        group by least(floor(pd * 20), 6) order by 1
    """).fetchall():
        assert rate == pytest.approx(pd, rel=0.25, abs=4 * (pd / n) ** 0.5)


def test_months_move_with_the_planted_national_factor(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    excess, factor = (
        clean.sql("""
        select avg(cast(is_event as integer) - pd), any_value(value)
        from true_borrower_month inner join true_factor_path using (month)
        where factor = 'national' and pd > 0.01
        group by month having count(*) > 100 order by month
    """)
        .fetchnumpy()
        .values()
    )

    # One factor of three, seen through some 50 events a month.
    assert np.corrcoef(excess, factor)[0, 1] > 0.5


def test_linked_borrowers_fall_more_often_during_the_episode(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    ratio = clean.sql("""
        select is_linked, sum(cast(is_event as integer)) / sum(pd)
        from true_borrower_month inner join true_borrower using (borrower_id)
        inner join true_contagion using (month)
        group by is_linked order by is_linked
    """).fetchall()

    assert ratio[1][1] > 2 * ratio[0][1]


def test_linked_borrowers_are_all_of_the_planted_cell(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    cells = clean.sql("""
        select distinct region, industry from true_borrower where is_linked
    """).fetchall()

    assert (
        cells
        == clean.sql("select distinct region, industry from true_contagion").fetchall()
    )


def test_loadings_that_leave_nothing_for_the_borrower_are_refused() -> None:
    with pytest.raises(SettingsError, match="squared loadings"):
        Plan(national_loading=0.9)


def test_a_contagion_cell_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="contagion cell"):
        dataclasses.replace(Plan(), industries=4)
