"""The model of an overdue borrower's type: walked forward, judged, applied.

It predicts whether at least ``overdue_target_share`` of the overdue amount is repaid
within ``overdue_target_days``. No case is assessed by a model that saw an outcome which
was not known ``pd_gap_months`` before the model's first month. See
``docs/overdue-assessment.md``.
"""

# ruff: noqa: S608 - SQL of columns that the catalogue names

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.connection import literal
from comove.errors import ModelError
from comove.overdue.blocks import ORDER, PARTS, Block, open_cases, plan_blocks
from comove.overdue.cases import CASES, CHECKS, PROBABILITIES, PURPOSE, run_folder
from comove.overdue.predict import case_columns, predict
from comove.risk_model.application import ROWS_PER_THREAD
from comove.risk_model.application_model import ApplicationFitter, ApplicationModel
from comove.risk_model.artifact import (
    ModelRecord,
    find_version,
    keep_version,
    library_versions,
    model_folder,
    name_version,
    relation_hash,
    without_nan,
)
from comove.risk_model.feature_shift import newest_third_figures
from comove.risk_model.features import Feature, load_features
from comove.risk_model.judgement import Check, Evidence, judge_challenger, refusal
from comove.risk_model.matrix import FeatureMatrix, learn_encoding, read_matrix
from comove.risk_model.metrics import measured
from comove.risk_model.store import hand_on_models
from comove.risk_model.trees import Sample
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Tell = Callable[[str], None]

LABEL = "is_repaid"


@dataclass(frozen=True)
class TypeModel:
    """A model of the type with its record, and where it was fitted for.

    Parameters
    ----------
    block : Block
        Months and rows.
    model : ApplicationModel
        Fitted.
    record : ModelRecord
        How it was made; its parameters hold ``recovery_shares``.
    """

    block: Block
    model: ApplicationModel
    record: ModelRecord


@dataclass(frozen=True)
class TrainReport:
    """What was trained.

    Parameters
    ----------
    models, fitted : int
        Models of blocks with enough outcomes; of them, fitted in this run.
    refused : int
        Models that failed their gate.
    predicted : int
        Cases with a probability.
    auc : float or None
        Of the predicted cases whose outcome is known by the run's month.
    unavailable : str or None
        Why no model is in force at the end of the run's month, as a sentence.
    """

    models: int
    fitted: int
    refused: int
    predicted: int
    auc: float | None
    unavailable: str | None


def train_type(
    settings: Settings, *, run_id: str, month: dt.date, tell: Tell
) -> TrainReport:
    """Train on known outcomes, and predict every case from the first model on.

    Reads ``cases.parquet`` of the run; writes ``probabilities.parquet``,
    ``models_overdue.json`` and ``checks.json`` beside it, and the models into
    ``artifacts/models/overdue``. A model whose inputs have not changed is not fitted
    again.

    Parameters
    ----------
    settings : Settings
        Target, months of the walk-forward, gates, seed.
    run_id : str
        Names the folder.
    month : date
        Month of the run, first day.
    tell : callable
        Takes a sentence of progress.

    Returns
    -------
    TrainReport
        Counts. With too few outcomes there is no model, and ``unavailable`` says why.
    """
    folder = run_folder(settings, run_id)
    with open_cases(settings, folder / CASES) as connection:
        trainer = _Trainer(settings, connection, load_features(PURPOSE), tell)
        blocks = plan_blocks(connection, settings, month)
        for block in blocks:
            trainer.run(block)
        rows = _together(trainer.predicted)
        rows["run_id"] = run_id
        _write_probabilities(connection, rows, folder / PROBABILITIES)
        unavailable = _why_none(trainer, connection, settings, month)
        figures = _figures(connection, rows)
    records = [_with_figures(one.record, figures) for one in trainer.in_force]
    hand_on_models(folder, PURPOSE, records, trainer.refused)
    (folder / CHECKS).write_text(json.dumps(trainer.checks, indent=1) + "\n")
    return TrainReport(
        models=len(blocks),
        fitted=trainer.fitted,
        refused=len(trainer.refused),
        predicted=len(rows),
        auc=figures.get("all", {}).get("auc"),
        unavailable=unavailable,
    )


@dataclass
class _Trainer:
    """Fits, judges and applies the models, block by block."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    features: tuple[Feature, ...]
    tell: Tell
    in_force: list[TypeModel] = field(default_factory=list)
    refused: list[tuple[ModelRecord, str]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    predicted: list[pd.DataFrame] = field(default_factory=list)
    fitted: int = 0

    def run(self, block: Block) -> None:
        """Fit a block's model, or read it; judge it, and predict its cases."""
        trained = self._select(block.trained, LABEL)
        encoding = learn_encoding(self.connection, trained, self.features)
        matrix = read_matrix(self.connection, trained, encoding, label=LABEL)
        if matrix.y is None:
            raise TypeError("a label was asked for")
        sample = Sample(matrix.x, matrix.y)
        record = self._record(block, trained, sample)
        try:
            challenger = self._model(block, record, sample, encoding)
        except ModelError as error:
            self.tell(f"{block.first_month:%Y-%m}: {error.found}")
        else:
            self._judge(challenger, sample)
        if self.in_force:
            self.predicted.append(self._predict(block, self.in_force[-1]))

    def _model(
        self, block: Block, record: ModelRecord, sample: Sample, encoding: Any
    ) -> TypeModel:
        home, version = self.settings.places, record.model_version
        if find_version(home, PURPOSE, version):
            # Its name is the hash of all it follows from: fitting again would give it.
            folder = model_folder(home, PURPOSE, version)
            return TypeModel(block, ApplicationModel.load(folder), record)
        self.tell(
            f"fitting {version} on {record.rows_trained:,} cases, "
            f"{record.events_trained:,} of them repaid"
        )
        fitter = ApplicationFitter(
            encoding=encoding,
            seed=self.settings.seed,
            # Threads only wait for each other on few rows.
            threads=1 if len(sample) < ROWS_PER_THREAD else self.settings.duckdb_threads,
            max_rounds=self.settings.pd_max_rounds,
        )
        model = fitter.fit(sample, self._parts(block))
        keep_version(home, record, model.save)
        self.fitted += 1
        return TypeModel(block, model, record)

    def _judge(self, challenger: TypeModel, sample: Sample) -> None:
        """Put a model in force, unless it fails its gate."""
        checks = judge_challenger(self._evidence(challenger, sample), self.settings)
        record = _judged(challenger, checks)
        version = record.model_version
        self.checks += [{"model_version": version, **one.to_json()} for one in checks]
        if why := refusal(checks):
            self.refused.append((record, why))
            self.tell(f"{version} failed its gate: {why}")
        else:
            self.in_force.append(replace(challenger, record=record))

    def _evidence(self, challenger: TypeModel, sample: Sample) -> Evidence:
        """Collect what each says of rows not fitted on; the new one cross-fitted."""
        model, is_new, before = challenger.model, np.ones(len(sample), np.bool_), None
        if self.in_force:
            champion = self.in_force[-1]
            is_new = self._since(champion.block, challenger.block)
            x = self._matrix(champion.model, challenger.block.trained)
            before = champion.model.probabilities(x[is_new])["blend"]
        told = newest_third_figures(sample.x, model.encoding.names)
        return Evidence(
            y=sample.y[is_new],
            p=model.cross_fitted[is_new],
            p_champion=before,
            feature_psi=told.psi,
            missing_trained=told.missing_trained,
            missing_now=told.missing_now,
        )

    def _since(self, champion: Block, block: Block) -> NDArray[np.bool_]:
        """Tell which rows trained on became known after the champion had learned."""
        found = self.connection.execute(
            f"select not ({champion.trained}) as is_new from overdue_case "
            f"where {block.trained} {ORDER}"
        ).fetchnumpy()
        return np.asarray(found["is_new"], dtype=np.bool_)

    def _predict(self, block: Block, by: TypeModel) -> pd.DataFrame:
        keys = self.connection.execute(
            f"select borrower_key, as_of from overdue_case where {block.assessed} {ORDER}"
        ).df()
        x = self._matrix(by.model, block.assessed)
        said = predict(
            by.model, by.record, x, target_type=self.settings.overdue_target_type
        )
        return pd.concat([keys, said], axis=1)

    def _matrix(self, model: ApplicationModel, condition: str) -> FeatureMatrix:
        select = self._select(condition)
        return read_matrix(self.connection, select, model.encoding, label=None).x

    def _select(self, condition: str, *further: str) -> str:
        columns = case_columns(self.features, *further)
        return f"select {columns} from overdue_case where {condition} {ORDER}"

    def _parts(self, block: Block) -> NDArray[np.int64]:
        found = self.connection.execute(
            f"select part from overdue_case where {block.trained} {ORDER}"
        ).fetchnumpy()
        return np.asarray(found["part"], dtype=np.int64)

    def _record(self, block: Block, trained: str, sample: Sample) -> ModelRecord:
        data_hash = relation_hash(self.connection, trained)
        settings = self.settings
        version = name_version(
            settings,
            PURPOSE,
            "blend",
            block.first_month,
            data_hash=data_hash,
            features=[asdict(feature) for feature in self.features],
            parts=PARTS,
        )
        first, last, repaid, not_repaid = self.connection.execute(
            f"""
            select min(as_of), max(as_of),
                avg(repaid_amount / overdue_amount) filter ({LABEL}),
                avg(repaid_amount / overdue_amount) filter (not {LABEL})
            from overdue_case where {block.trained}
            """
        ).fetchall()[0]
        return ModelRecord(
            model_version=version,
            purpose=PURPOSE,
            algorithm="blend",
            data_hash=data_hash,
            settings_hash=settings.fingerprint(),
            seed=settings.seed,
            features=tuple(feature.name for feature in self.features),
            library_versions=library_versions(),
            metrics={"scoring": "out_of_time"},
            trained_from=first,
            trained_to=last,
            first_month_predicted=block.first_month,
            rows_trained=len(sample),
            events_trained=int(sample.y.sum()),
            parameters={
                "recovery_shares": {
                    "repaid": round(float(repaid), 6),
                    "not_repaid": round(float(not_repaid), 6),
                }
            },
        )


def _judged(challenger: TypeModel, checks: tuple[Check, ...]) -> ModelRecord:
    """Put into the record what is known of a model before it predicts."""
    model = challenger.model
    metrics = {
        **challenger.record.metrics,
        "gate": [check.to_json() for check in checks],
        "cross_fitted_log_loss": dict(model.validation),
        "blend_weights": dict(model.weights),
        "without_logit": model.without_logit,
    }
    trees = {name: asdict(one) for name, one in model.parameters.items()}
    parameters = {
        **challenger.record.parameters,
        **trees,
        "calibration": model.calibrations["blend"].to_json(),
    }
    return replace(challenger.record, metrics=metrics, parameters=parameters)


_COLUMNS = {
    "borrower_key": "varchar",
    "as_of": "date",
    "repaid_probability": "double",
    "recovery_share": "double",
    "model_version": "varchar",
    "model_reasons": "varchar",
    "run_id": "varchar",
}


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame({name: [] for name in _COLUMNS})
    return pd.concat(parts, ignore_index=True)


def _write_probabilities(
    connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame, file: Path
) -> None:
    """Write a row per predicted case; whole or not at all."""
    columns = ", ".join(f"cast({n} as {kind}) as {n}" for n, kind in _COLUMNS.items())
    connection.register("given", rows)
    fresh = file.with_suffix(".fresh")
    connection.execute(
        f"copy (select {columns} from given {ORDER}) to {literal(fresh)} "
        "(format parquet, compression zstd)"
    )
    connection.execute(
        f"create or replace table predicted as from read_parquet({literal(fresh)})"
    )
    fresh.replace(file)


def _figures(
    connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame
) -> dict[str, dict[str, float]]:
    """Measure predictions whose outcome is known, none of them trained on."""
    if rows.empty:
        return {}
    known = connection.execute(
        """
        select predicted.model_version, repaid_probability, is_repaid::double as y
        from predicted inner join overdue_case using (borrower_key, as_of)
        where is_repaid is not null
        order by as_of, borrower_key
        """
    ).df()
    groups = {str(version): of for version, of in known.groupby("model_version")}
    return {
        name: measured(of["y"].to_numpy(), of["repaid_probability"].to_numpy())
        for name, of in {**groups, "all": known}.items()
        if len(of)
    }


def _with_figures(
    record: ModelRecord, figures: dict[str, dict[str, float]]
) -> ModelRecord:
    told = without_nan(figures.get(record.model_version, {}))
    return replace(record, metrics={**record.metrics, "out_of_time": told})


def _why_none(
    trainer: _Trainer,
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    month: dt.date,
) -> str | None:
    """Say why no model is in force at the end of a month."""
    if trainer.in_force:
        return None
    if trainer.refused:
        return f"the model of the type failed its gate. {trainer.refused[-1][1]}"
    repaid, not_repaid = connection.execute(
        f"select count(*) filter ({LABEL}), count(*) filter (not {LABEL}) "
        "from overdue_case"
    ).fetchall()[0]
    return (
        f"{repaid:,} overdue borrowers who repaid in time and {not_repaid:,} who did not "
        f"are known by {month:%Y-%m}; a model needs {settings.overdue_min_outcomes} of "
        "either, known before its months begin."
    )
