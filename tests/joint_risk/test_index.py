"""The index of every borrower, from Parquet to Parquet, against numpy row by row."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtri
from tests.joint_risk.made_draws import made_draws

from comove.joint_risk.draws import Draws
from comove.joint_risk.index import (
    SCHEMA,
    IndexFacts,
    JointIndexError,
    Prediction,
    write_index,
)
from comove.joint_risk.outlook import event_probability, look_ahead
from comove.settings import Settings

FACTS = IndexFacts(dt.date(2020, 5, 1), dt.date(2020, 4, 1), "posterior 1")


def margin(p: np.ndarray) -> np.ndarray:
    return np.clip(1.2 * p, 0, 1)


def margin_before(p: np.ndarray) -> np.ndarray:
    return np.clip(0.9 * p, 0, 1)


def book(n: int = 500, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "borrower_key": [f"key {i}" for i in range(n)],
            "region": rng.choice(["region 00", "region 02", "Atlantis"], n),
            "industry": rng.choice(["industry 00", "industry 01"], n),
            "exposure": rng.uniform(1, 9, n),
            "pd": np.exp(rng.uniform(np.log(1e-4), np.log(0.5), n)),
        }
    )


class Lender:
    """Two months of borrowers on disk, the first posterior knowing a month less."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder)
        self.target = folder / "index.parquet"
        self.folder = folder

    def prediction(self, name: str, rows: pd.DataFrame, draws: Draws) -> Prediction:
        file = self.folder / f"{name}.parquet"
        rows.to_parquet(file)
        return Prediction(draws, margin if name == "now" else margin_before, file)

    def index(self, now: Prediction, previous: Prediction | None) -> pd.DataFrame:
        write_index(self.settings, now, previous, FACTS, self.target)
        return pd.read_parquet(self.target).sort_values("borrower_key", ignore_index=True)


@pytest.fixture
def lender(tmp_path: Path) -> Lender:
    return Lender(tmp_path)


def direct(draws: Draws, rows: pd.DataFrame, pd_star: np.ndarray) -> np.ndarray:
    outlook = look_ahead(draws)
    region = outlook.place(rows["region"].to_numpy(str), "regions")
    industry = outlook.place(rows["industry"].to_numpy(str), "industries")
    return event_probability(outlook, region, industry, ndtri(pd_star))


@pytest.mark.parametrize("nu", [None, 5.0])
def test_every_number_is_that_of_the_direct_computation(
    lender: Lender, nu: float | None
) -> None:
    rows = book().sort_values("borrower_key", ignore_index=True)
    rows_before = book(seed=2).sort_values("borrower_key", ignore_index=True)
    draws, before = made_draws(nu=nu), made_draws(nu=nu, seed=2)
    found = lender.index(
        lender.prediction("now", rows, draws),
        lender.prediction("before", rows_before, before),
    )
    p = direct(draws, rows, margin(rows["pd"].to_numpy()))
    index = p.mean(axis=0) / rows["pd"]
    np.testing.assert_allclose(found["joint_probability"], p.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(found["joint_risk_index"], index, rtol=1e-4)
    np.testing.assert_allclose(
        found["q95"], np.quantile(p, 0.95, axis=0) / rows["pd"], rtol=5e-3
    )
    # The groups of a borrower are this month's, in both predictions.
    groups = rows[["region", "industry"]]
    p_before = direct(before, groups, margin_before(rows_before["pd"].to_numpy()))
    index_before = p_before.mean(axis=0) / rows_before["pd"]
    np.testing.assert_allclose(
        found["joint_risk_index_previous"], index_before, rtol=1e-4
    )
    np.testing.assert_allclose(
        found["joint_risk_change"], index / index_before, rtol=2e-4
    )
    assert (found["change_q05"] < found["joint_risk_change"]).all()
    assert (found["change_q95"] > found["joint_risk_change"]).all()


def test_a_borrower_new_this_month_has_no_change(lender: Lender) -> None:
    rows, draws = book(50), made_draws()
    previous = lender.prediction("before", rows.iloc[:30], draws)
    now = lender.prediction("now", rows, draws)
    report = write_index(lender.settings, now, previous, FACTS, lender.target)
    assert (report.rows, report.with_previous) == (50, 30)
    found = pd.read_parquet(lender.target).set_index("borrower_key")
    assert found.loc["key 29", "joint_risk_change"] > 0
    new = found.loc["key 30"]
    assert new[["joint_risk_change", "change_q05", "previous_q95"]].isna().all()


def test_without_a_previous_month_its_columns_are_null(lender: Lender) -> None:
    found = lender.index(lender.prediction("now", book(20), made_draws()), None)
    assert found["joint_risk_change"].isna().all()
    assert found["joint_risk_index"].notna().all()


def test_certain_and_impossible_events_have_the_index_one(lender: Lender) -> None:
    rows = book(3).assign(pd=[0.0, 1.0, 0.2])
    both = [lender.prediction(name, rows, made_draws()) for name in ("now", "before")]
    # Of the previous month the margin of 1 is 0.9, of this month 1.
    found = lender.index(*both)
    assert found["joint_probability"].tolist()[:2] == [0.0, 1.0]
    assert found["joint_risk_index"].tolist()[:2] == [1.0, 1.0]
    assert found.loc[0, ["joint_risk_change", "change_q05", "change_q95"]].tolist() == [
        1.0,
        1.0,
        1.0,
    ]


@pytest.mark.parametrize("pd_value", [np.nan, -0.1, 1.5])
def test_a_missing_or_impossible_pd_is_refused_in_words(
    lender: Lender, pd_value: float
) -> None:
    rows = book(5).assign(pd=[0.1, 0.1, 0.1, 0.1, pd_value])
    now = lender.prediction("now", rows, made_draws())
    with pytest.raises(JointIndexError, match="1 borrowers have no pd"):
        write_index(lender.settings, now, None, FACTS, lender.target)
    assert not lender.target.exists()


def test_nobody_at_risk_writes_an_empty_table(lender: Lender) -> None:
    now = lender.prediction("now", book(5).iloc[:0], made_draws())
    report = write_index(lender.settings, now, None, FACTS, lender.target)
    assert report.rows == 0
    assert pq.read_schema(lender.target).equals(SCHEMA)


def test_missing_groups_are_those_never_seen(lender: Lender) -> None:
    rows = book(2).assign(region=["Atlantis", None], industry="industry 00", pd=0.02)
    found = lender.index(lender.prediction("now", rows, made_draws()), None)
    assert found["joint_probability"].nunique() == 1


def test_the_same_seed_writes_the_same_numbers(lender: Lender) -> None:
    both = [lender.prediction(name, book(40), made_draws()) for name in ("now", "before")]
    first, second = lender.index(*both), lender.index(*both)
    pd.testing.assert_frame_equal(first, second)


def test_the_smallest_posterior_serves_everybody(lender: Lender) -> None:
    """One draw, one month, one effect only: no interval, whatever groups are named."""
    draws = made_draws(draws=1, regions=1, industries=1, months=1)
    draws = replace(draws, regions=("all",), industries=("all",))
    both = [lender.prediction(name, book(30), draws) for name in ("now", "before")]
    found = lender.index(*both)
    expected = direct(draws, book(30), margin(book(30)["pd"].to_numpy()))[0]
    expected = pd.Series(expected, book(30)["borrower_key"]).sort_index()
    np.testing.assert_allclose(found["joint_probability"], expected, rtol=1e-4)
    for low, high in (("q05", "q95"), ("change_q05", "change_q95")):
        np.testing.assert_allclose(found[low], found[high], rtol=1e-6)
