"""The operator that asks a person whether decisions on applications stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comove_airflow.approval import PersonApproval

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReviewApproval(PersonApproval):
    """Ask once for all decisions that wait; skipped where there is none.

    A rejection is recorded by the task after it. Without an answer in time it is skipped,
    and the next run asks.
    """

    counted_as = "reviews_waiting"
    nothing_waits = "No decision waits for a person."
    not_answered = (
        "Nobody has answered in time: the decisions keep waiting, and the next run asks "
        "again."
    )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Hand on the answer, with the limit and the strategy the person gave."""
        given = event.get("params_input") or {}
        return super().execute_complete(context, event) | {
            "limit": given.get("limit"),
            "strategy": given.get("strategy"),
        }


def granted_instead(said: Mapping[str, Any]) -> dict[str, Any]:
    """Read which limit and strategy a person gave in their answer.

    Parameters
    ----------
    said : mapping
        What the task `approve` handed on.

    Returns
    -------
    dict
        ``limit`` (currency) and ``strategy``; None where none was given.
    """
    limit = said.get("limit")
    return {
        "limit": None if limit is None or limit == "" else float(limit),
        "strategy": (said.get("strategy") or "").strip() or None,
    }
