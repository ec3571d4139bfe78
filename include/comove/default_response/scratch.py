"""Files one run of the response hands from stage to stage."""

import json
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb

from comove.connection import literal
from comove.errors import ComoveError
from comove.settings import Settings

EVENTS = "events.parquet"
DEBTORS = "debtors.parquet"
LINKS = "links.parquet"
EVENT_GROUPS = "event_groups.parquet"
REQUEST = "request.json"
_KEPT_RUNS = 2
# Other runs may be open at the same time: no task works with its files for so long.
_KEPT_SECONDS = 24 * 3600.0


class ResponseError(ComoveError):
    """A default cannot be responded to as asked."""


@dataclass(frozen=True)
class Posteriors:
    """What a run's links are computed from; every date is the first day of a month.

    Parameters
    ----------
    as_of_month : date
        Last month the newer posterior knew.
    forecast_month : date
        The month after it, which is predicted.
    acts_from : date
        The month after the run's: what is done begins with it. Later than
        `forecast_month` where the run's own month has no posterior.
    version, previous_version : str
        Model versions of the posterior, and of that one month earlier.
    path, previous_path : str
        Their folders, relative to the home.
    """

    as_of_month: date
    forecast_month: date
    acts_from: date
    version: str
    previous_version: str
    path: str
    previous_path: str


def run_folder(settings: Settings, run_id: str) -> Path:
    """Folder of a run's own files, ``scratch/default_response/<run>``.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it; what a file system may not like becomes ``_``.
    """
    return settings.places.run_folder("default_response", run_id)


def fresh_folder(settings: Settings, run_id: str) -> Path:
    """Make a run's folder anew; those of runs a day old go but for the newest.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it.
    """
    folder = run_folder(settings, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    others = [run for run in folder.parent.iterdir() if run != folder]
    others.sort(key=lambda run: run.stat().st_mtime, reverse=True)
    for old in others[_KEPT_RUNS - 1 :]:
        if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def write_parquet(
    connection: duckdb.DuckDBPyConnection, relation: str, file: Path
) -> None:
    """Write a table or a query in brackets as Parquet, whole or not at all.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the relation is.
    relation : str
        SQL after ``from``.
    file : Path
        Where to.
    """
    fresh = file.with_suffix(".fresh")
    connection.execute(
        f"copy (from {relation}) to {literal(fresh)} (format parquet, compression zstd)"
    )
    fresh.replace(file)


def write_posteriors(folder: Path, posteriors: Posteriors) -> None:
    """Write ``request.json`` into the folder of a run."""
    text = json.dumps(asdict(posteriors), indent=2, default=str)
    (folder / REQUEST).write_text(text + "\n")


def read_posteriors(folder: Path) -> Posteriors | None:
    """Read what a run's links are computed from; None where it has no event.

    Parameters
    ----------
    folder : Path
        Of the run.
    """
    file = folder / REQUEST
    if not file.is_file():
        return None
    kept = json.loads(file.read_text())
    for name in ("as_of_month", "forecast_month", "acts_from"):
        kept[name] = date.fromisoformat(kept[name])
    return Posteriors(**kept)
