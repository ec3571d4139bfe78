"""What a person is shown before they answer: a file of the run, in no log and no XCom.

It may tell of one application what was decided and why.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from comove.errors import ComoveError
from comove_airflow.request import settings_for

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context


class QuestionGoneError(ComoveError):
    """A person is to be asked, and what they are to be shown is no longer there."""


def keep_evidence(context: Context, text: str) -> None:
    """Keep what the run's question shows, for the task that asks.

    Parameters
    ----------
    context : Context
        Of the task that found out what waits.
    text : str
        Markdown.
    """
    file = _file(context)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(text)


def kept_evidence(context: Context) -> str:
    """Give what the run's question shows.

    Parameters
    ----------
    context : Context
        Of the task that asks.

    Raises
    ------
    QuestionGoneError
        When the scratch folder has been emptied since.
    """
    file = _file(context)
    if not file.is_file():
        raise QuestionGoneError(
            "what the question shows is no longer there.",
            where=str(file),
            remedy="Nobody was asked. Run the DAG again: it asks anew.",
        )
    return file.read_text()


def drop_evidence(context: Context) -> None:
    """Delete what the run's question showed, once nobody is asked any more."""
    shutil.rmtree(_file(context).parent, ignore_errors=True)


def _file(context: Context) -> Path:
    places, run = settings_for(context["params"]).places, context["dag_run"]
    return places.run_folder(f"questions/{run.dag_id}", run.run_id) / "evidence.md"
