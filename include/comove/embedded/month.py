"""Which month `make run` asks for, and the simulated lender it asks it of."""

import json
from collections.abc import Callable
from typing import Any

from comove.embedded.rest import AirflowError
from comove.portfolio import load_portfolio
from comove.settings import Settings


def month_to_run(settings: Settings, asked: str | None) -> str:
    """Month to ask for, as ``YYYY-MM``.

    Parameters
    ----------
    settings : Settings
        Say which portfolio.
    asked : str or None
        What the operator wrote; it is checked where the run checks it.

    Returns
    -------
    str
        The month asked for, or the last one the portfolio holds.

    Raises
    ------
    AirflowError
        When only the operator can know it.
    """
    if asked:
        return asked
    if settings.portfolio == "simulated":
        return str(_simulated(settings)["last_month"])[:7]
    if last := load_portfolio(settings.portfolio).last_month:
        return f"{last:%Y-%m}"
    raise AirflowError(
        f"the portfolio {settings.portfolio!r} does not say which month is its last.",
        where="MONTH",
        remedy="Name the last complete month of the data: `make run … MONTH=2026-09`.",
    )


def ensure_simulated(
    settings: Settings, borrowers: int, months: int, *, say: Callable[[str], None]
) -> None:
    """Simulate the lender unless the same one is there already.

    Parameters
    ----------
    settings : Settings
        Say which home; other portfolios are left alone.
    borrowers, months : int
        Size of the lender.
    say : callable
        Told when it begins.
    """
    if settings.portfolio != "simulated" or settings.data is not None:
        return
    wanted = {"borrowers": borrowers, "months": months, "seed": settings.seed}
    there = _simulated(settings)
    if all(there.get(name) == value for name, value in wanted.items()):
        return
    from comove.simulation import simulate

    say(f"Simulating a lender: {borrowers:,} borrowers, {months} months")
    simulate(settings, borrowers=borrowers, months=months)


def _simulated(settings: Settings) -> dict[str, Any]:
    file = settings.places.root / "simulation.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}
