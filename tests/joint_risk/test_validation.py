"""What rivals of the factor copula predict of a month, and how all are scored."""

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from comove.joint_risk.validation import Outcomes, ewma_probability, scores

MONTHS = [dt.date(2024, month, 1) for month in (1, 2, 3)]


def outcomes(pd_of_each: list[float]) -> Outcomes:
    """Borrowers of the north."""
    north = pa.array(["north"] * len(pd_of_each))
    return Outcomes(north, north, np.array(pd_of_each), np.zeros(len(pd_of_each)))


def predicted(pd_of_each: list[float], events: int) -> np.ndarray:
    """By the recent events of a region of which 1,000 were expected a month."""
    cells = pd.DataFrame(
        {
            "region": "north",
            "month": MONTHS,
            "n": 10_000,
            "mean_model_pd": 0.1,
            "events": events,
        }
    )
    return ewma_probability(outcomes(pd_of_each), cells, MONTHS[-1], 6.0)


def test_recent_events_raise_every_probability_by_their_ratio() -> None:
    assert predicted([0.01, 0.2], events=1600) == pytest.approx([0.016, 0.32])


def test_no_probability_is_more_than_a_certainty() -> None:
    assert predicted([0.7, 0.9], events=1600).tolist() == [1.0, 1.0]


def happened(is_event: np.ndarray, pd_of_each: np.ndarray) -> Outcomes:
    return dataclasses.replace(
        outcomes(pd_of_each.tolist()), is_event=is_event.astype(np.float64)
    )


def by_model(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in found}


@pytest.fixture
def month() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events of 500 borrowers, the model's PD, and a rival that knows the truth."""
    rng = np.random.default_rng(3)
    truth = rng.beta(1, 9, 500)
    pd_of_each = np.clip(truth * np.exp(rng.normal(0, 0.8, 500)), 1e-4, 0.9)
    return rng.random(500) < truth, pd_of_each, truth


def test_scores_are_those_of_scikit_learn(
    month: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    is_event, pd_of_each, truth = month
    predictions = {"independent": pd_of_each, "rival": truth}
    found = by_model(scores(happened(is_event, pd_of_each), predictions))
    assert list(found) == list(predictions)
    for model, p in predictions.items():
        row = found[model]
        assert row["log_loss"] == pytest.approx(log_loss(is_event, p), rel=1e-12)
        assert row["brier"] == pytest.approx(brier_score_loss(is_event, p), rel=1e-12)
        assert row["auc"] == pytest.approx(roc_auc_score(is_event, p), rel=1e-12)
        assert (row["n"], row["events"]) == (500, is_event.sum())
        assert row["expected_events"] == pytest.approx(p.sum(), rel=1e-12)


def test_skill_is_the_share_of_the_log_loss_of_the_pd_alone_that_is_saved(
    month: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    is_event, pd_of_each, truth = month
    predictions = {"independent": pd_of_each, "rival": truth}
    found = by_model(scores(happened(is_event, pd_of_each), predictions))
    rival = found["rival"]
    alone = log_loss(is_event, pd_of_each)
    assert rival["skill"] == pytest.approx(1 - log_loss(is_event, truth) / alone)
    # Standard error of a mean over borrowers, the reference's mean taken as known.
    saved = np.where(is_event, truth / pd_of_each, (1 - truth) / (1 - pd_of_each))
    error = np.std(np.log(saved)) / alone / np.sqrt(500)
    assert rival["skill_se"] == pytest.approx(error)
    low, high = norm.interval(0.9, rival["skill"], error)
    assert (rival["skill_q05"], rival["skill_q95"]) == pytest.approx((low, high))
    assert {found["independent"][name] for name in ("skill", "skill_se")} == {0.0}


@pytest.mark.parametrize("event", [0.0, 1.0])
def test_without_both_outcomes_there_is_no_auc(event: float) -> None:
    p = np.array([0.1, 0.2])
    (row,) = scores(happened(np.full(2, event), p), {"independent": p})
    assert row["auc"] is None


def test_a_certainty_that_fails_costs_much_but_not_everything() -> None:
    p = np.array([0.0, 1.0])
    (row,) = scores(happened(np.array([1, 0]), p), {"independent": p})
    assert row["log_loss"] == pytest.approx(-np.log(1e-9), rel=1e-6)
