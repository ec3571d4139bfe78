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
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import yaml
from numpy.typing import NDArray

from comove.home import project_root
from comove.risk_model.features import Feature
from comove.risk_model.line import PenalisedLine
from comove.risk_model.matrix import Encoding, learn_encoding, read_matrix
from comove.risk_model.reasons import Population, find_reasons
from comove.risk_model.trees import Sample

FloatArray = NDArray[np.float64]

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
    encoding : Encoding
        Its columns.
    population : Population
        What is usual among those learned from, for the reasons.
    """

    line: PenalisedLine
    encoding: Encoding
    population: Population

    @classmethod
    def fit(cls, connection: duckdb.DuckDBPyConnection, rows: str) -> Self:
        """Learn from known outcomes.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Where the rows can be read.
        rows : str
            SQL of a select of cases with ``is_bad``, in a fixed order.
        """
        features = admission_features()
        encoding = learn_encoding(connection, rows, features)
        matrix = read_matrix(connection, rows, encoding, label="is_bad")
        if matrix.y is None:
            raise TypeError("a label was asked for")
        line = PenalisedLine.fit(Sample(matrix.x, matrix.y), encoding)
        population = Population.of(matrix.x, line.contributions(matrix.x), features)
        return cls(line, encoding, population)

    def judge(
        self, connection: duckdb.DuckDBPyConnection, rows: str
    ) -> tuple[FloatArray, list[tuple[str, ...]]]:
        """Say how probably each applicant repays, and what speaks against it.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            Where the rows can be read.
        rows : str
            SQL of a select of cases.

        Returns
        -------
        tuple of ndarray, shape (n,), and list of tuple of str
            Probabilities of repaying; reasons, the strongest first.
        """
        x = read_matrix(connection, rows, self.encoding, label=None).x
        repays = 1 / (1 + np.exp(self.line.margin(x)))
        reasons = find_reasons(
            x,
            self.line.contributions(x),
            self.encoding.features,
            self.population,
            needed=np.ones(len(x), dtype=np.bool_),
        )
        return repays, reasons

    def save(self, folder: Path) -> None:
        """Write it as JSON."""
        self.line.save(folder)
        told = {
            "encoding": self.encoding.to_json(),
            "population": self.population.to_json(),
        }
        (folder / _FILE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        told: Mapping[str, Any] = json.loads((folder / _FILE).read_text("utf-8"))
        return cls(
            PenalisedLine.load(folder),
            Encoding.from_json(told["encoding"]),
            Population.from_json(told["population"]),
        )
