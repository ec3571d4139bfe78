"""Dependence of the residuals, against a one-factor truth and statsmodels' ANOVA."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.risk.book import Tables

SCOPES = {
    "month": ["month"],
    "month_region": ["month", "region"],
    "month_industry": ["month", "industry"],
    "month_region_industry": ["month", "region", "industry"],
}


def scored(tables: Tables) -> pd.DataFrame:
    rows = tables.read("select * from risk.residual where is_in_window")
    return rows.assign(score=stats.norm.ppf(rows.quantile_residual))


def dependence(tables: Tables, kind: str) -> pd.DataFrame:
    return tables.read(
        f"select * from risk.residual_dependence where dependence = '{kind}'"
    )


@pytest.mark.parametrize("scope", SCOPES)
def test_cross_section_is_the_analysis_of_variance(clustered: Tables, scope: str) -> None:
    rows = scored(clustered)
    groups = [part.score.to_numpy() for _, part in rows.groupby(SCOPES[scope])]
    sizes = np.array([len(group) for group in groups])
    f = stats.f_oneway(*groups).statistic
    n0 = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    found = dependence(clustered, "cross_section").set_index("scope").loc[scope]
    assert found.f_statistic == pytest.approx(f, rel=1e-6)
    assert found.correlation == pytest.approx((f - 1) / (f + n0 - 1), rel=1e-5)
    assert (found.n_groups, found.n) == (len(groups), len(rows))
    assert found.degrees_between + found.degrees_within == found.n - 1


@pytest.mark.parametrize("scope", SCOPES)
def test_variance_ratio_is_that_of_counts(clustered: Tables, scope: str) -> None:
    rows = scored(clustered).assign(
        variance=lambda t: t.pd_star * (1 - t.pd_star),
    )
    sums = rows.groupby(SCOPES[scope])[["is_event", "pd_star", "variance"]].sum()
    expected = ((sums.is_event - sums.pd_star) ** 2).sum() / sums.variance.sum()
    found = dependence(clustered, "cross_section").set_index("scope").loc[scope]
    assert found.variance_ratio_as_predicted == pytest.approx(expected)


@pytest.mark.parametrize("scope", SCOPES)
def test_variance_ratio_is_about_the_level_that_was_observed(
    clustered: Tables, scope: str
) -> None:
    rows = scored(clustered)
    level = rows.is_event.sum() / rows.pd_star.sum()
    rows = rows.assign(p=level * rows.pd_star)
    rows["variance"] = rows.p * (1 - rows.p)
    sums = rows.groupby(SCOPES[scope])[["is_event", "p", "variance"]].sum()
    found = dependence(clustered, "cross_section").set_index("scope").loc[scope]
    assert found.level_ratio == pytest.approx(level)
    expected = ((sums.is_event - sums.p) ** 2).sum() / sums.variance.sum()
    assert found.variance_ratio == pytest.approx(expected)


def test_independent_borrowers_show_no_dependence(independent: Tables) -> None:
    found = dependence(independent, "cross_section")
    assert (found.correlation.abs() < 4 * found.standard_error).all()
    # Of 20 months, the ratio has a standard error of sqrt(2 / 20).
    assert found.variance_ratio.between(0.3, 2).all()


def test_a_common_factor_shows_in_cross_section_and_from_month_to_month(
    clustered: Tables,
) -> None:
    cross = dependence(clustered, "cross_section").set_index("scope")
    assert cross.loc["month", "f_statistic"] > stats.f.ppf(0.999, 19, 10_000)
    assert cross.loc["month", "variance_ratio"] > 5
    serial = dependence(clustered, "serial").set_index(["scope", "lag_months"])
    assert serial.loc[("portfolio", 1), "correlation"] > 0.3


def test_serial_dependence_pairs_months_not_rows(clustered: Tables) -> None:
    rows = scored(clustered)
    found = dependence(clustered, "serial").set_index(["scope", "lag_months"])
    for lag in (1, 2, 3, 6, 12):
        earlier = rows[["borrower_key", "month", "score"]].assign(
            month=rows.month + pd.DateOffset(months=lag)
        )
        pairs = rows.merge(earlier, on=["borrower_key", "month"], suffixes=("", "_0"))
        expected = np.corrcoef(pairs.score, pairs.score_0)[0, 1]
        row = found.loc[("borrower", lag)]
        assert row.n == len(pairs)
        assert row.correlation == pytest.approx(expected, abs=1e-7)
        assert row.standard_error == pytest.approx(
            np.sqrt((1 - expected**2) / (len(pairs) - 2))
        )
