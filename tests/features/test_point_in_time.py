"""No feature knows anything of the month it is to predict, nor of later ones."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from tests.features.conftest import LABELS, Built, of_applications, of_months

# Something happens in February 2024, of which the features of February know nothing.
MONTH = "2024-02-01"
NEXT = "2024-03-01"


@dataclass(frozen=True)
class Change:
    """What a source tells of February, changed, and which features show it in March."""

    name: str
    sql: str
    of_months: tuple[str, ...]
    of_applications: tuple[str, ...]


ATTRIBUTES = (
    "kind",
    "age_years",
    "monthly_income",
    "other_income",
    "employment_months",
    "liquid_assets",
    "fixed_assets",
    "personal_credit_score",
    "family_credit_score",
    "company_credit_score",
)


def booked(kind: str) -> str:
    """Book an event of two loans in five in the month, of half of the principal."""
    return f"""
        insert into raw.base_contract__loan_events
        select loans.* exclude (principal) replace (
            date '{MONTH}' + 3 as occurred_on,
            '{kind}' as kind,
            principal / 2 as amount
        )
        from (
            select
                events.* replace (loans.loan_id as loan_id, loans.loan_key as loan_key),
                loans.principal
            from (select * from raw.base_contract__loan_events limit 1) as events
            cross join raw.base_contract__loans as loans
            where hash(loans.loan_id) % 5 < 2
        ) as loans
    """


def redelivered(entity: str, changes: str, which: str = "true") -> str:
    """Deliver what had been accepted anew in the month, some of it changed."""
    table, landed = f"raw.base_contract__{entity}", f"timestamp '{MONTH} 09:00:00'"
    return f"""
        insert into {table}
        select rows.* replace ({changes}, {landed} as _landed_at)
        from {table} as rows
        where _status = 'accepted' and {which};
        update {table} as earlier
        set _status = 'superseded', _landed_at = timestamp '2022-01-01'
        where _status = 'accepted' and _landed_at <> {landed} and {which}
    """


# Their terms are agreed anew: a longer one moves no end that has passed.
STILL_OPEN = f"""
    loan_key in (
        select loan_key from marts.fct_loan_month
        where month = date '{MONTH}' and not is_closed
    )
"""


CHANGES = (
    Change(
        "loans are delivered anew in the month",
        redelivered(
            "loans",
            """
            3 * principal as principal,
            2 * term_months as term_months,
            annual_rate + 0.3 as annual_rate
            """,
            STILL_OPEN,
        ),
        (
            "annual_rate",
            "term_months",
            "principal",
            "exposure",
            "paid_down_share",
            "remaining_term_share",
            "instalment_to_income",
            "past_due_to_exposure",
            "utilisation",
        ),
        (
            "open_principal",
            "largest_principal_before",
            "requested_to_last_principal",
            "requested_to_mean_principal",
            "principal_growth",
            "last_loan_days_over_term",
        ),
    ),
    Change(
        "applications are delivered anew in the month",
        redelivered(
            "applications",
            """
            2 * requested_amount as requested_amount,
            approved_limit / 4 as approved_limit,
            'phone' as channel,
            'east' as region,
            'mining' as industry
            """,
        ),
        ("requested_amount", "approved_to_requested", "channel"),
        ("requested_amount", "requested_to_income", "channel", "region", "industry"),
    ),
    Change(
        "limits are delivered anew in the month",
        redelivered("credit_limits", "2 * credit_limit as credit_limit"),
        ("credit_limit", "utilisation"),
        ("credit_limit", "requested_to_limit"),
    ),
    Change(
        "payments are lost from the month on",
        f"""
        update raw.base_contract__repayments set paid_on = null, paid_amount = null
        where paid_on >= date '{MONTH}'
        """,
        (
            "days_past_due",
            "days_past_due_max_3m",
            "days_past_due_max_12m",
            "paid_on_time_share_6m",
            "late_instalments_12m",
            "past_due_to_exposure",
            "exposure",
            "paid_down_share",
            "utilisation",
            "broken_promises_12m",
        ),
        (
            "late_instalment_share_before",
            "worst_dpd_12m",
            "mean_days_late_before",
            "last_loan_days_over_term",
            "closed_late_share_before",
            "open_loans",
            "events_12m",
            "broken_promises_12m",
        ),
    ),
    Change(
        "loans are charged off and paid in full in the month",
        f"""
        insert into raw.base_contract__loan_events
        select loans.* replace (
            date '{MONTH}' + 3 as occurred_on,
            case
                when hash(loans.loan_id) % 5 = 0 then 'charge_off' else 'paid_in_full'
            end as kind
        )
        from (
            select events.* replace (loans.loan_id as loan_id, loans.loan_key as loan_key)
            from (select * from raw.base_contract__loan_events limit 1) as events
            cross join raw.base_contract__loans as loans
            where hash(loans.loan_id) % 5 < 2
        ) as loans
        """,
        ("exposure", "open_loans"),
        ("open_loans", "closed_late_share_before", "days_since_last_closed"),
    ),
    Change(
        "borrowers are contacted in the month",
        f"""
        insert into raw.base_contract__collections
        select contacts.* replace (
            contact_key || 'x' as contact_key,
            timestamp '{MONTH} 09:00:00' as contacted_at,
            date '{MONTH}' + 1 as promised_on
        )
        from raw.base_contract__collections as contacts
        """,
        (
            "contacts_3m",
            "contacts_12m",
            "months_since_contact",
            "refusals_12m",
            "broken_promises_12m",
        ),
        ("contacts_12m", "broken_promises_12m"),
    ),
    Change(
        "money moves in the month",
        f"""
        insert into raw.base_contract__transactions
        select moved.* replace (
            transaction_key || 'x' as transaction_key,
            timestamp '{MONTH} 09:00:00' as occurred_at
        )
        from raw.base_contract__transactions as moved
        """,
        ("inflow_3m", "outflow_3m", "transactions_3m", "net_flow_to_income"),
        ("inflow_3m", "outflow_3m", "transactions_3m"),
    ),
    Change(
        "limits change in the month",
        f"""
        insert into raw.base_contract__credit_limits
        select distinct on (borrower_key) limits.* replace (
            date '{MONTH}' as effective_on, 77 as credit_limit
        )
        from raw.base_contract__credit_limits as limits
        where borrower_key not in (
            select borrower_key from raw.base_contract__credit_limits
            where effective_on = date '{MONTH}'
        )
        """,
        ("credit_limit", "utilisation"),
        ("credit_limit", "requested_to_limit"),
    ),
    Change(
        "applications are made and rejected in the month",
        f"""
        insert into raw.base_contract__applications
        select applications.* replace (
            application_key || 'x' as application_key,
            timestamp '{MONTH} 00:00:00' as applied_at,
            timestamp '{MONTH} 09:00:00' as decided_at
        )
        from raw.base_contract__applications as applications
        where decision = 'rejected'
        """,
        ("applications_12m", "rejected_applications_12m"),
        ("applications_12m", "applications_90d", "rejected_12m"),
    ),
    Change(
        "rejections come in the month, not later",
        f"""
        update raw.base_contract__applications
        set decided_at = timestamp '{MONTH} 09:00:00'
        where decision = 'rejected' and applied_at < date '{MONTH}'
        and decided_at >= date '{MONTH}'
        """,
        ("rejected_applications_12m",),
        ("rejected_12m",),
    ),
    Change(
        "loans are disbursed in the month",
        f"""
        insert into raw.base_contract__loans
        select loans.* replace (
            loan_key || 'x' as loan_key,
            cast(null as varchar) as application_key,
            date '{MONTH}' as disbursed_on,
            9999 as principal
        )
        from raw.base_contract__loans as loans
        where hash(loan_id) % 3 = 0
        """,
        (
            "open_loans",
            "months_since_last_loan",
            "principal",
            "exposure",
            "remaining_term_share",
            "instalment_to_income",
            "requested_amount",
            "channel",
        ),
        (
            "loans_12m",
            "loans_90d",
            "open_loans",
            "open_principal",
            "requested_to_largest_principal",
            "days_since_last_loan",
        ),
    ),
    Change(
        "borrowers are delivered anew in the month",
        f"""
        update raw.base_contract__borrowers
        set _landed_at = timestamp '2022-01-01', _status = 'superseded';
        insert into raw.base_contract__borrowers
        select borrowers.* replace (
            timestamp '{MONTH} 09:00:00' as _landed_at,
            'accepted' as _status,
            'company' as kind,
            'east' as region,
            'mining' as industry,
            date '1900-01-01' as born_or_founded_on,
            timestamp '2024-01-20' as registered_at,
            3 * monthly_income as monthly_income,
            1 as other_income,
            2 as employment_months,
            3 as liquid_assets,
            4 as fixed_assets,
            5 as house_value,
            6 as vehicle_value,
            7 as company_assets,
            600 as personal_credit_score,
            601 as family_credit_score,
            602 as company_credit_score
        )
        from raw.base_contract__borrowers as borrowers
        """,
        ATTRIBUTES,
        (*ATTRIBUTES, "house_value", "vehicle_value", "company_assets"),
    ),
    Change(
        "instalments of the month come to loans, and move within it",
        f"""
        update raw.base_contract__repayments
        set due_on = due_on + 3
        where due_on between date '{MONTH}' and date '{MONTH}' + 20;
        insert into raw.base_contract__repayments
        select repayments.* replace (
            900 + instalment_no as instalment_no,
            date '{MONTH}' + 5 as due_on,
            null as paid_on,
            null as paid_amount
        )
        from (
            select distinct on (loan_id) *
            from raw.base_contract__repayments
            where due_on >= date '{MONTH}' + 30
            order by loan_id, instalment_no
        ) as repayments
        """,
        (
            "days_past_due",
            "paid_on_time_share_6m",
            "late_instalments_12m",
            "past_due_to_exposure",
        ),
        ("instalments_12m", "late_instalment_share_before", "worst_dpd_12m"),
    ),
    Change(
        "frauds are found in the month",
        booked("fraud"),
        # Who has defaulted is at risk no more.
        (),
        ("events_12m",),
    ),
    Change(
        "loans are restructured in the month",
        booked("restructured"),
        ("exposure", "paid_down_share", "utilisation"),
        (),
    ),
)


def changed_columns(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    both = before.index.intersection(after.index)
    old, new = before.loc[both], after.loc[both]
    return {
        name
        for name in before.columns
        if not old[name].astype(object).equals(new[name].astype(object))
    }


def test_making_the_tables_anew_gives_what_dbt_built(
    built: Built, as_built: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    with duckdb.connect(str(built.settings.places.warehouse), read_only=True) as known:
        pd.testing.assert_frame_equal(of_months(known), as_built[0])
        pd.testing.assert_frame_equal(of_applications(known), as_built[1])


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_features_know_only_what_was_known_before(
    built: Built,
    as_built: tuple[pd.DataFrame, pd.DataFrame],
    change: Change,
    tmp_path: Path,
) -> None:
    months, applications = as_built
    with built.changed(tmp_path, change.sql) as connection:
        new_months = of_months(connection)
        new_applications = of_applications(connection)
    features = months.columns.difference(LABELS)
    pd.testing.assert_frame_equal(
        months.loc[:MONTH, features], new_months.loc[:MONTH, features]
    )
    features = applications.columns.difference(LABELS)
    until = applications.index[applications["applied_at"] < pd.Timestamp(MONTH)]
    pd.testing.assert_frame_equal(
        applications.loc[until, features], new_applications.loc[until, features]
    )
    changed = changed_columns(months.loc[NEXT:], new_months.loc[NEXT:])
    assert set(change.of_months) <= changed
    assert set(change.of_applications) <= changed_columns(applications, new_applications)


def test_what_is_delivered_again_as_it_was_moves_nothing(
    built: Built, tmp_path: Path
) -> None:
    restructured = booked("restructured")
    with built.changed(tmp_path, restructured) as connection:
        months, applications = of_months(connection), of_applications(connection)
    again = [
        redelivered("loans", "principal as principal"),
        redelivered("applications", "channel as channel"),
        redelivered("credit_limits", "credit_limit as credit_limit"),
    ]
    with built.changed(tmp_path, restructured, *again) as connection:
        count = connection.execute(
            "select count(*) from features.feat_superseded_exposure"
        ).fetchall()[0][0]
        pd.testing.assert_frame_equal(of_months(connection), months)
        pd.testing.assert_frame_equal(of_applications(connection), applications)
    assert count > 100
