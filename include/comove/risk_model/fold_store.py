"""The models of a fold, kept under the name of what they follow from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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
from comove.risk_model.fold_fit import FittedFold, Window, window_relation
from comove.risk_model.fold_model import FoldModel
from comove.risk_model.folds import ALGORITHMS, Fold
from comove.risk_model.judgement import Evidence
from comove.risk_model.metrics import measured
from comove.risk_model.trees import TreeParameters

if TYPE_CHECKING:
    import duckdb

    from comove.risk_model.features import Feature
    from comove.settings import Settings

FloatArray = NDArray[np.float64]

PURPOSE = "pd"
EVIDENCE_FILE = "validation.npz"


@dataclass(frozen=True)
class FoldNames:
    """What the models of a fold are called.

    Parameters
    ----------
    data_hash : str
        Of the rows of the training window.
    versions : dict of str to str
        Model version by algorithm.
    """

    data_hash: str
    versions: dict[str, str]


@dataclass(frozen=True)
class KeptFold:
    """The models of a fold, with their records and the evidence for the gate.

    Parameters
    ----------
    model : FoldModel
        Ready to predict.
    records : dict of str to ModelRecord
        By algorithm.
    evidence : dict of str to Evidence
        By algorithm, on the validation months.
    """

    model: FoldModel
    records: dict[str, ModelRecord]
    evidence: dict[str, Evidence]

    @property
    def parameters(self) -> TreeParameters | None:
        """Hyper-parameters the next fold starts from; None where no trees were fitted."""
        for record in self.records.values():
            if trees := record.parameters.get("trees"):
                return TreeParameters(**trees)
        return None


def name_fold(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    fold: Fold,
    settings: Settings,
    *,
    features: Sequence[Feature],
    handed: TreeParameters | None,
) -> FoldNames:
    """Name the models of a fold by everything they follow from.

    Parameters
    ----------
    connection, source
        Where the features are.
    fold : Fold
        Its months count.
    settings : Settings
        As of `name_version`.
    features : sequence of Feature
        All that a model may learn from, with the signs they are held to.
    handed : TreeParameters or None
        Hyper-parameters handed on by the fold before.
    """
    data = relation_hash(connection, window_relation(source, fold))
    told = [asdict(feature) for feature in features]
    versions = {}
    for name in ALGORITHMS:
        versions[name] = name_version(
            settings,
            PURPOSE,
            name,
            fold.first_month,
            data_hash=data,
            fold=fold,
            features=told,
            handed=handed if name != "logit" else None,
        )
    return FoldNames(data, versions)


def find_fold(settings: Settings, names: FoldNames) -> KeptFold | None:
    """Find the models of a fold that have been fitted before; None where there is none.

    Parameters
    ----------
    settings : Settings
        Say which home.
    names : FoldNames
        From `name_fold`; algorithms without a model are left out of what is found.
    """
    home = settings.places
    records = {
        name: record
        for name, version in names.versions.items()
        if (record := find_version(home, PURPOSE, version))
    }
    if not records:
        return None
    places = {n: model_folder(home, PURPOSE, names.versions[n]) for n in records}
    evidence = {name: _read_evidence(places[name], records[name]) for name in places}
    return KeptFold(FoldModel.load(places), records, evidence)


def keep_fold(
    settings: Settings, fold: Fold, names: FoldNames, window: Window, fitted: FittedFold
) -> None:
    """Write the models of a fold, each version into a folder of its own.

    Parameters
    ----------
    settings : Settings
        Say which home; hash and seed go into the records.
    fold : Fold
        What it learned from and predicts.
    names : FoldNames
        From `name_fold`.
    window, fitted
        From `read_window` and `fit_fold`.
    """
    for name in fitted.model.heads:

        def save(draft: Path, name: str = name) -> None:
            fitted.model.save(name, draft)
            _write_evidence(draft, fitted.evidence[name])

        record = _record(settings, fold, names, name, window, fitted)
        keep_version(settings.places, record, save)


def _record(
    settings: Settings,
    fold: Fold,
    names: FoldNames,
    algorithm: str,
    window: Window,
    fitted: FittedFold,
) -> ModelRecord:
    evidence = fitted.evidence[algorithm]
    return ModelRecord(
        model_version=names.versions[algorithm],
        purpose=PURPOSE,
        algorithm=algorithm,
        data_hash=names.data_hash,
        settings_hash=settings.fingerprint(),
        seed=settings.seed,
        features=window.encoding.names,
        library_versions=library_versions(),
        metrics={"validation": measured(evidence.y, evidence.p)},
        trained_from=fold.train_from,
        trained_to=fold.train_to,
        first_month_predicted=fold.first_month,
        rows_trained=len(window.sample),
        events_trained=int(window.sample.y.sum()),
        parameters=_parameters(algorithm, window, fitted),
    )


def _parameters(algorithm: str, window: Window, fitted: FittedFold) -> dict[str, Any]:
    head = fitted.model.heads[algorithm]
    told: dict[str, Any] = {
        "weights": dict(head.blend.weights),
        "calibration": head.calibration.to_json(),
        "dropped": dict(window.dropped),
        "infinite_values": dict(window.infinite),
        "figures": _figures(fitted.evidence[algorithm]),
    }
    if "xgboost" in head.blend.weights and fitted.parameters:
        told["trees"] = dict(vars(fitted.parameters))
    if "logit" in head.blend.weights:
        told["logit_dropped"] = dict(fitted.logit_dropped)
    return told


def _figures(evidence: Evidence) -> dict[str, dict[str, float | None]]:
    return {
        "feature_psi": without_nan(evidence.feature_psi),
        "known_psi": without_nan(evidence.known_psi),
        "missing_trained": without_nan(evidence.missing_trained),
        "missing_now": without_nan(evidence.missing_now),
    }


def _write_evidence(folder: Path, evidence: Evidence) -> None:
    with (folder / EVIDENCE_FILE).open("wb") as stream:
        np.savez_compressed(stream, y=evidence.y.astype(np.uint8), p=evidence.p)


def _read_evidence(folder: Path, record: ModelRecord) -> Evidence:
    told = record.parameters["figures"]
    with np.load(folder / EVIDENCE_FILE, allow_pickle=False) as kept:
        return Evidence(
            y=kept["y"].astype(np.float64),
            p=kept["p"],
            feature_psi=_with_nan(told["feature_psi"]),
            known_psi=_with_nan(told["known_psi"]),
            missing_trained=told["missing_trained"],
            missing_now=told["missing_now"],
        )


def _with_nan(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: np.nan if v is None else v for name, v in figures.items()}
