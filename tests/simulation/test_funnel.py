import duckdb
import numpy as np
import pytest
from scipy import stats

STAGES = {
    "credit_applied": "true",
    "credit_approved": "decision = 'approved'",
    "drawdown_applied": "drawdown_applied_at is not null",
    "disbursed": "disbursed_at is not null",
}


def separation(clean: duckdb.DuckDBPyConnection, stage: str, months: str) -> float:
    """KS of the score between the better and the worse half, by delivered columns."""
    strength, score = (
        clean.sql(f"""
        select strength, application_score
        from applications inner join true_application using (application_id)
        where {STAGES[stage]} and date_trunc('month', applied_at) in ({months})
    """)
        .fetchnumpy()
        .values()
    )
    better = strength > np.median(strength)
    return float(stats.ks_2samp(score[better], score[~better]).statistic)


def test_each_stage_is_part_of_the_one_before(clean: duckdb.DuckDBPyConnection) -> None:
    broken = clean.sql("""
        select count(*) from applications
        where
            (drawdown_applied_at is not null and decision <> 'approved')
            or (
                disbursed_at is not null
                and drawdown_decision is distinct from 'approved'
            )
            or (drawdown_decision is not null and drawdown_applied_at is null)
            or (decision is null) <> (decided_at is null)
            or (decision is distinct from 'approved') <> (approved_limit is null)
    """).fetchall()

    assert broken == [(0,)]


def test_steps_follow_each_other_in_time(clean: duckdb.DuckDBPyConnection) -> None:
    broken = clean.sql("""
        select count(*) from applications
        where decided_at <= applied_at or drawdown_applied_at <= decided_at
            or drawdown_decided_at <= drawdown_applied_at
            or disbursed_at <= drawdown_decided_at
    """).fetchall()

    assert broken == [(0,)]


def test_every_disbursed_application_is_a_loan_and_no_other(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    differing = clean.sql("""
        select count(*)
        from (select * from applications where disbursed_at is not null) as a
        full join loans as l on a.application_id = l.application_id
        where
            a.application_id is null or l.application_id is null
            or l.principal <> a.drawdown_amount or a.borrower_id <> l.borrower_id
            or l.disbursed_on <> cast(a.disbursed_at as date)
    """).fetchall()

    assert differing == [(0,)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_drift_shows_in_its_stage_and_not_in_the_one_before(
    clean: duckdb.DuckDBPyConnection, stage: str
) -> None:
    drifted = f"select cohort_month from true_score_drift where stage = '{stage}'"
    calm = """
        select distinct date_trunc('month', applied_at) from applications
        where date_trunc('month', applied_at) not in (
            select cohort_month from true_score_drift
        )
    """
    above = dict(zip(STAGES, [None, *STAGES], strict=False))[stage]

    assert separation(clean, stage, drifted) < separation(clean, stage, calm) - 0.1
    if above:
        change = separation(clean, above, drifted) - separation(clean, above, calm)
        assert abs(change) < 0.1


def test_better_channels_bring_better_borrowers(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    order = clean.sql("""
        select channel
        from applications inner join true_application using (application_id)
        group by channel order by avg(quality) desc
    """).fetchall()

    assert [row[0] for row in order] == [
        "branch",
        "web",
        "mobile_app",
        "partner",
        "broker",
    ]


def test_returning_persons_keep_name_and_birth_date(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    persons, same = clean.sql("""
        select count(*), count(*) filter (
            new.name = old.name and new.born_or_founded_on = old.born_or_founded_on
            and new.address <> old.address and new.registered_at > old.registered_at
        )
        from true_borrower as t
        inner join borrowers as new using (borrower_id)
        inner join borrowers as old on t.former_borrower_id = old.borrower_id
    """).fetchall()[0]

    # 0.4 % of 8,000.
    assert persons == 32
    assert same == persons


def test_scores_stay_within_their_range(clean: duckdb.DuckDBPyConnection) -> None:
    low, high = clean.sql(
        "select min(application_score), max(application_score) from applications"
    ).fetchall()[0]

    assert low >= 300
    assert high <= 850


def test_each_drift_has_an_adjustment_as_its_cause(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    unexplained = clean.sql("""
        select count(*) from (
            select min(cohort_month) as adjusted_on from true_score_drift group by stage
        ) where adjusted_on not in (select adjusted_on from business_adjustments)
    """).fetchall()

    assert unexplained == [(0,)]
