"""Numbers as a reader wants them: rounded, with a unit, and which way they went."""

import math
from enum import StrEnum

from comove.risk_model.card import percent_text

DASH = "-"


class Unit(StrEnum):
    """What a number is, and so how it is written."""

    COUNT = "number"
    AMOUNT = "currency of the portfolio"
    SHARE = "share"
    EXPECTED = "expected number"
    RATIO = "times"
    FACTOR = "standard deviations"


_DECIMALS = {
    Unit.COUNT: 0,
    Unit.AMOUNT: 0,
    Unit.EXPECTED: 1,
    Unit.RATIO: 2,
    Unit.FACTOR: 2,
}


def shown(value: float | None, unit: Unit) -> str:
    """Write a number.

    Parameters
    ----------
    value : float or None
        Any; a share as a part of 1.
    unit : Unit
        What it is.

    Returns
    -------
    str
        Rounded, thousands separated; a dash where there is none. Never a zero with a
        sign.
    """
    if value is None or not math.isfinite(value):
        return DASH
    if unit is Unit.SHARE:
        return percent_text(value)
    text = f"{value:,.{_DECIMALS[unit]}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def change(before: float | None, now: float | None, unit: Unit) -> str:
    """Say which way a number went, so that words and rounded figures never disagree.

    Parameters
    ----------
    before, now : float or None
        A month ago, and now.
    unit : Unit
        Of both.

    Returns
    -------
    str
        ``rose from … to …``, ``fell from … to …``; ``stayed at …`` where both are
        written alike; ``is …`` where nothing is known of before.
    """
    then, today = shown(before, unit), shown(now, unit)
    if before is None or now is None or DASH in (then, today):
        return f"is {today}"
    if then == today:
        return f"stayed at {today}"
    return f"{'rose' if now > before else 'fell'} from {then} to {today}"


def times(now: float | None, of: float | None) -> str:
    """Say how many times one number is another; empty where that cannot be said."""
    if now is None or not of:
        return ""
    return f"{shown(now / of, Unit.RATIO)} times"


def counted(n: float | None, one: str, many: str) -> str:
    """Write how many there are of something: ``1 freeze``, ``12 freezes``."""
    text = shown(n, Unit.COUNT)
    return f"{text} {one if text == '1' else many}"


def listed(names: list[str]) -> str:
    """Join names as a sentence does: ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
