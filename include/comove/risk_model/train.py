"""Training the PD models: fold by fold, out of sample, without holding the warehouse."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from comove.connection import connect_serving, duckdb_config, literal
from comove.portfolio import load_portfolio
from comove.risk_model.artifact import (
    ModelRecord,
    input_hash,
    library_versions,
    model_folder,
    new_artifact,
    read_record,
    relation_hash,
    version_name,
    write_record,
)
from comove.risk_model.export import BORROWER_MONTHS, run_folder
from comove.risk_model.features import load_features
from comove.risk_model.fold_fit import (
    FittedFold,
    TooFewEventsError,
    Window,
    fit_fold,
    read_window,
    window_relation,
)
from comove.risk_model.fold_model import FoldModel
from comove.risk_model.folds import ALGORITHMS, Fold, month_of, number, plan_folds
from comove.risk_model.judgement import Check, Evidence, judge_challenger, refusal
from comove.risk_model.matrix import read_batches, read_matrix
from comove.risk_model.metrics import (
    auc,
    brier,
    calibration_slope_intercept,
    expected_observed,
    ks,
    log_loss,
)
from comove.risk_model.registry import (
    Decision,
    FoldEvidence,
    Loss,
    Promotion,
    decide_champion,
    in_force,
    read_promotions,
)
from comove.risk_model.request import request_for, write_request
from comove.risk_model.trees import Tell, TreeParameters

if TYPE_CHECKING:
    from comove.risk_model.features import Feature
    from comove.settings import Settings

LOG = logging.getLogger(__name__)
FloatArray = NDArray[np.float64]

PURPOSE = "pd"
EVIDENCE_FILE = "validation.npz"
KEYS = ("borrower_key", "month", "is_event")


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
    model: FoldModel | None = None
    records: dict[str, ModelRecord] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)
    months: dict[dt.date, dict[str, Loss]] = field(default_factory=dict)
    out_of_time: dict[str, dict[str, float]] = field(default_factory=dict)
    absent: str | None = None
    was_kept: bool = False

    def as_evidence(self) -> FoldEvidence:
        return FoldEvidence(
            first_month=self.fold.first_month,
            last_month=self.fold.last_month,
            validation={
                name: Loss(len(e.y), log_loss(e.y, e.p))
                for name, e in self.evidence.items()
            },
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
    ``models.json``, ``checks.json`` and ``request.json`` into the folder of the run, and
    the models into ``artifacts/models/pd``. A model whose inputs have not changed is not
    fitted again.

    Parameters
    ----------
    settings : Settings
        Seed, folds, gates.
    run_id : str
        Names the folder.
    month : date
        First day of the last month whose events are known; the next is predicted too.
    algorithms : sequence of str
        Of ``xgboost``, ``logit`` and ``blend``.
    tell : callable
        Takes one sentence of progress per step.

    Returns
    -------
    TrainReport
        Counts. A portfolio with too few events gets no predictions and is told why.
    """
    folder = run_folder(settings, run_id)
    promotions = _promotions(settings)
    write_request(folder, request_for(settings, month))
    with _features_of(folder, settings) as connection:
        work = _Work(settings, connection, tuple(algorithms), month, folder, tell)
        trained = [*work.trained(promotions)]
        decisions = decide_champion(
            (one.as_evidence() for one in trained), promotions, settings
        )
        counts = work.write_predictions(trained, decisions)
    _write_models(folder, trained, decisions, month)
    return _report(trained, decisions, counts, month)


@dataclass
class _Work:
    """One run's training: where it reads, what it was asked for, whom it tells."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    algorithms: tuple[str, ...]
    month: dt.date
    folder: Path
    tell: Tell

    def trained(self, promotions: Sequence[Promotion]) -> Iterator[_Trained]:
        """Go from fold to fold; each is judged beside the champion of those before."""
        folds = self._folds()
        features = load_features(PURPOSE)
        done: list[_Trained] = []
        parameters: TreeParameters | None = None
        with pq.ParquetWriter(self.folder / "candidates.parquet", _CANDIDATE) as writer:
            for position, fold in enumerate(folds, start=1):
                self.tell(f"fold {position} of {len(folds)}: {_described(fold)}")
                handed = None if fold.searches else parameters
                one = self._fold(fold, features, handed)
                if one.model is not None:
                    parameters = _parameters(one)
                    self._judge(one, done, promotions)
                    self._predict(one, writer)
                done.append(one)
                yield one

    def write_predictions(
        self, trained: Sequence[_Trained], decisions: Sequence[Decision]
    ) -> dict[str, int]:
        """Write what the champions said, and what they say of the month to come."""
        by_fold = {one.fold.first_month: one for one in trained}
        counts = {"predictions": 0, "forecast": 0}
        ahead = month_of(number(self.month) + 1)
        with (
            pq.ParquetWriter(self.folder / "predictions.parquet", _PREDICTION) as past,
            pq.ParquetWriter(self.folder / "forecast.parquet", _FORECAST) as coming,
        ):
            for month in _months_of(trained, ahead):
                decision = in_force(decisions, month)
                if decision is None or decision.model_fold is None:
                    continue
                one = by_fold[decision.model_fold]
                name = "forecast" if month == ahead else "predictions"
                writer = coming if month == ahead else past
                counts[name] += self._champion_month(one, decision, month, writer)
        return counts

    def _folds(self) -> list[Fold]:
        first = self.connection.execute(
            f"select min(month) from {SOURCE} where is_event is not null"  # noqa: S608 - a constant
        ).fetchone()
        if not first or first[0] is None:
            return []
        portfolio = load_portfolio(self.settings.portfolio)
        return plan_folds(
            self.settings,
            first_data_month=first[0],
            month=self.month,
            first_month=self.settings.pd_first_month or portfolio.first_predicted_month,
        )

    def _fold(
        self, fold: Fold, features: Sequence[Feature], handed: TreeParameters | None
    ) -> _Trained:
        hashes = self._hashes(fold, handed)
        versions = {
            name: version_name(PURPOSE, name, fold.first_month, hashed)
            for name, hashed in hashes.items()
        }
        if kept := self._kept(fold, versions):
            return kept
        try:
            window = read_window(
                self.connection, SOURCE, fold, features, self.settings
            )
        except TooFewEventsError as error:
            self.tell(f"no model for {fold.name}: {error}")
            return _Trained(fold, absent=str(error))
        fitted = fit_fold(
            window,
            self.settings,
            algorithms=self.algorithms,
            handed=handed,
            tell=self.tell,
        )
        records = self._records(fold, versions, window, fitted)
        self._save(fitted, records)
        return _Trained(fold, fitted.model, records, fitted.evidence)

    def _hashes(self, fold: Fold, handed: TreeParameters | None) -> dict[str, str]:
        data = relation_hash(self.connection, window_relation(SOURCE, fold))
        return {
            name: input_hash(
                data_hash=data,
                settings_hash=self.settings.fingerprint(),
                seed=self.settings.seed,
                fold=fold,
                algorithm=name,
                handed=handed if name != "logit" else None,
                threads=self.settings.duckdb_threads,
            )
            for name in self.algorithms
        }

    def _kept(self, fold: Fold, versions: dict[str, str]) -> _Trained | None:
        places = self._places(versions)
        if not all((place / EVIDENCE_FILE).is_file() for place in places.values()):
            return None
        records = {name: read_record(place) for name, place in places.items()}
        return _Trained(
            fold,
            FoldModel.load(places),
            records,
            {n: _read_evidence(places[n], records[n]) for n in places},
            was_kept=True,
        )

    def _places(self, versions: dict[str, str]) -> dict[str, Path]:
        home = self.settings.places
        return {n: model_folder(home, PURPOSE, v) for n, v in versions.items()}

    def _records(
        self,
        fold: Fold,
        versions: dict[str, str],
        window: Window,
        fitted: FittedFold,
    ) -> dict[str, ModelRecord]:
        data = relation_hash(self.connection, window_relation(SOURCE, fold))
        return {
            name: ModelRecord(
                model_version=version,
                purpose=PURPOSE,
                algorithm=name,
                data_hash=data,
                settings_hash=self.settings.fingerprint(),
                seed=self.settings.seed,
                features=window.encoding.names,
                library_versions=library_versions(),
                metrics={"validation": _metrics(fitted.evidence[name])},
                trained_from=fold.train_from,
                trained_to=fold.train_to,
                first_month_predicted=fold.first_month,
                rows_trained=len(window.sample),
                events_trained=int(window.sample.y.sum()),
                parameters=_described_parameters(name, window, fitted),
            )
            for name, version in versions.items()
        }

    def _save(self, fitted: FittedFold, records: dict[str, ModelRecord]) -> None:
        for name, record in records.items():
            place = model_folder(self.settings.places, PURPOSE, record.model_version)
            with new_artifact(place) as draft:
                fitted.model.save(name, draft)
                _write_evidence(draft, fitted.evidence[name])
                write_record(draft, record)

    def _judge(
        self, one: _Trained, done: Sequence[_Trained], promotions: Sequence[Promotion]
    ) -> None:
        before = self._champion_before(one, done, promotions)
        champion = self._pd_of(before, one.fold) if before else None
        for name, evidence in one.evidence.items():
            judged = replace(evidence, p_champion=champion)
            one.checks[name] = judge_challenger(judged, self.settings)

    def _champion_before(
        self, one: _Trained, done: Sequence[_Trained], promotions: Sequence[Promotion]
    ) -> tuple[FoldModel, str] | None:
        decisions = decide_champion(
            (other.as_evidence() for other in done), promotions, self.settings
        )
        decision = in_force(decisions, month_of(number(one.fold.first_month) - 1))
        if decision is None or decision.algorithm is None:
            return None
        by_fold = {other.fold.first_month: other for other in done}
        model = by_fold[decision.model_fold].model if decision.model_fold else None
        return (model, decision.algorithm) if model else None

    def _pd_of(self, champion: tuple[FoldModel, str], fold: Fold) -> FloatArray:
        model, algorithm = champion
        relation = window_relation(SOURCE, replace(fold, train_from=fold.valid_from))
        matrix = read_matrix(self.connection, relation, model.encoding, label=None)
        return model.pds(matrix.x)[algorithm]

    def _predict(self, one: _Trained, writer: pq.ParquetWriter) -> None:
        """Predict the fold's months with every algorithm, and measure each month."""
        last = min(one.fold.last_month, self.month)
        parts: dict[str, list[FloatArray]] = {}
        y: list[FloatArray] = []
        for number_of in range(number(one.fold.first_month), number(last) + 1):
            month = month_of(number_of)
            found, outcome = self._candidate_month(one, month, writer)
            if not len(outcome):
                continue
            one.months[month] = {
                name: Loss(len(outcome), log_loss(outcome, p))
                for name, p in found.items()
            }
            y.append(outcome)
            for name, p in found.items():
                parts.setdefault(name, []).append(p)
        if y:
            outcome = np.concatenate(y)
            one.out_of_time = {
                name: _measured(outcome, np.concatenate(p)) for name, p in parts.items()
            }

    def _candidate_month(
        self, one: _Trained, month: dt.date, writer: pq.ParquetWriter
    ) -> tuple[dict[str, FloatArray], FloatArray]:
        found: dict[str, list[FloatArray]] = {name: [] for name in self.algorithms}
        outcomes: list[FloatArray] = []
        for keys, pds in self._scored(one, month):
            outcome = keys.column("is_event").to_numpy(zero_copy_only=False)
            outcomes.append(outcome.astype(np.float64))
            for name, p in pds.items():
                found[name].append(p)
            columns = [pds.get(name) for name in ALGORITHMS]
            fold = pa.array([one.fold.first_month] * len(keys), pa.date32())
            writer.write_table(
                pa.table(
                    [
                        *(keys.column(key) for key in KEYS),
                        fold,
                        *(pa.array(c, pa.float64(), size=len(keys)) if c is None
                          else pa.array(c) for c in columns),
                    ],
                    schema=_CANDIDATE,
                )
            )
        if not outcomes:
            return {}, np.empty(0)
        together = {name: np.concatenate(p) for name, p in found.items()}
        return together, np.concatenate(outcomes)

    def _champion_month(
        self, one: _Trained, decision: Decision, month: dt.date, writer: pq.ParquetWriter
    ) -> int:
        algorithm = str(decision.algorithm)
        version = one.records[algorithm].model_version
        rows = 0
        for keys, pds in self._scored(one, month):
            columns: dict[str, Any] = {
                **{key: keys.column(key) for key in KEYS},
                "pd": pa.array(pds[algorithm]),
                "model_version": pa.repeat(version, len(keys)),
                "algorithm": pa.repeat(algorithm, len(keys)),
                "is_out_of_sample": pa.repeat(
                    one.fold.train_to < month, len(keys)
                ),
            }
            names = writer.schema.names
            writer.write_table(
                pa.table([columns[name] for name in names], schema=writer.schema)
            )
            rows += len(keys)
        return rows

    def _scored(
        self, one: _Trained, month: dt.date
    ) -> Iterator[tuple[pa.Table, dict[str, FloatArray]]]:
        if one.model is None:
            return
        relation = f"select * from {SOURCE} where month = date '{month}'"  # noqa: S608 - a date of ours
        batches = read_batches(
            self.connection, relation, one.model.encoding, keys=KEYS, label=None
        )
        for batch in batches:
            yield batch.keys, one.model.pds(batch.x)


SOURCE = "borrower_month"

_PREDICTION = pa.schema(
    [
        ("borrower_key", pa.string()),
        ("month", pa.date32()),
        ("pd", pa.float64()),
        ("is_event", pa.bool_()),
        ("model_version", pa.string()),
        ("algorithm", pa.string()),
        ("is_out_of_sample", pa.bool_()),
    ]
)
_FORECAST = pa.schema(
    [f for f in _PREDICTION if f.name not in ("is_event", "is_out_of_sample")]
)
_CANDIDATE = pa.schema(
    [
        ("borrower_key", pa.string()),
        ("month", pa.date32()),
        ("is_event", pa.bool_()),
        ("fold", pa.date32()),
        *((f"pd_{name}", pa.float64()) for name in ALGORITHMS),
    ]
)


@contextmanager
def _features_of(
    folder: Path, settings: Settings
) -> Iterator[duckdb.DuckDBPyConnection]:
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


def _described(fold: Fold) -> str:
    return (
        f"predicts {fold.first_month:%Y-%m} to {fold.last_month:%Y-%m}, learns from "
        f"{fold.train_from:%Y-%m} to {fold.train_to:%Y-%m}"
    )


def _months_of(trained: Sequence[_Trained], ahead: dt.date) -> list[dt.date]:
    if not trained:
        return []
    first = number(trained[0].fold.first_month)
    return [month_of(n) for n in range(first, number(ahead) + 1)]


def _parameters(one: _Trained) -> TreeParameters | None:
    for record in one.records.values():
        if trees := record.parameters.get("trees"):
            return TreeParameters(**trees)
    return None


def _described_parameters(
    name: str, window: Window, fitted: FittedFold
) -> dict[str, Any]:
    head = fitted.model.heads[name]
    weights = dict(head.blend.weights)
    told: dict[str, Any] = {
        "weights": weights,
        "calibration": head.calibration.to_json(),
        "dropped": dict(window.dropped),
        "infinite_values": dict(window.infinite),
        "figures": _figures(fitted.evidence[name]),
    }
    if "xgboost" in weights:
        told["trees"] = dict(vars(fitted.parameters))
    if "logit" in weights:
        told["logit_dropped"] = dict(getattr(fitted.model.members["logit"], "dropped"))
    return told


def _figures(evidence: Evidence) -> dict[str, dict[str, float | None]]:
    def finite(figures: Any) -> dict[str, float | None]:
        return {n: None if np.isnan(v) else float(v) for n, v in figures.items()}

    return {
        "feature_psi": finite(evidence.feature_psi),
        "missing_trained": finite(evidence.missing_trained),
        "missing_now": finite(evidence.missing_now),
    }


def _write_evidence(folder: Path, evidence: Evidence) -> None:
    with (folder / EVIDENCE_FILE).open("wb") as stream:
        np.savez_compressed(stream, y=evidence.y.astype(np.uint8), p=evidence.p)


def _read_evidence(folder: Path, record: ModelRecord) -> Evidence:
    told = record.parameters["figures"]
    with np.load(folder / EVIDENCE_FILE, allow_pickle=False) as kept:
        y, p = kept["y"].astype(np.float64), kept["p"]
    psi = {n: np.nan if v is None else v for n, v in told["feature_psi"].items()}
    return Evidence(
        y=y,
        p=p,
        feature_psi=psi,
        missing_trained=told["missing_trained"],
        missing_now=told["missing_now"],
    )


def _metrics(evidence: Evidence) -> dict[str, float]:
    return _measured(evidence.y, evidence.p)


def _measured(y: FloatArray, p: FloatArray) -> dict[str, float]:
    slope, intercept = calibration_slope_intercept(y, p)
    return {
        "rows": float(len(y)),
        "events": float(y.sum()),
        "log_loss": log_loss(y, p),
        "brier": brier(y, p),
        "auc": auc(y, p),
        "ks": ks(y, p),
        "expected_over_observed": expected_observed(y, p),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }


def _write_models(
    folder: Path,
    trained: Sequence[_Trained],
    decisions: Sequence[Decision],
    month: dt.date,
) -> None:
    now = in_force(decisions, month_of(number(month) + 1))
    used = {(d.model_fold, d.algorithm) for d in decisions if d.algorithm}
    models, checks = [], []
    for one in trained:
        for name, record in one.records.items():
            reason = refusal(one.checks[name])
            mine = (one.fold.first_month, name)
            is_champion = now is not None and mine == (now.model_fold, now.algorithm)
            models.append(
                {
                    **record.to_json(),
                    "metrics": {
                        **record.metrics,
                        "out_of_time": one.out_of_time.get(name, {}),
                        "gate": [check.to_json() for check in one.checks[name]],
                    },
                    "status": _status(
                        is_champion=is_champion, was_used=mine in used, reason=reason
                    ),
                    "is_champion": is_champion,
                    "refused_because": reason,
                }
            )
    if trained and trained[-1].checks:
        newest = trained[-1]
        checks = [
            {"model_version": newest.records[name].model_version, **check.to_json()}
            for name, judged in newest.checks.items()
            for check in judged
        ]
    (folder / "models.json").write_text(json.dumps(models, indent=1, default=_plain))
    (folder / "checks.json").write_text(json.dumps(checks, indent=1, default=_plain))


def _status(*, is_champion: bool, was_used: bool, reason: str | None) -> str:
    if is_champion:
        return "champion"
    if reason:
        return "refused"
    return "retired" if was_used else "challenger"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return str(value)


def _report(
    trained: Sequence[_Trained],
    decisions: Sequence[Decision],
    counts: dict[str, int],
    month: dt.date,
) -> TrainReport:
    now = in_force(decisions, month_of(number(month) + 1))
    by_fold = {one.fold.first_month: one for one in trained}
    champion = ""
    if now and now.algorithm and now.model_fold:
        champion = by_fold[now.model_fold].records[now.algorithm].model_version
    return TrainReport(
        folds=len(trained),
        folds_fitted=sum(o.model is not None and not o.was_kept for o in trained),
        folds_kept=sum(one.was_kept for one in trained),
        folds_unavailable=sum(one.model is None for one in trained),
        predictions=counts["predictions"],
        forecasts=counts["forecast"],
        champion=champion,
        why_not="" if champion else _why_not(trained, now),
    )


def _why_not(trained: Sequence[_Trained], now: Decision | None) -> str:
    if not trained:
        return "the history is shorter than the least training window and its gap."
    return (now.refused_because if now else None) or "no model passed its gate."
