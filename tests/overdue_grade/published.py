"""A published copy with the grades of two borrowers, made by hand."""

from comove.connection import connect
from comove.default_response.identity import hashed
from comove.settings import Settings
from comove.warehouse import publish

MADE = """
    create schema if not exists marts;
    create schema if not exists risk;
    create schema if not exists audit;
    create table marts.dim_borrower as
    select unnest([$late, $new]) as borrower_key;
    create table audit.overdue_grade_request as
    select 'run' as run_id, date '2024-03-01' as month, date '2024-03-31' as as_of,
        null::date as graded_until, 0.5 as first_weight, 0.2 as min_weight,
        0.8 as max_weight, 0.5 as adjustment, 12 as window_months, 365 as window_days;
    create table risk.overdue_grade_bands as
    select * from (values
        ('A', 0, 5, 'on time'), ('B', 5, 30, 'late'), ('C', 30, null, 'very late')
    ) as bands (grade, composite_from_days, composite_to_days, meaning);
    create table risk.overdue_grade as
    select $late as borrower_key, * replace (
        weight_historical::double as weight_historical,
        weight_current::double as weight_current, composite::double as composite
    ) from (values
        (date '2024-01-10', date '2024-01-01', 1, 1, 0, 0, 0.5, 0.5, 0.0, 'A', 'run'),
        (date '2024-02-10', date '2024-02-01', 2, 1, 30, 30, 0.75, 0.25, 30., 'C', 'run'),
        (date '2024-03-10', date '2024-03-01', 3, 2, 0, 45, 0.8, 0.2, 36.0, 'C', 'run')
    ) as points (observed_on, month, point_no, loans, current_extreme,
        historical_extreme, weight_historical, weight_current, composite, grade, run_id);
    create table risk.overdue_grade_transition as
    select month, from_grade, to_grade, n as borrowers, 1 as borrowers_from,
        n::double as share, n * 0.2 as share_low, n * 0.2 + 0.8 as share_high,
        'run' as run_id
    from (values
        (date '2024-02-01', 'A', 'A', 0), (date '2024-02-01', 'A', 'B', 0),
        (date '2024-02-01', 'A', 'C', 1), (date '2024-03-01', 'C', 'A', 0),
        (date '2024-03-01', 'C', 'B', 0), (date '2024-03-01', 'C', 'C', 1)
    ) as moves (month, from_grade, to_grade, n);
"""


def publish_grades(settings: Settings, change: str = "") -> None:
    """Publish them, after a change in SQL."""
    with connect(settings) as connection:
        keys = {"late": hashed(settings, "Late-1"), "new": hashed(settings, "New-1")}
        for statement in MADE.split(";")[:-1]:
            given = {name: key for name, key in keys.items() if f"${name}" in statement}
            connection.execute(statement, given)
        if change:
            connection.execute(change)
    publish(settings, run_id="run", month=None)
