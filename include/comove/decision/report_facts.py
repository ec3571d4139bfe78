"""What the page of the decisions tells, read from the published copy."""

import datetime as dt
from dataclasses import dataclass

import duckdb
import pandas as pd

from comove.connection import literal

# Steps in their order, as `refused_at` names them.
STEPS = (
    "contradiction", "no model", "admission", "score band", "limit", "lending control",
)  # fmt: skip
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
# What the limits let out, and the principal lost of it up to the last built month. The
# month that closes a loan shows nothing owed: what was unpaid stands at the end before.
# Null where a loan turned out bad on a day that nobody told.
LOSSES = """
    with recovered as (
        select loan_key, sum(amount) as amount from marts.fct_loan_event
        where kind = 'recovered'
            and occurred_on < (select max(month) + interval 1 month
                from marts.fct_loan_month)
        group by loan_key
    ),

    loans as (
        select
            application_key, principal, event_on,
            coalesce(at_event.exposure, principal) as unpaid_then,
            case when exit_reason = 'charge_off' then greatest(
                coalesce(at_end.exposure, principal) - coalesce(recovered.amount, 0), 0
            ) else loan.exposure end as unpaid
        from marts.fct_loan as loan
        left join marts.fct_loan_month as at_event
            on loan.loan_key = at_event.loan_key
            and at_event.month = date_trunc('month', event_on) - interval 1 month
        left join marts.fct_loan_month as at_end
            on loan.loan_key = at_end.loan_key
            and at_end.month = date_trunc('month', closed_on) - interval 1 month
        left join recovered on loan.loan_key = recovered.loan_key
    ),

    granted as (
        select
            application_key, sum(principal) as lent, count(event_on) > 0 as has_event,
            sum(unpaid_then) filter (event_on is not null) as unpaid_then,
            sum(unpaid) filter (event_on is not null) as unpaid
        from loans where application_key is not null group by application_key
    ),

    known as (
        select
            limit_band, credit_limit, cases.is_bad, granted.*,
            least(lent, credit_limit) as would_lend,
            bool_or(cases.is_bad and not has_event) over (partition by limit_band)
                as is_undated
        from risk.credit_decision as decisions
        inner join risk.decision_case as cases using (application_key)
        inner join granted using (application_key)
        where decisions.cohort_month <= {month} and cases.is_bad is not null
            and coalesce(refused_at, '') <> 'no model' and limit_band is not null
    )

    select
        limit_band, count(*) as loans, sum(lent)::double as lent,
        sum(would_lend)::double as would_lend,
        (sum(lent) filter (is_bad))::double as lent_bad,
        (sum(would_lend) filter (is_bad))::double as would_lend_bad,
        count(*) filter (has_event) as events,
        case when not is_undated then coalesce(sum(unpaid_then), 0)::double end
            as unpaid_then,
        case when not is_undated then coalesce(sum(unpaid), 0)::double end as unpaid,
        case when not is_undated
            then coalesce(sum(unpaid * would_lend / lent), 0)::double end as would_lose
    from known group by limit_band, is_undated order by min(credit_limit)
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
    "losses": LOSSES,
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
