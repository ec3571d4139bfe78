"""The probability that an applicant repays: a line on past limits and lateness.

New borrowers are judged by the application score, where its model saw no later outcome;
borrowers with loans before by a logistic regression of their own, which learns how past
limits, loans and lateness go with what became of the next loan, and by the mean of its
log-odds and the score's where there is such a score. Where there is none, the same
regression learned on all applications stands for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import yaml
from numpy.typing import NDArray

from comove.home import project_root
from comove.risk_model.features import Feature
from comove.risk_model.line import PenalisedLine
from comove.risk_model.reasons import Population, find_reasons

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

PURPOSE = "admission"
# Fewer of either outcome tell nothing about thirty features.
LEAST_OUTCOMES = 30
# With fewer, the model of all applications judges existing borrowers better.
LEAST_OUTCOMES_EXISTING = 100
_CASES = "dbt_project/models/decision/cases/decision_case.yml"
_FILE = "admission.json"


@cache
def admission_features() -> tuple[Feature, ...]:
    """Read the features from the yml of `decision_case`, their one home.

    Returns
    -------
    tuple of Feature
        Columns whose meta says ``admission: number``, in their order.
    """
    (model,) = yaml.safe_load((project_root() / _CASES).read_text())["models"]
    return tuple(
        Feature(column["name"], "number", 0, " ".join(column["description"].split()))
        for column in model["columns"]
        if column.get("config", {}).get("meta", {}).get("admission") == "number"
    )


@dataclass(frozen=True)
class Admission:
    """A fitted model of who repays.

    Parameters
    ----------
    line : PenalisedLine
        Log-odds of being bad.
    features : tuple of Feature
        Its columns, numbers all.
    population : Population
        What is usual among those learned from, for the reasons.
    """

    line: PenalisedLine
    features: tuple[Feature, ...]
    population: Population

    @classmethod
    def fit(cls, x: FeatureMatrix, is_bad: FloatArray) -> Self:
        """Learn from known outcomes.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            `admission_features`; NaN is missing.
        is_bad : ndarray, shape (n,)
            1 where the loan turned out bad, else 0.
        """
        # Seconds of imports that only training needs.
        from comove.risk_model.matrix import Encoding
        from comove.risk_model.trees import Sample

        features = admission_features()
        line = PenalisedLine.fit(Sample(x, is_bad), Encoding(features, {}))
        population = Population.of(x, line.contributions(x), features)
        return cls(line, features, population)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns it is asked with, in order."""
        return tuple(feature.name for feature in self.features)

    def bad(self, x: FeatureMatrix) -> FloatArray:
        """Say how probably each applicant turns out bad, shape (n,)."""
        found: FloatArray = 1 / (1 + np.exp(-self.line.margin(x)))
        return found

    def reasons(self, x: FeatureMatrix) -> list[tuple[str, ...]]:
        """Say what speaks against each applicant, the strongest first."""
        return find_reasons(
            x,
            self.line.contributions(x),
            self.features,
            self.population,
            needed=np.ones(len(x), dtype=np.bool_),
        )

    def save(self, folder: Path) -> None:
        """Write it as JSON."""
        self.line.save(folder)
        told = {
            "encoding": {"features": [asdict(one) for one in self.features]},
            "population": self.population.to_json(),
        }
        (folder / _FILE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        told: Mapping[str, Any] = json.loads((folder / _FILE).read_text("utf-8"))
        return cls(
            PenalisedLine.load(folder),
            tuple(Feature(**one) for one in told["encoding"]["features"]),
            Population.from_json(told["population"]),
        )
