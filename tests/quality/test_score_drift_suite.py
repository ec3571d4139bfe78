"""The gate of the score drift: what it lets through and what it notices."""

import datetime as dt

import pytest

from comove.audit import ensure_tables, open_run
from comove.connection import connect
from comove.errors import GateFailedError
from comove.quality import run_gate
from comove.settings import Settings

JUNE = dt.date(2024, 6, 1)
# Of 100 applications a month 60 are approved and 10 undecided; 50 draw, of whom 5 wait
# and 5 are refused. Scores and labels are those of comove.
TABLES = """
    create table risk.application_label as
    select
        'a' || m || '_' || i as application_key,
        (date '2024-01-01' + to_months(cast(m as integer)))::date as cohort_month,
        case
            when i < 40 then 'disbursed' when i < 45 then 'refused'
            when i < 50 then 'pending' when i < 60 then 'undrawn'
            when i < 90 then 'rejected' else 'undecided'
        end as funnel_end,
        i = 99 and m = 0 as is_out_of_order,
        false as is_paid_though_rejected,
        false as is_outcome_unknown,
        'own' as score_kind,
        400e0 + i as score,
        if(i % 2 = 0, 'good', 'bad') as first_label,
        if(i % 3 = 0, 'good', 'bad') as second_label,
        if(i % 6 = 0, 'good', 'bad') as policy_label,
        if(i < 40 and m < 3, if(i % 2 = 0, 'good', 'bad'), null) as performance_label
    from range(6) as months (m), range(100) as applications (i);
    create table risk.score as
    select application_key, policy_label from risk.application_label;
    create table risk.funnel_count as
    select
        (date '2024-01-01' + to_months(cast(m as integer)))::date as cohort_month,
        stage, parent as parent_stage, n, n as n_scored, waiting as n_waiting,
        true as is_available,
        share as share_of_parent
    from range(6) as months (m),
        (values
            ('credit_applied', null, 100, 10, null),
            ('credit_approved', 'credit_applied', 60, 0, 0.6),
            ('credit_rejected', 'credit_applied', 30, 0, 0.3),
            ('drawdown_applied', 'credit_approved', 50, 5, 50 / 60),
            ('approved_undrawn', 'credit_approved', 10, 0, 10 / 60),
            ('disbursed', 'drawdown_applied', 40, 0, 0.8),
            ('drawdown_rejected', 'drawdown_applied', 5, 0, 0.1)
        ) as stages (stage, parent, n, waiting, share);
    create table risk.score_drift as
    select
        funnel.stage, funnel.cohort_month, 'policy' as label, true as is_available,
        funnel.n, funnel.n // 3 as n_good, funnel.n // 2 as n_bad, 0.4e0 as ks,
        0.39 as ks_binned, 0.3 as ks_low, 0.5 as ks_high,
        -0.01 as vertical_change_low, 0.01 as vertical_change_high,
        -0.01 as horizontal_change_low, 0.01 as horizontal_change_high,
        0.4e0 as expected_ks, 'selection' as drift_reference, -0.15 as drift_change,
        -0.2 as drift_change_low, -0.1 as drift_change_high, true as is_mature,
        false as is_thin, false as is_baseline, m.cohort_month is not null as is_drift,
        'judged' as status
    from risk.funnel_count as funnel
    left join (values (date '2024-05-01')) as m (cohort_month)
        on funnel.cohort_month = m.cohort_month and funnel.stage = 'credit_approved';
"""


@pytest.fixture
def drift(settings: Settings) -> Settings:
    """Settings of a home whose tables of the score drift are in order."""
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(TABLES)
    open_run(settings, run_id="run", dag_id="score_drift", month=JUNE)
    return settings


def judged(settings: Settings, *statements: str):
    with connect(settings) as connection:
        for statement in statements:
            connection.execute(statement)
    return run_gate(settings, run_id="run", stage="score_drift")


def test_tables_in_order_pass_every_check(drift: Settings) -> None:
    report = judged(drift)
    assert report.failed == report.warned == report.not_available == ()
    assert len(report.passed) == 34


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        (
            "No application, stage or cell stands twice",
            "insert into risk.score_drift from risk.score_drift limit 1",
        ),
        (
            "Nothing is later than the month",
            "update risk.application_label set cohort_month = '2024-07-01' "
            "where application_key = 'a0_0'",
        ),
        (
            "Scores of ours lie on their scale",
            "update risk.application_label set score = 299 "
            "where application_key = 'a0_0'",
        ),
        (
            "Scores are numbers",
            "update risk.application_label set score = 'nan', score_kind = 'lender' "
            "where application_key = 'a0_0'",
        ),
        (
            "Labels are good or bad",
            "update risk.application_label set second_label = 'fair' "
            "where application_key = 'a0_1'",
        ),
        (
            "Good by policy is only who is good by both labels",
            "update risk.application_label set second_label = 'bad' "
            "where application_key = 'a0_0'",
        ),
        (
            "Only money that left has an outcome",
            "update risk.application_label set performance_label = 'good' "
            "where application_key = 'a0_95'",
        ),
        (
            "Applications are approved, rejected or not decided yet",
            "update risk.funnel_count set n = 31, n_scored = 30 "
            "where stage = 'credit_rejected' and cohort_month = '2024-02-01'",
        ),
        (
            "Approved applications are drawn on or not",
            "update risk.funnel_count set n = 9, n_scored = 9 "
            "where stage = 'approved_undrawn' and cohort_month = '2024-02-01'",
        ),
        (
            "Draw-downs are paid out, rejected or not decided yet",
            "update risk.funnel_count set n_waiting = 4 "
            "where stage = 'drawdown_applied' and cohort_month = '2024-02-01'",
        ),
        # Refused ones that were lost on the way are taken for waiting ones: sums hold.
        (
            "Who waits at a stage ended in none below",
            "update risk.funnel_count set n = if(stage = 'drawdown_rejected', 4, n), "
            "n_scored = least(n_scored, 4), "
            "n_waiting = if(stage = 'drawdown_applied', 6, n_waiting) "
            "where cohort_month = '2024-02-01' "
            "and stage in ('drawdown_rejected', 'drawdown_applied')",
        ),
        (
            "No more went on from a stage than were at it",
            "update risk.funnel_count set n_waiting = -1 where stage = 'credit_applied'",
        ),
        (
            "No stage has more than the stage above",
            "update risk.funnel_count set share_of_parent = 1.1 "
            "where stage = 'disbursed'",
        ),
        (
            "No more have a score than there are",
            "update risk.funnel_count set n_scored = n + 1",
        ),
        (
            "Stages that are not recorded have no counts",
            "update risk.funnel_count set is_available = false "
            "where stage = 'drawdown_rejected'",
        ),
        (
            "Every month has its cohort",
            "delete from risk.funnel_count where cohort_month = '2024-03-01'",
        ),
        (
            "No cohort is later than the month",
            "update audit.run set month = '2024-05-01'",
        ),
        (
            "Labels beside the scores are those of the funnel",
            "update risk.score set policy_label = null where application_key = 'a0_0'",
        ),
        (
            "KS lies between 0 and 1, and on groups is no larger",
            "update risk.score_drift set ks_binned = 0.41",
        ),
        (
            "KS lies between 0 and 1, and on groups is no larger",
            "update risk.score_drift set ks = 'nan'",
        ),
        (
            "What selection leaves to be expected is a KS",
            "update risk.score_drift set expected_ks = 1.14",
        ),
        (
            "Cells that are judged are compared with something",
            "update risk.score_drift set is_drift = false, drift_change = null, "
            "drift_change_low = null, drift_change_high = null",
        ),
        (
            "Intervals have their ends in order",
            "update risk.score_drift set ks_low = 0.6",
        ),
        (
            "Only cells with good and bad ones have a KS",
            "update risk.score_drift set n_bad = 0",
        ),
        (
            "No more are labelled than there are",
            "update risk.score_drift set n_good = n",
        ),
        (
            "Only mature cells with enough of both outcomes are flagged",
            "update risk.score_drift set is_thin = true",
        ),
        (
            "Only mature cells with enough of both outcomes are flagged",
            "update risk.score_drift set drift_change_high = 0.1",
        ),
    ],
)
def test_what_is_wrong_stops_what_follows(
    drift: Settings, check: str, statement: str
) -> None:
    with pytest.raises(GateFailedError, match=check):
        judged(drift, statement)


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        (
            "Few applications are without a score",
            "update risk.application_label set score = null where application_key "
            "like '%1'",
        ),
        (
            "Few applications are without a policy label",
            "update risk.application_label set policy_label = null "
            "where application_key like '%1'",
        ),
    ],
)
def test_a_few_missing_scores_and_labels_are_usual(
    drift: Settings, check: str, statement: str
) -> None:
    more = statement.replace("risk.application_label", "risk.score")
    statements = [statement, more] if "policy_label" in statement else [statement]
    assert check in judged(drift, *statements).passed


@pytest.mark.parametrize(
    ("check", "statements"),
    [
        (
            "Few applications are without a score",
            [
                "update risk.application_label set score = null "
                "where funnel_end = 'rejected'"
            ],
        ),
        (
            "Few applications are without a policy label",
            [
                "update risk.application_label set policy_label = null",
                "update risk.score set policy_label = null",
            ],
        ),
        (
            "Few applications have clocks out of order",
            ["update risk.application_label set is_out_of_order = true"],
        ),
        (
            "Of few loans it is never known what became of them",
            [
                "update risk.application_label set is_outcome_unknown = true "
                "where performance_label is null",
            ],
        ),
        (
            "No money left on rejected applications",
            [
                "update risk.application_label set is_paid_though_rejected = true "
                "where application_key = 'a0_70'",
            ],
        ),
        (
            "Few mature cells are thin",
            ["update risk.score_drift set is_thin = true, is_drift = false"],
        ),
        (
            "The baseline is enough to compare cells with",
            [
                "update risk.score_drift set is_drift = false, drift_change = null, "
                "drift_change_low = null, drift_change_high = null, "
                "status = 'not compared' where cohort_month = '2024-05-01'",
            ],
        ),
        (
            "The newest judged cohort is not long past",
            [
                "update risk.score_drift set is_drift = false, status = 'immature'",
                "update risk.score_drift set status = 'judged' "
                "where cohort_month = '2024-01-01'",
                "update audit.run set month = '2024-09-01'",
            ],
        ),
    ],
)
def test_what_makes_the_matrix_say_less_is_a_warning(
    drift: Settings, check: str, statements: list[str]
) -> None:
    assert judged(drift, *statements).warned == (check,)


def test_a_portfolio_with_two_stages_is_judged_on_them(drift: Settings) -> None:
    report = judged(
        drift,
        "update risk.funnel_count set is_available = false, n = null, n_scored = null, "
        "n_waiting = null, share_of_parent = null "
        "where stage not in ('credit_approved', 'disbursed')",
        "update risk.funnel_count set parent_stage = 'credit_approved' "
        "where stage = 'disbursed'",
        # Who was approved and not paid out stands in no recorded stage.
        "update risk.funnel_count set n_waiting = 20 where stage = 'credit_approved'",
    )
    assert report.failed == ()


def test_where_stages_are_absent_the_parts_still_sum_to_the_whole(
    drift: Settings,
) -> None:
    with pytest.raises(GateFailedError, match="Approved applications are drawn on"):
        judged(
            drift,
            "update risk.funnel_count set is_available = false, n = null, "
            "n_scored = null, n_waiting = null, share_of_parent = null "
            "where stage in "
            "('drawdown_applied', 'approved_undrawn', 'drawdown_rejected')",
            "update risk.funnel_count set parent_stage = 'credit_approved' "
            "where stage = 'disbursed'",
        )


def test_a_stage_that_lost_applications_fails(drift: Settings) -> None:
    with pytest.raises(GateFailedError, match="Every stage counts who came to it"):
        judged(
            drift,
            "update risk.funnel_count set n = 39, n_scored = 39 "
            "where stage = 'disbursed'",
            "update risk.funnel_count set n_waiting = 6 where stage = 'drawdown_applied'",
        )


def test_a_portfolio_without_a_score_is_not_available_and_no_failure(
    drift: Settings,
) -> None:
    report = judged(
        drift,
        "update risk.application_label set score = null",
        "update risk.score_drift set ks = null, ks_binned = null, is_drift = false, "
        "n_good = 0, n_bad = 0, status = 'no scores'",
        "update risk.funnel_count set n_scored = 0",
    )
    assert report.failed == ()
