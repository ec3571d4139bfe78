"""A small bank with a posterior in name only: who is at risk, who fell, links at will."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from comove.audit import ensure_tables
from comove.connection import connect
from comove.default_response.linking import LinkSource
from comove.default_response.tables import ensure_response_tables
from comove.joint_risk.link import EventLinks
from comove.joint_risk.tables import ensure_joint_tables
from comove.settings import Settings

BEFORE, MONTH, AHEAD = (dt.date(2024, month, 1) for month in (2, 3, 4))
REGIONS, INDUSTRIES = ("north", "south"), ("retail", "trade")
LATE_FALLER = "fallen0"

SEED = """
    create or replace table risk.risk_strategies (
        strategy varchar, index_from double, index_to double,
        min_joint_probability double, contacts_per_week double, limit_factor double,
        valid_months integer, scope varchar, min_share double
    );
    insert into risk.risk_strategies values
        ('lending_control', 1.25, 2, 0.005, null, 0.7, 3, 'both', 0.1),
        ('collection', 2, 4, 0.01, 2, 0.5, 3, 'both', 0.1),
        ('freeze', 4, null, 0.02, null, 0, 3, 'both', 0.1);
"""
# Two borrowers a cell and kind of margin; `fallen<n>` defaulted in March, one a cell.
MARTS = """
    create table marts.dim_borrower (
        borrower_key varchar, kind varchar, region varchar, industry varchar
    );
    create table marts.fct_borrower_month (
        borrower_key varchar, month date, exposure decimal(18, 2), is_at_risk boolean,
        is_event boolean
    );
    create table marts.fct_collection (borrower_key varchar, contacted_at timestamp);
    create table risk.residual (
        borrower_key varchar, month date, pd double, pd_star double
    );
    insert into marts.dim_borrower
    select
        'standing' || (4 * who + 2 * r + s), 'person',
        ['north', 'south'][r + 1], ['retail', 'trade'][s + 1]
    from range(5) as b (who), range(2) as one (r), range(2) as two (s)
    union all
    select
        'fallen' || (2 * r + s), 'person',
        ['north', 'south'][r + 1], ['retail', 'trade'][s + 1]
    from range(2) as one (r), range(2) as two (s)
    union all
    select 'cured', 'person', 'north', 'retail'
    union all
    select 'paid', 'person', 'north', 'retail';
    insert into marts.fct_borrower_month
    select borrower_key, month, 100, true, false
    from marts.dim_borrower,
        (values (date '2024-02-01'), (date '2024-03-01')) as m (month)
    where borrower_key <> 'paid';
    update marts.fct_borrower_month set is_event = true
    where borrower_key like 'fallen%' and month = '2024-03-01';
    -- Longer ago than a run looks back.
    insert into marts.fct_borrower_month values
        ('cured', date '2023-12-01', 100, true, true);
    update marts.fct_borrower_month set is_at_risk = false
    where borrower_key = 'cured' and month = '2024-03-01';
    insert into risk.residual
    select borrower_key, month, 0.02, 0.025 from marts.fct_borrower_month
    where borrower_key <> 'fallen3';
"""
JOINT_RISK = """
    insert into risk.joint_risk_index by name
    select
        borrower_key, date '2024-04-01' as month, date '2024-03-01' as as_of_month,
        region, industry, 1000 as exposure, 0.02 as pd, 0.025 as pd_star,
        0.02 as joint_probability, 0.01 as probability_q05, 0.03 as probability_q95,
        1 as joint_risk_index, 0.5 as q05, 1.5 as q95,
        'posterior-2024-03' as model_version
    from marts.dim_borrower
    where borrower_key like 'standing%';
    insert into audit.posterior by name
    select
        'posterior-' || strftime(month, '%Y-%m') as model_version,
        month as as_of_month, 'gaussian' as copula, 'multi' as factors,
        true as accepted, 'd' as data_hash, 's' as settings_hash,
        'artifacts/posteriors/' || strftime(month, '%Y-%m') as artifact_path,
        'run' as run_id, month::timestamp as fitted_at
    from (values (date '2024-02-01'), (date '2024-03-01')) as fits (month);
"""


def open_bank(settings: Settings, *more: str, joint_risk: str = JOINT_RISK) -> Settings:
    """Write the bank's warehouse."""
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_joint_tables(connection)
        ensure_response_tables(connection)
        for sql in (MARTS, SEED, joint_risk, *more):
            connection.execute(sql)
    return settings


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query).fetchall()


def change(settings: Settings, *statements: str) -> None:
    with connect(settings) as connection:
        for statement in statements:
            connection.execute(statement)


Index = Callable[[str, str, str, str], float]


def like_a_ring(region_a: str, industry_a: str, region_b: str, industry_b: str) -> float:
    """Index 5 within a cell, 2.5 within a region, 1.5 within an industry, else 1.1."""
    same = (region_a == region_b, industry_a == industry_b)
    return {(True, True): 5.0, (True, False): 2.5, (False, True): 1.5}.get(same, 1.1)


def of_cells(
    value: Index, region: str, industry: str, margins: int
) -> NDArray[np.float64]:
    """Lay a number of every debtor's cell out over margins; 1 of groups never seen."""
    found = np.ones((3, 3, margins))
    for r, own_region in enumerate(REGIONS):
        for s, own_industry in enumerate(INDUSTRIES):
            found[r, s] = value(region, industry, own_region, own_industry)
    return found


def links(
    index: Index = like_a_ring,
    *,
    lift: Index | None = None,
    sure: float = 1.0,
    joint_probability: float | None = None,
) -> LinkSource:
    """Links of the given index; the debtor is foreseen at his margin.

    The lift is 95 % of the index where none is given.
    """

    def place(names: NDArray[np.str_], of: str) -> NDArray[np.int64]:
        known = {"regions": REGIONS, "industries": INDUSTRIES}[of]
        positions = [known.index(n) if n in known else len(known) for n in names.tolist()]
        return np.array(positions, np.int64)

    def links_of(
        region: str, industry: str, margin: float, z: NDArray[np.float64]
    ) -> EventLinks:
        ratio = of_cells(index, region, industry, len(z))
        link_lift = of_cells(lift, region, industry, len(z)) if lift else ratio * 0.95
        probability = ratio * norm.cdf(z)
        if joint_probability is not None:
            probability = np.full_like(ratio, joint_probability)
        return EventLinks(
            link_lift=link_lift,
            lift_q05=link_lift * 0.9,
            lift_q95=link_lift * 1.1,
            probability_of_lift=np.full_like(ratio, sure),
            joint_probability=probability,
            joint_risk_index=ratio,
            index_q05=ratio * 0.9,
            index_q95=ratio * 1.1,
        )

    return LinkSource((3, 3), place, links_of)
