"""How far a distribution has moved: the population stability index (PSI)."""

import numpy as np
from numpy.typing import ArrayLike

# An empty bin counts as one row in ten thousand; without a floor its term is infinite.
SMALLEST_SHARE = 1e-4

# With B bins two samples of n rows from one distribution differ by about 2(B - 1)/n
# (Yurdakul and Naranjo, 2020): below 500 rows chance alone reaches 0.05.
FEWEST_ROWS = 500


def stability_index(now: ArrayLike, before: ArrayLike) -> float:
    """Compute the population stability index of two histograms over the same bins.

    Parameters
    ----------
    now, before : array_like, shape (bins,)
        Rows per bin; need not have the same total.

    Returns
    -------
    float
        Sum over bins of (p - q) ln(p / q) with shares p, q floored at
        `SMALLEST_SHARE`: 0 for equal shares, from about 0.1 a moderate and from 0.25
        a large shift. NaN when a side has fewer than `FEWEST_ROWS` rows.
    """
    new, old = np.asarray(now, float), np.asarray(before, float)
    if min(new.sum(), old.sum()) < FEWEST_ROWS:
        return float("nan")
    p = np.maximum(new / new.sum(), SMALLEST_SHARE)
    q = np.maximum(old / old.sum(), SMALLEST_SHARE)
    return float(np.sum((p - q) * np.log(p / q)))
