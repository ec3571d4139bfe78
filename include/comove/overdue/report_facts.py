"""What the page of the overdue assessment tells, counted in the published copy."""

import datetime as dt
from dataclasses import dataclass

import duckdb
import pandas as pd

from comove.overdue.request import last_day
from comove.risk_model.judgement import auc_standard_error
from comove.risk_model.metrics import auc

# Only counts leave the database: the page names no borrower.
_BY_MONTH = """
    select
        as_of,
        coalesce(rating, status) as outcome,
        count(*) as borrowers,
        sum(overdue_amount)::double as overdue_amount
    from risk.overdue_assessment
    where as_of <= $end and as_of = last_day(as_of)
    group by all
    order by all
"""
_PREDICTED = """
    select as_of, repaid_probability as pd, is_repaid::double as y
    from risk.overdue_probability
    inner join risk.overdue_outcome using (borrower_key, as_of)
    where as_of <= $end and outcome_known_on <= $end
    order by as_of, pd, y
"""
_BY_STRATEGY = """
    select
        assessments.rating,
        collection_strategy,
        count(*) as borrowers,
        sum(assessments.overdue_amount)::double as overdue_amount,
        sum(planned_cost) as planned_cost,
        sum(expected_recovery) as expected_recovery,
        sum(outcomes.repaid_amount)::double as repaid_amount
    from risk.overdue_assessment as assessments
    inner join risk.overdue_outcome as outcomes using (borrower_key, as_of)
    where as_of <= $end and outcome_known_on <= $end and collection_strategy is not null
    group by all
    order by sum(assessments.planned_cost) / count(*), collection_strategy
"""
_MODELS = """
    select
        model_version, status, first_month_predicted, trained_from, trained_to,
        rows_trained, events_trained, refused_because
    from audit.model_registry
    where purpose = 'overdue' and first_month_predicted <= $end
    order by first_month_predicted desc, model_version
"""
_CHECKS = """
    from audit.quality_result where run_id = $run
    order by success, stage, check_name
"""


@dataclass(frozen=True)
class OverdueFacts:
    """Everything the page is written from; no row is of a borrower.

    Parameters
    ----------
    months : DataFrame
        ``as_of``, ``outcome`` (rating, or status without one), ``borrowers``,
        ``overdue_amount``.
    predicted : DataFrame
        Cases with a known outcome: ``as_of``, ``pd`` (predicted probability of repaying
        enough in time), ``y`` (1 where it did).
    strategies : DataFrame
        By strategy, of cases with a known outcome: cost, expected and actual recovery.
    models, checks : DataFrame
        Registered models; results of the gates of the run.
    unavailable : str or None
        Why there is no model, as a sentence.
    """

    months: pd.DataFrame
    predicted: pd.DataFrame
    strategies: pd.DataFrame
    models: pd.DataFrame
    checks: pd.DataFrame
    unavailable: str | None

    @property
    def by_month(self) -> pd.DataFrame:
        """Figures of the predictions of each month end.

        ``as_of``, ``cases``, ``repaid``, ``expected``, ``auc`` and its standard error
        ``auc_error``; NaN where a class is missing.
        """
        rows = [_measured(as_of, of) for as_of, of in self.predicted.groupby("as_of")]
        names = ["as_of", "cases", "repaid", "expected", "auc", "auc_error"]
        return pd.DataFrame(rows, columns=names)

    @property
    def counts(self) -> pd.DataFrame:
        """Predicted cases by probability: ``pd``, ``rows``, ``events`` (repaid)."""
        grouped = self.predicted.groupby("pd")["y"]
        found = grouped.agg(["size", "sum"]).reset_index()
        return found.set_axis(["pd", "rows", "events"], axis=1)


def read_facts(
    connection: duckdb.DuckDBPyConnection, *, run_id: str, month: dt.date
) -> OverdueFacts:
    """Count what the page tells.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading.
    run_id : str
        Whose gates.
    month : date
        Month of the run, first day: no later case, and no later outcome.
    """
    end = {"end": last_day(month)}
    reason = connection.execute(
        "select reason from audit.unavailable_model "
        "where run_id = ? and purpose = 'overdue'",
        [run_id],
    ).fetchone()
    return OverdueFacts(
        months=connection.execute(_BY_MONTH, end).df(),
        predicted=connection.execute(_PREDICTED, end).df(),
        strategies=connection.execute(_BY_STRATEGY, end).df(),
        models=connection.execute(_MODELS, end).df(),
        checks=connection.execute(_CHECKS, {"run": run_id}).df(),
        unavailable=reason[0] if reason else None,
    )


def _measured(as_of: object, of: pd.DataFrame) -> tuple[object, ...]:
    y, p = of["y"].to_numpy(), of["pd"].to_numpy()
    area, repaid = auc(y, p), int(y.sum())
    error = auc_standard_error(area, repaid, len(y) - repaid)
    return as_of, len(y), repaid, float(p.sum()), area, error
