"""Files one run of the decision hands from stage to stage, and its refusals."""

import shutil
import time
from pathlib import Path

from comove.errors import ComoveError
from comove.settings import Settings

CASES = "cases.parquet"
INPUTS = "inputs.parquet"
MODELS = "models.json"
_KEPT_RUNS = 2
# Other runs may be open at the same time: no task works with its files for so long.
_KEPT_SECONDS = 24 * 3600.0


class DecisionError(ComoveError):
    """An application cannot be decided as asked."""


def run_folder(settings: Settings, run_id: str) -> Path:
    """Folder of a run's own files, ``scratch/credit_decision/<run>``.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        As Airflow names it; what a file system may not like becomes ``_``.
    """
    return settings.places.run_folder("credit_decision", run_id)


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
