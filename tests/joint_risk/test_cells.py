"""Counts by cell and month, against pandas' own arithmetic."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.joint_risk.counted_book import Counted, count, counted_book, exposures_of

from comove.audit import note_unavailable, open_run
from comove.connection import connect, utc_now
from comove.errors import GateFailedError, WarehouseError
from comove.joint_risk.cells import first_month_counted, why_unavailable
from comove.settings import Settings

BANDS = 5
# Nineteen months in all: the window leaves out the first five of twenty-four.
WINDOW = {
    "joint_window_months": 16,
    "joint_validation_months": 3,
    "joint_pd_bands": BANDS,
}
FROM = pd.Timestamp("2022-06-01")


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return count(counted_book(), tmp_path_factory.mktemp("counted"), **WINDOW)


@pytest.fixture(scope="module")
def rows(counted: Counted) -> pd.DataFrame:
    """Borrower-months of the window, with the groups they should have."""
    people = counted.book.borrowers
    strength = (
        counted.book.predictions.merge(people)
        .query("month >= @FROM")
        .assign(strength=lambda r: r.pd + r.is_event)
        .groupby("region")
        .strength.sum()
    )
    # Too weak by itself, it joins the weakest that is not.
    assert strength["west"] < 10 < strength.drop("west").min()
    weakest = strength.drop("west").idxmin()
    owed = exposures_of(counted.book).assign(
        month=lambda r: r.month + pd.DateOffset(months=1)
    )
    return (
        counted.book.predictions.query("month >= @FROM")
        .merge(people.assign(region=people.region.replace("west", weakest)))
        .merge(owed, how="left")
        .fillna({"exposure": 0})
    )


@pytest.fixture(scope="module")
def cells(counted: Counted) -> pd.DataFrame:
    return counted.read("from marts.fct_copula_cell")


def test_cells_hold_every_borrower_and_event_of_the_window_once(
    cells: pd.DataFrame, rows: pd.DataFrame
) -> None:
    by = ["region", "industry", "month"]
    found = cells.groupby(by)[["n", "events", "exposure"]].sum()
    expected = rows.groupby(by).agg(
        n=("pd", "size"), events=("is_event", "sum"), exposure=("exposure", "sum")
    )
    assert (found.index == expected.index).all()
    np.testing.assert_allclose(found.astype(float), expected.astype(float))


def test_bands_are_those_of_the_running_sum_of_pd(
    cells: pd.DataFrame, rows: pd.DataFrame
) -> None:
    mass = rows.groupby("pd").pd.sum().cumsum()
    band = np.ceil(mass / mass.iloc[-1] * BANDS - 1e-9).clip(1).astype(int)
    expected = (
        rows.assign(pd_band=rows.pd.map(band))
        .groupby("pd_band")
        .pd.agg(["size", "min", "max", "sum"])
    )
    found = cells.groupby("pd_band").agg(
        size=("n", "sum"), min=("least_model_pd", "min"), max=("largest_model_pd", "max")
    )
    pd.testing.assert_frame_equal(
        found, expected.drop(columns="sum"), check_index_type=False
    )
    # No single pd carries more than the difference.
    shares = expected["sum"] / expected["sum"].sum()
    assert shares.between(1 / BANDS - 0.01, 1 / BANDS + 0.01).all()


def test_mean_probabilities_are_those_of_the_rows_of_a_cell(counted: Counted) -> None:
    # Weighted by the rows they add up to those of risk.residual.
    found = counted.read(
        "select month, sum(n * mean_pd) star, sum(n * mean_model_pd) pd"
        " from marts.fct_copula_cell group by month order by month"
    )
    expected = counted.read(
        "select month, sum(pd_star) star, sum(pd) pd from risk.residual"
        " where month >= '2022-06-01' group by month order by month"
    )
    np.testing.assert_allclose(found.star, expected.star, rtol=1e-9)
    np.testing.assert_allclose(found.pd, expected.pd, rtol=1e-9)


@pytest.mark.slow
def test_outcomes_do_not_move_the_bands(
    counted: Counted, cells: pd.DataFrame, tmp_path: Path
) -> None:
    rows = counted.book.predictions
    flipped = replace(counted.book, predictions=rows.assign(is_event=~rows.is_event))
    again = count(flipped, tmp_path, joint_min_group_events=0.0, **WINDOW)
    edges = "select pd_band, max(largest_model_pd) m from {} group by 1 order by 1"
    found = again.read(edges.format("marts.fct_copula_cell"))
    expected = cells.groupby("pd_band").largest_model_pd.max()
    assert found.m.tolist() == expected.tolist()


@pytest.mark.slow
def test_any_order_of_the_rows_gives_the_same_numbers(
    counted: Counted, cells: pd.DataFrame, tmp_path: Path
) -> None:
    shuffled = counted.book.predictions.sample(frac=1, random_state=1)
    book = replace(counted.book, predictions=shuffled)
    # What each borrower owes is drawn in the order of the rows.
    again = count(book, tmp_path, **WINDOW)
    keys = ["region", "industry", "month", "pd_band"]
    left, right = (
        frame.drop(columns="exposure").sort_values(keys).reset_index(drop=True)
        for frame in (cells, again.read("from marts.fct_copula_cell"))
    )
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_counts_of_the_margin_give_back_the_corrected_probability(
    counted: Counted,
) -> None:
    """As of the last month of the residuals' own window, G is that of risk.residual."""
    margin = counted.read(
        "select bin, sum(n) n from marts.fct_margin_count"
        " where month >= '2022-05-01' group by bin order by bin"
    )
    above = np.concatenate([np.cumsum(margin.n[::-1])[::-1], [0]])
    edges = np.append(margin.bin, margin.bin.iloc[-1] + 1) / 256
    rows = counted.read("select pd, pd_star from risk.residual")
    total = margin.n.sum()
    # Number of v above 1 - pd, interpolated along t = -ln(1 - v).
    found = (np.interp(-np.log(rows.pd), edges, above) + 1) / (total + 1)
    expected = rows.pd_star.to_numpy()
    # A bin of 0.4 % of the tail holds a few points, so a few of them may be misplaced.
    tolerance = 1e-3 * expected + 3 * np.sqrt(0.004 * expected * total) / total
    assert (np.abs(found - expected) < np.maximum(tolerance, 3 / total)).all()


def test_bands_count_the_uniforms_between_their_edges(
    counted: Counted, rows: pd.DataFrame
) -> None:
    uniforms = counted.read(
        "select borrower_key, month, uniform from risk.residual where uniform is not null"
    )
    edges = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0]
    merged = rows.merge(uniforms, on=["borrower_key", "month"])
    band = pd.cut(merged.uniform, edges, labels=range(1, 8)).astype(int)
    by = ["region", "industry", "month", "band"]
    expected = merged.assign(band=band).groupby(by).size()
    found = counted.read("from marts.fct_copula_band").set_index(by).n.sort_index()
    assert found.index.tolist() == expected.index.tolist()
    assert found.tolist() == expected.tolist()


def test_the_month_ahead_is_forecast_and_its_events_are_not_known(
    counted: Counted,
) -> None:
    found = counted.read(
        "select * from intermediate.int_copula_borrower_month where is_ahead"
    )
    forecast = counted.book.forecast
    assert set(found.borrower_key) == set(forecast.borrower_key)
    assert found.is_event.isna().all()
    last = counted.exposures[counted.exposures.month == "2023-12-01"]
    expected = found.borrower_key.map(last.set_index("borrower_key").exposure).fillna(0)
    assert found.exposure.astype(float).tolist() == expected.astype(float).tolist()


@pytest.mark.slow
def test_an_earlier_run_counts_nothing_that_happened_later(tmp_path: Path) -> None:
    june = dt.date(2023, 6, 1)
    book = counted_book()
    counted = count(book, tmp_path, june, **WINDOW)
    cells, margin, ahead = (
        counted.read(f"select max(month) m from {table}").m[0]
        for table in (
            "marts.fct_copula_cell",
            "marts.fct_margin_count",
            "(from intermediate.int_copula_borrower_month where is_event is not null)",
        )
    )
    assert cells == margin == ahead == pd.Timestamp(june)
    july = counted.read(
        "select count(*) n from intermediate.int_copula_borrower_month where is_ahead"
    )
    assert july.n[0] == (book.predictions.month == "2023-07-01").sum()


@pytest.mark.slow
def test_one_effect_only_leaves_one_group_of_the_other(tmp_path: Path) -> None:
    counted = count(
        counted_book(),
        tmp_path,
        joint_industry_attribute="none",
        joint_region_attribute="kind",
    )
    groups = counted.read("select distinct region, industry from marts.fct_copula_cell")
    assert set(groups.region) == {"person", "company"}
    assert set(groups.industry) == {"all"}


def test_the_first_month_counted_serves_the_oldest_fit_of_the_validation() -> None:
    # Scored in January on a fit to December and the 23 months before it.
    settings = Settings(joint_window_months=24, joint_validation_months=12)
    assert first_month_counted(settings, dt.date(2024, 12, 1)) == dt.date(2022, 1, 1)


# What there is to start from

DECEMBER = dt.date(2023, 12, 1)


def test_a_book_that_is_predicted_has_joint_risk(counted: Counted) -> None:
    assert why_unavailable(counted.settings, DECEMBER) is None


def test_risk_models_that_have_not_run_are_named(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match=r"have not run.*`risk_model` for 2023-12"):
        why_unavailable(settings, DECEMBER)


def test_a_month_after_the_risk_models_is_refused(counted: Counted) -> None:
    with pytest.raises(WarehouseError, match=r"end with 2023-12.*for 2024-01"):
        why_unavailable(counted.settings, dt.date(2024, 1, 1))


@pytest.fixture
def unpredicted(settings: Settings) -> Settings:
    """A home whose risk models ran and predicted nobody."""
    with pytest.raises(WarehouseError):
        why_unavailable(settings, DECEMBER)
    with connect(settings) as connection:
        connection.execute(
            "create table risk.residual "
            "(borrower_key varchar, month date, is_event boolean)"
        )
        connection.execute(
            "insert into audit.risk_request values (?, ?, ?, ?, 7)", [DECEMBER] * 4
        )
    return settings


def test_a_portfolio_without_monthly_pds_is_told_what_the_models_said(
    unpredicted: Settings,
) -> None:
    open_run(unpredicted, run_id="r", dag_id="risk_model", month=DECEMBER)
    note_unavailable(unpredicted, "r", {"pd": "Repayments come without days."})
    found = why_unavailable(unpredicted, DECEMBER)
    assert found == (
        "There is no PD by month to start from. Repayments come without days."
    )


def test_a_month_that_no_model_predicted_is_named(unpredicted: Settings) -> None:
    with connect(unpredicted) as connection:
        connection.execute(
            "insert into risk.residual values ('a', ?, true), ('b', ?, false)",
            [DECEMBER] * 2,
        )
    assert "No model predicted 2024-01" in str(why_unavailable(unpredicted, DECEMBER))


def test_a_month_in_which_everybody_failed_leaves_nobody_to_tell_of(
    unpredicted: Settings,
) -> None:
    with connect(unpredicted) as connection:
        connection.execute(
            "insert into risk.residual values ('a', ?, true), ('b', ?, true)",
            [DECEMBER] * 2,
        )
    assert why_unavailable(unpredicted, DECEMBER) == (
        "All 2 borrowers with a PD for 2023-12 failed in it: nobody is at risk in "
        "2024-01, so there is nothing to tell of that month."
    )


def test_a_month_without_a_prediction_is_not_one_in_which_everybody_failed(
    unpredicted: Settings,
) -> None:
    november = dt.date(2023, 11, 1)
    with connect(unpredicted) as connection:
        connection.execute("insert into risk.residual values ('a', ?, true)", [november])
    assert "No model predicted 2023-12" in str(why_unavailable(unpredicted, DECEMBER))


def test_risk_tables_that_failed_their_gate_are_not_counted(
    unpredicted: Settings,
) -> None:
    with connect(unpredicted) as connection:
        connection.execute(
            """
            insert into audit.quality_result
                (run_id, stage, check_name, severity, success, checked_at)
            values ('r', 'risk', 'All is well', 'critical', false, ?)
            """,
            [utc_now()],
        )
    with pytest.raises(GateFailedError, match="failed All is well"):
        why_unavailable(unpredicted, DECEMBER)
