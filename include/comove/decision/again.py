"""Asking the models of kept decisions again, with the features that were kept."""

# ruff: noqa: S608 - SQL of columns and conditions of our own making

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from comove.connection import literal, quoted
from comove.decision import admission, limit
from comove.decision.admission import Admission
from comove.decision.estimate import BOTH, KEPT, MODEL, SAID, asked_with, judged
from comove.decision.judges import Judges, Named
from comove.decision.limit import LimitModel
from comove.decision.scratch import DecisionError
from comove.risk_model.artifact import model_folder
from comove.settings import Settings

# What models say; the score's points follow from the probability by a scale of its own.
_AGAIN = ("admission_probability", "admission_reasons", "limit_estimate")
_LINE = f"""
    if(
        admission_source in ({literal(MODEL)}, {literal(BOTH)}),
        split_part(model_version, ' + ', 1), null
    )
"""


def asked_again(
    connection: duckdb.DuckDBPyConnection, settings: Settings, inputs: str
) -> str:
    """Ask the models named in kept inputs again; all else stays as it was kept.

    The application score is taken as it was said then: `scored_otherwise` tells of which
    it is another now. Inputs kept before features were stay as they are.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the table ``asked``; temporary tables are made in it.
    settings : Settings
        Say in which home the models are.
    inputs : str
        SQL after ``from`` of rows of ``risk.decision_input``, one per application.

    Returns
    -------
    str
        The temporary table that holds them with what models say now.

    Raises
    ------
    DecisionError
        When a model is not there any more.
    """
    connection.execute(
        f"create or replace temp table kept_input as select *, {_LINE} as line_version "
        f"from {inputs}"
    )
    # Copies published before features were kept have no such column.
    connection.execute("alter table kept_input add column if not exists features varchar")
    connection.execute(f"create or replace temp table case_row as {_cases()}")
    groups = connection.execute(
        "select distinct line_version, limit_version from case_row order by all"
    ).fetchall()
    said = [
        judged(connection, settings, _judges(settings, line, amount), _of(line, amount))
        for line, amount in groups
    ]
    _put(connection, said)
    return "again_input"


def scored_otherwise(connection: duckdb.DuckDBPyConnection) -> int:
    """Count what the same model of the application score says otherwise of by now.

    A score is another where what it is made of came late, or was tampered with; where
    another model has scored since, nothing can be compared.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        After `asked_again`, with ``risk.score``.

    Returns
    -------
    int
        Applications of those asked for.
    """
    row = connection.execute(
        """
        select count(*) from kept_input as kept
        inner join risk.score as scores using (application_key)
        where scores.model_version = kept.features ->> '$.score_version'
            and scores.scoring <> 'cross_fitted'
            and abs(scores.pd - (kept.features ->> '$.score_pd')::double) > 1e-9
        """
    ).fetchone()
    return int(row[0]) if row else 0


def _cases() -> str:
    """Write as SQL the cases as they were known, from the features that were kept."""
    numbers = (
        f"(features ->> {literal(f'$.{name}')})::double as {quoted(name)}"
        for name in asked_with()
        if name not in KEPT
    )
    said = (
        f"(features ->> '$.{name}')::{kind} as {name}"
        for name, kind in zip(SAID, ("double", "varchar", "varchar"), strict=True)
    )
    columns = ", ".join([*KEPT, *numbers, *said, "line_version", "limit_version"])
    return f"select {columns} from kept_input where features is not null"


def _of(line: str | None, amount: str | None) -> str:
    told = (("line_version", line), ("limit_version", amount))
    return " and ".join(
        f"{name} is not distinct from {literal(v) if v else 'null'}" for name, v in told
    )


def _judges(settings: Settings, line: str | None, amount: str | None) -> Judges:
    read = partial(_read, settings)
    by = Named(Admission.load(read(admission.PURPOSE, line)), line) if line else None
    size = Named(LimitModel.load(read(limit.PURPOSE, amount)), amount) if amount else None
    return Judges(existing=by, everyone=by, limit=size)


def _read(settings: Settings, purpose: str, version: str) -> Path:
    folder = model_folder(settings.places, purpose, version)
    if not folder.is_dir():
        raise DecisionError(
            f"the model {version} is not there any more.",
            where=str(folder),
            remedy="Put its folder back from a copy of the home: a decision is made "
            "again by the model that made it.",
        )
    return folder


def _put(connection: duckdb.DuckDBPyConnection, said: list[pd.DataFrame]) -> None:
    """Put what models say in the place of what was kept."""
    frame = pd.concat(said, ignore_index=True) if said else pd.DataFrame()
    named = frame[["application_key", *_AGAIN]] if len(frame) else None
    if named is None:
        connection.execute(
            "create or replace temp table again_input as "
            "select * exclude (line_version) from kept_input"
        )
        return
    connection.register("said_again", named)
    columns = ", ".join(
        f"if(said.application_key is null, kept.{name}, said.{name}) as {name}"
        for name in _AGAIN
    )
    connection.execute(
        f"""
        create or replace temp table again_input as
        select kept.* exclude (line_version) replace ({columns})
        from kept_input as kept
        left join said_again as said using (application_key)
        """
    )
    connection.unregister("said_again")
