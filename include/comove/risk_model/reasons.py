"""Reasons in plain words: what raises the risk of an application above the others'.

A reason names a feature and whether it is high or low, never its value: scores are
published to everyone who may read the serving copy, values of an applicant are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from comove.risk_model.features import Feature

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

MOST_REASONS = 4
# Less than this in log-odds moves a PD by a hundredth of itself at most: no reason.
LEAST_CONTRIBUTION = 0.01

NOTHING_OWN = (
    "nothing known of this application raises its risk above the others'; the lender's "
    "applications as a whole score below the base"
)
LENDER_LOW = "the lender's own application score: low"

_UNIT = re.compile(r", (in|currency per) [a-z ]+$")
# In the order of the codes `Population.states` gives.
_STATES = (
    "not known",
    "low",
    "no better than usual",
    "high",
    "one that more losses came from",
)


@dataclass(frozen=True)
class Population:
    """What is usual among the applications a model learned from.

    Parameters
    ----------
    medians : tuple of float
        Median of each feature's known values; NaN for categories and where none is
        known.
    contributions : tuple of float
        Mean contribution of each feature to the log-odds.
    """

    medians: tuple[float, ...]
    contributions: tuple[float, ...]

    @classmethod
    def of(
        cls, x: FeatureMatrix, contributions: FloatArray, features: Sequence[Feature]
    ) -> Self:
        """Take it from the rows trained on.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features; NaN is missing; categories as codes.
        contributions : ndarray, shape (n, k)
            What each feature adds to the log-odds of being bad.
        features : sequence of Feature
            The k columns.
        """
        medians = (
            float("nan") if feature.kind == "category" else _median(x[:, j])
            for j, feature in enumerate(features)
        )
        means = tuple(float(mean) for mean in contributions.mean(axis=0))
        return cls(medians=tuple(medians), contributions=means)

    def states(self, x: FeatureMatrix, features: Sequence[Feature]) -> NDArray[np.int8]:
        """Compare values with what is usual.

        Returns
        -------
        ndarray of int8, shape (n, k)
            0 missing, 1 below the median, 2 equal to it, 3 above; 4 any category.
        """
        medians = self._medians_for(x)
        found = np.where(x < medians, 1, np.where(x > medians, 3, 2)).astype(np.int8)
        found[:, [feature.kind == "category" for feature in features]] = 4
        found[np.isnan(x)] = 0
        return found

    def is_better(
        self, x: FeatureMatrix, features: Sequence[Feature]
    ) -> NDArray[np.bool_]:
        """Tell values on the side of the median whose risk is known to be less.

        A skewed effect of known sign can add more than its mean for such a value. To
        name it as a cause would tell the opposite of what is so.

        Returns
        -------
        ndarray of bool, shape (n, k)
            False for missing values and where no sign is known.
        """
        direction = np.array([feature.direction for feature in features])
        is_less: NDArray[np.bool_] = (x - self._medians_for(x)) * direction < 0
        return is_less

    def _medians_for(self, x: FeatureMatrix) -> FeatureMatrix:
        """Put the value itself where no application had one: as usual as any other."""
        medians = np.array(self.medians, dtype=np.float32)
        return np.where(np.isnan(medians), x, medians)

    def to_json(self) -> dict[str, list[float | None]]:
        """Give it as plain lists; a missing median is null."""
        medians = [None if np.isnan(value) else value for value in self.medians]
        return {"medians": medians, "contributions": list(self.contributions)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` gave."""
        medians = (float("nan") if v is None else float(v) for v in stored["medians"])
        return cls(tuple(medians), tuple(float(v) for v in stored["contributions"]))


def find_reasons(
    x: FeatureMatrix,
    contributions: FloatArray,
    features: Sequence[Feature],
    population: Population,
    *,
    needed: NDArray[np.bool_],
) -> list[tuple[str, ...]]:
    """Name what raises each application's risk most above the population's mean.

    Parameters
    ----------
    x : ndarray of float32, shape (n, k)
        Features; NaN is missing; categories as codes.
    contributions : ndarray, shape (n, k)
        What each feature adds to the log-odds of being bad, as SHAP values of trees or
        coefficients times weights of evidence of a logit, or both by the blend's weights.
    features : sequence of Feature
        The k columns; ``about`` gives the words.
    population : Population
        What is usual.
    needed : ndarray of bool, shape (n,)
        Applications that get at least one reason: those scoring below the base.

    Returns
    -------
    list of tuple of str, length n
        At most `MOST_REASONS`, the strongest first; features that add equally much come
        in their own order. A value known to be better than usual is none.
    """
    excess = contributions - np.array(population.contributions)
    excess[population.is_better(x, features)] = -np.inf
    order = np.argsort(-excess, axis=1, kind="stable")[:, :MOST_REASONS]
    strong = np.take_along_axis(excess, order, axis=1) > LEAST_CONTRIBUTION
    states = np.take_along_axis(population.states(x, features), order, axis=1)
    words = [[f"{_words(one)}: {state}" for state in _STATES] for one in features]
    found = [
        tuple(words[j][s] for j, s, is_strong in zip(*row, strict=True) if is_strong)
        for row in zip(order.tolist(), states.tolist(), strong.tolist(), strict=True)
    ]
    return [
        reasons or ((NOTHING_OWN,) if must else ())
        for reasons, must in zip(found, needed.tolist(), strict=True)
    ]


def as_json(reasons: Sequence[str]) -> str:
    """Write reasons as the JSON list ``risk.score`` holds."""
    written: str = json.dumps(list(reasons), ensure_ascii=False)
    return written


def _median(column: NDArray[np.float32]) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else float("nan")


def _words(feature: Feature) -> str:
    """Take the first sentence of what a feature is about, to go on from."""
    sentence = " ".join(feature.about.split()).split(". ")[0].split("; ")[0].rstrip(".")
    # Without a value its unit says nothing.
    sentence = _UNIT.sub("", sentence)
    if not sentence:
        return feature.name.replace("_", " ")
    # A word such as PD or UTC keeps its capitals.
    is_plain = sentence[1:2].islower() or sentence[1:2] == " "
    return sentence[0].lower() + sentence[1:] if is_plain else sentence
