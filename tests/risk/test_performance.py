"""Quality of probabilities by month and segment, against scikit-learn and scipy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint
from tests.risk.book import Tables, build, one_factor_book

ALGORITHMS = ("xgboost", "logit", "blend")


def candidates(tables: Tables) -> pd.DataFrame:
    return tables.book.candidates.merge(tables.book.borrowers).assign(all="all")


def agree(row: pd.Series, y: pd.Series, p: pd.Series) -> None:
    assert row.n == len(y)
    assert row.events == y.sum()
    assert row.mean_pd == pytest.approx(p.mean())
    assert row.log_loss == pytest.approx(metrics.log_loss(y, p, labels=[False, True]))
    assert row.brier == pytest.approx(((p - y) ** 2).mean())
    if y.nunique() == 2 and len(y) >= 30:
        assert row.auc == pytest.approx(metrics.roc_auc_score(y, p), abs=1e-12)
        assert row.ks == pytest.approx(stats.ks_2samp(p[y], p[~y]).statistic, abs=1e-12)
    if y.any():
        assert row.expected_observed == pytest.approx(p.sum() / y.sum())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("segment", ["all", "region", "industry", "kind"])
def test_months_agree_with_scikit_learn(
    clustered: Tables, algorithm: str, segment: str
) -> None:
    found = clustered.read(
        "select * from risk.model_performance"
        f" where algorithm = '{algorithm}' and segment_kind = '{segment}'"
    ).set_index(["month", "segment"])
    rows = candidates(clustered)
    groups = rows.groupby(["month", segment])
    assert len(groups) == len(found)
    for key, part in groups:
        agree(found.loc[key], part.is_event, part[f"pd_{algorithm}"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_whole_window_agrees_with_scikit_learn(
    clustered: Tables, algorithm: str
) -> None:
    found = clustered.read(
        f"select * from risk.model_performance_window where algorithm = '{algorithm}'"
    ).set_index(["segment_kind", "segment"])
    rows = candidates(clustered)
    for segment in ("all", "region", "industry", "kind"):
        for name, part in rows.groupby(segment):
            agree(found.loc[(segment, name)], part.is_event, part[f"pd_{algorithm}"])


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A month without events, one of events only, a region of three loans."""
    book = one_factor_book(0.0, borrowers=60)
    rows = book.candidates.copy()
    rows.loc[rows.month == "2022-03-01", "is_event"] = False
    rows.loc[rows.month == "2022-04-01", "is_event"] = True
    rows.loc[rows.month == "2022-05-01", "pd_xgboost"] = np.nan
    people = book.borrowers.copy()
    people["region"] = np.where(people.index < 3, "islet", "main")
    predictions = book.predictions.assign(is_event=rows.is_event)
    return build(
        replace(book, candidates=rows, borrowers=people, predictions=predictions),
        tmp_path_factory.mktemp("odd"),
        "path:models/risk",
    )


@pytest.mark.parametrize("month", ["2022-03-01", "2022-04-01"])
def test_one_class_only_has_no_discrimination_but_a_log_loss(
    odd: Tables, month: str
) -> None:
    found = odd.read(
        f"select * from risk.model_performance where month = '{month}'"
        " and segment_kind = 'all'"
    )
    assert len(found) == 3
    assert found[["auc", "ks"]].isna().all(axis=None)
    assert found.log_loss.gt(0).all()


def test_without_events_there_is_no_ratio(odd: Tables) -> None:
    found = odd.read(
        "select expected_observed e from risk.model_performance where events = 0"
    )
    assert len(found) > 0
    assert found.e.isna().all()


def test_a_segment_of_three_loans_is_not_ranked(odd: Tables) -> None:
    found = odd.read("select * from risk.model_performance where segment = 'islet'")
    assert found.n.max() == 3
    assert found[["auc", "ks"]].isna().all(axis=None)
    assert found[["brier", "log_loss", "mean_pd"]].notna().all(axis=None)


def test_a_month_an_algorithm_did_not_predict_is_left_out(odd: Tables) -> None:
    found = odd.read(
        "select distinct algorithm from risk.model_performance where month = '2022-05-01'"
    )
    assert set(found.algorithm) == {"logit", "blend"}


def test_calibration_bands_agree_with_statsmodels(clustered: Tables) -> None:
    found = clustered.read(
        "select * from risk.model_calibration where algorithm = 'logit'"
    )
    rows = candidates(clustered)
    edges = np.quantile(rows.pd_logit, np.arange(1, 8) / 8)
    rows["band"] = 1 + np.searchsorted(edges, rows.pd_logit, side="left")
    window = found[found.month.isna()].set_index("pd_band")
    for band, part in rows.groupby("band"):
        low, high = proportion_confint(part.is_event.sum(), len(part), method="wilson")
        row = window.loc[band]
        assert (row.n, row.events) == (len(part), part.is_event.sum())
        assert row.mean_pd == pytest.approx(part.pd_logit.mean())
        assert row.observed_rate == pytest.approx(part.is_event.mean())
        assert (row.observed_rate_low, row.observed_rate_high) == (
            pytest.approx(low),
            pytest.approx(high),
        )
    assert found.n[found.month.notna()].sum() == len(rows)


def test_without_predictions_nothing_is_measured(empty: Tables) -> None:
    for table in ("model_performance", "model_performance_window", "model_calibration"):
        assert empty.value(f"select count(*) from risk.{table}") == 0
