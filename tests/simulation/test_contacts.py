"""Nothing that is delivered knows an event before it comes."""

import duckdb
import pytest
from scipy import stats

# Instalments still unpaid on a day after they fell due, and the contact of that day.
REACHED = """
    with instalments as (
        select
            borrower_id, loan_id, any_value(due_on) as due_on,
            max(coalesce(paid_on, date '9999-12-31')) as paid_on
        from repayments inner join loans using (loan_id)
        group by borrower_id, loan_id, instalment_no
    )
    select
        event_month is not null
        and date_trunc('month', due_on) = event_month - interval 1 month as falls,
        contact_id is not null as is_contacted,
        collections.outcome,
        instalments.due_on
    from instalments
    inner join true_loan using (loan_id)
    left join collections
        on
            instalments.borrower_id = collections.borrower_id
            and cast(contacted_at as date) = due_on + {day}
    where
        paid_on > due_on + {day}
        and due_on + {day} <= date '2024-12-31'
        and (
            event_month is null
            or date_trunc('month', due_on) < event_month
        )
"""


@pytest.mark.parametrize("day", [8, 20])
def test_who_will_fall_is_contacted_as_often_as_who_will_not(
    clean: duckdb.DuckDBPyConnection, day: int
) -> None:
    """Three in ten of either, within four standard errors."""
    shares = clean.sql(f"""
        select falls, avg(cast(is_contacted as integer)), count(*)
        from ({REACHED.format(day=day)}) group by falls order by falls
    """).fetchall()

    assert [falls for falls, _, _ in shares] == [False, True]
    for _, share, count in shares:
        assert count > 500
        assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / count) ** 0.5)


@pytest.mark.parametrize("day", [8, 20])
def test_outcomes_before_the_event_are_those_of_everybody(
    clean: duckdb.DuckDBPyConnection, day: int
) -> None:
    counts = (
        clean.sql(f"""
        pivot (select * from ({REACHED.format(day=day)}) where is_contacted)
        on outcome using count(*) group by falls order by falls
    """)
        .df()
        .drop(columns="falls")
    )

    assert counts.to_numpy().min() > 5
    assert stats.chi2_contingency(counts).pvalue > 0.001


def test_after_the_event_everybody_hears_of_it(clean: duckdb.DuckDBPyConnection) -> None:
    silent, reached = clean.sql(f"""
        select count(*) filter (not is_contacted), count(*)
        from ({REACHED.format(day=35)}) where falls
    """).fetchall()[0]

    assert reached > 500
    assert silent == 0


def test_parts_of_an_instalment_are_paid_in_one_month(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    """A part before a month's end would tell that the rest comes after it."""
    apart, split = clean.sql("""
        select count(*) filter (months > 1), count(*) from (
            select count(distinct date_trunc('month', paid_on)) as months
            from repayments group by loan_id, instalment_no having count(paid_on) > 1
        )
    """).fetchall()[0]

    assert split > 1_000
    assert apart == 0


@pytest.mark.parametrize(
    ("when", "fall"),
    [
        ("event_month = date_trunc('month', applied_at)", 0),
        ("event_month < date_trunc('month', applied_at)", -75),
    ],
)
def test_the_lenders_score_falls_after_an_event_and_not_in_its_month(
    clean: duckdb.DuckDBPyConnection, when: str, fall: float
) -> None:
    """600 + 50·(0.8·strength + 0.6·noise), less 75 afterwards."""
    mean, count = clean.sql(f"""
        with first_events as (
            select borrower_id, min(event_month) as event_month
            from true_loan where event_month is not null group by borrower_id
        )
        select avg(application_score - 600 - 40 * strength), count(*)
        from applications
        inner join true_application using (application_id)
        inner join first_events using (borrower_id)
        where {when} and not is_drifted
    """).fetchall()[0]

    assert count > 5
    assert mean == pytest.approx(fall, abs=4 * 30 / count**0.5)
