"""What models say of applications, each by the models of its own time.

Models are walked forward: one that judges applications from month ``b`` on (month number
divisible by ``decision_refit_months``) has learned from outcomes known before the first
day of ``b``. A model is named by the hash of what it follows from; one that is there
already is read, not fitted again.
"""

# ruff: noqa: S608 - SQL of dates and conditions of our own making

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb
import numpy as np
import pandas as pd

from comove.connection import duckdb_config, literal, utc_now
from comove.decision import admission, limit
from comove.decision.admission import Admission, admission_features
from comove.decision.limit import LimitModel
from comove.decision.scratch import CASES, INPUTS, MODELS, DecisionError, run_folder
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
from comove.risk_model.folds import month_of, number
from comove.risk_model.metrics import auc
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
EXISTING, EVERYONE = "existing", "everyone"
_GROUPS = {EXISTING: "is_existing_borrower", EVERYONE: "true"}
_LEAST = {
    EXISTING: admission.LEAST_OUTCOMES_EXISTING,
    EVERYONE: admission.LEAST_OUTCOMES,
}
# The source files that make a number of these models.
_RECIPE = ("admission.py", "limit.py")


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
    models : int
        Models used.
    """

    applications: int
    by_score: int
    by_both: int
    by_model: int
    without: int
    models: int


class _Model(Protocol):
    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Named[M]:
    """A model and its version."""

    model: M
    version: str


@dataclass(frozen=True)
class Judges:
    """The models of one time; None where too little was known to learn from.

    Parameters
    ----------
    existing, everyone : Named of Admission or None
        Learned on borrowers with loans before; on all.
    limit : Named of LimitModel or None
        Of amounts.
    """

    existing: Named[Admission] | None
    everyone: Named[Admission] | None
    limit: Named[LimitModel] | None

    def admission(self, is_existing: bool) -> Named[Admission] | None:
        """Choose who judges an applicant the score does not."""
        return (self.existing if is_existing else None) or self.everyone


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
    trainer = Trainer(settings, tell)
    with _opened(settings, folder / CASES) as connection:
        blocks = connection.execute(
            f"select distinct {_block(settings)} from case_row where is_asked order by 1"
        ).fetchall()
        frames = [
            judged(
                connection,
                settings,
                trainer.judges(connection, month_of(block)),
                f"is_asked and {_block(settings)} = {block}",
            )
            for (block,) in blocks
        ]
        inputs = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        _write(connection, inputs, folder / INPUTS)
    (folder / MODELS).write_text(
        json.dumps(without_nan(trainer.models), indent=1, allow_nan=False) + "\n"
    )
    counts = Counter(inputs["admission_source"] if len(inputs) else ())
    return EstimateReport(
        applications=len(inputs),
        by_score=counts[SCORE],
        by_both=counts[BOTH],
        by_model=counts[MODEL],
        without=counts[NONE],
        models=len(trainer.models),
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
        f"select {', '.join(KEPT)}, score_pd, score_version, score_reasons "
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
        rows["limit_estimate"] = judges.limit.model.amounts(connection, select)
        rows["limit_version"] = judges.limit.version
    return rows.drop(columns=["score_pd", "score_version", "score_reasons"])


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
    repays, reasons = by.model.judge(connection, select)
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
    rows.loc[meant, "admission_reasons"] = [as_json(one) for one in reasons]


@dataclass
class Trainer:
    """Fits the models of each time, or reads those fitted before.

    Parameters
    ----------
    settings : Settings
        Home, seed, quantile.
    tell : callable
        Takes a sentence of progress.
    """

    settings: Settings
    tell: Tell
    models: list[dict[str, Any]] = field(default_factory=list)

    def judges(self, connection: duckdb.DuckDBPyConnection, first: dt.date) -> Judges:
        """Give the models that judge applications from a month on.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection
            With ``case_row``.
        first : date
            First day of the month.
        """
        known = f"outcome_known_on < date {literal(first)} and is_bad is not null"
        amounts = f"{known} and not is_bad and granted_amount > 0"
        return Judges(
            existing=self._admission(connection, EXISTING, known, first),
            everyone=self._admission(connection, EVERYONE, known, first),
            limit=self._limit(connection, amounts, first),
        )

    def _admission(
        self,
        connection: duckdb.DuckDBPyConnection,
        group: str,
        known: str,
        first: dt.date,
    ) -> Named[Admission] | None:
        rows = _select(
            [*(one.name for one in admission_features()), "is_bad"],
            f"{known} and {_GROUPS[group]}",
        )
        good, bad = _count(connection, rows)
        if min(good, bad) < _LEAST[group]:
            self.tell(f"{first:%Y-%m}: {bad} bad of {group} known, no admission model")
            return None

        def fit() -> tuple[Admission, dict[str, Any]]:
            model = Admission.fit(connection, rows)
            repays, _ = model.judge(connection, rows)
            found = connection.execute(rows).fetchnumpy()
            is_bad = np.asarray(found["is_bad"], dtype=np.float64)
            return model, {"group": group, "auc_trained": auc(is_bad, 1 - repays)}

        return self._named(
            Admission.load, fit, connection, rows, first,
            purpose=admission.PURPOSE, algorithm=f"line-{group}",
            features=tuple(one.name for one in admission_features()), counts=(good, bad),
        )  # fmt: skip

    def _limit(
        self, connection: duckdb.DuckDBPyConnection, known: str, first: dt.date
    ) -> Named[LimitModel] | None:
        rows = _select([*limit.ENCODING.names, "granted_amount", "is_bad"], known)
        good, bad = _count(connection, rows)
        if good < limit.LEAST_LOANS:
            self.tell(f"{first:%Y-%m}: {good} repaid loans known, no model of limits")
            return None

        def fit() -> tuple[LimitModel, dict[str, Any]]:
            model = LimitModel.fit(connection, rows, self.settings)
            amounts = connection.execute(rows).fetchnumpy()["granted_amount"]
            below = float(np.mean(amounts < model.amounts(connection, rows)))
            return model, {"quantile": self.settings.limit_quantile, "below": below}

        return self._named(
            LimitModel.load, fit, connection, rows, first,
            purpose=limit.PURPOSE, algorithm="quantile-trees",
            features=limit.ENCODING.names, counts=(good, bad),
        )  # fmt: skip

    def _named[M: _Model](
        self,
        load: Callable[[Path], M],
        fit: Callable[[], tuple[M, dict[str, Any]]],
        connection: duckdb.DuckDBPyConnection,
        rows: str,
        first: dt.date,
        *,
        purpose: str,
        algorithm: str,
        features: tuple[str, ...],
        counts: tuple[int, int],
    ) -> Named[M]:
        data_hash = relation_hash(connection, rows)
        version = name_version(
            self.settings, purpose, algorithm, first, data_hash=data_hash,
            decision_recipe=recipe_hash(),
        )  # fmt: skip
        home = self.settings.places
        record = find_version(home, purpose, version)
        if record is None:
            self.tell(f"fitting {version} on {sum(counts):,} applications")
            model, metrics = fit()
            record = ModelRecord(
                model_version=version,
                purpose=purpose,
                algorithm=algorithm,
                data_hash=data_hash,
                settings_hash=self.settings.fingerprint(),
                seed=self.settings.seed,
                features=features,
                library_versions=library_versions(),
                metrics=metrics,
                trained_from=_first_cohort(connection, rows),
                trained_to=month_of(number(first) - 1),
                first_month_predicted=first,
                rows_trained=sum(counts),
                events_trained=counts[1],
            )
            keep_version(home, record, model.save)
        else:
            model = load(model_folder(home, purpose, version))
        self.models.append(record.to_json())
        return Named(model, version)


def recipe_hash() -> str:
    """Hash of the source files that make the numbers of admission and limit."""
    digest = hashlib.sha256()
    for name in _RECIPE:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def _select(columns: list[str], condition: str) -> str:
    names = ", ".join(["cohort_month", *columns])
    return f"select {names} from case_row where {condition} order by application_key"


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[int, int]:
    row = connection.execute(
        f"select count(*) filter (not is_bad), count(*) filter (is_bad) from ({rows})"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _first_cohort(connection: duckdb.DuckDBPyConnection, rows: str) -> dt.date:
    row = connection.execute(f"select min(cohort_month) from ({rows})").fetchone()
    found: dt.date = row[0] if row else dt.date.min
    return found


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
