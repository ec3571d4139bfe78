"""Residuals, uniforms and corrected probabilities, against numpy's own arithmetic."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.risk.book import SEED, WINDOW, Tables, build, one_factor_book


def u_of(borrower_key: str, month: pd.Timestamp) -> float:
    text = f"{borrower_key}|{month:%Y-%m-%d}|{SEED}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return (int(digest[:13], 16) + 0.5) / 2**52


@pytest.fixture(scope="module")
def residual(clustered: Tables) -> pd.DataFrame:
    return clustered.read("select * from risk.residual order by borrower_key, month")


@pytest.fixture(scope="module")
def expected(clustered: Tables) -> pd.DataFrame:
    rows = clustered.book.predictions.sort_values(["borrower_key", "month"])
    u = [u_of(*key) for key in zip(rows.borrower_key, rows.month, strict=True)]
    v = np.where(rows.is_event, 1 - rows.pd + u * rows.pd, u * (1 - rows.pd))
    inside = rows.month.between(*map(pd.Timestamp, WINDOW)).to_numpy()
    window, n = np.sort(v[inside]), inside.sum()
    rank = np.searchsorted(window, v, side="right").clip(1, n)
    margin = np.searchsorted(window, 1 - rows.pd, side="right").clip(1, n)
    return rows.assign(
        v=v,
        u=u,
        inside=inside,
        uniform=rank / (n + 1),
        pd_star=1 - margin / (n + 1),
        pd_band=1
        + np.searchsorted(
            np.quantile(rows.pd[inside], np.arange(1, 8) / 8), rows.pd, side="left"
        ),
    ).reset_index(drop=True)


def test_every_prediction_has_one_residual(
    residual: pd.DataFrame, expected: pd.DataFrame
) -> None:
    assert (residual.borrower_key == expected.borrower_key).all()
    np.testing.assert_allclose(residual.residual, expected.is_event - expected.pd)
    assert (residual.is_in_window == expected.inside).all()


def test_quantile_residuals_are_those_of_dunn_and_smyth(
    residual: pd.DataFrame, expected: pd.DataFrame
) -> None:
    np.testing.assert_allclose(residual.quantile_residual, expected.v, rtol=1e-14)


def test_the_hash_is_uniform_and_differs_between_rows(expected: pd.DataFrame) -> None:
    assert expected.u.between(0, 1, inclusive="neither").all()
    assert expected.u.is_unique
    assert stats.kstest(expected.u, "uniform").pvalue > 0.01


def test_uniforms_are_ranks_pooled_over_the_window(
    residual: pd.DataFrame, expected: pd.DataFrame
) -> None:
    np.testing.assert_allclose(residual.uniform, expected.uniform, rtol=1e-14)


def test_corrected_probability_is_the_distribution_at_one_minus_pd(
    residual: pd.DataFrame, expected: pd.DataFrame
) -> None:
    np.testing.assert_allclose(residual.pd_star, expected.pd_star, atol=1e-12)


def test_events_are_the_uniforms_beyond_the_corrected_margin(
    residual: pd.DataFrame,
) -> None:
    inside = residual[residual.is_in_window]
    assert ((inside.uniform > 1 - inside.pd_star + 1e-12) == inside.is_event).all()


def test_bands_hold_equal_shares_of_the_window(
    residual: pd.DataFrame, expected: pd.DataFrame
) -> None:
    assert (residual.pd_band == expected.pd_band).all()
    shares = residual[residual.is_in_window].pd_band.value_counts(normalize=True)
    assert shares.between(0.115, 0.135).all()


def test_a_bad_month_is_seen_in_its_uniforms(residual: pd.DataFrame) -> None:
    # Ranks within a month would have a mean of one half in every month.
    means = residual[residual.is_in_window].groupby("month").uniform.mean()
    assert means.max() - means.min() > 0.02


def test_corrected_probability_is_pd_where_the_model_is_calibrated(
    independent: Tables,
) -> None:
    row = independent.read(
        "select avg(pd) pd, avg(pd_star) pd_star, count(*) n, sum(is_event::int) events"
        " from risk.residual where is_in_window"
    ).iloc[0]
    assert row.pd_star == pytest.approx(row.pd, abs=3 * (row.pd / row.n) ** 0.5)
    assert row.pd_star == pytest.approx(row.events / row.n, abs=0.003)


def understated(tmp_path_factory: pytest.TempPathFactory, spread: float) -> pd.Series:
    """Mean truth, prediction and correction where pd is half of the truth."""
    book = one_factor_book(0.0, borrowers=500, seed=5, spread=spread)
    rows = book.predictions
    halved = replace(book, predictions=rows.assign(pd=rows.pd / 2))
    tables = build(halved, tmp_path_factory.mktemp("halved"), "pd_band residual")
    return tables.read(
        "select avg(2 * pd) truth, avg(pd) said, avg(pd_star) found,"
        " avg(is_event::int) happened from risk.residual where is_in_window"
    ).iloc[0]


@pytest.mark.slow
def test_one_wrong_probability_is_corrected_by_the_margin(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    row = understated(tmp_path_factory, spread=0.0)
    assert row.found == pytest.approx(row.happened, rel=0.005)


@pytest.mark.slow
def test_wrong_probabilities_that_differ_are_corrected_in_part(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # One distribution for all cannot undo what differs from row to row.
    row = understated(tmp_path_factory, spread=0.8)
    assert row.said + 0.5 * (row.truth - row.said) < row.found < row.truth


def test_forecasts_have_the_window_s_distribution(
    clustered: Tables, expected: pd.DataFrame
) -> None:
    found = clustered.read("select * from risk.pd_forecast_margin order by pd")
    window = np.sort(expected.v[expected.inside])
    rank = np.searchsorted(window, 1 - found.pd, side="right").clip(1, len(window))
    np.testing.assert_allclose(found.pd_star, 1 - rank / (len(window) + 1), atol=1e-12)
    assert len(found) == len(clustered.book.forecast)
    assert found.pd_band.is_monotonic_increasing
    assert found.pd_star.is_monotonic_increasing


@pytest.mark.slow
def test_building_again_gives_the_same_numbers(
    clustered: Tables, residual: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shuffled = clustered.book.predictions.sample(frac=1, random_state=1)
    again = build(
        replace(clustered.book, predictions=shuffled),
        tmp_path_factory.mktemp("again"),
        "pd_band residual",
    )
    rows = again.read("select * from risk.residual order by borrower_key, month")
    pd.testing.assert_frame_equal(rows, residual, check_exact=True)


def test_without_predictions_the_tables_are_empty(empty: Tables) -> None:
    for table in ("residual", "pd_band", "pd_forecast_margin"):
        assert empty.value(f"select count(*) from risk.{table}") == 0
