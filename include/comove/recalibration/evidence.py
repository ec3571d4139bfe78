"""What a person is shown before they decide on a strategy: aggregates, nobody by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from comove.recalibration.strategy import Band, Strategy

if TYPE_CHECKING:
    from comove.recalibration.assess import Assessment

_WHOSE = {
    "own": "**comove's own score**: `credit_decision` follows what is in force.",
    "lender": "**the lender's score**: `credit_decision` follows bands of our own only; "
    "the lender's own system has to be told.",
}
_BANDS = "| Score | band | action | limit factor |\n|---|---|---|---:|"
_EFFECTS = "| Change | effect | 95 % interval, all candidates at once |\n|---|---:|---|"
_FACTORS = (
    "| Factor | adjustments | magnitude | gap | gap times weight |\n"
    "|---|---:|---:|---:|---:|"
)


def evidence_of(
    before: Strategy,
    after: Strategy,
    found: Assessment | None,
    why: str = "",
    *,
    score_kind: str = "own",
) -> str:
    """Write why a strategy is proposed and what it changes, as Markdown.

    Parameters
    ----------
    before, after : Strategy
        In force, and proposed.
    found : Assessment or None
        What it was proposed on; None where an old version is brought back.
    why : str
        Shown first where nothing was assessed.
    score_kind : str
        Whose score the points are of: ``own`` or ``lender``.
    """
    parts = [why, *_reasons(found)] if found else [why]
    parts.append(f"Points are those of {_WHOSE[score_kind]}")
    parts += ["**In force**", _bands(before), "**Proposed**", _bands(after)]
    return "\n\n".join(part for part in parts if part)


def _reasons(found: Assessment) -> Iterable[str]:
    yield "\n".join(f"- {call}" for call in found.calls)
    yield f"Main factor: **{found.main_factor}**."
    if found.factors:
        lines = (
            f"| {one.factor} | {one.adjustments} | {one.magnitude:.2f} | {one.gap:.3f} "
            f"| {one.weighted_gap:.3f} |"
            for one in found.factors
        )
        yield "\n".join((_FACTORS, *lines))
    if found.window:
        yield (
            f"Tried on {found.window.loans:,} mature loans ({found.window.bad:,} bad) of "
            f"the cohorts {found.window.first:%Y-%m} to {found.window.last:%Y-%m}."
        )
    taken = [one for one in found.candidates if one.is_selected and not one.is_in_force]
    lines = (
        f"| {one.name} | {_effect(one.kind, one.effect)} "
        f"| {_effect(one.kind, one.low)} to {_effect(one.kind, one.high)} |"
        for one in taken
    )
    yield "\n".join((_EFFECTS, *lines))


def _effect(kind: str, effect: float) -> str:
    if kind == "cutoff":
        return f"{100 * effect:+.2f} % of what was lent"
    return f"{1000 * effect:+.2f} thousandths of log loss saved"


def _bands(strategy: Strategy) -> str:
    return "\n".join((_BANDS, *map(_line, strategy.bands)))


def _line(band: Band) -> str:
    low = "lowest" if band.score_from is None else f"{band.score_from:g}"
    high = "highest" if band.score_to is None else f"below {band.score_to:g}"
    return f"| {low} to {high} | {band.band} | {band.action} | {band.limit_factor:g} |"
