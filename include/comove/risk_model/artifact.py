"""A model version's folder: the members of the model and the record of its making."""

import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb

from comove.errors import ComoveError
from comove.home import Home

RECORD = "record.json"

# Packages whose version can change a number of a model.
DECISIVE_PACKAGES = (
    "xgboost-cpu",
    "optbinning",
    "optuna",
    "scikit-learn",
    "scipy",
    "numpy",
    "skops",
    "shap",
    "duckdb",
    "pandas",
    "pyarrow",
)
# They show, store or describe numbers; they make none.
INDECISIVE_FILES = frozenset(
    {
        "artifact.py",
        "card.py",
        "pictures.py",
        "registry.py",
        "report.py",
        "request.py",
        "store.py",
        "tables.py",
        "__init__.py",
    }
)


class ArtifactError(ComoveError):
    """A model version's folder cannot be written or read."""


@dataclass(frozen=True)
class ModelRecord:
    """How a model version was made, and how well it does.

    Parameters
    ----------
    model_version : str
        From `version_name`.
    purpose, algorithm : str
        ``pd`` or ``application``; ``xgboost``, ``logit`` or ``blend``.
    data_hash, settings_hash : str
        Of the rows trained on, and of every setting that can change a number.
    seed : int
        Of every random choice.
    features : tuple of str
        In the order of the matrix.
    library_versions : dict of str to str
        Of the packages that can change a number.
    metrics : dict
        Whatever JSON knows, by name.
    trained_from, trained_to : date
        First and last month trained on, first days.
    first_month_predicted : date
        First day.
    rows_trained, events_trained : int
        Of the training window, its validation months included.
    parameters : dict
        Hyper-parameters, whatever JSON knows, by name.
    """

    model_version: str
    purpose: str
    algorithm: str
    data_hash: str
    settings_hash: str
    seed: int
    features: tuple[str, ...]
    library_versions: Mapping[str, str]
    metrics: Mapping[str, Any]
    trained_from: dt.date | None
    trained_to: dt.date | None
    first_month_predicted: dt.date
    rows_trained: int
    events_trained: int
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write as what JSON knows: dates as ``2026-07-01``."""
        kept = asdict(self)
        for name in _DATES:
            kept[name] = kept[name].isoformat() if kept[name] else None
        return kept | {"features": list(self.features)}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "ModelRecord":
        """Read what `to_json` wrote; further entries are left aside."""
        names = {one.name for one in fields(ModelRecord)}
        known = {name: value for name, value in kept.items() if name in names}
        for name in _DATES:
            known[name] = dt.date.fromisoformat(known[name]) if known[name] else None
        return ModelRecord(**(known | {"features": tuple(known["features"])}))


_DATES = ("trained_from", "trained_to", "first_month_predicted")
