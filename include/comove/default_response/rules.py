"""Dated rules for new applications, from what debtors share with who has fallen."""

import duckdb

# A rule goes by an attribute only where borrower and debtor have the same, and know it.
_UNKNOWN = "unknown"
# A debtor counts once per event and row of the seed, under the narrowest rule its scope
# allows: region and industry where both are shared, else the one that is. The terms are
# those the action was proposed with.
_RULES = f"""
    create or replace temp table written_rule as
    with acting as (
        select
            actions.event_id,
            actions.borrower_key,
            actions.strategy,
            actions.index_from,
            actions.limit_factor,
            actions.valid_months,
            actions.scope,
            actions.min_share,
            -- A refusal holds from the day a person has decided it, and not before.
            if(
                actions.status = 'approved',
                greatest(actions.acts_from, actions.decided_at::date),
                actions.acts_from
            ) as acts_from,
            events.as_of_month,
            events.borrower_key as fallen_key
        from risk.strategy_action as actions
        inner join risk.default_event as events using (event_id)
        where
            actions.status in ('done', 'approved')
            and $run in (actions.run_id, actions.decided_in_run)
            and actions.limit_factor is not null
    ),

    shared as (
        select
            acting.*,
            if(
                acting.scope in ('region', 'both')
                and fallen.region = debtor.region
                and fallen.region <> '{_UNKNOWN}',
                fallen.region, null
            ) as region,
            if(
                acting.scope in ('industry', 'both')
                and fallen.industry = debtor.industry
                and fallen.industry <> '{_UNKNOWN}',
                fallen.industry, null
            ) as industry,
            fallen.region as fallen_region,
            fallen.industry as fallen_industry
        from acting
        inner join marts.dim_borrower as fallen
            on acting.fallen_key = fallen.borrower_key
        inner join marts.dim_borrower as debtor
            on acting.borrower_key = debtor.borrower_key
    ),

    grouped as (
        select
            event_id,
            strategy as caused_by,
            index_from,
            limit_factor,
            scope,
            coalesce(min_share, 0) as min_share,
            as_of_month,
            region,
            industry,
            fallen_region,
            fallen_industry,
            acts_from as valid_from,
            (acts_from + to_months(valid_months) - interval 1 day)::date as valid_to,
            count(distinct borrower_key) as linked_debtors
        from shared
        where region is not null or industry is not null
        group by all
    ),

    at_risk as (
        select
            ahead.as_of_month,
            borrowers.region,
            borrowers.industry,
            count(*) as borrowers
        from risk.joint_risk_index as ahead
        inner join marts.dim_borrower as borrowers using (borrower_key)
        where ahead.as_of_month in (select as_of_month from grouped)
        group by all
    ),

    -- Of those who share exactly as much with the fallen, how many are linked.
    judged as (
        select
            grouped.*,
            (
                select sum(at_risk.borrowers)
                from at_risk
                where
                    at_risk.as_of_month = grouped.as_of_month
                    and (
                        grouped.region is null
                        or at_risk.region = grouped.region
                    )
                    and (
                        grouped.industry is null
                        or at_risk.industry = grouped.industry
                    )
                    and not (
                        grouped.scope = 'both'
                        and grouped.industry is null
                        and at_risk.industry = grouped.fallen_industry
                        and grouped.fallen_industry <> '{_UNKNOWN}'
                    )
                    and not (
                        grouped.scope = 'both'
                        and grouped.region is null
                        and at_risk.region = grouped.fallen_region
                        and grouped.fallen_region <> '{_UNKNOWN}'
                    )
            ) as borrowers_at_risk
        from grouped
    )

    select
        left(
            sha256(
                concat_ws(
                    '|', event_id, caused_by, index_from::varchar,
                    coalesce(region, '*'), coalesce(industry, '*')
                )
            ),
            32
        ) as control_id,
        region,
        industry,
        if(limit_factor = 0, 'reject', 'reduce') as strategy,
        limit_factor::double as limit_factor,
        valid_from,
        valid_to,
        event_id,
        caused_by,
        linked_debtors
    from judged
    where linked_debtors >= min_share * borrowers_at_risk
"""  # noqa: S608 - a constant of ours
_INSERT = """
    insert into risk.lending_control by name
    select
        written_rule.*,
        ? as run_id,
        cast(now() at time zone 'UTC' as timestamp) as written_at
    from written_rule
    where control_id not in (select control_id from risk.lending_control)
    returning control_id
"""


def write_rules(connection: duckdb.DuckDBPyConnection, *, run_id: str) -> int:
    """Write the rules that follow from what a run did or decided and are not there yet.

    A rule holds for new applications of one region and industry, of one region, or of
    one industry (the other empty), from the month after the run's, a refusal from the day
    it was approved where that is later; for so many months as the seed said when the
    action was proposed. It is written where at least `min_share` of the borrowers at risk
    who share just as much with the fallen borrower are linked.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, in a transaction.
    run_id : str
        Whose actions; kept with new rules.

    Returns
    -------
    int
        How many are new.
    """
    connection.execute(_RULES, {"run": run_id})
    return len(connection.execute(_INSERT, [run_id]).fetchall())
