"""What models say of applications, each by the models of its own time.

`comove.decision.train` says which model that is. What was known of an application is kept
with what was said of it, so that the models of its time can be asked again.
"""

# ruff: noqa: S608 - SQL of dates and conditions of our own making

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from comove.connection import duckdb_config, literal, quoted, utc_now
from comove.decision import limit
from comove.decision.admission import admission_features
from comove.decision.judges import Judges
from comove.decision.numbers import read_numbers
from comove.decision.reasons import explained
from comove.decision.scratch import CASES, INPUTS, MODELS, DecisionError, run_folder
from comove.decision.train import Trainer
from comove.risk_model.artifact import without_nan
from comove.risk_model.folds import month_of
from comove.risk_model.reasons import as_json
from comove.risk_model.score import ScoreScale
from comove.settings import Settings

Tell = Callable[[str], None]

SCORE, MODEL, BOTH, NONE = (
    "application score",
    "admission model",
    "score and admission model",
    "none",
)


@dataclass(frozen=True)
class EstimateReport:
    """What was estimated.

    Parameters
    ----------
    applications : int
        Asked for.
    by_score, by_both, by_model, without : int
        Judged by the application score, by it and the admission model, by that alone, by
        none.
    models, refused : int
        Models used; models that failed their gate.
    """

    applications: int
    by_score: int
    by_both: int
    by_model: int
    without: int
    models: int
    refused: int


def estimate(settings: Settings, *, run_id: str, tell: Tell) -> EstimateReport:
    """Ask the models of each application's time; write the inputs of its decision.

    Parameters
    ----------
    settings : Settings
        Home, seed, months of the walk-forward.
    run_id : str
        Names the folder that `export_cases` wrote.
    tell : callable
        Takes a sentence of progress.

    Returns
    -------
    EstimateReport
        Counts.
    """
    folder = run_folder(settings, run_id)
    with _opened(settings, folder / CASES) as connection:
        trainer = Trainer(settings, connection, tell)
        blocks = connection.execute(
            f"select distinct {_block(settings)} from case_row where is_asked order by 1"
        ).fetchall()
        frames = [
            judged(
                connection,
                settings,
                trainer.judges(month_of(block)),
                f"is_asked and {_block(settings)} = {block}",
            )
            for (block,) in blocks
        ]
        inputs = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        _write(connection, inputs, folder / INPUTS)
    models = trainer.models
    (folder / MODELS).write_text(
        json.dumps(without_nan(models), indent=1, allow_nan=False) + "\n"
    )
    counts = Counter(inputs["admission_source"] if len(inputs) else ())
    return EstimateReport(
        applications=len(inputs),
        by_score=counts[SCORE],
        by_both=counts[BOTH],
        by_model=counts[MODEL],
        without=counts[NONE],
        models=sum(one.get("status") != "refused" for one in models),
        refused=sum(one.get("status") == "refused" for one in models),
    )


@contextmanager
def _opened(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not file.is_file():
        raise DecisionError(
            "the cases of the run are not there.",
            where=str(file),
            remedy="Clear the task `export`.",
        )
    with duckdb.connect(config=duckdb_config(settings)) as connection:
        connection.execute(f"create table case_row as from read_parquet({literal(file)})")
        yield connection


def _block(settings: Settings) -> str:
    months, step = "(year(as_of) * 12 + month(as_of) - 1)", settings.decision_refit_months
    return f"({months} // {step} * {step})"


# What `risk.decision_input` keeps of a case as it is.
KEPT = (
    "application_key", "as_of", "borrower_key", "former_borrower_key", "cohort_month",
    "kind", "region", "industry", "age_band", "is_existing_borrower", "identity_status",
    "contradiction", "requested_amount", "monthly_income", "monthly_inflow",
    "largest_repaid", "open_principal",
)  # fmt: skip
# What the score has said before, and is kept as it said it.
SAID = ("score_pd", "score_version", "score_reasons")


def asked_with() -> tuple[str, ...]:
    """Columns of ``risk.decision_case`` that admission and limit are asked with."""
    lines = (feature.name for feature in admission_features())
    return tuple(dict.fromkeys([*lines, *limit.FEATURES]))


def _features() -> str:
    """Write them as SQL, and what the score has said, as one JSON object."""
    parts = [f"{quoted(name)} := {quoted(name)}::double" for name in asked_with()]
    parts += [f"{name} := {name}" for name in SAID]
    return f"to_json(struct_pack({', '.join(parts)}))::varchar"


def judged(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    judges: Judges,
    condition: str,
) -> pd.DataFrame:
    """Say what models say of some cases.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With ``case_row``: rows of ``risk.decision_case`` with ``as_of``.
    settings : Settings
        The scale of the score.
    judges : Judges
        The models of their time.
    condition : str
        SQL; which cases.

    Returns
    -------
    DataFrame
        Columns of ``risk.decision_input`` without run and moment.
    """
    order = "order by application_key"
    rows = connection.execute(
        f"select {', '.join([*KEPT, *SAID])}, {_features()} as features "
        f"from case_row where {condition} {order}"
    ).df()
    rows["admission_probability"] = 1 - rows["score_pd"].astype(float)
    rows["model_version"] = rows["score_version"].astype(object)
    rows["admission_reasons"] = rows["score_reasons"].fillna("[]").astype(object)
    rows["admission_source"] = np.where(rows["score_pd"].notna(), SCORE, NONE)
    for is_existing in (True, False):
        _ask(connection, judges, rows, condition, is_existing)
    scale = ScoreScale.of(settings)
    rows["score"] = scale.score(1 - rows["admission_probability"].to_numpy(float))
    rows["limit_estimate"], rows["limit_version"] = np.nan, None
    if judges.limit and len(rows):
        select = f"select * from case_row where {condition} {order}"
        x = read_numbers(connection, select, limit.FEATURES)
        rows["limit_estimate"] = judges.limit.model.amounts(x)
        rows["limit_version"] = judges.limit.version
    return rows.drop(columns=list(SAID))


def _ask(
    connection: duckdb.DuckDBPyConnection,
    judges: Judges,
    rows: pd.DataFrame,
    condition: str,
    is_existing: bool,
) -> None:
    """Put the model's word where it judges: existing borrowers, and who has no score."""
    by = judges.admission(is_existing)
    meant = rows["is_existing_borrower"].to_numpy(bool) == is_existing
    if not is_existing:
        meant &= rows["score_pd"].isna().to_numpy()
    if by is None or not meant.any():
        return
    which = "is_existing_borrower" if is_existing else "score_pd is null"
    select = (
        f"select * from case_row where {condition} and {which} "
        f"and is_existing_borrower = {is_existing} order by application_key"
    )
    x = read_numbers(connection, select, by.model.names)
    repays, reasons = 1 - by.model.bad(x), by.model.reasons(x)
    scored = rows.loc[meant, "score_pd"].to_numpy(float)
    has_score = np.isfinite(scored)
    # Their errors are different: the mean of both log-odds is better than the line alone.
    mixed = (np.log(repays / (1 - repays)) + np.log((1 - scored) / scored)) / 2
    rows.loc[meant, "admission_probability"] = np.where(
        has_score, 1 / (1 + np.exp(-mixed)), repays
    )
    rows.loc[meant, "admission_source"] = np.where(has_score, BOTH, MODEL)
    versions = rows.loc[meant, "score_version"]
    rows.loc[meant, "model_version"] = [
        f"{by.version} + {version}" if both else by.version
        for version, both in zip(versions, has_score, strict=True)
    ]
    said = zip(reasons, rows.loc[meant, "score_reasons"], strict=True)
    rows.loc[meant, "admission_reasons"] = [as_json(explained(*one)) for one in said]


def _write(
    connection: duckdb.DuckDBPyConnection, inputs: pd.DataFrame, file: Path
) -> None:
    """Write the inputs as Parquet, whole or not at all."""
    if inputs.empty:
        file.unlink(missing_ok=True)
        return
    fresh = file.with_suffix(".fresh")
    connection.register("inputs_given", inputs.assign(estimated_at=utc_now()))
    connection.execute(
        f"copy (from inputs_given) to {literal(fresh)} (format parquet, compression zstd)"
    )
    connection.unregister("inputs_given")
    fresh.replace(file)
