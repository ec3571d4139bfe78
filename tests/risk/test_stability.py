"""Stability of features and vintage curves, against numpy and pandas."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from tests.risk.book import Tables, features

NUMBERS = [name for name, kind in features().items() if kind == "number"]
TEXTS = [name for name, kind in features().items() if kind != "number"]
MONTHS = {
    "2022-02-01": "pd-logit-a",
    "2023-06-01": "pd-logit-b",
    "2024-01-01": "pd-logit-b",
}


@pytest.fixture(scope="module")
def found(clustered: Tables) -> pd.DataFrame:
    return clustered.read("select * from risk.feature_stability").set_index(
        ["month", "feature"]
    )


def counts(values: pd.Series, edges: np.ndarray) -> list[int]:
    bins = np.searchsorted(edges, values.dropna(), side="left")
    return [*np.bincount(bins, minlength=10), values.isna().sum()]


def psi(before: ArrayLike, now: ArrayLike) -> float:
    """Two relative entropies added; a share counts as one row in 10,000 at least."""
    e, o = (np.asarray(counts, float) for counts in (before, now))
    e, o = (np.maximum(counts / counts.sum(), 1e-4) for counts in (e, o))
    return float((o * np.log(o / e)).sum() + (e * np.log(e / o)).sum())


@pytest.mark.parametrize("month", MONTHS)
def test_the_index_is_numpy_s(clustered: Tables, found: pd.DataFrame, month: str) -> None:
    registry = clustered.book.registry.set_index("model_version").loc[MONTHS[month]]
    rows = clustered.book.features
    before = rows[rows.month.between(registry.trained_from, registry.trained_to)]
    if len(before) > 20_000:
        pytest.skip("the reference is a sample")
    now = rows[rows.month == month]
    for name in (NUMBERS[0], NUMBERS[1], NUMBERS[-1]):
        edges = np.quantile(before[name].dropna(), np.arange(1, 10) / 10)
        expected = psi(counts(before[name], edges), counts(now[name], edges))
        row = found.loc[(month, name)]
        assert row.psi == pytest.approx(expected, rel=1e-9)
        assert row.missing_share == pytest.approx(now[name].isna().mean())
        assert row.reference_missing_share == pytest.approx(before[name].isna().mean())
    for name in TEXTS[:2]:
        both = pd.concat(
            [before[name].value_counts(), now[name].value_counts()], axis=1
        ).fillna(0)
        expected = psi(both.iloc[:, 0], both.iloc[:, 1])
        assert found.loc[(month, name)].psi == pytest.approx(expected, rel=1e-9)


def test_every_feature_is_judged_in_every_predicted_month(found: pd.DataFrame) -> None:
    assert len(found) == 25 * len(features())


def test_what_drifts_is_told_from_what_does_not(found: pd.DataFrame) -> None:
    last = found.loc["2023-12-01"].psi
    assert last[NUMBERS[0]] > 0.25
    assert last[TEXTS].max() < 0.1


def test_without_predictions_nothing_is_stable_or_not(empty: Tables) -> None:
    for table in ("feature_stability", "vintage_curve"):
        assert empty.value(f"select count(*) from risk.{table}") == 0


def test_vintage_curves_are_those_of_pandas(clustered: Tables) -> None:
    loans = clustered.book.loans
    month = loans.disbursed_on.dt.to_period("M")
    event_no = loans.event_on.dt.to_period("M").astype("int64")
    age = (event_no - month.astype("int64")).where(loans.event_on.notna())
    quarter = loans.disbursed_on.dt.to_period("Q").dt.start_time
    found = clustered.read("select * from risk.vintage_curve").set_index(
        ["vintage", "months_on_book"]
    )
    last = pd.Period("2023-12", "M")
    points = 0
    for start, part in loans.groupby(quarter):
        youngest = month[part.index].max()
        for book_month in range((last - youngest).n + 1):
            row = found.loc[(start, book_month)]
            is_hit = age[part.index] <= book_month
            assert (row.loans, row.events) == (len(part), is_hit.sum())
            assert row.cumulative_event_rate == pytest.approx(is_hit.mean())
            assert row.cumulative_event_rate_by_principal == pytest.approx(
                part.principal[is_hit].sum() / part.principal.sum()
            )
            points += 1
    assert points == len(found)
