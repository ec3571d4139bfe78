"""What rivals of the factor copula predict of a month."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from comove.joint_risk.validation import Outcomes, ewma_probability

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
