"""The application score: trained on known outcomes, given to every application.

No application is scored by a model that saw its outcome. Where outcomes carry dates,
models are walked forward (``out_of_time``); applications before the first model, or all
where outcomes have no dates, are cross-fitted: each part of the borrowers is scored by
a model of the other parts (``cross_fitted``). See ``docs/application-score.md``.
"""

# ruff: noqa: S608 - SQL of columns that the catalogue names

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.connection import literal, quoted
from comove.errors import ModelError
from comove.risk_model.application_model import ApplicationFitter, ApplicationModel
from comove.risk_model.application_record import performance_lines, segment_column
from comove.risk_model.application_steps import (
    INNER_PARTS,
    LEAST_OUTCOMES,
    PARTS,
    Step,
    open_applications,
    plan_steps,
)
from comove.risk_model.artifact import (
    ModelRecord,
    find_version,
    keep_version,
    library_versions,
    model_folder,
    name_version,
    read_record,
    relation_hash,
    without_nan,
    write_record,
)
from comove.risk_model.calibration import Calibration, fit_calibration
from comove.risk_model.comparison import Comparison, compare
from comove.risk_model.export import APPLICATIONS, run_folder
from comove.risk_model.feature_shift import newest_third_figures
from comove.risk_model.features import Feature, load_features
from comove.risk_model.fold_model import probability
from comove.risk_model.folds import month_of, number
from comove.risk_model.judgement import Check, Evidence, judge_challenger, refusal
from comove.risk_model.matrix import Encoding, learn_encoding, read_matrix
from comove.risk_model.plain import plain_logistic, plain_xgboost
from comove.risk_model.reasons import LENDER_LOW, as_json, find_reasons
from comove.risk_model.registry import Promotion
from comove.risk_model.score import HIGHEST_SCORE, LOWEST_SCORE, ScoreScale
from comove.risk_model.store import hand_on_models
from comove.risk_model.trees import Sample
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Tell = Callable[[str], None]

PURPOSE = "application"
SCORES = "scores.parquet"
# Fewer rows are fitted by one thread.
ROWS_PER_THREAD = 50_000
PREDICTORS = ("own", "xgboost", "logit", "plain_logistic", "plain_xgboost")
# The lender's score is standardised: a spread of 10 leaves the line to the outcomes.
LENDER_PRIOR_SD = 10.0


@dataclass(frozen=True)
class ApplicationReport:
    """What came of training and scoring.

    Parameters
    ----------
    scores_file : Path
        Parquet with the columns of ``risk.score``; a row per application.
    applications, scored : int
        All, and those with a score.
    unavailable : str or None
        Why there are no scores, or not all, as a sentence.
    records : tuple of ModelRecord
        Of the models in force, oldest first.
    refused : tuple of tuple of ModelRecord and str
        Models that failed the gate, with the reason.
    comparison : tuple of Comparison
        Over all scored applications with known outcomes.
    infinite : mapping of str to int
        By feature, values that were infinite and count as missing.
    """

    scores_file: Path
    applications: int
    scored: int
    unavailable: str | None = None
    records: tuple[ModelRecord, ...] = ()
    refused: tuple[tuple[ModelRecord, str], ...] = ()
    comparison: tuple[Comparison, ...] = ()
    infinite: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write as what JSON knows; a figure that could not be had is null."""
        return {
            "scores_file": str(self.scores_file),
            "applications": self.applications,
            "scored": self.scored,
            "unavailable": self.unavailable,
            "records": [record.to_json() for record in self.records],
            "refused": {one.model_version: why for one, why in self.refused},
            "comparison": [without_nan(asdict(one)) for one in self.comparison],
            "infinite": dict(self.infinite),
        }


def train_application(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    tell: Tell,
    promotions: Sequence[Promotion] = (),
) -> ApplicationReport:
    """Train on known outcomes and score every application up to a month.

    Parameters
    ----------
    settings : Settings
        Home, scale, months of the walk-forward, seed, and whose score is used.
    run_id : str
        Names the folder that `export_features` wrote; gets ``scores.parquet`` and
        ``models_application.json``.
    month : date
        First day of the run's month; applications after it are left out.
    tell : callable
        Takes a sentence of progress.
    promotions : sequence of Promotion
        People's choices of the algorithm; the blend without one.

    Returns
    -------
    ApplicationReport
        With too few outcomes every application is there without a score, and
        ``unavailable`` says why.
    """
    folder = run_folder(settings, run_id)
    with open_applications(settings, folder / APPLICATIONS, month) as connection:
        trainer = _Trainer(settings, connection, load_features(PURPOSE), promotions, tell)
        steps = plan_steps(connection, settings, month, _turns(promotions))
        if isinstance(steps, str):
            trainer.absent.append(steps)
        else:
            trainer.has_dates = any(step.scoring == "out_of_time" for step in steps)
            for step in steps:
                trainer.run(step)
        report = _reported(trainer, folder / SCORES, month)
    hand_on_models(folder, PURPOSE, report.records, report.refused)
    _write_checks(folder, trainer.judged)
    return report


@dataclass(frozen=True)
class _Fitted:
    """A model with its record and its folder, and the step it was fitted for."""

    step: Step
    model: ApplicationModel
    record: ModelRecord
    folder: Path


@dataclass(frozen=True)
class _Result:
    """What one step gives: rows in the order of their keys, and whose scores they are.

    ``moved`` is the sum over them of what each feature moved, whichever way.
    """

    step: Step
    by: _Fitted
    rows: pd.DataFrame
    infinite: Mapping[str, int]
    moved: FloatArray


@dataclass(frozen=True)
class _Judged:
    """A model, what came of its gate, and how far the features had moved."""

    fitted: _Fitted
    checks: tuple[Check, ...]
    feature_psi: Mapping[str, float]

    @property
    def record(self) -> ModelRecord:
        """The model's record with what is known of it before it scores."""
        record, model = self.fitted.record, self.fitted.model
        metrics = {
            "scoring": self.fitted.step.scoring,
            "gate": [check.to_json() for check in self.checks],
            "cross_fitted_log_loss": dict(model.validation),
            "blend_weights": dict(model.weights),
            "without_logit": model.without_logit,
        }
        trees = {name: asdict(one) for name, one in model.parameters.items()}
        told = {
            "calibration": model.calibrations["blend"].to_json(),
            "figures": {"feature_psi": without_nan(self.feature_psi)},
        }
        parameters = {**record.parameters, **trees, **told}
        return replace(record, metrics=metrics, parameters=parameters)


@dataclass
class _Trainer:
    """Fits, judges and applies the models, step by step."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    features: tuple[Feature, ...]
    promotions: Sequence[Promotion]
    tell: Tell
    has_dates: bool = False
    champion: _Fitted | None = None
    results: list[_Result] = field(default_factory=list)
    judged: list[_Judged] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def run(self, step: Step) -> None:
        """Fit a step's model, or read the one fitted already; judge it, and score."""
        trained = self._select("outcome", step.trained, "is_bad")
        encoding = learn_encoding(self.connection, trained, self.features)
        train = read_matrix(self.connection, trained, encoding, label="is_bad")
        if train.y is None:
            raise TypeError("a label was asked for")
        sample = Sample(train.x, train.y)
        by = self._in_force(step, trained, encoding, sample)
        if by is None:
            return
        scored = self._select("application", step.scored)
        given = read_matrix(self.connection, scored, by.model.encoding, label=None)
        rows = self._rows(step.scored)
        moved = self._score(rows, by.model, given.x)
        self._use_lender(rows, step)
        rows["model_version"] = by.record.model_version
        self._add_plain(rows, sample, scored, encoding)
        infinite = _added(train.infinite, given.infinite)
        self.results.append(_Result(step, by, rows, infinite, moved))

    def _in_force(
        self, step: Step, trained: str, encoding: Encoding, sample: Sample
    ) -> _Fitted | None:
        """Choose whose scores a step gets: its own model's, or the champion's."""
        # Models of the parts of the borrowers stand side by side; none replaces another.
        champion = self.champion if step.scoring == "out_of_time" else None
        try:
            fitted = self._model(step, trained, encoding, sample)
        except ModelError as error:
            return self._instead(step, champion, error.found)
        evidence = self._evidence(fitted, champion, trained, sample)
        checks = judge_challenger(evidence, self.settings)
        self.judged.append(_Judged(fitted, checks, evidence.feature_psi))
        if why := refusal(checks):
            return self._instead(step, champion, f"the model failed the gate. {why}")
        if step.scoring == "out_of_time":
            self.champion = fitted
        return fitted

    def _instead(self, step: Step, champion: _Fitted | None, why: str) -> _Fitted | None:
        if champion is None:
            self.absent.append(f"applications from {step.first_month:%Y-%m} on: {why}")
        else:
            version = champion.record.model_version
            self.tell(f"{step.first_month:%Y-%m}: {why} {version} goes on.")
        return champion

    def _evidence(
        self, fitted: _Fitted, champion: _Fitted | None, trained: str, sample: Sample
    ) -> Evidence:
        """Collect what each says of rows it was not fitted on, and the features' figures.

        The champion is asked about outcomes known since it learned. Of the same rows the
        model says what it said cross-fitted: it knows other borrowers of these months,
        which the champion does not.
        """
        is_new = np.ones(len(sample), dtype=np.bool_)
        said = None
        if champion is not None and (new := self._since(champion, fitted.step)).any():
            encoding = champion.model.encoding
            x = read_matrix(self.connection, trained, encoding, label=None).x
            is_new, said = new, champion.model.probabilities(x[new])["blend"]
        told = newest_third_figures(sample.x, fitted.model.encoding.names)
        return Evidence(
            y=sample.y[is_new],
            p=fitted.model.cross_fitted[is_new],
            p_champion=said,
            feature_psi=told.psi,
            known_psi=told.known_psi,
            missing_trained=told.missing_trained,
            missing_now=told.missing_now,
        )

    def _since(self, champion: _Fitted, step: Step) -> NDArray[np.bool_]:
        """Tell which rows trained on became known after the champion had learned."""
        found = self.connection.execute(
            f"select not coalesce({champion.step.trained}, false) as is_new from outcome "
            f"where {step.trained} order by cohort_month, application_key"
        ).fetchnumpy()
        return np.asarray(found["is_new"], dtype=np.bool_)

    def _model(
        self, step: Step, trained: str, encoding: Encoding, sample: Sample
    ) -> _Fitted:
        record = self._record(step, trained, sample)
        home, version = self.settings.places, record.model_version
        if find_version(home, PURPOSE, version):
            # Its name is the hash of all it follows from: fitting again would give it.
            folder = model_folder(home, PURPOSE, version)
            return _Fitted(step, ApplicationModel.load(folder), record, folder)
        self.tell(
            f"fitting {version} on {record.rows_trained:,} applications, "
            f"{record.events_trained:,} of them bad"
        )
        fitter = ApplicationFitter(
            encoding=encoding,
            seed=self.settings.seed,
            threads=self._threads(sample),
            max_rounds=self.settings.pd_max_rounds,
            with_line=not self.has_dates,
        )
        model = fitter.fit(sample, self._parts(step), record.algorithm)
        return _Fitted(step, model, record, keep_version(home, record, model.save))

    def _record(self, step: Step, trained: str, sample: Sample) -> ModelRecord:
        algorithm = _promoted(self.promotions, step.decided_in)
        data_hash = relation_hash(self.connection, trained)
        version = name_version(
            self.settings,
            PURPOSE,
            algorithm,
            step.first_month,
            data_hash=data_hash,
            features=[asdict(feature) for feature in self.features],
            scoring=step.scoring,
        )
        span = self._one(
            f"select min(cohort_month), max(cohort_month) from outcome "
            f"where {step.trained}"
        )
        return ModelRecord(
            model_version=version,
            purpose=PURPOSE,
            algorithm=algorithm,
            data_hash=data_hash,
            settings_hash=self.settings.fingerprint(),
            seed=self.settings.seed,
            features=tuple(feature.name for feature in self.features),
            library_versions=library_versions(),
            metrics={"scoring": step.scoring},
            trained_from=span[0],
            trained_to=span[1],
            first_month_predicted=step.first_month,
            rows_trained=len(sample),
            events_trained=int(sample.y.sum()),
            parameters={"dropped": self._without_value(sample)},
        )

    def _without_value(self, sample: Sample) -> dict[str, str]:
        """Name the features that tell a model nothing."""
        is_empty = np.isnan(sample.x).all(axis=0)
        return {
            feature.name: "no value in the window"
            for feature, empty in zip(self.features, is_empty, strict=True)
            if empty
        }

    def _score(self, rows: pd.DataFrame, model: ApplicationModel, x: Any) -> FloatArray:
        scale = ScoreScale.of(self.settings)
        found = model.probabilities(x)
        rows["own"] = rows["pd"] = found["blend"]
        rows["xgboost"] = found["xgboost"]
        rows["logit"] = found.get("logit", np.nan)
        rows["score"] = scale.score(found["blend"])
        contributions = model.contributions(x)
        reasons = find_reasons(
            x,
            contributions,
            self.features,
            model.population,
            needed=(rows["score"] < scale.base_points).to_numpy(),
        )
        rows["reason_codes"] = [as_json(one) for one in reasons]
        moved: FloatArray = np.abs(contributions).sum(axis=0)
        return moved

    def _use_lender(self, rows: pd.DataFrame, step: Step) -> None:
        """Put the lender's own score where there is one, if the settings say so."""
        rows["scoring"] = step.scoring
        if self.settings.application_score_source != "lender":
            return
        learnt = self.connection.execute(
            "select lender_score::double as lender_score, is_bad::double as is_bad "
            f"from outcome where {step.trained} and isfinite(lender_score) "
            "order by application_key"
        ).fetchnumpy()
        line = _lender_line(
            np.asarray(learnt["lender_score"], dtype=np.float64),
            np.asarray(learnt["is_bad"], dtype=np.float64),
        )
        if isinstance(line, str):
            self.tell(f"{step.first_month:%Y-%m}: {line} The own score is used.")
            return
        used = np.isfinite(rows["lender_score"].to_numpy(dtype=float))
        given = rows.loc[used, "lender_score"].to_numpy(dtype=float)
        expected = probability(line.apply(given))
        told = self._on_our_scale(given, expected, step)
        base = self.settings.score_base_points
        rows.loc[used, "scoring"] = "lender"
        rows.loc[used, "score"] = told
        rows.loc[used, "pd"] = rows.loc[used, "own"] = expected
        rows.loc[used, "reason_codes"] = [
            as_json([LENDER_LOW] if score < base else []) for score in told
        ]

    def _on_our_scale(
        self, given: FloatArray, expected: FloatArray, step: Step
    ) -> FloatArray:
        """Put the lender's scores on our scale, if those seen by then leave it.

        What comes later decides nothing of it: a score beyond the scale next year moves
        none of this year's.
        """
        lowest, highest = self._one(
            "select min(lender_score)::double, max(lender_score)::double "
            f"from application where isfinite(lender_score::double) and ({step.seen})"
        )
        if lowest >= LOWEST_SCORE and highest <= HIGHEST_SCORE:
            return np.clip(given, LOWEST_SCORE, HIGHEST_SCORE)
        self.tell(
            f"{step.first_month:%Y-%m}: the lender's scores go from {lowest:g} to "
            f"{highest:g}: each is put on the scale of {LOWEST_SCORE:g} to "
            f"{HIGHEST_SCORE:g} by the PD it goes with."
        )
        return ScoreScale.of(self.settings).score(expected)

    def _add_plain(
        self, rows: pd.DataFrame, sample: Sample, scored: str, encoding: Encoding
    ) -> None:
        x = read_matrix(self.connection, scored, encoding, label=None).x
        seed, threads = self.settings.seed, self._threads(sample)
        known = rows["is_test"].to_numpy()
        rows[["plain_logistic", "plain_xgboost"]] = np.nan
        if known.any():
            rows.loc[known, "plain_logistic"] = plain_logistic(sample, x[known], encoding)
            rows.loc[known, "plain_xgboost"] = plain_xgboost(
                sample, x[known], encoding, seed=seed, threads=threads
            )

    def _select(self, table: str, condition: str, *further: str) -> str:
        names = [*(feature.name for feature in self.features), *further]
        columns = ", ".join(map(quoted, names))
        return (
            f"select {columns} from {table} where {condition} "
            "order by cohort_month, application_key"
        )

    def _parts(self, step: Step) -> NDArray[np.int64]:
        found = self.connection.execute(
            f"select (hashed // {PARTS}) % {INNER_PARTS} as part from outcome "
            f"where {step.trained} order by cohort_month, application_key"
        ).fetchnumpy()
        return np.asarray(found["part"], dtype=np.int64)

    def _rows(self, condition: str) -> pd.DataFrame:
        segments = "".join(
            f", {quoted(name)} as {quoted(segment_column(name))}"
            for name in _categories(self.features)
        )
        return self.connection.execute(
            f"""
            select application_key, is_bad, is_mature, lender_score::double as
                lender_score, outcome.application_key is not null as is_test,
                cohort_month {segments}
            from (select * from application where {condition})
            left join (select application_key from outcome) as outcome
                using (application_key)
            order by cohort_month, application_key
            """
        ).df()

    def _threads(self, sample: Sample) -> int:
        # On few rows threads only wait for each other: on a busy machine two of them took
        # sixteen times as long as one.
        return 1 if len(sample) < ROWS_PER_THREAD else self.settings.duckdb_threads

    def _one(self, query: str) -> tuple[Any, ...]:
        return self.connection.execute(query).fetchall()[0]


def _categories(features: Sequence[Feature]) -> list[str]:
    return [feature.name for feature in features if feature.kind == "category"]


def _promoted(promotions: Sequence[Promotion], month: dt.date) -> str:
    """Find the algorithm a person chose for a month; the blend without a choice."""
    held = [
        one
        for one in promotions
        if one.purpose == PURPOSE and one.effective_from <= month
    ]
    newest = max(held, key=lambda p: (p.effective_from, p.decided_at), default=None)
    return (newest.algorithm if newest else None) or "blend"


def _turns(promotions: Sequence[Promotion]) -> list[dt.date]:
    """Months from which on another algorithm was chosen."""
    dates = {one.effective_from for one in promotions if one.purpose == PURPOSE}
    return [
        date
        for date in sorted(dates)
        if _promoted(promotions, date)
        != _promoted(promotions, month_of(number(date) - 1))
    ]


def _lender_line(score: FloatArray, is_bad: FloatArray) -> Calibration | str:
    """Fit the log-odds of being bad on the lender's score, or say why not."""
    bad = int(is_bad.sum())
    if min(bad, len(is_bad) - bad) < LEAST_OUTCOMES:
        return f"only {bad} bad of {len(is_bad)} outcomes have the lender's score."
    centre, spread = float(score.mean()), float(score.std())
    if not spread:
        return "the lender's score is the same for all."
    line = fit_calibration(
        (centre - score) / spread,
        is_bad,
        prior_sd_slope=LENDER_PRIOR_SD,
        prior_sd_intercept=LENDER_PRIOR_SD,
    )
    if line.slope <= 0:
        return "a higher score of the lender does not go with fewer bad outcomes."
    slope = -line.slope / spread
    return Calibration(slope=slope, intercept=line.intercept - slope * centre)


def _reported(trainer: _Trainer, file: Path, month: dt.date) -> ApplicationReport:
    results, absent, tell = trainer.results, trainer.absent, trainer.tell
    rows = (
        pd.concat([one.rows for one in results], ignore_index=True) if results else None
    )
    applications, scored = _write_scores(trainer.connection, rows, file, month)
    comparison = () if rows is None else _compared(rows)
    for line in _table(comparison):
        tell(line)
    for sentence in absent:
        tell(f"no application score: {sentence}")
    infinite = _added(*(one.infinite for one in results))
    for name, count in infinite.items():
        tell(f"{count:,} infinite values of {name} count as missing")
    refused = tuple(
        (one.record, why) for one in trainer.judged if (why := refusal(one.checks))
    )
    judged = {one.fitted.record.model_version: one.record for one in trainer.judged}
    records = tuple(
        _measured(group, judged[version], comparison, trainer.features, month)
        for version, group in _by_model(results).items()
    )
    tell(f"{scored:,} of {applications:,} applications have a score")
    return ApplicationReport(
        scores_file=file,
        applications=applications,
        scored=scored,
        unavailable="; ".join(absent) or None,
        records=records,
        refused=refused,
        comparison=comparison,
        infinite=infinite,
    )


def _write_scores(
    connection: duckdb.DuckDBPyConnection,
    rows: pd.DataFrame | None,
    file: Path,
    month: dt.date,
) -> tuple[int, int]:
    """Write a row per application, scored or not; whole or not at all."""
    names = ("score", "pd", "model_version", "scoring", "reason_codes")
    kinds = ("double", "double", "varchar", "varchar", "varchar")
    if rows is None:
        given = ", ".join(
            f"cast(null as {kind}) as {name}"
            for name, kind in zip(names, kinds, strict=True)
        )
        source = f"(select application_key, {given} from application where false)"
    else:
        connection.register("given", rows[["application_key", *names]])
        source = "given"
    fresh = file.with_suffix(".fresh")
    columns = ", ".join(
        f"cast({name} as {kind}) as {name}"
        for name, kind in zip(names, kinds, strict=True)
    )
    connection.execute(
        f"""
        copy (
            select application_key, date {literal(month)} as as_of, {columns},
                case when outcome.is_bad then 'bad' when not outcome.is_bad then 'good'
                    end as performance_label,
                outcome.outcome_source as outcome_source,
                coalesce(outcome.is_mature, false) as is_mature
            from application
            left join outcome using (application_key)
            left join {source} using (application_key)
            order by application.cohort_month, application_key
        ) to {literal(fresh)} (format parquet, compression zstd)
        """
    )
    fresh.replace(file)
    counts = connection.execute(
        f"select count(*), count(score) from read_parquet({literal(file)})"
    ).fetchall()[0]
    return int(counts[0]), int(counts[1])


def _compared(rows: pd.DataFrame) -> tuple[Comparison, ...]:
    known = rows[rows["is_test"].astype(bool)]
    y = known["is_bad"].to_numpy(dtype=np.float64)
    return compare(y, {name: known[name].to_numpy(dtype=float) for name in PREDICTORS})


def _by_model(results: Sequence[_Result]) -> dict[str, list[_Result]]:
    """Group results by whose scores they are: a champion may have gone on."""
    found: dict[str, list[_Result]] = {}
    for one in results:
        found.setdefault(one.by.record.model_version, []).append(one)
    return found


def _measured(
    results: Sequence[_Result],
    judged: ModelRecord,
    comparison: Sequence[Comparison],
    features: Sequence[Feature],
    month: dt.date,
) -> ModelRecord:
    """Put the figures of this run into the record of the model that scored."""
    rows = pd.concat([one.rows for one in results], ignore_index=True)
    metrics = {
        **judged.metrics,
        "out_of_sample": [without_nan(asdict(one)) for one in _compared(rows)],
        "all_models_out_of_sample": [without_nan(asdict(one)) for one in comparison],
        **performance_lines(rows, _categories(features)),
        "known_by": f"{month}",
    }
    moved = np.sum([one.moved for one in results], axis=0) / max(len(rows), 1)
    names = (feature.name for feature in features)
    importance = dict(zip(names, moved.tolist(), strict=True))
    told = {**judged.parameters, "importance": importance}
    record = replace(judged, metrics=metrics, parameters=told)
    folder = results[0].by.folder
    # An older month knows less of what the model has done since.
    if str(read_record(folder).metrics.get("known_by", "")) <= f"{month}":
        write_record(folder, record)
    return record


def _write_checks(folder: Path, judged: Sequence[_Judged]) -> None:
    """Hand on how the newest models were judged, for the record of the gates."""
    newest = max((one.record.first_month_predicted for one in judged), default=None)
    checks = [
        {"model_version": one.record.model_version, **check.to_json()}
        for one in judged
        if one.record.first_month_predicted == newest
        for check in one.checks
    ]
    file = folder / f"checks_{PURPOSE}.json"
    file.write_text(json.dumps(checks, indent=1) + "\n")


def _table(comparison: Sequence[Comparison]) -> list[str]:
    if not comparison:
        return []
    one = comparison[0]
    lines = [
        f"out of sample on {one.applications:,} applications with known outcomes, "
        f"{one.bad:,} of them bad:",
        f"{'model':<16}{'AUC':>8}{'s.e.':>8}{'KS':>8}{'log loss':>10}{'slope':>7}"
        f"{'own better by':>15}{'s.e.':>8}",
    ]
    return lines + [
        f"{c.model:<16}{c.auc:>8.4f}{c.auc_standard_error:>8.4f}{c.ks:>8.4f}"
        f"{c.log_loss:>10.5f}{c.calibration_slope:>7.2f}{c.auc_below_own:>+15.4f}"
        f"{c.difference_standard_error:>8.4f}"
        for c in comparison
    ]


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: sum(one.get(name, 0) for one in counts) for name in names}
