"""New events with their cells and margins, and who is at risk after them, in SQL."""

import datetime as dt

import duckdb

from comove.settings import Settings


def find_candidates(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: dt.date
) -> None:
    """Fill the temporary tables ``debtor`` and ``new_event``.

    ``debtor``: one row per borrower at risk in the month after `as_of`, of
    `risk.joint_risk_index`. ``new_event``: one row per row of the temporary table
    ``wished`` (borrower_key, month, origin, detected_by) that is not in
    `risk.default_event`, with its cell. Its margin is the borrower's own; where there is
    none, the mean of its cell in the month to come (``pd_source`` says so).

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    settings : Settings
        What makes a cell of the joint model.
    as_of : date
        Last month the posterior knew, first day.
    """
    connection.execute("set variable as_of_month = ?::date", [as_of])
    connection.execute(_DEBTORS)
    connection.execute(_groups_sql(settings))
    connection.execute(_events_sql(settings))


# Who is reported to have fallen in the month to come is nobody's debtor any more.
STANDING = """(
    select debtor.* from debtor
    anti join (
        select borrower_key, month from wished
        union all
        select borrower_key, month from risk.default_event
    ) as fallen using (borrower_key, month)
    order by borrower_key
)"""


_DEBTORS = """
    create or replace temp table debtor as
    select
        ahead.borrower_key,
        ahead.month,
        ahead.region,
        ahead.industry,
        ahead.pd,
        ahead.pd_star,
        ahead.exposure,
        borrowers.region as own_region,
        borrowers.industry as own_industry,
        borrowers.kind as own_kind
    from risk.joint_risk_index as ahead
    inner join marts.dim_borrower as borrowers using (borrower_key)
    where ahead.as_of_month = getvariable('as_of_month')
"""


def _groups_sql(settings: Settings) -> str:
    """Which group a value belonged to when the posterior was made."""
    kinds = {
        "region": settings.joint_region_attribute,
        "industry": settings.joint_industry_attribute,
    }
    of_each = " union all ".join(
        f"select distinct '{name}' as attribute, {_own(kind)} as value, "  # noqa: S608 - names of ours
        f"{name} as group_name from debtor"
        for name, kind in kinds.items()
    )
    return f"""
        create or replace temp table debtor_group as
        select attribute, value, min(group_name) as group_name
        from ({of_each}) group by attribute, value
    """  # noqa: S608 - names of ours


def _events_sql(settings: Settings) -> str:
    region = _own(settings.joint_region_attribute, "borrowers.{}")
    industry = _own(settings.joint_industry_attribute, "borrowers.{}")
    return f"""
        create or replace temp table new_event as
        with placed as (
            select
                left(
                    sha256(wished.borrower_key || '|' || strftime(wished.month, '%Y-%m')),
                    32
                ) as event_id,
                wished.*,
                getvariable('as_of_month') as as_of_month,
                coalesce(regions.group_name, 'other') as region,
                coalesce(industries.group_name, 'other') as industry,
                borrowers.region as own_region,
                borrowers.industry as own_industry,
                coalesce(known.pd, ahead.pd) as pd,
                coalesce(known.pd_star, ahead.pd_star) as own_pd_star
            from wished
            inner join marts.dim_borrower as borrowers using (borrower_key)
            left join debtor_group as regions
                on regions.attribute = 'region' and regions.value = {region}
            left join debtor_group as industries
                on industries.attribute = 'industry' and industries.value = {industry}
            left join risk.residual as known using (borrower_key, month)
            left join debtor as ahead using (borrower_key, month)
        ),

        of_cell as (
            select region, industry, avg(pd_star) as pd_star
            from debtor group by region, industry
        ),

        of_all as (select avg(pd_star) as pd_star from debtor)

        select
            placed.* exclude (own_pd_star),
            coalesce(placed.own_pd_star, of_cell.pd_star, of_all.pd_star) as pd_star,
            case
                when placed.own_pd_star is not null then 'borrower'
                when of_cell.pd_star is not null then 'cell'
                else 'portfolio'
            end as pd_source
        from placed
        left join of_cell using (region, industry)
        cross join of_all
        where placed.event_id not in (select event_id from risk.default_event)
    """  # noqa: S608 - names of ours


def _own(attribute: str, name: str = "own_{}") -> str:
    return "'all'" if attribute == "none" else name.format(attribute)
