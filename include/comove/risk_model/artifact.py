"""A model version's folder: the members of the model and the record of its making."""

import datetime as dt
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb

from comove.errors import ComoveError
from comove.home import Home
from comove.settings import Settings

RECORD = "record.json"
# Written by the report, when the model is registered.
CARD = "card.md"

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
# The source files that make a model's numbers; the others show, judge or store them.
DECISIVE_FILES = (
    "application_model.py",
    "application_steps.py",
    "blend.py",
    "calibration.py",
    "fold_fit.py",
    "fold_model.py",
    "level.py",
    "line.py",
    "logit.py",
    "matrix.py",
    "plain.py",
    "trees.py",
    "woe.py",
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


def without_nan(told: Any) -> Any:
    """Put null in place of numbers that are not finite: JSON knows none.

    Parameters
    ----------
    told
        Dictionaries, lists and plain values, within each other.
    """
    if isinstance(told, Mapping):
        return {name: without_nan(one) for name, one in told.items()}
    if isinstance(told, (list, tuple)):
        return [without_nan(one) for one in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told


def model_folder(home: Home, purpose: str, model_version: str) -> Path:
    """Folder of a model version; it need not be there.

    Inside stand ``record.json``, the members (``xgboost/model.ubj``,
    ``logit/model.skops`` with ``bins.json``) and, where there are any,
    ``calibration.json``, ``blend.json`` and ``encoding.json``; once the run has
    reported, ``card.md``.
    """
    return home.artifacts / "models" / purpose / model_version


@contextmanager
def new_artifact(folder: Path) -> Iterator[Path]:
    """Write a folder whole or not at all.

    Parameters
    ----------
    folder : Path
        Its final place; one that is there is replaced.

    Yields
    ------
    Path
        A draft beside it, moved into place on leaving; thrown away on an error.

    Raises
    ------
    ArtifactError
        When the draft has no record on leaving.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        yield draft
        if not (draft / RECORD).is_file():
            raise _without_record(draft)
        _move_into_place(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_record(folder: Path, record: ModelRecord) -> None:
    """Write the record of a model into its folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{RECORD}.{os.getpid()}"
    told = without_nan(record.to_json())
    text = json.dumps(told, indent=2, sort_keys=True, allow_nan=False)
    draft.write_text(text + "\n")
    draft.replace(folder / RECORD)


def read_record(folder: Path) -> ModelRecord:
    """Read the record of a model.

    Raises
    ------
    ArtifactError
        When there is none, or it cannot be read.
    """
    file = folder / RECORD
    try:
        return ModelRecord.from_json(json.loads(file.read_text()))
    except FileNotFoundError as error:
        raise _without_record(folder) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"it is not a model's record ({error}).",
            where=str(file),
            remedy="Move the folder away; the next run of `risk_model` fits it anew.",
        ) from error


def library_versions() -> dict[str, str]:
    """Versions of the installed packages that can change a number, by name."""
    return {name: found for name in DECISIVE_PACKAGES if (found := _version(name))}


def recipe_hash() -> str:
    """Hash of the source files that decide numbers.

    Returns
    -------
    str
        SHA-256, hexadecimal: a change of the code, comments included, refits.
    """
    digest = hashlib.sha256()
    for name in DECISIVE_FILES:
        digest.update(f"{name}\n".encode() + (Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


def relation_hash(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Hash of the rows of a relation, whatever their order.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the relation is.
    relation : str
        SQL of a select without its parentheses, or the name of a table.

    Returns
    -------
    str
        SHA-256, hexadecimal, of the columns' names and types, the number of rows, and
        the sum and the exclusive or of the rows' 64-bit hashes. Equal rows in any order
        give equal hashes on the same version of DuckDB; a repeated row counts. Null and
        NaN are told apart; so are a missing value in one column and in the next.
    """
    source = relation if " " not in relation.strip() else f"({relation})"
    columns = connection.execute(f"describe select * from {source}").fetchall()  # noqa: S608 - SQL of ours
    # The hash of a whole row is that of its fields in their order, nulls included; sum
    # and exclusive or together leave no pair of repeated rows unseen.
    figures = connection.execute(
        f"""
        select count(*), coalesce(sum(row_hash::hugeint), 0),
            coalesce(bit_xor(row_hash), 0)
        from (select hash(whole_row) as row_hash from {source} as whole_row)
        """  # noqa: S608 - SQL of ours
    ).fetchone()
    content = [[str(c[0]), str(c[1])] for c in columns], [str(f) for f in figures or ()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def input_hash(*, data_hash: str, settings_hash: str, seed: int, **further: Any) -> str:
    """Hash of all a model follows from.

    Parameters
    ----------
    data_hash, settings_hash : str
        Of the rows trained on, and of the settings.
    seed : int
        Of every random choice.
    **further
        Whatever else decides it and JSON knows: the fold's months, the algorithm, the
        hyper-parameters handed over from an earlier search.

    Returns
    -------
    str
        SHA-256, hexadecimal; the code and the packages' versions count as well.
    """
    content = {
        "data": data_hash,
        "settings": settings_hash,
        "seed": seed,
        "recipe": recipe_hash(),
        "libraries": library_versions(),
        "further": further,
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def name_version(
    settings: Settings,
    purpose: str,
    algorithm: str,
    first_month: dt.date,
    *,
    data_hash: str,
    **further: Any,
) -> str:
    """Name a model version by everything it follows from.

    Parameters
    ----------
    settings : Settings
        All that can change a number, the seed, and the threads, as sums of floats in
        another order are other sums.
    purpose, algorithm, first_month, data_hash
        As of `ModelRecord`.
    **further
        As of `input_hash`.
    """
    content = input_hash(
        data_hash=data_hash,
        settings_hash=settings.fingerprint(),
        seed=settings.seed,
        algorithm=algorithm,
        first_month=first_month,
        threads=settings.duckdb_threads,
        **further,
    )
    return version_name(purpose, algorithm, first_month, content)


def find_version(home: Home, purpose: str, model_version: str) -> ModelRecord | None:
    """Read the record of a version fitted before; None where there is none.

    Raises
    ------
    ArtifactError
        When the record cannot be read.
    """
    folder = model_folder(home, purpose, model_version)
    return read_record(folder) if (folder / RECORD).is_file() else None


def keep_version(home: Home, record: ModelRecord, save: Callable[[Path], None]) -> Path:
    """Write a model with its record into the folder of its version, whole or not at all.

    Parameters
    ----------
    home : Home
        Whose artifacts.
    record : ModelRecord
        Says where.
    save : callable
        Writes the model's files into the folder it is given.

    Returns
    -------
    Path
        The folder.
    """
    folder = model_folder(home, record.purpose, record.model_version)
    with new_artifact(folder) as draft:
        save(draft)
        write_record(draft, record)
    return folder


def version_name(
    purpose: str, algorithm: str, first_month: dt.date, content_hash: str
) -> str:
    """Name a model version by what it is made of.

    >>> version_name("pd", "logit", dt.date(2026, 7, 1), "0a1b2c3d4e5f")
    'pd-logit-2026-07-0a1b2c3d'
    """
    return f"{purpose}-{algorithm}-{first_month:%Y-%m}-{content_hash[:8]}"


def _move_into_place(draft: Path, folder: Path) -> None:
    # A folder that is not empty cannot be replaced in one step: the old one moves aside
    # first. Between the two a reader finds none, never half of one.
    draft.chmod(0o755)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    try:
        if folder.exists():
            folder.rename(aside / folder.name)
        draft.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _without_record(folder: Path) -> ArtifactError:
    return ArtifactError(
        "the model's folder holds no record.",
        where=str(folder / RECORD),
        remedy="Run the DAG `risk_model` for a month this model predicts; it refits.",
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
