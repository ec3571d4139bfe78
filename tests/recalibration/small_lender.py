"""A small lender whose score drifts where the tests say, in tables as DAGs leave them.

Scores stand on a grid of 10 points; the share of bad ones at each is planted, so every
figure can be worked out by hand.
"""

import datetime as dt
from typing import Any

from comove.audit import ensure_tables
from comove.connection import connect
from comove.recalibration.tables import ensure_recalibration_tables
from comove.settings import Settings

FIRST = dt.date(2023, 1, 1)
MONTH = dt.date(2024, 6, 1)
SCORES = tuple(float(score) for score in range(400, 800, 10))
MONTHS = tuple(dt.date(2023 + n // 12, n % 12 + 1, 1) for n in range(18))
DRIFT = (dt.date(2024, 4, 1), dt.date(2024, 5, 1))

TABLES = """
    create schema if not exists marts;
    create table risk.application_label (
        application_key varchar, cohort_month date, performance_label varchar,
        score double, score_kind varchar
    );
    create table marts.fct_business_adjustment (
        adjustment_key varchar, adjusted_on date, kind varchar, magnitude double,
        description varchar
    );
    create table risk.score (application_key varchar, score double, pd double);
    create table risk.score_histogram (
        stage varchar, cohort_month date, cut_by varchar, cut_value varchar,
        label varchar, score double, n_good bigint, n_bad bigint
    );
    create table risk.score_drift (
        stage varchar, label varchar, cohort_month date, ks double, ks_low double,
        ks_high double, is_drift boolean, is_mature boolean, is_thin boolean,
        is_baseline boolean, drift_reference varchar, drift_change double,
        drift_change_low double, drift_change_high double, as_of_month date,
        score_kind varchar, is_inverted boolean
    );
    create table risk.score_strategies (
        band varchar, score_from double, score_to double, action varchar,
        limit_factor double
    );
    insert into risk.score_strategies values
        ('refused', null, 450, 'refuse', 0), ('watched', 450, 550, 'review', 0.5),
        ('standard', 550, 650, 'approve', 0.8), ('preferred', 650, null, 'approve', 1);
    insert into marts.fct_business_adjustment values
        ('a', '2023-03-01', 'management', 0.1, 'Longer opening hours'),
        ('b', '2024-04-01', 'policy', 0.7, 'Committee may overrule the score'),
        ('c', '2024-04-15', 'competition', 0.1, 'A rival advertises'),
        ('d', '2024-06-01', 'competition', 0.9, 'A rival pays for switching');
"""
# Ten loans at each score and month; the higher the score the fewer are bad.
LOANS = """
    create temp table planted as
    select
        'a' || row_number() over () as application_key,
        months.month as cohort_month,
        400.0 + 10 * s as score,
        0.5 * pow(0.93, s) as pd,
        (i + 0.5) / 10 < 0.5 * pow(0.93, s) as is_bad
    from (select unnest(generate_series(
        date '2023-01-01', date '2024-06-01', interval 1 month))::date as month
    ) as months, range(40) as one (s), range(10) as two (i);
    insert into risk.application_label
    select
        application_key, cohort_month,
        if(cohort_month <= '2023-12-01', if(is_bad, 'bad', 'good'), null), score, 'own'
    from planted;
    insert into risk.score select application_key, score, pd from planted;
    insert into risk.score_histogram
    select
        'disbursed', cohort_month, 'all', 'all', 'performance', score,
        count(*) filter (not is_bad), count(*) filter (is_bad)
    from planted where cohort_month <= '2023-12-01'
    group by all;
"""
# At the stage that drifts, half of all are good whatever their score.
DRIFTED = """
    insert into risk.score_histogram
    select
        'credit_approved', month, 'all', 'all', 'policy', 400.0 + 10 * s,
        if(month in ('2024-04-01', '2024-05-01'), 50, s * 2 + 10),
        if(month in ('2024-04-01', '2024-05-01'), 50, 90 - s * 2)
    from (select unnest(generate_series(
        date '2023-01-01', date '2024-06-01', interval 1 month))::date as month
    ) as months, range(40) as one (s);
"""
# A matrix that is cut by channel as well holds everything once more.
CUT = """
    insert into risk.score_histogram
    select * replace ('channel' as cut_by, 'web' as cut_value) from risk.score_histogram
"""
CELLS = """
    insert into risk.score_drift
    select
        stage, label, month, 0.4, 0.35, 0.45,
        is_drifted, true, false, false, 'baseline',
        if(is_drifted, -0.30, 0.00),
        if(is_drifted, -0.34, -0.02),
        if(is_drifted, -0.26, 0.02), date '2024-06-01', 'own', false
    from (
        select
            *,
            stage = 'credit_approved' and month in ('2024-04-01', '2024-05-01')
                as is_drifted
    from (select unnest(generate_series(
        date '2023-01-01', date '2024-06-01', interval 1 month))::date as month
    ) as months,
        (values
            ('credit_applied', 'policy'), ('credit_approved', 'policy'),
            ('drawdown_applied', 'policy'), ('disbursed', 'policy'),
            ('disbursed', 'performance')
        ) as cells (stage, label)
        where label = 'policy' or month <= '2023-12-01'
    );
"""


def open_lender(settings: Settings, *more: str) -> Settings:
    """Write the lender's warehouse."""
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_recalibration_tables(connection)
        for sql in (TABLES, LOANS, DRIFTED, CUT, CELLS, *more):
            connection.execute(sql)
    return settings


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query).fetchall()


def change(settings: Settings, *statements: str) -> None:
    with connect(settings) as connection:
        for statement in statements:
            connection.execute(statement)
