"""Gradient-boosted trees: a seeded search, early stopping, and the booster itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import optuna
import xgboost as xgb
from numpy.typing import NDArray

from comove.risk_model.level import MonthLevels

if TYPE_CHECKING:
    from comove.risk_model.matrix import Encoding

FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]
Tell = Callable[[str], None]

# Rounds without a better validation log loss before the trees stop.
PATIENCE_ROUNDS = 15
# Cut points a feature has at most: more of them cost time and rank no better.
MAX_BIN = 64
MODEL_FILE = "trees.ubj"


@dataclass(frozen=True)
class Sample:
    """Rows to learn from or to judge on.

    Parameters
    ----------
    x : ndarray of float32, shape (n, k)
        Features; NaN is missing.
    y : ndarray, shape (n,)
        1 for an event, else 0.
    group : ndarray of int, shape (n,), optional
        Month of each row, counted; rows are judged apart from the level of their month.
    weight : ndarray, shape (n,), optional
        Rows of the population each row stands for; 1 without it.
    """

    x: FeatureMatrix
    y: FloatArray
    group: NDArray[np.int64] | None = None
    weight: FloatArray | None = None

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.y)

    def drawn(self, rows: int, seed: int) -> Self:
        """Draw about so many rows: every event, and non-events that stand for the others.

        Parameters
        ----------
        rows : int
            How many are wanted; all stay if there are no more.
        seed : int
            Of the draw.

        Returns
        -------
        Sample
            In the order of the rows, weighted so that every expectation is kept.
        """
        others = np.flatnonzero(self.y == 0)
        wanted = max(rows - (len(self) - len(others)), rows // 2)
        if len(self) <= rows or wanted >= len(others):
            return self
        drawn = np.random.default_rng(seed).choice(others, wanted, replace=False)
        chosen = np.sort(np.concatenate([np.flatnonzero(self.y != 0), drawn]))
        before = np.ones(len(self)) if self.weight is None else self.weight
        weight = before[chosen] * np.where(self.y[chosen] != 0, 1.0, len(others) / wanted)
        group = None if self.group is None else self.group[chosen]
        return type(self)(self.x[chosen], self.y[chosen], group, weight)


@dataclass(frozen=True)
class TreeParameters:
    """Hyper-parameters; the names are xgboost's, ``rounds`` is the number of trees."""

    max_depth: int = 4
    learning_rate: float = 0.1
    min_child_weight: float = 20.0
    subsample: float = 0.8
    colsample_bytree: float = 0.7
    reg_lambda: float = 5.0
    gamma: float = 0.0
    rounds: int = 100

    def for_xgboost(self) -> dict[str, object]:
        """Give them as xgboost takes them."""
        return {name: value for name, value in asdict(self).items() if name != "rounds"}


class Trees:
    """A fitted booster.

    Parameters
    ----------
    booster : xgboost.Booster
        Logistic objective.
    """

    algorithm: ClassVar[str] = "xgboost"

    def __init__(self, booster: xgb.Booster) -> None:
        self.booster = booster

    def margin(self, x: FeatureMatrix) -> FloatArray:
        """Log-odds of an event.

        Parameters
        ----------
        x : ndarray of float32, shape (n, k)
            Features in the order of the encoding they were trained with.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        found = self.booster.inplace_predict(x, predict_type="margin", missing=np.nan)
        return np.asarray(found, dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write the booster as UBJ."""
        self.booster.save_model(folder / MODEL_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        booster = xgb.Booster()
        booster.load_model(folder / MODEL_FILE)
        return cls(booster)


@dataclass(frozen=True)
class TreeFitter:
    """What fitting needs besides rows.

    Parameters
    ----------
    encoding : Encoding
        Features, their kinds and the signs their effects must have.
    seed : int
        Of the row and column sampling, and of the search.
    threads : int
        For xgboost.
    max_rounds : int
        Trees at most; early stopping ends before.
    """

    encoding: Encoding
    seed: int
    threads: int
    max_rounds: int

    def search(
        self,
        fit: Sample,
        valid: Sample,
        *,
        trials: int,
        start: TreeParameters,
        tell: Tell,
    ) -> TreeParameters:
        """Search hyper-parameters by the log loss on later months.

        Parameters
        ----------
        fit, valid : Sample
            Earlier months to learn from, later ones to judge on.
        trials : int
            How many are tried; the first is `start`.
        start : TreeParameters
            A sensible point, tried first.
        tell : callable
            Takes one sentence of progress per better trial.

        Returns
        -------
        TreeParameters
            The best, with its number of rounds. The same for the same rows and seed.
        """
        train = self._matrix(fit)
        held = self._matrix(valid, ref=train)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=self.seed, n_startup_trials=5)
        study = optuna.create_study(sampler=sampler)
        study.enqueue_trial(
            {name: value for name, value in asdict(start).items() if name in _SPACE}
        )
        rounds: dict[int, int] = {}

        def objective(trial: optuna.Trial) -> float:
            asked: dict[str, Any] = {name: ask(trial) for name, ask in _SPACE.items()}
            parameters = replace(start, **asked)
            booster = self._boost(train, parameters, self.max_rounds, (held, valid))
            rounds[trial.number] = booster.best_iteration + 1
            return float(booster.best_score)

        study.optimize(objective, n_trials=trials, callbacks=[_teller(tell)])
        best = study.best_trial
        return replace(start, **best.params, rounds=rounds[best.number])

    def stopped(
        self, fit: Sample, valid: Sample, parameters: TreeParameters
    ) -> tuple[Trees, TreeParameters]:
        """Fit until the log loss on later months gets no better.

        Returns
        -------
        tuple of Trees and TreeParameters
            The trees up to the best round, and the parameters with that round.
        """
        train = self._matrix(fit)
        held = self._matrix(valid, ref=train)
        booster = self._boost(train, parameters, self.max_rounds, (held, valid))
        rounds = booster.best_iteration + 1
        return Trees(booster[:rounds]), replace(parameters, rounds=rounds)

    def fit(self, sample: Sample, parameters: TreeParameters) -> Trees:
        """Fit a given number of rounds."""
        return Trees(self._boost(self._matrix(sample), parameters, parameters.rounds))

    def _matrix(
        self, sample: Sample, ref: xgb.QuantileDMatrix | None = None
    ) -> xgb.QuantileDMatrix:
        kinds = ["c" if f.kind == "category" else "q" for f in self.encoding.features]
        return xgb.QuantileDMatrix(
            sample.x,
            sample.y,
            weight=sample.weight,
            feature_names=list(self.encoding.names),
            feature_types=kinds,
            max_bin=MAX_BIN,
            ref=ref,
            nthread=self.threads,
            enable_categorical=True,
        )

    def _boost(
        self,
        train: xgb.QuantileDMatrix,
        parameters: TreeParameters,
        rounds: int,
        later: tuple[xgb.QuantileDMatrix, Sample] | None = None,
    ) -> xgb.Booster:
        is_by_month = later is not None and later[1].group is not None
        weight = train.get_weight() if train.get_weight().size else None
        rate = float(np.average(train.get_label(), weights=weight))
        signs = [
            0 if f.kind == "category" else f.direction for f in self.encoding.features
        ]
        return xgb.train(
            {
                **parameters.for_xgboost(),
                "objective": "binary:logistic",
                "eval_metric": "logloss",
                "disable_default_eval_metric": is_by_month,
                # Events are rare: the trees start from their rate instead of one half.
                # No reweighting, which would move every probability.
                "base_score": float(np.clip(rate, 1e-6, 1 - 1e-6)),
                "monotone_constraints": tuple(signs),
                "tree_method": "hist",
                "max_bin": MAX_BIN,
                "seed": self.seed,
                "nthread": self.threads,
            },
            train,
            num_boost_round=rounds,
            evals=[(later[0], "later")] if later else [],
            custom_metric=_level_free(later[1]) if later and is_by_month else None,
            early_stopping_rounds=PATIENCE_ROUNDS if later else None,
            verbose_eval=False,
        )


def _level_free(
    sample: Sample,
) -> Callable[[FloatArray, xgb.DMatrix], tuple[str, float]]:
    levels = MonthLevels(sample.y, sample.group, sample.weight)

    def metric(predicted: FloatArray, _matrix: xgb.DMatrix) -> tuple[str, float]:
        # A round moves the levels little: one step from those of the round before.
        return "level_free_log_loss", levels.log_loss_of(predicted.astype(np.float64))

    return metric


_SPACE: dict[str, Callable[[optuna.Trial], object]] = {
    "max_depth": lambda t: t.suggest_int("max_depth", 2, 4),
    "learning_rate": lambda t: t.suggest_float("learning_rate", 0.06, 0.3, log=True),
    "min_child_weight": lambda t: t.suggest_float("min_child_weight", 2, 100, log=True),
    "subsample": lambda t: t.suggest_float("subsample", 0.6, 1.0),
    "colsample_bytree": lambda t: t.suggest_float("colsample_bytree", 0.4, 1.0),
    "reg_lambda": lambda t: t.suggest_float("reg_lambda", 0.5, 50, log=True),
}


def _teller(
    tell: Tell,
) -> Callable[[optuna.Study, optuna.trial.FrozenTrial], None]:
    def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if study.best_trial.number == trial.number:
            tell(f"search, trial {trial.number + 1}: log loss {trial.value:.5f}")

    return told


logging.getLogger("optuna").setLevel(logging.WARNING)
