"""How an application model did by month of application and by segment, for its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from comove.risk_model.artifact import without_nan
from comove.risk_model.metrics import auc, ks, log_loss

Lines = list[dict[str, Any]]

# Segments of a kind that a record names, the largest first.
MOST_SEGMENTS = 12


def segment_column(feature: str) -> str:
    """Name the column of scored rows that holds a category."""
    return f"segment {feature}"


def performance_lines(rows: pd.DataFrame, categories: Sequence[str]) -> dict[str, Lines]:
    """Measure scores whose outcomes are known, none of them trained on.

    Parameters
    ----------
    rows : DataFrame
        Scored applications: ``is_test`` (whether the outcome is known and of the meaning
        trained on), ``is_bad``, ``own`` (probability of being bad), ``cohort_month``, and
        the `segment_column` of each category.
    categories : sequence of str
        Features to split by.

    Returns
    -------
    dict of str to list of dict
        ``by_cohort_month`` and ``by_segment``: ``group`` (the feature), ``label``,
        ``rows``, ``events``, ``expected`` (sum of probabilities), ``log_loss``, ``auc``,
        ``ks``; null where a class is missing.
    """
    known = rows[rows["is_test"].astype(bool)]
    months = pd.to_datetime(known["cohort_month"]).dt.strftime("%Y-%m")
    return {
        "by_cohort_month": [
            _line("", str(month), known[months == month])
            for month in sorted(months.unique())
        ],
        "by_segment": [line for name in categories for line in _segments(known, name)],
    }


def _segments(known: pd.DataFrame, name: str) -> Iterator[dict[str, Any]]:
    values = known[segment_column(name)]
    # Values of equal size in the order of their names: a record is the same each time.
    sizes = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    for value in sizes.index[:MOST_SEGMENTS]:
        yield _line(name, str(value), known[values == value])


def _line(group: str, label: str, rows: pd.DataFrame) -> dict[str, Any]:
    y = rows["is_bad"].to_numpy(dtype=np.float64)
    p = rows["own"].to_numpy(dtype=np.float64)
    line: dict[str, Any] = without_nan(
        {
            "group": group,
            "label": label,
            "rows": len(y),
            "events": int(y.sum()),
            "expected": float(p.sum()),
            "log_loss": log_loss(y, p),
            "auc": auc(y, p),
            "ks": ks(y, p),
        }
    )
    return line
