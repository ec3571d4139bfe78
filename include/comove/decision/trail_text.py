"""The trail of a decision in words, for the command line."""

from collections.abc import Iterator, Mapping
from typing import Any

from comove.decision.trail import Trail


def lines(trail: Trail) -> Iterator[str]:
    """Tell a decision step by step.

    Parameters
    ----------
    trail : Trail
        The decision.
    """
    row = trail.decision
    known = "existing" if row["is_existing_borrower"] else "new"
    yield f"application {row['application_key']} as of {row['decided_as_of']}"
    yield f"borrower    {known}, identity: {row['identity_status']}"
    yield (
        f"admission   {row['admission']}: probability of repaying "
        f"{_number(row['admission_probability'], '.3f')} by {row['admission_source']} "
        f"({row['model_version'] or 'no model'})"
    )
    yield f"band        {_band(row)}"
    yield (
        f"limit       {row['limit_before_control']:,.0f} of "
        f"{_number(row['requested_amount'], ',.0f')} asked for (estimate "
        f"{_number(row['limit_estimate'], ',.0f')}, ceiling "
        f"{_number(row['limit_ceiling'], ',.0f')})"
    )
    control = row["control_applied"]
    yield f"control     {f'{control} by event ' + row['event_id'] if control else 'none'}"
    yield (
        f"strategy    {row['strategy'] or 'none'} (qualification "
        f"{row['qualification'] or 'not known'}, limit band "
        f"{row['limit_band'] or 'none'})"
    )
    yield f"proposed    {row['proposed_decision']}, limit {row['credit_limit']:,.0f}"
    for reason in trail.reasons:
        yield f"  - {reason}"
    yield from _compared(trail)


def _band(row: Mapping[str, Any]) -> str:
    if not row["score_band"]:
        return "none"
    effect = (
        f"limits times {row['score_band_factor']:g}"
        if row["score_band_factor"]
        else "refused"
    )
    return f"{row['score_band']} of version {row['score_band_version']}: {effect}"


# What stands in the place of a final decision, by `review_status`.
_NOT_FINAL = {
    "historical": "historical, the lender decided itself",
    "returned": "not final, to be decided by its form",
    "waiting": "waits for a person",
}


def _compared(trail: Trail) -> Iterator[str]:
    kept = trail.kept
    if kept is None:
        yield "kept        not decided yet"
        return
    status = kept["review_status"]
    answered = f", {status} by {kept['reviewed_by']}" * bool(kept["reviewed_by"])
    final = kept["final_decision"] or _NOT_FINAL[status]
    yield f"kept        {final}{answered} (run {kept['run_id']})"
    if trail.differs:
        yield f"differs in  {', '.join(trail.differs)}"
    else:
        yield "the same decision as kept"


def _number(value: Any, form: str) -> str:
    return "not known" if value is None or value != value else format(value, form)
