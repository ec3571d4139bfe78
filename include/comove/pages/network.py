"""One default event and its linked debtors, as points around it."""

# ruff: noqa: S608 - SQL of the tables named below

from __future__ import annotations

import math
from typing import Any

from comove.pages.persons import MASK
from comove.pages.published import Published

MOST_NODES = 60
TABLES = ("risk.linked_debtor", "risk.strategy_action")
# Distance of the strongest link from the event, and of the weakest.
NEAREST, FARTHEST = 0.45, 1.2
_SQL = f"""
    select
        debtor.borrower_key,
        debtor.region,
        debtor.industry,
        debtor.exposure,
        debtor.link_lift,
        debtor.joint_risk_index,
        debtor.joint_probability,
        coalesce(debtor.strategy, 'no action') as strategy,
        action.status,
        action.decided_by
    from risk.linked_debtor as debtor
    left join risk.strategy_action as action
        on
            debtor.event_id = action.event_id
            and debtor.borrower_key = action.borrower_key
            and debtor.strategy = action.strategy
    where debtor.event_id = $event
    order by
        (debtor.strategy is null)::integer,
        debtor.joint_risk_index desc,
        debtor.link_lift desc,
        debtor.borrower_key
    limit {MOST_NODES}
"""


def network(published: Published, event: str, *, is_masked: bool) -> list[dict[str, Any]]:
    """Read an event's strongest links and place them around it.

    Parameters
    ----------
    published : Published
        The published copy.
    event : str
        ``event_id``.
    is_masked : bool
        Whether borrowers' keys are.

    Returns
    -------
    list of dict
        At most `MOST_NODES` debtors, those with an action first, then by falling index,
        with ``number`` (from 1) and
        the place ``x``, ``y`` (the event is at 0, 0): the nearer, the larger the lift;
        debtors of one region and industry stand together. Empty where nothing is linked
        or published.
    """
    if any(table not in published.tables() for table in TABLES):
        return []
    rows = published.query(_SQL, {"event": event})
    together = sorted(rows, key=lambda row: (row["region"] or "", row["industry"] or ""))
    turns = {id(row): turn for turn, row in enumerate(together)}
    radii = _radii([row["link_lift"] or 0.0 for row in rows])
    found = []
    for number, (row, radius) in enumerate(zip(rows, radii, strict=True), 1):
        angle = 2 * math.pi * turns[id(row)] / len(rows)
        place = {"x": radius * math.cos(angle), "y": radius * math.sin(angle)}
        key = MASK if is_masked else row["borrower_key"]
        found.append({"number": number, **row, **place, "borrower_key": key})
    return found


def _radii(lifts: list[float]) -> list[float]:
    logs = [math.log(max(lift, 1e-6)) for lift in lifts]
    span = max(logs, default=0.0) - min(logs, default=0.0)
    if span == 0:
        return [(NEAREST + FARTHEST) / 2 for _ in logs]
    return [NEAREST + (FARTHEST - NEAREST) * (max(logs) - value) / span for value in logs]
