"""Changes in the lender's own business, around the planted drifts."""

import numpy as np
import pyarrow as pa

from comove.simulation.calendar import Calendar
from comove.simulation.delivery import build
from comove.simulation.plan import Plan

# Kind, size and words of the change behind a drift of each stage.
CAUSES = {
    "credit_applied": ("management", 0.7, "Score engine moved to a new data supplier"),
    "credit_approved": ("policy", 0.7, "Committee may overrule the score"),
    "drawdown_applied": ("competition", 0.7, "Rival lender pays for switching"),
    "disbursed": ("policy", 0.7, "Second check before paying out"),
}
# Share of the window, kind, size, words: changes without effect on the score.
HARMLESS = (
    (0.08, "management", 0.10, "Branch opening hours extended"),
    (0.22, "competition", 0.15, "Rival lender advertises"),
    (0.35, "policy", 0.10, "Shorter application form"),
)


def business_adjustments(plan: Plan, calendar: Calendar) -> pa.Table:
    """Rows of `business_adjustments`: the cause of each drift, and harmless ones."""
    rows = [(int(at * calendar.months), *rest) for at, *rest in HARMLESS]
    for drift in plan.drifts:
        months = drift.months(calendar.months)
        if months:
            rows.append((months[0], *CAUSES[drift.stage]))
    rows.sort()
    return build(
        "business_adjustments",
        {
            "adjustment_id": pa.array([f"ADJ-{i:03d}" for i in range(1, len(rows) + 1)]),
            "adjusted_on": calendar.first_day[np.array([row[0] for row in rows])],
            "kind": pa.array([row[1] for row in rows]),
            "magnitude": np.array([row[2] for row in rows]),
            "description": pa.array([row[3] for row in rows]),
        },
    )
