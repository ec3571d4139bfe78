r"""Logistic regression on weights of evidence: the scorecard lenders have.

:math:`\ln\frac{p}{1-p} = a + \sum_j \beta_j \mathrm{WOE}_j(x_j)`, with the bins of
`comove.risk_model.woe`. As a weight is positive where risk is low, every
:math:`\beta_j` must be negative; a feature whose coefficient is not contradicts its own
evidence (another feature carries it) and is left out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from skops import io

from comove.errors import ModelError
from comove.risk_model.woe import WoeBins, fit_bins

if TYPE_CHECKING:
    from comove.risk_model.matrix import Encoding

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]
Codes = NDArray[np.uint8]

REGRESSION_FILE = "logit.skops"
BINS_FILE = "logit.json"

# Two features whose weights are correlated above this say the same; the one of less
# information value is left out.
MOST_CORRELATION = 0.9

# Rows drawn to correlate weights on.
CORRELATION_ROWS = 200_000

# Distinct weighted rows the regression is fitted on at most. Above, events are kept and
# non-events drawn, weighted up by the inverse of their share: unbiased, and what is lost
# in precision is little as events are the scarce class.
MOST_ROWS = 2_000_000
# Signs are settled on fewer: a dozen fits for one that is kept.
SIGN_ROWS = 50_000

# A coefficient beyond this, where -1 is what a feature by itself would get, is on its way
# to infinity: some bins tell all their events from other rows.
MOST_COEFFICIENT = 3.0

# Strength of the penalty (scikit-learn's C) where the likelihood has no maximum.
WEAK_PENALTY = 10.0

_TOLERANCE = 1e-10
_MOST_STEPS = 200


@dataclass(frozen=True)
class _Rows:
    """Coded rows with their outcomes and weights."""

    codes: Codes
    y: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class WoeLogit:
    """A fitted logistic regression on weights of evidence.

    Parameters
    ----------
    names : tuple of str
        Columns of the feature matrix, in order.
    bins : tuple of WoeBins
        Features kept, with their bins.
    regression : LogisticRegression
        Fitted on the weights of the features kept, in the order of `bins`.
    means : tuple of float
        Mean weight of each feature kept, over the rows of fitting.
    dropped : dict of str to str
        Features left out, each with its reason.
    is_penalised : bool
        Whether a weak penalty was needed because the likelihood had no maximum (a
        combination of bins tells all events from all non-events).
    """

    names: tuple[str, ...]
    bins: tuple[WoeBins, ...]
    regression: LogisticRegression
    means: tuple[float, ...]
    dropped: dict[str, str] = field(default_factory=dict)
    is_penalised: bool = False

    algorithm: ClassVar[str] = "logit"

    @classmethod
    def fit(
        cls,
        x: FeatureMatrix,
        y: FloatArray,
        encoding: Encoding,
        *,
        seed: int,
        max_bins: int = 6,
        min_iv: float = 0.01,
    ) -> Self:
        """Bin, select and fit.

        A feature is left out when it has one bin, an information value below `min_iv`,
        a correlation above `MOST_CORRELATION` with one of more information value, or a
        coefficient of the wrong sign (the worst first, then the rest is fitted again).

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features; NaN is missing; categories as codes.
        y : ndarray, shape (n,)
            1 for an event, else 0.
        encoding : Encoding
            The columns of `x`.
        seed : int
            Seed of every draw; the same seed and rows give the same model.
        max_bins : int
            Bins of a feature at most, missing values not counted.
        min_iv : float
            Least information value of a feature.

        Returns
        -------
        WoeLogit
            The model.

        Raises
        ------
        ModelError
            If `y` has one class, `x` an infinite value or not the encoding's columns,
            or if no feature is left.
        """
        names = tuple(feature.name for feature in encoding.features)
        x, y = np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float64)
        _require_columns(x, names)
        _require_both_classes(y)
        dropped: dict[str, str] = {}
        bins = _binned(x, y, encoding, dropped, seed=seed, max_bins=max_bins)
        bins = _informative(bins, min_iv, dropped)
        bins = _distinct(bins, x, names, dropped, seed)
        rows = _compressed(_coded(bins, x, names), y, seed)
        settled, _, _ = _regressed(bins, _thinned(rows, SIGN_ROWS, seed), dropped)
        rows = _of_columns(rows, [bins.index(one) for one in settled])
        kept, regression, is_penalised = _regressed(list(settled), rows, dropped)
        return cls(
            names=names,
            bins=kept,
            regression=regression,
            means=_mean_weights(kept),
            dropped=dropped,
            is_penalised=is_penalised,
        )

    @property
    def coefficients(self) -> FloatArray:
        """Coefficients of the weights of evidence, in the order of `bins`; all < 0."""
        return np.asarray(self.regression.coef_[0], dtype=np.float64)

    @property
    def intercept(self) -> float:
        """Log-odds of a row whose weights are all 0."""
        return float(self.regression.intercept_[0])

    @property
    def base_margin(self) -> float:
        """Log-odds of the population's mean weights; contributions are relative to it."""
        return self.intercept + float(self.coefficients @ np.array(self.means))

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Compute the log-odds of the event.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features in the columns of fitting.

        Returns
        -------
        ndarray, shape (n,)
            Log-odds.

        Raises
        ------
        ModelError
            If a value used is infinite, or the columns are not those of fitting.
        """
        _require_columns(x, self.names)
        margin = np.full(len(x), self.intercept)
        for bins, coefficient in zip(self.bins, self.coefficients, strict=True):
            margin += coefficient * bins.weights(self._column(x, bins))
        return margin

    def contributions(self, x: FeatureMatrix) -> FloatArray:
        """Split the log-odds into the parts of the features.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features in the columns of fitting.

        Returns
        -------
        ndarray, shape (n, kept)
            Log-odds each feature of `bins` adds to `base_margin`; a row sums to its
            margin less `base_margin`. Positive raises risk above the population's.

        Raises
        ------
        ModelError
            As `margin`.
        """
        _require_columns(x, self.names)
        parts = np.empty((len(x), len(self.bins)))
        for j, (bins, coefficient) in enumerate(
            zip(self.bins, self.coefficients, strict=True)
        ):
            parts[:, j] = bins.weights(self._column(x, bins)) - self.means[j]
            parts[:, j] *= coefficient
        return parts

    def table(self) -> pd.DataFrame:
        """List every bin of every feature kept.

        Returns
        -------
        pandas.DataFrame
            ``feature``, ``bin`` (in words), ``rows``, ``events``, ``event_rate``,
            ``woe``, ``log_odds`` (what the bin adds to `base_margin`) and
            ``information_value`` of the feature.
        """
        parts = []
        for j, bins in enumerate(self.bins):
            rows = np.add(bins.non_events, bins.events)
            parts.append(
                pd.DataFrame(
                    {
                        "feature": bins.name,
                        "bin": bins.labels,
                        "rows": rows,
                        "events": bins.events,
                        "event_rate": np.divide(
                            bins.events,
                            rows,
                            out=np.full(len(rows), np.nan),
                            where=rows > 0,
                        ),
                        "woe": bins.woe,
                        "log_odds": self.coefficients[j] * (bins.woe - self.means[j]),
                        "information_value": bins.information_value,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def save(self, folder: Path) -> None:
        """Write the regression as skops and the bins as JSON.

        Parameters
        ----------
        folder : Path
            Folder to write to; made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        io.dump(self.regression, folder / REGRESSION_FILE)
        stored = {
            "names": self.names,
            "bins": [bins.to_json() for bins in self.bins],
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
            "means": self.means,
            "dropped": self.dropped,
            "is_penalised": self.is_penalised,
        }
        (folder / BINS_FILE).write_text(json.dumps(stored, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Only the types skops trusts by itself (NumPy's and scikit-learn's) are read:
        the file can hold no others.

        Parameters
        ----------
        folder : Path
            Folder written by `save`.

        Returns
        -------
        WoeLogit
            The same model.

        Raises
        ------
        ModelError
            If a file is not there, cannot be read or holds another type.
        """
        try:
            stored = json.loads((folder / BINS_FILE).read_text("utf-8"))
            regression = io.load(folder / REGRESSION_FILE, trusted=[])
            return cls(
                names=tuple(stored["names"]),
                bins=tuple(WoeBins.from_json(bins) for bins in stored["bins"]),
                regression=regression,
                means=tuple(stored["means"]),
                dropped=dict(stored["dropped"]),
                is_penalised=bool(stored["is_penalised"]),
            )
        except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise ModelError(
                f"no logit can be read ({type(error).__name__}: {error}).",
                where=str(folder),
                remedy="Train the month again, or restore the folder from a backup.",
            ) from error

    def _column(self, x: FeatureMatrix, bins: WoeBins) -> NDArray[np.float32]:
        return _finite_column(x, self.names.index(bins.name), bins.name)


def _require_columns(x: FeatureMatrix, names: Sequence[str]) -> None:
    if x.ndim != 2 or x.shape[1] != len(names):
        raise ModelError(
            f"features of shape {x.shape}, where {len(names)} columns are expected.",
            where="logit",
            remedy="Read the features with the encoding the model was fitted with.",
        )


def _require_both_classes(y: FloatArray) -> None:
    events = int((y > 0).sum())
    if not 0 < events < len(y):
        raise ModelError(
            f"{events} of {len(y)} rows are events; a model needs both outcomes.",
            where="logit",
            remedy="Widen the training window, or choose a month with events before it.",
        )


def _finite_column(x: FeatureMatrix, j: int, name: str) -> NDArray[np.float32]:
    column = np.ascontiguousarray(x[:, j], dtype=np.float32)
    infinite = int(np.isinf(column).sum())
    if infinite:
        raise ModelError(
            f"{infinite} values are infinite.",
            where=f"feature {name}",
            remedy="Correct the feature's SQL (a division by zero?), or make them null.",
        )
    return column


def _binned(
    x: FeatureMatrix,
    y: FloatArray,
    encoding: Encoding,
    dropped: dict[str, str],
    *,
    seed: int,
    max_bins: int,
) -> list[WoeBins]:
    """Bin every feature, or say why not."""
    found = []
    for j, feature in enumerate(encoding.features):
        bins = fit_bins(
            feature,
            _finite_column(x, j, feature.name),
            y,
            categories=tuple(encoding.categories.get(feature.name, ())),
            seed=seed,
            max_bins=max_bins,
        )
        if isinstance(bins, str):
            dropped[feature.name] = bins
        else:
            found.append(bins)
    return found


def _informative(
    bins: list[WoeBins], min_iv: float, dropped: dict[str, str]
) -> list[WoeBins]:
    """Keep what tells enough, the most telling first."""
    for one in bins:
        if one.information_value < min_iv:
            dropped[one.name] = (
                f"information value {one.information_value:.4f} below {min_iv:g}"
            )
    kept = [one for one in bins if one.name not in dropped]
    return sorted(kept, key=lambda one: (-one.information_value, one.name))


def _distinct(
    bins: list[WoeBins],
    x: FeatureMatrix,
    names: tuple[str, ...],
    dropped: dict[str, str],
    seed: int,
) -> list[WoeBins]:
    """Leave out what repeats a feature of more information value."""
    if len(bins) < 2:
        return bins
    if len(x) > CORRELATION_ROWS:
        drawn = np.random.default_rng(seed).integers(0, len(x), CORRELATION_ROWS)
        x = x[np.sort(drawn)]
    weights = np.array([one.weights(x[:, names.index(one.name)]) for one in bins])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.abs(np.corrcoef(weights))
    kept: list[int] = []
    for j, one in enumerate(bins):
        twin = next((i for i in kept if correlation[i, j] > MOST_CORRELATION), None)
        if twin is None:
            kept.append(j)
        else:
            dropped[one.name] = (
                f"correlation {correlation[twin, j]:.2f} with {bins[twin].name}"
            )
    return [bins[j] for j in kept]


def _coded(bins: list[WoeBins], x: FeatureMatrix, names: tuple[str, ...]) -> Codes:
    """Replace values by their bins, shape (n, kept), one byte each."""
    codes = np.empty((len(x), len(bins)), dtype=np.uint8, order="F")
    for j, one in enumerate(bins):
        codes[:, j] = one.codes(x[:, names.index(one.name)])
    return codes


def _compressed(codes: Codes, y: FloatArray, seed: int) -> _Rows:
    """Count equal rows once, and draw non-events where rows are still too many."""
    return _thinned(_counted(codes, y), MOST_ROWS, seed)


def _thinned(rows: _Rows, most: int, seed: int) -> _Rows:
    """Keep every event, and non-events that stand for the others by their weight."""
    if len(rows.y) <= most:
        return rows
    is_event = rows.y > 0
    share = min(1.0, max(most - int(is_event.sum()), most // 2) / len(rows.y))
    lucky = np.random.default_rng(seed).random(len(rows.y)) < share
    kept = is_event | lucky
    weights = np.where(is_event, rows.weights, rows.weights / share)
    return _Rows(rows.codes[kept], rows.y[kept], weights[kept])


def _of_columns(rows: _Rows, columns: list[int]) -> _Rows:
    return _Rows(rows.codes[:, columns], rows.y, rows.weights)


def _counted(codes: Codes, y: FloatArray) -> _Rows:
    sizes = [2, *(int(column.max(initial=0)) + 1 for column in codes.T)]
    if np.prod(np.array(sizes, dtype=np.float64)) >= 2**63:
        # No whole number holds a row: so many columns rarely repeat.
        return _Rows(codes, y, np.ones(len(y)))
    key = (y > 0).astype(np.int64)
    for size, column in zip(sizes[1:], codes.T, strict=True):
        key = key * size + column
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    return _Rows(codes[first], y[first], counts.astype(np.float64))


def _regressed(
    bins: list[WoeBins], rows: _Rows, dropped: dict[str, str]
) -> tuple[tuple[WoeBins, ...], LogisticRegression, bool]:
    """Fit, leave out the coefficient most wrong in sign, and fit again."""
    places = list(range(len(bins)))
    while places:
        weights = np.column_stack([bins[j].woe_by_code[rows.codes[:, j]] for j in places])
        regression, is_penalised = _fitted(weights, rows)
        worst = int(regression.coef_[0].argmax())
        coefficient = float(regression.coef_[0, worst])
        if coefficient < 0:
            return tuple(bins[j] for j in places), regression, is_penalised
        name = bins[places.pop(worst)].name
        dropped[name] = f"coefficient {coefficient:+.3f} against its own evidence"
    raise ModelError(
        "no feature is left: "
        + "; ".join(f"{name}: {reason}" for name, reason in sorted(dropped.items())),
        where="logit",
        remedy="Widen the training window, or lower the least information value.",
    )


def _fitted(weights: FloatArray, rows: _Rows) -> tuple[LogisticRegression, bool]:
    """Fit without a penalty if the likelihood has a maximum, else with a weak one."""
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, LinAlgWarning):
            warnings.simplefilter("error", category)
        try:
            plain = _regression(np.inf).fit(weights, rows.y, rows.weights)
        except (ConvergenceWarning, LinAlgWarning, np.linalg.LinAlgError):
            plain = None
    if plain is not None and np.abs(plain.coef_).max() <= MOST_COEFFICIENT:
        return plain, False
    return _regression(WEAK_PENALTY).fit(weights, rows.y, rows.weights), True


def _regression(inverse_penalty: float) -> LogisticRegression:
    return LogisticRegression(
        C=inverse_penalty, solver="newton-cholesky", tol=_TOLERANCE, max_iter=_MOST_STEPS
    )


def _mean_weights(bins: Sequence[WoeBins]) -> tuple[float, ...]:
    means = []
    for one in bins:
        rows = np.add(one.non_events, one.events)
        means.append(float(one.woe @ rows / rows.sum()))
    return tuple(means)
