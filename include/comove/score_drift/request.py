"""What a run of the score drift counts, and which stages the portfolio records."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import duckdb

from comove.connection import connect
from comove.errors import WarehouseError
from comove.portfolio import load_portfolio
from comove.risk_model.folds import month_of, number
from comove.risk_model.tables import ensure_risk_tables
from comove.score_drift.tables import ensure_drift_tables
from comove.settings import Settings

ScoreKind = Literal["own", "lender"]
# In the order of the funnel; side stages last. Each with the stage above.
STAGES: dict[str, str | None] = {
    "credit_applied": None,
    "credit_approved": "credit_applied",
    "drawdown_applied": "credit_approved",
    "disbursed": "drawdown_applied",
    "credit_rejected": "credit_applied",
    "approved_undrawn": "credit_approved",
    "drawdown_rejected": "drawdown_applied",
}


@dataclass(frozen=True)
class DriftRequest:
    """Months and score of one run.

    Parameters
    ----------
    month : date
        First day of the run's month: the last cohort, and nothing later is known.
    first_month : date
        First cohort, first day.
    baseline_from, baseline_to : date
        Months every other is compared with, first days.
    score : str
        ``own`` or ``lender``.
    """

    month: dt.date
    first_month: dt.date
    baseline_from: dt.date
    baseline_to: dt.date
    score: ScoreKind


def write_request(
    settings: Settings, *, run_id: str, month: dt.date, score: ScoreKind | None = None
) -> DriftRequest:
    """Say in `audit.drift_request` what the SQL that follows counts.

    Parameters
    ----------
    settings : Settings
        Baseline, tolerance, groups, weights and cuts.
    run_id : str
        Kept with every row of the matrix.
    month : date
        First day of the run's month.
    score : {"own", "lender"}, optional
        Whose score; by default the setting ``drift_score``.

    Returns
    -------
    DriftRequest
        What was asked for.

    Raises
    ------
    WarehouseError
        When there is no application up to the month, or the features that labels are
        made of have not been built.
    """
    with connect(settings) as connection:
        ensure_drift_tables(connection)
        ensure_risk_tables(connection)
        request = _request(connection, settings, month, score or settings.drift_score)
        connection.execute("begin")
        _insert(connection, settings, request, run_id)
        _insert_stages(connection, settings)
        connection.execute("delete from audit.drift_cut")
        for cut in dict.fromkeys(settings.drift_cuts):
            connection.execute("insert into audit.drift_cut values (?)", [cut])
        connection.execute("commit")
    return request


def _request(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    month: dt.date,
    score: ScoreKind,
) -> DriftRequest:
    first = _first_cohort(connection, settings, month)
    begin = settings.drift_baseline_from or _first_full(connection, settings, month)
    last = month_of(number(begin) + settings.drift_baseline_months - 1)
    return DriftRequest(month, first, begin, min(last, month), score)


def _first_cohort(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> dt.date:
    try:
        row = connection.execute(
            "select min(cohort_month) from features.feat_application "
            "where cohort_month <= ?",
            [month],
        ).fetchone()
    except duckdb.CatalogException as error:
        raise _no_features(settings, month) from error
    if row is None or row[0] is None:
        raise WarehouseError(
            f"there is no application up to {month:%Y-%m}.",
            where="marts.fct_application",
            remedy="Run the score drift for a month the lender has applications of.",
        )
    first: dt.date = row[0]
    return first


def _first_full(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> dt.date:
    """Find the first months in a row that are not thin whatever their labels."""
    rows = connection.execute(
        """
        select cohort_month, count(*) from features.feat_application
        where cohort_month <= ? group by cohort_month order by cohort_month
        """,
        [month],
    ).fetchall()
    full = {
        number(cohort)
        for cohort, n in rows
        if n >= 2 * settings.drift_min_class_applications
    }
    wanted = range(settings.drift_baseline_months)
    for cohort, _ in rows:
        if all(number(cohort) + later in full for later in wanted):
            return month_of(number(cohort))
    return month_of(number(rows[0][0]))


def _no_features(settings: Settings, month: dt.date) -> WarehouseError:
    return WarehouseError(
        "the features that labels are made of have not been built.",
        where=str(settings.places.warehouse),
        remedy=f"Run the DAG `risk_model` for {month:%Y-%m} to its end first.",
    )


def _insert(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    request: DriftRequest,
    run_id: str,
) -> None:
    row = {
        "run_id": run_id,
        "month": request.month,
        "first_month": request.first_month,
        "baseline_from": request.baseline_from,
        "baseline_to": request.baseline_to,
        "score_kind": request.score,
        "groups": settings.drift_groups,
        "tolerance": settings.drift_tolerance_ks,
        "min_class_applications": settings.drift_min_class_applications,
        "settling_months": settings.drift_settling_months,
        "max_unknown_share": settings.drift_max_unknown_share,
        "credit_value_weight": settings.policy_credit_value_weight,
        "capability_weight": settings.policy_capability_weight,
        "pass_share": settings.policy_pass_share,
        "channel_prior_loans": settings.policy_channel_prior_loans,
        "capability_income_months": settings.policy_capability_income_months,
        "capability_liquid_share": settings.policy_capability_liquid_share,
        "review_cutoff": settings.policy_review_cutoff,
    }
    connection.execute("delete from audit.drift_request")
    connection.execute(
        f"""
        insert into audit.drift_request ({", ".join(row)})
        values ({", ".join("?" * len(row))})
        """,  # noqa: S608 - names of ours
        list(row.values()),
    )


def _insert_stages(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    absent = load_portfolio(settings.portfolio).absent_stages
    connection.execute("delete from audit.drift_stage")
    connection.executemany(
        "insert into audit.drift_stage values (?, ?, ?, ?, ?)",
        [
            [stage, place, nearest_above(stage, absent), stage not in absent, reason]
            for place, stage in enumerate(STAGES, start=1)
            for reason in [absent.get(stage)]
        ],
    )


def nearest_above(stage: str, absent: dict[str, str]) -> str | None:
    """Find the nearest stage above that the portfolio records.

    Parameters
    ----------
    stage : str
        Of `STAGES`.
    absent : dict of str to str
        Stages the portfolio does not record, with the reason.

    Returns
    -------
    str or None
        None where no stage above is recorded.
    """
    above = STAGES[stage]
    while above is not None and above in absent:
        above = STAGES[above]
    return above
