r"""A penalised logistic regression on standardised columns: the plainest good model.

:math:`\ln\frac{p}{1-p} = a + \sum_c \beta_c z_c`, where the columns :math:`z` are, for a
number, its value held within two percentiles, imputed and standardised, and whether it
was missing; for a category, one column per value. Where outcomes are few, its errors
are others than those of trees and of weights of evidence, so that the mean of the three
is better than each (Bates and Granger, 1969).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from comove.errors import ModelError

# Seconds of imports that only fitting needs; a line is asked without them.
if TYPE_CHECKING:
    from comove.risk_model.matrix import Encoding
    from comove.risk_model.trees import Sample

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]

LINE_FILE = "line.json"


@dataclass(frozen=True)
class NumberColumns:
    """How a number becomes its two columns.

    Parameters
    ----------
    low, high : float
        Percentiles of the rows learnt from; infinite where none had a value.
    mean, sd : float
        Of the values held and imputed; the mean is what a missing one becomes.
    missing : float
        Share of the rows that had no value.
    """

    low: float
    high: float
    mean: float
    sd: float
    missing: float

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> Self:
        """Learn them from the rows trained on."""
        from comove.risk_model.plain import KEPT_PERCENTILES

        known = values[~np.isnan(values)].astype(np.float64)
        if not len(known):
            return cls(-np.inf, np.inf, 0.0, 1.0, 1.0)
        low, high = np.percentile(known, KEPT_PERCENTILES)
        held = np.clip(known, low, high)
        missing = 1 - len(known) / len(values)
        # Imputed values lie at the mean: they add nothing to the squares.
        sd = float(np.sqrt(held.var() * (1 - missing)))
        return cls(float(low), float(high), float(held.mean()), sd or 1.0, missing)

    def columns(self, values: NDArray[np.float32]) -> list[FloatArray]:
        """Standardise values, and whether they are missing."""
        is_missing = np.isnan(values)
        held = np.clip(values.astype(np.float64), self.low, self.high)
        standard = (np.where(is_missing, self.mean, held) - self.mean) / self.sd
        if not 0 < self.missing < 1:
            return [standard]
        sd = np.sqrt(self.missing * (1 - self.missing))
        return [standard, (is_missing - self.missing) / sd]


@dataclass(frozen=True)
class CategoryColumns:
    """How a category becomes one column per value.

    Parameters
    ----------
    codes : tuple of float
        Values, as codes, with a column of their own; -1 is a missing one.
    has_rest : bool
        Whether rare values share a column. One that was never seen belongs there too.
    """

    codes: tuple[float, ...]
    has_rest: bool

    @classmethod
    def of(cls, values: NDArray[np.float32]) -> Self:
        """Learn which values are frequent enough."""
        from comove.risk_model.plain import RAREST_ROWS

        codes, rows = np.unique(_filled(values), return_counts=True)
        frequent = rows >= RAREST_ROWS
        return cls(tuple(float(code) for code in codes[frequent]), not frequent.all())

    def columns(self, values: NDArray[np.float32]) -> list[FloatArray]:
        """Tell for each column which rows have its value."""
        given = _filled(values)
        own = [(given == code).astype(np.float64) for code in self.codes]
        if not self.has_rest:
            return own
        return [*own, 1.0 - np.sum(own, axis=0, dtype=np.float64)]


Columns = NumberColumns | CategoryColumns


@dataclass(frozen=True)
class PenalisedLine:
    """A fitted penalised logistic regression.

    Parameters
    ----------
    columns : tuple of NumberColumns or CategoryColumns
        Of each feature.
    coefficients : tuple of tuple of float
        Of each feature's columns, in log-odds.
    intercept : float
        Log-odds where all columns are 0.
    """

    columns: tuple[Columns, ...]
    coefficients: tuple[tuple[float, ...], ...]
    intercept: float

    algorithm: ClassVar[str] = "linear"

    @classmethod
    def fit(cls, sample: Sample, encoding: Encoding) -> Self:
        """Learn the columns and the line.

        Parameters
        ----------
        sample : Sample
            Rows with both outcomes.
        encoding : Encoding
            Their columns.

        Returns
        -------
        PenalisedLine
            The penalty is that of the least log loss over three parts of the rows.
        """
        from comove.risk_model.plain import penalised_regression

        x = sample.x
        columns: tuple[Columns, ...] = tuple(
            (CategoryColumns if kind == "c" else NumberColumns).of(x[:, j])
            for j, kind in enumerate(encoding.types)
        )
        given = [one.columns(x[:, j]) for j, one in enumerate(columns)]
        design = np.column_stack([column for own in given for column in own])
        line = penalised_regression(sample).fit(design, sample.y)
        ends = np.cumsum([len(own) for own in given])[:-1]
        parts = np.split(np.ravel(line.coef_), ends)
        return cls(
            columns=columns,
            coefficients=tuple(tuple(map(float, part)) for part in parts),
            intercept=float(np.ravel(line.intercept_)[0]),
        )

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Log-odds of the event, shape (n,)."""
        total: FloatArray = self.intercept + self.contributions(x).sum(axis=1)
        return total

    def contributions(self, x: FeatureMatrix) -> FloatArray:
        """Split the log-odds less the intercept into the parts of the features.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features; NaN is missing; categories as codes.

        Returns
        -------
        ndarray, shape (n, k)
            What each feature adds.

        Raises
        ------
        ModelError
            If there are other columns than those of fitting.
        """
        if x.ndim != 2 or x.shape[1] != len(self.columns):
            raise ModelError(
                f"features of shape {x.shape}, where {len(self.columns)} are expected.",
                where="linear model",
                remedy="Read the features with the encoding the model was fitted with.",
            )
        parts = np.zeros(x.shape)
        for j, (one, given) in enumerate(
            zip(self.columns, self.coefficients, strict=True)
        ):
            for column, coefficient in zip(one.columns(x[:, j]), given, strict=True):
                parts[:, j] += coefficient * column
        return parts

    def save(self, folder: Path) -> None:
        """Write it as JSON."""
        stored = {
            "columns": [_stored(one) for one in self.columns],
            "coefficients": self.coefficients,
            "intercept": self.intercept,
        }
        (folder / LINE_FILE).write_text(json.dumps(stored, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; `ApplicationModel.load` says what an error means."""
        stored = json.loads((folder / LINE_FILE).read_text("utf-8"))
        return cls(
            columns=tuple(_read(one) for one in stored["columns"]),
            coefficients=tuple(tuple(one) for one in stored["coefficients"]),
            intercept=float(stored["intercept"]),
        )


def _filled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isnan(values), np.float32(-1), values)


def _stored(one: Columns) -> dict[str, Any]:
    if isinstance(one, CategoryColumns):
        return {"codes": one.codes, "has_rest": one.has_rest}
    bounds = [None if np.isinf(end) else end for end in (one.low, one.high)]
    return {"bounds": bounds, "mean": one.mean, "sd": one.sd, "missing": one.missing}


def _read(stored: dict[str, Any]) -> Columns:
    if "codes" in stored:
        return CategoryColumns(tuple(stored["codes"]), bool(stored["has_rest"]))
    low, high = stored["bounds"]
    return NumberColumns(
        low=-np.inf if low is None else low,
        high=np.inf if high is None else high,
        mean=stored["mean"],
        sd=stored["sd"],
        missing=stored["missing"],
    )
