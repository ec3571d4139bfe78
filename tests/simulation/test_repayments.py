"""A planted event is an instalment 30 days past due, and nothing else is."""

import duckdb
import pytest

# First month in which each loan has an instalment unpaid 30 days after it was due.
FIRST_MONTH_PAST_DUE = """
    with instalments as (
        select
            loan_id, instalment_no, any_value(due_on) as due_on,
            any_value(due_amount) as due_amount,
            coalesce(sum(paid_amount) filter (paid_on < due_on + 30), 0) as paid_in_time
        from repayments group by all
    )
    select loan_id, date_trunc('month', min(due_on + 30)) as month
    from instalments
    where paid_in_time < due_amount and due_on + 30 <= date '2024-12-31'
    group by loan_id
"""


def test_every_planted_default_is_past_due_in_its_month(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    wrong, planted = clean.sql(f"""
        select count(*) filter (past_due.month is distinct from event_month), count(*)
        from true_loan left join ({FIRST_MONTH_PAST_DUE}) as past_due using (loan_id)
        where event_month is not null and not is_fraud
    """).fetchall()[0]

    assert planted > 500
    assert wrong == 0


def test_nothing_else_gets_30_days_past_due(clean: duckdb.DuckDBPyConnection) -> None:
    others = clean.sql(f"""
        select count(*) from ({FIRST_MONTH_PAST_DUE}) inner join true_loan using (loan_id)
        where event_month is null
    """).fetchall()

    assert others == [(0,)]


def test_events_of_borrowers_are_those_of_their_loans(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    differing = clean.sql("""
        with of_loans as (
            select distinct borrower_id, event_month as month
            from true_loan where event_month is not null
        ),
        of_borrowers as (
            select borrower_id, month from true_borrower_month where is_event
        )
        select count(*) from of_loans full join of_borrowers using (borrower_id, month)
        where of_loans.month is null or of_borrowers.month is null
    """).fetchall()

    assert differing == [(0,)]


def test_borrowers_at_risk_are_those_with_an_open_loan_without_event(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    differing = clean.sql("""
        with ends as (
            select loan_id, min(occurred_on) as ended_on
            from loan_events where kind in ('paid_in_full', 'charge_off') group by 1
        ),
        months as (select distinct month from true_borrower_month),
        open as (
            select distinct loans.borrower_id, months.month
            from loans
            inner join true_loan using (loan_id)
            left join ends using (loan_id)
            inner join months on loans.disbursed_on < months.month
            where
                (ends.ended_on is null or ends.ended_on >= months.month)
                and (event_month is null or event_month >= months.month)
        )
        select count(*) from open full join true_borrower_month using (borrower_id, month)
        where open.month is null or true_borrower_month.month is null
    """).fetchall()

    assert differing == [(0,)]


def test_frauds_are_flagged_in_their_month(clean: duckdb.DuckDBPyConnection) -> None:
    wrong, frauds = clean.sql("""
        select
            count(*) filter (
                date_trunc('month', occurred_on) is distinct from event_month
            ),
            count(*)
        from true_loan
        left join loan_events
            on true_loan.loan_id = loan_events.loan_id and kind = 'fraud'
        where is_fraud
    """).fetchall()[0]

    assert frauds > 0
    assert wrong == 0


def test_repayment_keys_are_unique_and_payments_numbered(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    repeated, unnumbered = clean.sql("""
        select
            count(*) - count(distinct (loan_id, instalment_no, payment_no)),
            count(*) filter ((payment_no = 0) <> (paid_on is null))
        from repayments
    """).fetchall()[0]

    assert (repeated, unnumbered) == (0, 0)


def test_instalments_are_numbered_without_gaps(clean: duckdb.DuckDBPyConnection) -> None:
    gaps = clean.sql("""
        select count(*) from (
            select max(instalment_no) - count(distinct instalment_no) as missing
            from repayments group by loan_id
        ) where missing <> 0
    """).fetchall()

    assert gaps == [(0,)]


def test_nothing_happens_after_the_window(clean: duckdb.DuckDBPyConnection) -> None:
    last = clean.sql("""
        select
            (select max(paid_on) from repayments),
            (select max(occurred_on) from loan_events),
            (select cast(max(greatest(applied_at, decided_at, disbursed_at)) as date)
             from applications),
            (select max(disbursed_on) from loans),
            (select cast(max(contacted_at) as date) from collections),
            (select cast(max(occurred_at) as date) from transactions),
            (select max(effective_on) from credit_limits),
    """).fetchall()[0]

    assert all(str(day) <= "2024-12-31" for day in last)


def test_only_the_next_instalment_of_open_loans_is_known_beforehand(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    most = clean.sql("""
        select max(due_on), max(instalments) from (
            select loan_id, max(due_on) as due_on, count(*) as instalments
            from repayments where due_on > date '2024-12-31' group by loan_id
        )
    """).fetchall()[0]

    assert str(most[0]) <= "2025-01-31"
    assert most[1] == 1


def test_loans_paid_in_full_owe_nothing(clean: duckdb.DuckDBPyConnection) -> None:
    owing, loans = clean.sql("""
        with owed as (
            select
                loan_id, sum(due) as due, sum(paid) as paid, max(last_paid) as last_paid
            from (
                select
                    loan_id, any_value(due_amount) as due, sum(paid_amount) as paid,
                    max(paid_on) as last_paid
                from repayments group by loan_id, instalment_no
            ) group by loan_id
        )
        select count(*) filter (due <> paid or last_paid <> occurred_on), count(*)
        from loan_events inner join owed using (loan_id) where kind = 'paid_in_full'
    """).fetchall()[0]

    assert loans > 1_000
    assert owing == 0


def test_recoverable_borrowers_repay_half_within_90_days_and_others_do_not(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    counts = clean.sql("""
        select is_recoverable, repaid_in_90_days * 2 >= overdue_amount, count(*) > 50
        from true_overdue where is_observed group by all order by 1
    """).fetchall()

    assert counts == [(False, False, True), (True, True, True)]


def test_charge_offs_come_120_to_150_days_past_due(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    days = clean.sql("""
        with oldest as (
            select loan_id, min(due_on) as due_on from (
                select
                    loan_id, any_value(due_on) as due_on, any_value(due_amount) as due,
                    coalesce(sum(paid_amount) filter (paid_on < due_on + 30), 0) as paid
                from repayments group by loan_id, instalment_no
            ) where paid < due group by loan_id
        )
        select min(occurred_on - due_on), max(occurred_on - due_on), count(*) > 100
        from loan_events inner join oldest using (loan_id) where kind = 'charge_off'
    """).fetchall()

    assert days == [(120, 149, True)]


@pytest.mark.parametrize(
    "kind", ["charge_off", "paid_in_full", "restructured", "recovered", "fraud"]
)
def test_every_kind_of_event_occurs(clean: duckdb.DuckDBPyConnection, kind: str) -> None:
    found = clean.execute("select count(*) from loan_events where kind = ?", [kind])

    assert found.fetchall()[0][0] > 0


def test_months_are_short_for_loans_due_at_their_end(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    leap = clean.sql("""
        select count(*) filter (due_on = date '2024-02-29') > 0,
               count(*) filter (due_on = date '2023-02-28') > 0
        from repayments
    """).fetchall()

    assert leap == [(True, True)]
