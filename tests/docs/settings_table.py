"""What the table of settings must say of each, taken from the code."""

import json
from typing import Any

from comove.settings import Settings

SCHEMA = Settings.model_json_schema()["properties"]
# By the last word of a name that is a unit. A word of the middle is not.
UNITS = {
    "days": "days",
    "months": "months",
    "share": "share of 1",
    "probability": "share of 1",
    "chance": "share of 1",
    "margin": "share of 1",
    "amount": "currency of the portfolio",
    "points": "points of the score",
    "rows": "rows",
    "gib": "GiB",
    "loans": "loans",
    "applications": "applications",
    "events": "events",
    "ks": "KS, 0 to 1",
    "year": "year",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def row(name: str, meaning: str) -> str:
    """A row of the table."""
    cells = (
        f"`COMOVE_{name.upper()}`",
        default(name),
        allowed(name),
        unit(name),
        meaning,
    )
    return f"| {' | '.join(cells)} |"


def default(name: str) -> str:
    value = Settings.model_fields[name].default
    plain = getattr(value, "get_secret_value", lambda: value)()
    if plain in (None, "", ()):
        return "empty"
    return f"`{json.dumps(plain) if isinstance(plain, tuple) else plain}`"


def allowed(name: str) -> str:
    """Bounds or choices, in words."""
    kinds = SCHEMA[name].get("anyOf", [SCHEMA[name]])
    kind: dict[str, Any] = next(one for one in kinds if one.get("type") != "null")
    if choices := kind.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    return ", ".join(
        f"{words} {kind[key]:g}" for key, words in BOUNDS.items() if key in kind
    )


def unit(name: str) -> str:
    return UNITS.get(name.rsplit("_", 1)[-1], "")
