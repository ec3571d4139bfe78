"""What the report tells: aggregates of the published tables, never a borrower."""

# ruff: noqa: S608 - SQL of our own tables and algorithms

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.connection import literal
from comove.risk_model.folds import ALGORITHMS

FloatArray = NDArray[np.float64]

REGISTRY = (
    "model_version", "purpose", "algorithm", "status", "is_champion", "data_hash",
    "settings_hash", "seed", "features", "library_versions", "metrics", "trained_from",
    "trained_to", "first_month_predicted", "rows_trained", "events_trained",
    "artifact_path", "card_path", "refused_because", "run_id", "registered_at",
)  # fmt: skip
HISTOGRAM_BANDS = 20
SCORE_BAND_POINTS = 25
# Classes of a hundredth of a log-odd: the ranking curves lose nothing one could see.
_CLASS = "floor(100 * ln(pd / (1 - pd)))"
_PROPER = "pd > 0 and pd < 1"
# How applications were scored, in words; the hardest test first.
SCORINGS = {
    "out_of_time": "out of time",
    "cross_fitted": "cross-fitted",
    "lender": "lender",
}
DIMENSIONS = ("region", "industry", "kind")
_SUMS = """
    count(*) as rows, count(*) filter (is_event) as events, sum(pd) as expected,
    -sum(ln(case when is_event then pd else 1 - pd end)) as loss
"""
_COUNTS = "avg(pd) as pd, count(*) as rows, count(*) filter (is_event) as events"


@dataclass(frozen=True)
class Findings:
    """Everything the page and the cards are written from.

    Parameters
    ----------
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Of the run, first day; nothing later is told.
    registry, promotions : DataFrame
        Rows of ``audit.model_registry`` and ``audit.model_promotion``.
    checks : DataFrame
        Of the run, from ``audit.quality_result``.
    counts : mapping of str to DataFrame
        Out-of-time counts by predicted PD (`pd`, `rows`, `events`), by algorithm.
    fold_counts : mapping of (date, str) to DataFrame
        The same by the fold's first month and algorithm: a model version each.
    months : DataFrame
        ``algorithm``, ``month``, ``fold``, ``rows``, ``events``, ``expected``, and
        ``log_loss``, ``auc``, ``ks`` where they are known.
    segments : DataFrame
        ``algorithm``, ``fold``, ``dimension``, ``segment``, ``rows``, ``events``,
        ``expected``, ``loss`` (sum of the log losses).
    windows : DataFrame
        ``algorithm``, ``segment_kind``, ``segment``, ``rows``, ``events``,
        ``expected``, ``log_loss``, ``auc``, ``ks``, over all predicted months.
    stability : DataFrame
        ``feature``, ``month``, ``psi``.
    vintages : DataFrame
        ``vintage``, ``months_on_book``, ``loans``, ``events``, ``share``.
    residuals_before, residuals_after : ndarray
        Counts in 20 bands of the quantile residual and of the uniform.
    uniformity, dependence : DataFrame
        As published.
    scores : DataFrame
        ``score_from``, ``outcome``, ``rows``.
    score_counts : mapping of str to DataFrame
        Counts of labelled applications by predicted probability of being bad, by how they
        were scored: ``out of time``, ``cross-fitted``, ``lender``.
    in_force : tuple of str or None
        Model version and algorithm that predicted the newest month.
    at_risk : tuple of int
        Events, and borrower-months at risk, up to the month.
    """

    portfolio: str
    run_id: str
    month: dt.date
    registry: pd.DataFrame
    promotions: pd.DataFrame
    checks: pd.DataFrame
    counts: Mapping[str, pd.DataFrame]
    fold_counts: Mapping[tuple[dt.date, str], pd.DataFrame]
    months: pd.DataFrame
    segments: pd.DataFrame
    windows: pd.DataFrame
    stability: pd.DataFrame
    vintages: pd.DataFrame
    residuals_before: FloatArray
    residuals_after: FloatArray
    uniformity: pd.DataFrame
    dependence: pd.DataFrame
    scores: pd.DataFrame
    score_counts: Mapping[str, pd.DataFrame]
    in_force: tuple[str, str] | None = None
    at_risk: tuple[int, int] = (0, 0)

    @property
    def champion(self) -> str | None:
        """Algorithm in force."""
        return self.in_force[1] if self.in_force else None

    @cached_property
    def all_scores(self) -> pd.DataFrame:
        """Counts of all labelled applications, however they were scored."""
        if not self.score_counts:
            return pd.DataFrame({"pd": [], "rows": [], "events": []})
        return _same_classes(pd.concat(self.score_counts.values()))

    @property
    def origin(self) -> str:
        """Run, month and model version, as every figure says them."""
        model = self.in_force[0] if self.in_force else "none"
        return f"run {self.run_id} · month {self.month:%Y-%m} · model {model}"

    @cached_property
    def ordered_counts(self) -> dict[str, pd.DataFrame]:
        """Counts by algorithm, the champion's first."""
        names = sorted(self.counts, key=lambda name: name != self.champion)
        return {name: self.counts[name] for name in names}

    def of_purpose(self, purpose: str) -> pd.DataFrame:
        """Model versions of a purpose, newest first."""
        return self.registry[self.registry["purpose"] == purpose]

    def of_run(self) -> pd.DataFrame:
        """Model versions the run registered."""
        return self.registry[self.registry["run_id"] == self.run_id]


class Reader:
    """Reads aggregates of one published copy.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Open for reading.
    month : date
        Last month that is told.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, month: dt.date) -> None:
        self.connection = connection
        self.month = month
        self.until = f"date {literal(month.isoformat())}"
        self.tables = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }

    def frame(self, query: str, *tables: str) -> pd.DataFrame:
        """Run a query; an empty frame where a table it needs was never published."""
        if not set(tables) <= self.tables:
            return pd.DataFrame()
        return self.connection.execute(query).df()

    def table(self, name: str) -> pd.DataFrame:
        """Read a small table of aggregates whole."""
        return self.frame(f"select * from {name}", name)

    def registry(self) -> pd.DataFrame:
        """Read the model versions known by the run's month, newest first."""
        found = self.frame(
            f"""
            select * from audit.model_registry
            where first_month_predicted <= {self.until} + interval 1 month
            order by purpose desc, first_month_predicted desc, algorithm, model_version
            """,
            "audit.model_registry",
        )
        return found if len(found) else pd.DataFrame(columns=REGISTRY)

    def checks(self, run_id: str) -> pd.DataFrame:
        """Read the checks of the run's gates, failures first."""
        return self.frame(
            f"""
            select stage, check_name, severity, success, observed, expected
            from audit.quality_result
            where run_id = {literal(run_id)}
            order by success, stage, severity, check_name
            """,
            "audit.quality_result",
        )

    def fold_counts(self) -> dict[tuple[dt.date, str], pd.DataFrame]:
        """Count out-of-time predictions by PD, for each fold and algorithm."""
        found = self.frame(
            f"""
            select fold, algorithm, {_COUNTS}
            from ({self._candidates()})
            group by fold, algorithm, {_CLASS}
            order by fold, algorithm, pd
            """,
            "risk.pd_candidate",
        )
        if found.empty:
            return {}
        return {
            (pd.Timestamp(str(fold)).date(), str(algorithm)): frame[
                ["pd", "rows", "events"]
            ]
            for (fold, algorithm), frame in found.groupby(["fold", "algorithm"])
        }

    def months(self) -> pd.DataFrame:
        """Events and expected events of each month and algorithm."""
        found = self.frame(
            f"""
            select algorithm, month, fold, {_SUMS}
            from ({self._candidates()})
            group by all
            order by algorithm, month
            """,
            "risk.pd_candidate",
        )
        known = self.frame(
            """
            select algorithm, month, log_loss, auc, ks from risk.model_performance
            where segment_kind = 'all'
            """,
            "risk.model_performance",
        )
        if found.empty or known.empty:
            return found
        return found.merge(known, how="left", on=["algorithm", "month"])

    def windows(self) -> pd.DataFrame:
        """Read performance over all months, by algorithm and segment."""
        return self.frame(
            """
            select algorithm, segment_kind, segment, n as rows, events,
                mean_pd * n as expected, log_loss, auc, ks
            from risk.model_performance_window
            order by algorithm, segment_kind, rows desc, segment
            """,
            "risk.model_performance_window",
        )

    def vintages(self) -> pd.DataFrame:
        """Cumulated events by quarter of disbursement and months on book."""
        return self.frame(
            """
            select vintage, months_on_book, loans, events, cumulative_event_rate as share
            from risk.vintage_curve
            order by vintage, months_on_book
            """,
            "risk.vintage_curve",
        )

    def stability(self) -> pd.DataFrame:
        """PSI of each feature and month."""
        return self.frame(
            f"""
            select feature, month, psi from risk.feature_stability
            where month <= {self.until}
            order by feature, month
            """,
            "risk.feature_stability",
        )

    def segments(self) -> pd.DataFrame:
        """Events and expected events of each segment of borrowers."""
        parts = [
            f"""
            select algorithm, fold, {literal(name)} as dimension,
                coalesce({name}, 'unknown') as segment, {_SUMS}
            from ({self._candidates()}) left join marts.dim_borrower using (borrower_key)
            group by all
            """
            for name in DIMENSIONS
        ]
        return self.frame(
            " union all ".join(parts), "risk.pd_candidate", "marts.dim_borrower"
        )

    def _candidates(self) -> str:
        return f"""
            select borrower_key, month, fold, is_event, substr(named, 4) as algorithm, pd
            from (unpivot risk.pd_candidate on {", ".join(f"pd_{a}" for a in ALGORITHMS)}
                into name named value pd)
            where month <= {self.until} and {_PROPER}
        """

    def in_force(self) -> tuple[str, str] | None:
        """Tell which model predicted the newest month."""
        found = self.frame(
            f"""
            select model_version, algorithm, count(*) as rows
            from risk.pd_prediction
            where month = (
                select max(month) from risk.pd_prediction where month <= {self.until}
            )
            group by all
            order by rows desc, model_version
            limit 1
            """,
            "risk.pd_prediction",
        )
        if found.empty:
            return None
        return str(found["model_version"][0]), str(found["algorithm"][0])

    def at_risk(self) -> tuple[int, int]:
        """Count events and borrower-months at risk."""
        found = self.frame(
            f"""
            select count(*) filter (is_event) as events, count(*) as rows
            from marts.fct_borrower_month
            where is_at_risk and month <= {self.until}
            """,
            "marts.fct_borrower_month",
        )
        return (0, 0) if found.empty else (int(found["events"][0]), int(found["rows"][0]))

    def histogram(self, column: str) -> FloatArray:
        """Count residuals of the window in bands of equal width from 0 to 1."""
        found = self.frame(
            f"""
            select
                least(floor({column} * {HISTOGRAM_BANDS}), {HISTOGRAM_BANDS - 1}) as band,
                count(*) as rows
            from risk.residual
            where is_in_window and month <= {self.until} and {column} between 0 and 1
            group by all
            """,
            "risk.residual",
        )
        counted = np.zeros(HISTOGRAM_BANDS)
        if len(found):
            counted[found["band"].to_numpy(int)] = found["rows"]
        return counted

    def scores(self) -> pd.DataFrame:
        """Count applications by score and outcome."""
        return self.frame(
            f"""
            select floor(score / {SCORE_BAND_POINTS}) * {SCORE_BAND_POINTS} as score_from,
                performance_label as outcome, count(*) as rows
            from risk.score
            where isfinite(score)
            group by all
            order by all
            """,
            "risk.score",
        )

    def score_counts(self) -> dict[str, pd.DataFrame]:
        """Count labelled applications by predicted probability of being bad."""
        found = self.frame(
            f"""
            select scoring, {_COUNTS}
            from (
                select scoring, pd, performance_label = 'bad' as is_event
                from risk.score
                where performance_label is not null
            )
            where {_PROPER}
            group by scoring, {_CLASS}
            order by scoring, pd
            """,
            "risk.score",
        )
        return {
            words: found.loc[found["scoring"] == scoring, ["pd", "rows", "events"]]
            for scoring, words in SCORINGS.items()
            if len(found) and (found["scoring"] == scoring).any()
        }


def read_findings(
    connection: duckdb.DuckDBPyConnection, *, portfolio: str, run_id: str, month: dt.date
) -> Findings:
    """Read everything a report needs from the published copy.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Published copy, open for reading; tables may be missing or empty.
    portfolio : str
        Title.
    run_id : str
        Run reported.
    month : date
        Its month, first day.

    Returns
    -------
    Findings
        With empty frames for what is not there.
    """
    read = Reader(connection, month)
    fold_counts = read.fold_counts()
    return Findings(
        portfolio=portfolio,
        run_id=run_id,
        month=month,
        registry=read.registry(),
        promotions=read.table("audit.model_promotion"),
        checks=read.checks(run_id),
        counts=_pooled(fold_counts),
        fold_counts=fold_counts,
        months=read.months(),
        segments=read.segments(),
        windows=read.windows(),
        stability=read.stability(),
        vintages=read.vintages(),
        residuals_before=read.histogram("quantile_residual"),
        residuals_after=read.histogram("uniform"),
        uniformity=read.table("risk.residual_uniformity"),
        dependence=read.table("risk.residual_dependence"),
        scores=read.scores(),
        score_counts=read.score_counts(),
        in_force=read.in_force(),
        at_risk=read.at_risk(),
    )


def _pooled(
    fold_counts: Mapping[tuple[dt.date, str], pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Put the counts of all folds of an algorithm together, class by class."""
    found = {}
    for algorithm in ALGORITHMS:
        parts = [frame for (_, name), frame in fold_counts.items() if name == algorithm]
        if parts:
            found[algorithm] = _same_classes(pd.concat(parts))
    return found


def _same_classes(counts: pd.DataFrame) -> pd.DataFrame:
    p = counts["pd"].to_numpy(float)
    place = np.floor(100 * np.log(p / (1 - p)))
    weighted = counts.assign(pd=counts["pd"] * counts["rows"])
    sums = weighted.groupby(place)[["pd", "rows", "events"]].sum().reset_index(drop=True)
    return sums.assign(pd=sums["pd"] / sums["rows"])
