"""What becomes of one decision when a person turns it round."""

import json
import math
from collections.abc import Mapping
from typing import Any

from comove.decision.policy import Policy
from comove.decision.scratch import DecisionError

ADMITTED = "a person has looked at it and admitted it against these reasons"
REFUSED = "a person has looked at it and refused it"
_BY_A_PERSON = (ADMITTED, REFUSED)


def overruled(
    row: Mapping[str, Any],
    policy: Policy,
    *,
    limit: float | None = None,
    strategy: str | None = None,
) -> dict[str, object]:
    """Turn a decision round, by the policy it was made by.

    Parameters
    ----------
    row : mapping
        Row of ``risk.credit_decision``.
    policy : Policy
        Of the decision, as it was kept.
    limit : float, optional
        What the person grants, in currency; held to `widest_limit`. By default the limit
        the trail gives under lending control.
    strategy : str, optional
        Name of a strategy of the policy; by default that of qualification and limit. Who
        has no score counts as of the weakest qualification.

    Returns
    -------
    dict of str to object
        Columns that change; none where no limit is left.

    Raises
    ------
    DecisionError
        When the limit is no amount, or the policy has no such strategy.
    """
    if row["proposed_decision"] == "admit":
        return _columns(0.0, None, [*_proposed_reasons(row), REFUSED])
    granted = _granted(row, policy, limit)
    if granted <= 0:
        return {}
    chosen = _strategy(row, policy, granted, strategy)
    return _columns(granted, chosen, [*_proposed_reasons(row), ADMITTED])


def as_proposed(row: Mapping[str, Any], policy: Policy) -> dict[str, object]:
    """Undo what `overruled` did to a decision that was proposed to be admitted.

    Parameters
    ----------
    row : mapping
        Row of ``risk.credit_decision``.
    policy : Policy
        Of the decision.

    Returns
    -------
    dict of str to object
        Columns as they were proposed.
    """
    granted = float(row["limit_if_admitted"])
    chosen = policy.strategy_of(row["qualification"], granted)
    return _columns(granted, chosen, _proposed_reasons(row))


def widest_limit(row: Mapping[str, Any], policy: Policy) -> float:
    """Say how much a person may grant at most: what was asked for, as control allows.

    Parameters
    ----------
    row : mapping
        Row of ``risk.credit_decision``.
    policy : Policy
        Of the decision.

    Returns
    -------
    float
        In currency, a multiple of the policy's step; 0 where lending control rejects.
    """
    requested, factor = row["requested_amount"], row["limit_factor"]
    if requested is None or row["control_applied"] == "reject":
        return 0.0
    return _in_steps(requested * (1.0 if factor is None else factor), policy)


def _granted(row: Mapping[str, Any], policy: Policy, limit: float | None) -> float:
    if limit is None:
        return float(row["limit_if_admitted"])
    if not (math.isfinite(limit) and limit > 0):
        raise DecisionError(
            f"{limit} is no limit.",
            where="limit",
            remedy="Nothing was recorded. Run the DAG `credit_decision` again, and give "
            "an amount above 0, or none.",
        )
    return min(_in_steps(limit, policy), widest_limit(row, policy))


def _in_steps(amount: float, policy: Policy) -> float:
    return policy.step_amount * math.floor(amount / policy.step_amount + 1e-9)


def _strategy(
    row: Mapping[str, Any], policy: Policy, granted: float, name: str | None
) -> Mapping[str, Any]:
    usual = policy.strategy_of(row["qualification"], granted)
    if name is None:
        return usual
    named = [one for one in policy.rows if one["strategy"] == name]
    if not named:
        known = ", ".join(sorted({one["strategy"] for one in policy.rows}))
        raise DecisionError(
            f"there was no strategy {name!r} when it was decided.",
            where="strategy",
            remedy=f"Nothing was recorded. Run the DAG `credit_decision` again, and name "
            f"one of {known}, or none.",
        )
    least = min(named, key=lambda one: float(one["first_draw_share"]))
    return dict(least) | {"limit_band": usual["limit_band"]}


def _columns(
    granted: float, chosen: Mapping[str, Any] | None, reasons: list[str]
) -> dict[str, object]:
    names = ("limit_band", "strategy", "first_draw_share")
    return {
        "credit_limit": granted,
        **{name: chosen[name] if chosen else None for name in names},
        "reason_codes": json.dumps(reasons, separators=(",", ":"), ensure_ascii=False),
    }


def _proposed_reasons(row: Mapping[str, Any]) -> list[str]:
    return [one for one in json.loads(row["reason_codes"]) if one not in _BY_A_PERSON]
