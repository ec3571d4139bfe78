"""The end of `make run`: what was landed, built, trained, judged and published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from comove.connection import connect_serving
from comove.errors import WarehouseError
from comove.portfolio import load_portfolio
from comove.settings import Settings

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Summary:
    """Figures of the runs of a month, all from the published copy.

    Parameters
    ----------
    run : list of tuple
        Run, month, how it ended, commit of the code; empty if it was never opened.
    failures : list of tuple
        Critical check that failed, what was observed, what to do.
    entities : list of tuple
        Entity, rows landed, accepted, quarantined, superseded.
    tables : list of tuple
        Table, rows, run that published it.
    models : list of tuple
        Purpose, algorithm, months predicted out of sample, rows with known outcome,
        events, log loss, area under the ROC curve, whether it is champion.
    validation : list of tuple
        Model, months predicted one month ahead, borrowers, events, log loss, per cent
        less than that of the PD alone.
    drifts : list of tuple
        Cohort month, stage and label of the newest cells that drifted, against what, KS
        and its change in hundredths.
    concentration : list of tuple
        Month to come, attribute, group, expected events by the joint model and by the PD
        alone, share of the joint mass in per cent, its change since last month.
    gates : list of tuple
        Stage, checks passed, warned, noted, failed, not available, counted as on the
        page of the gates.
    stages : list of tuple
        Stage, seconds.
    absences : list of tuple
        Model, table or entity, why it is not available.
    """

    run: Rows
    failures: Rows
    entities: Rows
    tables: Rows
    models: Rows
    validation: Rows
    concentration: Rows
    drifts: Rows
    gates: Rows
    stages: Rows
    absences: Rows


def read_summary(settings: Settings, run_ids: Sequence[str]) -> Summary:
    """Read the figures of runs from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_ids : sequence of str
        Which runs, in the order they began.

    Raises
    ------
    WarehouseError
        When nothing has been published, or by another version of comove.
    """
    with connect_serving(settings) as connection:
        try:
            return _summary(connection, settings, list(run_ids))
        except duckdb.Error as error:
            raise WarehouseError(
                f"the audit trail cannot be read ({str(error).splitlines()[0]}).",
                where=str(settings.places.serving),
                remedy="If another version of comove made it, move the warehouse away "
                "and run again: everything is landed and built anew from the files.",
            ) from error


def _summary(
    connection: duckdb.DuckDBPyConnection, settings: Settings, runs: list[str]
) -> Summary:
    known = _tables(connection)
    return Summary(
        run=_rows(connection, known, "audit.run", RUN, runs),
        failures=_rows(connection, known, "audit.quality_result", FAILURES, runs),
        entities=_rows(connection, known, "audit.reconciliation", ENTITIES),
        tables=_rows(connection, known, "audit.published_table", TABLES, runs),
        models=_models(connection, known),
        validation=_rows(connection, known, "risk.index_validation", VALIDATION),
        concentration=_rows(connection, known, "risk.concentration", CONCENTRATION),
        drifts=_rows(connection, known, "risk.score_drift", DRIFTS),
        gates=_rows(connection, known, "audit.quality_result", GATES, runs),
        stages=_rows(connection, known, "audit.stage_time", STAGES, runs),
        absences=[
            *_rows(connection, known, "audit.unavailable_model", UNAVAILABLE, runs),
            *_absences(settings),
        ],
    )


def last_run_ids(settings: Settings) -> list[str]:
    """Name the run of each DAG that began last, in the order they began.

    Raises
    ------
    WarehouseError
        When nothing has been published.
    """
    with connect_serving(settings) as connection:
        rows = connection.execute(
            """
            select run_id from audit.run
            qualify row_number() over (
                partition by dag_id order by started_at desc, run_id
            ) = 1
            order by started_at, run_id
            """
        ).fetchall()
    return [str(run_id) for (run_id,) in rows]


def show_summary(console: Console, summary: Summary, settings: Settings) -> None:
    """Print the figures, and where to look next."""
    sections = (
        ("Runs", ("run", "month", "status", "code"), summary.run),
        ("Failed checks", ("check", "observed", "reason and remedy"), summary.failures),
        (
            "Rows",
            ("entity", "landed", "accepted", "quarantined", "superseded"),
            summary.entities,
        ),
        ("Tables", ("table", "rows", "published by"), summary.tables),
        ("Models, out of sample", MODEL_COLUMNS, summary.models),
        ("Joint risk, one month ahead", VALIDATION_COLUMNS, summary.validation),
        (
            "Where most joint risk stands",
            CONCENTRATION_COLUMNS,
            summary.concentration,
        ),
        ("Score drift, newest first", DRIFT_COLUMNS, summary.drifts),
        ("Gates", GATE_COLUMNS, summary.gates),
        ("Time", ("stage", "seconds"), summary.stages),
        ("Not available for this portfolio", ("what", "why"), summary.absences),
    )
    for title, columns, rows in sections:
        if rows:
            _print_table(console, title, columns, rows)
    _show_places(console, settings)


GATE_COLUMNS = ("stage", "passed", "warned", "noted", "failed", "not available")
MODEL_COLUMNS = (
    "purpose",
    "algorithm",
    "months",
    "rows",
    "events",
    "log loss",
    "AUC",
    "champion",
)
VALIDATION_COLUMNS = (
    "model",
    "months",
    "rows",
    "events",
    "log loss",
    "less than PD alone, %",
)
CONCENTRATION_COLUMNS = (
    "month",
    "attribute",
    "group",
    "joint events",
    "by PD alone",
    "share, %",
    "change, points",
)
DRIFT_COLUMNS = ("cohort", "stage", "label", "against", "KS", "change, hundredths")
RUN = """
select
    run_id,
    coalesce(strftime(month, '%Y-%m'), '') as run_month,
    status,
    coalesce(git_sha, '') as code,
from audit.run
where list_contains(?, run_id)
order by started_at
"""
FAILURES = """
select
    stage || ': ' || check_name as failed_check,
    observed,
    reason,
from audit.quality_result
where list_contains(?, run_id) and not success and severity = 'critical'
order by checked_at, check_name
"""
ENTITIES = """
select
    entity,
    sum(rows_landed)::bigint as rows_landed,
    sum(rows_accepted)::bigint as rows_accepted,
    sum(rows_quarantined)::bigint as rows_quarantined,
    sum(rows_superseded)::bigint as rows_superseded,
from audit.reconciliation
group by entity
order by entity
"""
TABLES = """
select
    schema_name || '.' || table_name as published_table,
    rows_published,
    if(list_contains(?, run_id), 'this run', run_id) as published_by,
from audit.published_table
where schema_name in ('marts', 'risk')
order by published_table
"""
GATES = """
select
    stage,
    count(*) filter (where success and not is_absent) as passed,
    count(*) filter (where not success and severity = 'warning') as warned,
    count(*) filter (where not success and severity = 'info') as noted,
    count(*) filter (where not success and severity = 'critical') as failed,
    count(*) filter (where success and is_absent) as not_available,
from (
    select
        *,
        coalesce(starts_with(observed, 'not available'), false) as is_absent,
    from audit.quality_result
    where list_contains(?, run_id)
)
group by stage
order by min(checked_at)
"""
STAGES = """
select
    run.dag_id || '.' || stage_time.stage as stage,
    round(stage_time.seconds, 1) as seconds,
from audit.stage_time
inner join audit.run on stage_time.run_id = run.run_id
where list_contains(?, stage_time.run_id)
order by run.started_at, stage_time.position
"""
VALIDATION = """
select
    found.model,
    strftime(min(found.month), '%Y-%m') || ' to ' || strftime(max(found.month), '%Y-%m')
        as months,
    sum(found.n)::bigint as predictions,
    sum(found.events)::bigint as events,
    round(sum(found.n * found.log_loss) / sum(found.n), 5) as log_loss,
    round(
        100 * (1 - sum(found.n * found.log_loss) / sum(alone.n * alone.log_loss)), 2
    ) as gain,
from risk.index_validation as found
inner join risk.index_validation as alone
    on found.month = alone.month and alone.model = 'independent'
group by found.model
order by log_loss, found.model
"""
CONCENTRATION = """
select
    strftime(month, '%Y-%m') as event_month,
    attribute,
    group_name,
    round(joint_mass, 1) as joint_mass,
    round(pd_mass, 1) as pd_mass,
    round(100 * joint_share, 1) as joint_share,
    round(100 * joint_share_change, 1) as joint_share_change,
from risk.concentration
where month = (select max(month) from risk.concentration)
qualify row_number() over (
    partition by attribute order by joint_mass desc, group_name
) <= 3
order by attribute, joint_mass desc, group_name
"""
DRIFTS = """
select
    strftime(cohort_month, '%Y-%m') as cohort,
    stage,
    label,
    drift_reference,
    round(100 * ks, 1) as ks,
    round(100 * drift_change, 1) as change,
from risk.score_drift
where is_drift
order by cohort_month desc, stage_no, label
limit 12
"""
UNAVAILABLE = """
select
    case
        when purpose in (
            'joint_risk', 'default_response', 'score_drift', 'recalibration',
            'overdue_grade'
        ) then replace(purpose, '_', ' ')
        else 'models: ' || purpose
    end as what,
    reason,
from audit.unavailable_model
where list_contains(?, run_id)
order by purpose
"""
# Two outcomes, each predicted by algorithms: borrowers by month, and applications.
PD_OUTCOMES = """
select
    'pd' as purpose,
    replace(algorithm, 'pd_', '') as algorithm,
    month,
    is_event,
    pd,
    replace(algorithm, 'pd_', '') = (
        select max_by(algorithm, month) from risk.pd_prediction
    ) as is_champion,
from risk.pd_candidate
unpivot (pd for algorithm in (pd_xgboost, pd_logit, pd_blend))
"""
APPLICATION_OUTCOMES = """
select
    'application' as purpose,
    coalesce(registry.algorithm, score.scoring) as algorithm,
    null::date as month,
    score.performance_label = 'bad' as is_event,
    score.pd,
    true as is_champion,
from risk.score
left join audit.model_registry as registry
    on score.model_version = registry.model_version
where score.performance_label is not null and score.pd is not null
"""
# The area under the curve counts pairs of an event and another row, by hundredths of
# the log-odds: sorting every row would take longer than the rest of the summary.
MODELS = """
with binned as (
    select
        purpose,
        algorithm,
        round(ln(pd / (1 - pd)), 2) as band,
        count(*) filter (where is_event) as events,
        count(*) filter (where not is_event) as others,
        sum(-ln(if(is_event, pd, 1 - pd))) as loss,
        min(month) as first_month,
        max(month) as last_month,
        coalesce(bool_or(is_champion), false) as is_champion,
    from ({outcomes})
    group by purpose, algorithm, band
),

ranked as (
    select
        *,
        sum(others) over (
            partition by purpose, algorithm order by band
        ) - others / 2 as others_below,
    from binned
)

select
    purpose,
    algorithm,
    coalesce(
        strftime(min(first_month), '%Y-%m') || ' to '
            || strftime(max(last_month), '%Y-%m'),
        ''
    ) as months,
    sum(events + others)::bigint as predictions,
    sum(events)::bigint as events,
    round(sum(loss) / sum(events + others), 4) as log_loss,
    round(
        sum(events * others_below) / nullif(sum(events) * sum(others), 0), 3
    ) as auc,
    if(bool_or(is_champion), 'champion', '') as champion,
from ranked
group by purpose, algorithm
order by purpose desc, log_loss
"""


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
    )
    return {name for (name,) in found.fetchall()}


def _rows(
    connection: duckdb.DuckDBPyConnection,
    known: set[str],
    needed: str,
    query: str,
    *parameters: list[str],
) -> Rows:
    # A run that failed early has published only part of the audit trail.
    if needed not in known:
        return []
    return connection.execute(query, list(parameters)).fetchall()


def _models(connection: duckdb.DuckDBPyConnection, known: set[str]) -> Rows:
    needed = {
        PD_OUTCOMES: {"risk.pd_candidate", "risk.pd_prediction"},
        APPLICATION_OUTCOMES: {"risk.score", "audit.model_registry"},
    }
    there = [query for query, tables in needed.items() if tables <= known]
    if not there:
        return []
    return connection.execute(
        MODELS.format(outcomes=" union all ".join(there))
    ).fetchall()


def _absences(settings: Settings) -> Rows:
    absent = load_portfolio(settings.portfolio).absent
    return sorted(absent.items())


def _print_table(
    console: Console, title: str, columns: Sequence[str], rows: Rows
) -> None:
    table = Table(title=title, title_justify="left", box=None, title_style="bold")
    for name in columns:
        numbers = all(isinstance(row[columns.index(name)], int | float) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row))
    console.print(table)
    console.print()


def _text(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def _show_places(console: Console, settings: Settings) -> None:
    home = settings.places
    console.print("Where to look", style="bold")
    for name, place in (
        ("published tables", home.serving),
        ("reports", home.reports),
        ("documentation of the tables", home.docs),
        ("logs", home.airflow / "logs"),
    ):
        if place.exists():
            console.print(f"  {name}: {place}", soft_wrap=True, highlight=False)
