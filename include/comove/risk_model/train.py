"""Training the PD models: fold by fold, out of sample, without holding the warehouse."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from comove.connection import connect_serving, duckdb_config, literal
from comove.errors import ModelError
from comove.portfolio import load_portfolio
from comove.risk_model.artifact import without_nan
from comove.risk_model.export import BORROWER_MONTHS, run_folder
from comove.risk_model.features import load_features
from comove.risk_model.fold_fit import (
    TooLittleError,
    fit_fold,
    read_window,
    window_relation,
)
from comove.risk_model.fold_store import (
    PURPOSE,
    KeptFold,
    find_fold,
    keep_fold,
    name_fold,
)
from comove.risk_model.folds import ALGORITHMS, Fold, month_of, number, plan_folds
from comove.risk_model.judgement import Check, judge_challenger, refusal
from comove.risk_model.matrix import read_matrix
from comove.risk_model.metrics import log_loss, measured
from comove.risk_model.predict import PredictionFiles
from comove.risk_model.registry import (
    Decision,
    FoldEvidence,
    Loss,
    Promotion,
    decide_champion,
    in_force,
    read_algorithms,
    read_promotions,
)
from comove.risk_model.trees import Tell, TreeParameters

if TYPE_CHECKING:
    from comove.settings import Settings

LOG = logging.getLogger(__name__)
FloatArray = NDArray[np.float64]

SOURCE = "borrower_month"

# First month of a fold, and an algorithm in it.
_Place = tuple[dt.date | None, str | None]


@dataclass(frozen=True)
class TrainReport:
    """What was trained.

    Parameters
    ----------
    folds : int
        Walk-forward steps planned.
    folds_fitted, folds_kept, folds_unavailable : int
        Fitted in this run; found as they were; without a model for want of events.
    predictions, forecasts : int
        Borrower-months predicted out of sample, and of the month to come.
    champion : str
        Model version that predicts the month to come; empty when none does.
    why_not : str
        Why none does; empty when one does.
    """

    folds: int
    folds_fitted: int
    folds_kept: int
    folds_unavailable: int
    predictions: int
    forecasts: int
    champion: str
    why_not: str


@dataclass
class _Trained:
    """A fold with its models, or with the reason it has none."""

    fold: Fold
    kept: KeptFold | None = None
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    months: dict[dt.date, dict[str, Loss]] = field(default_factory=dict)
    out_of_time: dict[str, dict[str, float]] = field(default_factory=dict)
    absent: str | None = None
    was_there: bool = False

    def as_evidence(self) -> FoldEvidence:
        """Give what the choice of champions looks at."""
        seen = self.kept.evidence if self.kept else {}
        return FoldEvidence(
            first_month=self.fold.first_month,
            last_month=self.fold.last_month,
            validation={n: Loss(len(e.y), log_loss(e.y, e.p)) for n, e in seen.items()},
            months=self.months,
            checks=self.checks,
            absent=self.absent,
        )


def train(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    algorithms: Sequence[str] = ALGORITHMS,
    tell: Tell = LOG.info,
) -> TrainReport:
    """Train, judge and predict, fold by fold.

    Reads the exported features of the run and the published promotions; writes
    ``candidates.parquet``, ``predictions.parquet``, ``forecast.parquet``,
    ``models.json`` and ``checks.json`` into the folder of the run, and the models into
    ``artifacts/models/pd``. A model whose inputs have not changed is not fitted again.

    Parameters
    ----------
    settings : Settings
        Seed, folds, gates.
    run_id : str
        Names the folder.
    month : date
        First day of the last month whose events are known; the next is predicted too.
    algorithms : sequence of str
        Of ``xgboost``, ``logit`` and ``blend``: which to fit. The others are read, and
        judged and chosen from like them.
    tell : callable
        Takes one sentence of progress per step.

    Returns
    -------
    TrainReport
        Counts. A portfolio with too few events gets no predictions and is told why.

    Raises
    ------
    ModelError
        When an algorithm that is registered was not asked for and has no model of these
        rows: without one it would be retired unjudged.
    """
    folder = run_folder(settings, run_id)
    promotions = _promotions(settings)
    with (
        _features_of(folder, settings) as connection,
        PredictionFiles(connection, SOURCE, folder) as files,
    ):
        work = _Work(settings, connection, files, tuple(algorithms), month, tell)
        trained = list(work.trained(promotions))
        decisions = _decided(trained, promotions, settings)
        rows = work.write_predictions(trained, decisions)
    _write_models(folder, trained, decisions, month)
    return _report(trained, decisions, rows, month)


@dataclass
class _Work:
    """One run's training: where it reads, what it was asked for, whom it tells."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    files: PredictionFiles
    algorithms: tuple[str, ...]
    month: dt.date
    tell: Tell

    def trained(self, promotions: Sequence[Promotion]) -> Iterator[_Trained]:
        """Go from fold to fold; each is judged beside the champion of those before."""
        folds = self._folds()
        done: list[_Trained] = []
        parameters: TreeParameters | None = None
        for position, fold in enumerate(folds, start=1):
            self.tell(f"fold {position} of {len(folds)}: {_described(fold)}")
            one = self._fold(fold, None if fold.searches else parameters)
            if one.kept is not None:
                parameters = one.kept.parameters
                champion = _champion(one, done, promotions, self.settings)
                self._judge(one, one.kept, champion)
                self._predict(one, one.kept)
            done.append(one)
            yield one

    def write_predictions(
        self, trained: Sequence[_Trained], decisions: Sequence[Decision]
    ) -> dict[str, int]:
        """Write what the champions said, and what they say of the month to come."""
        by_fold = {one.fold.first_month: one.kept for one in trained}
        rows = {"predictions": 0, "forecast": 0}
        ahead = month_of(number(self.month) + 1)
        for month in _months(trained, ahead):
            decision = in_force(decisions, month)
            if decision is None or not (decision.model_fold and decision.algorithm):
                continue
            if kept := by_fold[decision.model_fold]:
                name = "forecast" if month == ahead else "predictions"
                rows[name] += self.files.write_champion(
                    name, kept, decision.algorithm, month
                )
        return rows

    def _folds(self) -> list[Fold]:
        first = self.connection.execute(
            f"select min(month) from {SOURCE} where is_event is not null"  # noqa: S608 - a constant
        ).fetchone()
        if not first or first[0] is None:
            return []
        wanted = load_portfolio(self.settings.portfolio).first_predicted_month
        return plan_folds(
            self.settings,
            first_data_month=first[0],
            month=self.month,
            first_month=self.settings.pd_first_month or wanted,
        )

    def _fold(self, fold: Fold, handed: TreeParameters | None) -> _Trained:
        features = load_features(PURPOSE)
        names = name_fold(
            self.connection,
            SOURCE,
            fold,
            self.settings,
            features=features,
            handed=handed,
        )
        there = find_fold(self.settings, names)
        found = there.records if there else {}
        if all(name in found for name in self.algorithms):
            self._require_others(fold, found)
            return _Trained(fold, there, was_there=True)
        try:
            window = read_window(self.connection, SOURCE, fold, features, self.settings)
        except TooLittleError as error:
            self.tell(f"no model for {fold.name}: {error}")
            return _Trained(fold, absent=str(error))
        self._require_others(fold, found)
        fitted = fit_fold(
            window,
            self.settings,
            algorithms=self.algorithms,
            handed=handed,
            tell=self.tell,
        )
        keep_fold(self.settings, fold, names, window, fitted)
        return _Trained(fold, find_fold(self.settings, names))

    def _require_others(self, fold: Fold, found: Collection[str]) -> None:
        """Refuse a fold that would lose an algorithm it has had.

        Champions are chosen among all: one that was left off the form takes part with
        the model fitted before, and would be retired unjudged where there is none.
        """
        asked = (*self.algorithms, *found)
        lacking = [name for name in ALGORITHMS if name not in asked]
        if lost := [n for n in lacking if n in _algorithms_known(self.settings)]:
            raise ModelError(
                f"{lost[0]} was not asked for, and no model of it was fitted on these "
                "rows with these settings.",
                where=f"models from {fold.first_month:%Y-%m} on",
                remedy="Choose all algorithms: what has not changed is not fitted again, "
                "and to have one of them predict there is the promotion.",
            )

    def _judge(
        self, one: _Trained, kept: KeptFold, champion: tuple[KeptFold, str] | None
    ) -> None:
        rows = len(next(iter(kept.evidence.values())).y)
        said = self._said_of_validation(champion, one.fold, rows) if champion else None
        for name, evidence in kept.evidence.items():
            beside = replace(evidence, p_champion=said)
            one.checks[name] = judge_challenger(beside, self.settings)

    def _said_of_validation(
        self, champion: tuple[KeptFold, str], fold: Fold, rows: int
    ) -> FloatArray:
        """Ask the champion about the months it has not learned from; NaN for others."""
        kept, algorithm = champion
        learned_to = kept.records[algorithm].trained_to or fold.train_to
        first = max(fold.valid_from, month_of(number(learned_to) + 1))
        said = np.full(rows, np.nan)
        if first > fold.train_to:
            return said
        relation = window_relation(SOURCE, replace(fold, train_from=first))
        matrix = read_matrix(self.connection, relation, kept.model.encoding, label=None)
        # Rows are in the order of the months.
        said[rows - len(matrix.x) :] = kept.model.pds(matrix.x)[algorithm]
        return said

    def _predict(self, one: _Trained, kept: KeptFold) -> None:
        """Predict the fold's months with every algorithm, and measure each month."""
        said: dict[str, list[FloatArray]] = {name: [] for name in kept.records}
        happened: list[FloatArray] = []
        for month in _months([one], min(one.fold.last_month, self.month)):
            pds, y = self.files.write_candidates(kept, one.fold, month)
            if not len(y):
                continue
            one.months[month] = {n: Loss(len(y), log_loss(y, p)) for n, p in pds.items()}
            happened.append(y)
            for name, p in pds.items():
                said[name].append(p)
        if happened:
            y = np.concatenate(happened)
            one.out_of_time = {n: measured(y, np.concatenate(p)) for n, p in said.items()}


@contextmanager
def _features_of(folder: Path, settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config=duckdb_config(settings))
    try:
        file = literal(folder / BORROWER_MONTHS)
        connection.execute(
            f"create view {SOURCE} as select * from read_parquet({file})"  # noqa: S608 - a path of ours
        )
        yield connection
    finally:
        connection.close()


def _promotions(settings: Settings) -> tuple[Promotion, ...]:
    with connect_serving(settings) as connection:
        return read_promotions(connection, PURPOSE)


def _algorithms_known(settings: Settings) -> frozenset[str]:
    with connect_serving(settings) as connection:
        return read_algorithms(connection, PURPOSE)


def _described(fold: Fold) -> str:
    return (
        f"predicts {fold.first_month:%Y-%m} to {fold.last_month:%Y-%m}, learns from "
        f"{fold.train_from:%Y-%m} to {fold.train_to:%Y-%m}"
    )


def _months(trained: Sequence[_Trained], last: dt.date) -> list[dt.date]:
    if not trained:
        return []
    first = number(trained[0].fold.first_month)
    return [month_of(count) for count in range(first, number(last) + 1)]


def _decided(
    trained: Sequence[_Trained], promotions: Sequence[Promotion], settings: Settings
) -> tuple[Decision, ...]:
    return decide_champion((one.as_evidence() for one in trained), promotions, settings)


def _champion(
    one: _Trained,
    done: Sequence[_Trained],
    promotions: Sequence[Promotion],
    settings: Settings,
) -> tuple[KeptFold, str] | None:
    """Find who was champion in the month before a fold."""
    before = month_of(number(one.fold.first_month) - 1)
    decision = in_force(_decided(done, promotions, settings), before)
    if decision is None or decision.algorithm is None:
        return None
    found = {other.fold.first_month: other.kept for other in done}
    kept = found.get(decision.model_fold) if decision.model_fold else None
    return (kept, decision.algorithm) if kept else None


def _write_models(
    folder: Path,
    trained: Sequence[_Trained],
    decisions: Sequence[Decision],
    month: dt.date,
) -> None:
    now = in_force(decisions, month_of(number(month) + 1))
    used: set[_Place] = {(d.model_fold, d.algorithm) for d in decisions}
    champion = (now.model_fold, now.algorithm) if now else None
    models = [
        _registered(one, name, champion=champion, used=used)
        for one in trained
        for name in (one.kept.records if one.kept else ())
    ]
    _dump(folder / "models.json", models)
    _dump(folder / "checks.json", _newest_checks(trained))


def _registered(
    one: _Trained,
    name: str,
    *,
    champion: _Place | None,
    used: set[_Place],
) -> dict[str, Any]:
    if one.kept is None:
        raise TypeError("a fold without models has none to register")
    record, reason = one.kept.records[name], refusal(one.checks[name])
    mine = (one.fold.first_month, name)
    metrics = {
        **record.metrics,
        "out_of_time": one.out_of_time.get(name, {}),
        "gate": [check.to_json() for check in one.checks[name]],
    }
    return {
        **record.to_json(),
        "metrics": metrics,
        "status": _status(is_now=mine == champion, was=mine in used, reason=reason),
        "is_champion": mine == champion,
        "refused_because": reason,
    }


def _status(*, is_now: bool, was: bool, reason: str | None) -> str:
    if is_now:
        return "champion"
    if reason:
        return "refused"
    return "retired" if was else "challenger"


def _newest_checks(trained: Sequence[_Trained]) -> list[dict[str, Any]]:
    if not trained or trained[-1].kept is None:
        return []
    records = trained[-1].kept.records
    return [
        {"model_version": records[name].model_version, **check.to_json()}
        for name, checks in trained[-1].checks.items()
        for check in checks
    ]


def _dump(file: Path, content: object) -> None:
    plain = without_nan(content)
    file.write_text(json.dumps(plain, indent=1, default=_plain, allow_nan=False))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _report(
    trained: Sequence[_Trained],
    decisions: Sequence[Decision],
    rows: dict[str, int],
    month: dt.date,
) -> TrainReport:
    now = in_force(decisions, month_of(number(month) + 1))
    found = {one.fold.first_month: one.kept for one in trained}
    kept = found.get(now.model_fold) if now and now.model_fold else None
    champion = kept.records[str(now.algorithm)].model_version if now and kept else ""
    return TrainReport(
        folds=len(trained),
        folds_fitted=sum(o.kept is not None and not o.was_there for o in trained),
        folds_kept=sum(one.was_there for one in trained),
        folds_unavailable=sum(one.kept is None for one in trained),
        predictions=rows["predictions"],
        forecasts=rows["forecast"],
        champion=champion,
        why_not="" if champion else _why_not(trained, now),
    )


def _why_not(trained: Sequence[_Trained], now: Decision | None) -> str:
    if not trained:
        return "the history is shorter than the least training window and its gap."
    return (now.refused_because if now else None) or "no model passed its gate."
