"""Loans by score, the small table every candidate is tried on."""

import datetime as dt
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_QUERY = """
    select score, sum(n_good)::bigint, sum(n_bad)::bigint
    from risk.score_histogram
    where
        stage = 'disbursed' and label = 'performance' and score is not null
        -- Cuts hold every loan once more.
        and cut_by = 'all'
        and cohort_month between ? and ?
        -- Of the other cohorts only loans drawn early have an outcome.
        and cohort_month in (
            select drift.cohort_month from risk.score_drift as drift
            where
                drift.stage = 'disbursed' and drift.label = 'performance'
                and drift.is_mature
        )
    group by score
    order by score
"""


@dataclass(frozen=True)
class LoansByScore:
    """Good and bad loans at each score that occurs.

    Parameters
    ----------
    score : ndarray of float, shape (k,)
        Points, ascending, each once.
    good, bad : ndarray of int, shape (k,)
        Mature loans of that score that turned out good, and bad.
    """

    score: FloatArray
    good: IntArray
    bad: IntArray

    @property
    def loans(self) -> IntArray:
        """Loans at each score."""
        return self.good + self.bad

    @property
    def n(self) -> int:
        """Loans in all."""
        return int(self.loans.sum())

    @property
    def n_bad(self) -> int:
        """Bad loans in all."""
        return int(self.bad.sum())

    @property
    def n_good(self) -> int:
        """Good loans in all."""
        return int(self.good.sum())

    def halves(self, seed: int) -> tuple["LoansByScore", "LoansByScore"]:
        """Part the loans at random into two halves, the same for a seed."""
        generator = np.random.default_rng(seed)
        good, bad = generator.binomial(self.good, 0.5), generator.binomial(self.bad, 0.5)
        return (
            LoansByScore(self.score, good, bad),
            LoansByScore(self.score, self.good - good, self.bad - bad),
        )

    def between(self, low: float, high: float) -> "LoansByScore":
        """Give the loans from a score (included) to another (not included)."""
        inside = (self.score >= low) & (self.score < high)
        return LoansByScore(self.score[inside], self.good[inside], self.bad[inside])


def read_loans(
    connection: duckdb.DuckDBPyConnection, first: dt.date, last: dt.date
) -> LoansByScore:
    """Read the loans of the mature cohorts of some months from the score histogram.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.score_histogram` and `risk.score_drift`.
    first, last : date
        First and last cohort month, both included.
    """
    rows = connection.execute(_QUERY, [first, last]).fetchall()
    score, good, bad = zip(*rows, strict=True) if rows else ((), (), ())
    return LoansByScore(
        np.array(score, np.float64), np.array(good, np.int64), np.array(bad, np.int64)
    )
