"""What the page of the decisions tells, read from the published copy."""

import datetime as dt
from dataclasses import dataclass

import duckdb
import pandas as pd

from comove.connection import literal

# Steps in their order, as `refused_at` names them.
STEPS = ("contradiction", "no model", "admission", "limit", "lending control")
_FUNNEL = """
    select
        if(cohort_month = {month}, 'month', 'before') as span,
        refused_at, count(*) as applications
    from risk.credit_decision where cohort_month <= {month} group by all
"""
_REASONS = """
    select reason, count(*) as applications from (
        select unnest(from_json(reason_codes, '["varchar"]')) as reason
        from risk.credit_decision
        where cohort_month <= {month} and proposed_decision = 'refuse'
            and refused_at <> 'no model'
    )
    -- Each reason of lending control names its event, and is counted with its own.
    group by all order by applications desc, reason limit 15
"""
_BANDS = """
    select
        floor(score / 20) * 20 + 10 as score, is_existing_borrower,
        count(*) as applications,
        quantile_cont(credit_limit, 0.1) as low, median(credit_limit) as middle,
        quantile_cont(credit_limit, 0.9) as high,
        median(requested_amount) as requested
    from risk.credit_decision
    where cohort_month <= {month} and credit_limit > 0 and score is not null
    group by all having count(*) >= 10 order by all
"""
_STRATEGIES = """
    select
        coalesce(strategy, 'refused') as strategy,
        credit_decision.is_existing_borrower,
        count(*) as applications,
        sum(credit_limit) as limits,
        count(cases.is_bad) as known,
        count(*) filter (cases.is_bad) as bad
    from risk.credit_decision
    left join risk.decision_case as cases using (application_key)
    where credit_decision.cohort_month <= {month}
        and coalesce(refused_at, '') <> 'no model'
    group by all order by all
"""
_LENDER = """
    select
        applications.decision as lender, proposed_decision as ours,
        count(*) as applications,
        count(cases.is_bad) as known, count(*) filter (cases.is_bad) as bad
    from risk.credit_decision
    inner join marts.fct_application as applications using (application_key)
    left join risk.decision_case as cases using (application_key)
    where credit_decision.cohort_month <= {month} and applications.decision is not null
        and coalesce(refused_at, '') <> 'no model'
    group by all order by all
"""
# What a loan left unpaid is not dated here: the amount lent to who turned out bad.
_LOSSES = """
    select
        limit_band, count(*) as loans, sum(cases.granted_amount) as lent,
        sum(least(cases.granted_amount, credit_limit)) as would_lend,
        sum(cases.granted_amount) filter (cases.is_bad) as lent_bad,
        sum(least(cases.granted_amount, credit_limit)) filter (cases.is_bad)
            as would_lend_bad
    from risk.credit_decision as decisions
    inner join risk.decision_case as cases using (application_key)
    where decisions.cohort_month <= {month} and cases.is_bad is not null
        and coalesce(refused_at, '') <> 'no model' and limit_band is not null
    group by all order by min(credit_limit)
"""
_REVIEW = """
    select review_status, count(*) as applications from risk.credit_decision
    where cohort_month <= {month} group by all order by all
"""
_QUERIES = {
    "funnel": _FUNNEL,
    "reasons": _REASONS,
    "bands": _BANDS,
    "strategies": _STRATEGIES,
    "lender": _LENDER,
    "losses": _LOSSES,
    "review": _REVIEW,
    "fairness": """
        from risk.decision_fairness
        where as_of_month = (
            select max(as_of_month) from risk.decision_fairness
            where as_of_month <= {month}
        )
        order by attribute, group_name
    """,
    "identities": """
        select
            (select count(*) from risk.identity_link) as linked,
            (select count(*) from risk.identity_review where status = 'waiting')
                as waiting
    """,
    "checks": "from audit.quality_result where run_id = {run} "
    "order by success, stage, check_name",
}


@dataclass(frozen=True)
class DecisionFacts:
    """Everything the page is written from; counts and sums, no application.

    Parameters
    ----------
    funnel, reasons, bands, strategies, lender, losses, review, fairness, identities
        Frames of ``risk.credit_decision`` and its neighbours, by what is shown.
    checks : DataFrame
        Of ``audit.quality_result``.
    """

    funnel: pd.DataFrame
    reasons: pd.DataFrame
    bands: pd.DataFrame
    strategies: pd.DataFrame
    lender: pd.DataFrame
    losses: pd.DataFrame
    review: pd.DataFrame
    fairness: pd.DataFrame
    identities: pd.DataFrame
    checks: pd.DataFrame

    @property
    def decided(self) -> int:
        """How many applications were decided."""
        return int(self.funnel["applications"].sum()) if len(self.funnel) else 0


def read_facts(
    connection: duckdb.DuckDBPyConnection, *, run_id: str, month: dt.date
) -> DecisionFacts:
    """Read everything the page is written from.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, with the tables of the decision.
    run_id : str
        Whose gate is shown.
    month : date
        Last month of applications, first day.
    """
    names = {"month": f"date {literal(month.isoformat())}", "run": literal(run_id)}
    return DecisionFacts(
        **{
            name: connection.execute(query.format(**names)).df()
            for name, query in _QUERIES.items()
        }
    )
