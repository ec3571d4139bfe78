"""Delivered rows as Arrow tables with exactly the contract's types."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from comove.contract import Table, load_source
from comove.simulation.behaviour import Loans
from comove.simulation.calendar import NONE, Ints
from comove.simulation.contacts import (
    KINDS,
    MEDIA,
    OUTCOMES,
    Contacts,
    Limits,
    Transactions,
)
from comove.simulation.funnel import Applications
from comove.simulation.names import addresses, names
from comove.simulation.people import People
from comove.simulation.plan import Plan
from comove.simulation.schedule import EVENT_KINDS, LoanEvents, Payments

ARROW_TYPES = {
    "varchar": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "decimal(18,2)": pa.decimal128(18, 2),
    "integer": pa.int32(),
    "double": pa.float64(),
}
DECISIONS = ("rejected", "approved")
MICROSECONDS = 1_000_000


def entity(name: str) -> Table:
    """One entity of the source contract."""
    return next(table for table in load_source("contract") if table.name == name)


def schema(name: str) -> pa.Schema:
    """Arrow schema of an entity."""
    return pa.schema(
        [(column.name, ARROW_TYPES[column.data_type]) for column in entity(name).columns]
    )


def build(name: str, values: dict[str, Any]) -> pa.Table:
    """Build a table of an entity from numpy arrays.

    Parameters
    ----------
    name : str
        Entity.
    values : dict
        By column: cents for money, days for dates, seconds for timestamps, `NONE` where
        there is no value; Arrow arrays for text.
    """
    fields = schema(name)
    arrays = [_array(values[field.name], field.type) for field in fields]
    return pa.table(arrays, schema=fields)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if pa.types.is_floating(kind):
        return pa.array(values, mask=np.isnan(values))
    missing = values == NONE
    convert: dict[pa.DataType, Callable[[], pa.Array]] = {
        pa.decimal128(18, 2): lambda: decimals(values, missing),
        pa.date32(): lambda: pa.array(values.astype(np.int32), mask=missing).cast(kind),
        pa.timestamp("us"): lambda: pa.array(values * MICROSECONDS, mask=missing).cast(
            kind
        ),
        pa.int32(): lambda: pa.array(values.astype(np.int32), mask=missing),
    }
    return convert[kind]()


def decimals(cents: Ints, missing: Any = None) -> pa.Array:
    """Cents as decimal(18,2), without going through Python objects."""
    cents = np.ascontiguousarray(cents, np.int64)
    words = np.empty((len(cents), 2), np.int64)
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    valid = None
    if missing is not None and missing.any():
        valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(
        pa.decimal128(18, 2), len(cents), [valid, pa.py_buffer(words)]
    )


def ids(prefix: str, numbers: Ints) -> pa.Array:
    """Write identifiers such as ``B0000001``."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 7, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def words(choices: tuple[str, ...] | list[str], index: Ints) -> pa.Array:
    """Text by number; null where the number is negative."""
    return pa.array(choices).take(pa.array(index, mask=np.asarray(index) < 0))


class Ids:
    """Identifiers of one block, unique over all blocks.

    Parameters
    ----------
    people : People
        Borrowers of the block.
    plan : Plan
        Says how many transactions they make.
    """

    def __init__(self, people: People, plan: Plan) -> None:
        first = int(people.number[0]) - 1
        self.borrower = ids("B", people.number)
        # A block draws at most so many of each per borrower; gaps are what a lender's
        # sequences have, too.
        most = {
            "A": 12,
            "L": 6,
            "C": 30,
            "T": 4 + int(2 * plan.transactions_per_borrower),
        }
        self._first = {prefix: count * first for prefix, count in most.items()}

    def numbered(self, prefix: str, count: int) -> pa.Array:
        """Give the first `count` identifiers of the block with a prefix."""
        start = self._first[prefix] + 1
        return ids(prefix, start + np.arange(count))


def borrowers(people: People, plan: Plan, ids: Ids) -> pa.Table:
    """Rows of `borrowers`."""
    return build(
        "borrowers",
        {
            "borrower_id": ids.borrower,
            "kind": words(["person", "company"], people.is_company.astype(np.int64)),
            "name": names(people),
            "born_or_founded_on": people.born,
            "region": words(plan.region_names, people.region),
            "address": addresses(people, plan),
            "industry": words(plan.industry_names, people.industry),
            "registered_at": people.registered * 86_400 + 28_800,
            "monthly_income": people.income,
            "other_income": people.other_income,
            "employment_months": people.employment_months,
            "liquid_assets": people.liquid,
            "fixed_assets": people.fixed,
            "house_value": people.house,
            "vehicle_value": people.vehicle,
            "company_assets": people.company_assets,
            "personal_credit_score": people.personal_score,
            "family_credit_score": people.family_score,
            "company_credit_score": people.company_score,
        },
    )


def applications(a: Applications, people: People, plan: Plan, ids: Ids) -> pa.Table:
    """Rows of `applications`."""
    channels = [channel.name for channel in plan.channels]
    return build(
        "applications",
        {
            "application_id": ids.numbered("A", len(a)),
            "borrower_id": ids.borrower.take(a.borrower),
            "channel": words(channels, a.channel),
            "applied_at": a.applied_at,
            "requested_amount": a.requested,
            "region": words(plan.region_names, people.region[a.borrower]),
            "industry": words(plan.industry_names, people.industry[a.borrower]),
            "decision": words(DECISIONS, a.decision),
            "decided_at": a.decided_at,
            "approved_limit": a.limit,
            "drawdown_applied_at": a.drawdown_applied_at,
            "drawdown_amount": a.drawdown_amount,
            "drawdown_decision": words(DECISIONS, a.drawdown_decision),
            "drawdown_decided_at": a.drawdown_decided_at,
            "disbursed_at": a.disbursed_at,
            "application_score": a.score,
        },
    )


def loans(
    loans: Loans, loan_ids: pa.Array, application_ids: pa.Array, ids: Ids
) -> pa.Table:
    """Rows of `loans`."""
    return build(
        "loans",
        {
            "loan_id": loan_ids,
            "application_id": application_ids.take(loans.application),
            "borrower_id": ids.borrower.take(loans.borrower),
            "principal": loans.principal,
            "annual_rate": loans.rate,
            "term_months": loans.term,
            "disbursed_on": loans.disbursed_on,
            "cycle_days": loans.cycle_days,
        },
    )


def repayments(payments: Payments, loan_ids: pa.Array) -> pa.Table:
    """Rows of `repayments`."""
    return build(
        "repayments",
        {
            "loan_id": loan_ids.take(payments.loan),
            "instalment_no": payments.number,
            "payment_no": payments.payment,
            "due_on": payments.due_on,
            "due_amount": payments.due,
            "paid_on": payments.paid_on,
            "paid_amount": payments.paid,
        },
    )


def loan_events(events: LoanEvents, loan_ids: pa.Array) -> pa.Table:
    """Rows of `loan_events`."""
    return build(
        "loan_events",
        {
            "loan_id": loan_ids.take(events.loan),
            "occurred_on": events.occurred_on,
            "kind": words(EVENT_KINDS, events.kind),
            "amount": events.amount,
        },
    )


def collections(contacts: Contacts, ids: Ids) -> pa.Table:
    """Rows of `collections`."""
    return build(
        "collections",
        {
            "contact_id": ids.numbered("C", len(contacts.borrower)),
            "borrower_id": ids.borrower.take(contacts.borrower),
            "contacted_at": contacts.contacted_at,
            "medium": words(MEDIA, contacts.medium),
            "outcome": words(OUTCOMES, contacts.outcome),
            "promised_amount": contacts.promised,
            "promised_on": contacts.promised_on,
        },
    )


def transactions(made: Transactions, ids: Ids) -> pa.Table:
    """Rows of `transactions`."""
    return build(
        "transactions",
        {
            "transaction_id": ids.numbered("T", len(made.borrower)),
            "borrower_id": ids.borrower.take(made.borrower),
            "occurred_at": made.occurred_at,
            "amount": made.amount,
            "kind": words(KINDS, made.kind),
        },
    )


def credit_limits(limits: Limits, ids: Ids) -> pa.Table:
    """Rows of `credit_limits`."""
    return build(
        "credit_limits",
        {
            "borrower_id": ids.borrower.take(limits.borrower),
            "effective_on": limits.effective_on,
            "credit_limit": limits.limit,
        },
    )
