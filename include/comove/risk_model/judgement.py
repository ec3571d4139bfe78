"""The challenger's gate: what a model must show before it may replace the champion."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from comove.quality.shift import stability_index
from comove.quality.suite import Severity
from comove.settings import Settings

FloatArray = npt.NDArray[np.float64]

# One-sided 5 %: a sound model fails a check of ours in one of twenty small samples at
# most.
LEAST_CHANCE = 0.05
# Two refits of one portfolio that order borrowers less alike than this are different
# models; a warning, since the better one may be the new one.
MIN_RANK_CORRELATION = 0.5
SHOWN_FEATURES = 5
SCORE_BANDS = 10


@dataclass(frozen=True)
class Evidence:
    """What is known of a challenger; small enough to keep.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Events (0 or 1) of its validation rows.
    p : ndarray, shape (n,)
        Its calibrated PD of these rows.
    p_champion : ndarray, shape (n,), optional
        The last champion's PD of the same rows; None while there is no champion.
    feature_psi : mapping of str to float
        Population stability index of each feature, validation against training rows;
        NaN where too few rows tell.
    missing_trained, missing_now : mapping of str to float
        Share of missing values by feature, in the training and in the newest rows.
    """

    y: FloatArray
    p: FloatArray
    p_champion: FloatArray | None = None
    feature_psi: Mapping[str, float] = field(default_factory=dict)
    missing_trained: Mapping[str, float] = field(default_factory=dict)
    missing_now: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """What came of one check of a challenger.

    Parameters
    ----------
    name : str
        Plain sentence that is true when all is well.
    severity : str
        ``critical`` refuses the model, ``warning`` is recorded; ``info`` where there
        was nothing to judge.
    success : bool
        Whether it holds; true as well where there was nothing to judge.
    observed, expected : str
        In words.
    remedy : str
        What to do when it fails.
    """

    name: str
    severity: Severity
    success: bool
    observed: str
    expected: str
    remedy: str

    @property
    def refuses(self) -> bool:
        """Whether the model may not replace the champion."""
        return not self.success and self.severity == "critical"

    def to_json(self) -> dict[str, Any]:
        """Write as what JSON knows."""
        return asdict(self)

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Check":
        """Read what `to_json` wrote."""
        return Check(**kept)
