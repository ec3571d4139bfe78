"""Rules that real responses to defaults have written reach decisions, and only there."""

import datetime as dt
from typing import Any

import pytest
from tests.decision.cases import NOON, POLICY, write_input
from tests.default_response.conftest import Respond, bank, bank_file, response
from tests.default_response.small_bank import links, rows

from comove.connection import connect, utc_now
from comove.decision.rules import apply_rules
from comove.decision.tables import ensure_decision_tables
from comove.default_response.approval import Answer, decide
from comove.settings import Settings

__all__ = ["bank", "bank_file", "response"]

MAY = dt.date(2024, 5, 10)


def decided(lender: Settings, *cases: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Limit, refusing step, control and event of each case, by today's rules."""
    with connect(lender) as connection:
        ensure_decision_tables(connection)
        connection.execute("delete from risk.decision_input")
        for n, case in enumerate(cases):
            write_input(connection, **{"application_key": f"{n}", "as_of": MAY} | case)
        connection.execute(
            "create or replace temp table asked as select application_key, as_of, "
            "?::timestamp as known_until from risk.decision_input",
            [utc_now()],
        )
        apply_rules(connection, POLICY, inputs="risk.decision_input")
        return connection.execute(
            "select credit_limit, refused_at, control_applied, event_id from decided "
            "order by application_key"
        ).fetchall()


def test_applications_that_share_with_the_fallen_get_less(
    bank: Settings, response: Respond
) -> None:
    response(links(lambda *_: 1.5))
    cell, region, elsewhere, later = decided(
        bank,
        {"region": "north", "industry": "retail"},
        {"region": "north", "industry": "farming"},
        {"region": "west", "industry": "farming"},
        # Three months from April on.
        {"region": "north", "industry": "retail", "as_of": dt.date(2024, 7, 1)},
    )
    assert cell[:3] == region[:3] == (1050.0, None, "reduce")
    assert elsewhere == later == (1500.0, None, None, None)
    # Who fell in the region is named, and for the cell one who shares either.
    fallen = "select region, industry from risk.default_event where event_id = '{}'"
    assert rows(bank, fallen.format(region[3]))[0][0] == "north"
    assert {"north", "retail"} & set(rows(bank, fallen.format(cell[3]))[0])


@pytest.mark.parametrize(
    ("is_approved", "expected"),
    [(True, (0.0, "lending control", "reject")), (False, (1500.0, None, None))],
)
def test_a_freeze_refuses_once_a_person_has_approved_it(
    bank: Settings,
    response: Respond,
    is_approved: bool,
    expected: tuple[float, str | None, str | None],
) -> None:
    case = {"region": "north", "industry": "retail"}
    asked = response(links(lambda *_: 5.0))
    assert decided(bank, case)[0][:3] == (1500.0, None, None)
    moment = NOON.replace(month=4, day=3)
    said = Answer(is_approved, "grace", moment, "seen", asked.waiting_id)
    decide(bank, run_id="run", answer=said)
    before, since = decided(bank, case | {"as_of": dt.date(2024, 4, 2)}, case)
    assert before[:3] == (1500.0, None, None)
    assert since[:3] == expected
