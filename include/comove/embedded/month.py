"""Which month `make run` asks for, and the simulated lender it asks it of."""

import json
import re
from typing import Any

from rich.console import Console
from rich.progress import Progress

from comove.connection import connect
from comove.embedded.rest import AirflowError
from comove.errors import SettingsError
from comove.portfolio import MONTH_PATTERN, load_portfolio
from comove.settings import Settings


def month_to_run(settings: Settings, asked: str | None) -> str:
    """Month to ask for, as ``YYYY-MM``.

    Parameters
    ----------
    settings : Settings
        Say which portfolio.
    asked : str or None
        What the operator wrote; whether it is over is checked where the run checks it.

    Returns
    -------
    str
        The month asked for, or the last one the portfolio holds.

    Raises
    ------
    SettingsError
        When what was written is no month.
    AirflowError
        When only the operator can know it.
    """
    if asked:
        return _month_as_written(asked)
    if settings.portfolio == "simulated":
        return str(_simulated(settings)["last_month"])[:7]
    if last := load_portfolio(settings.portfolio).last_month:
        return f"{last:%Y-%m}"
    raise AirflowError(
        f"the portfolio {settings.portfolio!r} does not say which month is its last.",
        where="MONTH",
        remedy="Name the last complete month of the data: `make run … MONTH=2026-09`.",
    )


def _month_as_written(asked: str) -> str:
    # Asked here too, not only by the run: Airflow need not start for a typing error.
    if not re.fullmatch(MONTH_PATTERN, asked):
        raise SettingsError(
            f"{asked!r} is not a month.", where="MONTH", remedy="Write it as 2026-09."
        )
    return asked


def ensure_simulated(
    settings: Settings, borrowers: int, months: int, console: Console
) -> None:
    """Simulate the lender unless the same one is there already.

    Another lender than before gets a new warehouse: rows of two lenders in one would
    describe neither.

    Parameters
    ----------
    settings : Settings
        Say which home; other portfolios are left alone.
    borrowers, months : int
        Size of the lender.
    console : Console
        Where its progress is shown.
    """
    if settings.portfolio != "simulated" or settings.data is not None:
        return
    # Importing it costs a second that real portfolios need not pay.
    from comove.simulation import simulate

    with Progress(console=console, transient=True) as shown:
        task = shown.add_task(f"Simulating {borrowers:,} borrowers", total=None)
        report = simulate(
            settings,
            borrowers=borrowers,
            months=months,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if not report.already_there:
        console.print(f"Simulated a lender: {borrowers:,} borrowers, {months} months")
        _forget_warehouse(settings)


def _forget_warehouse(settings: Settings) -> None:
    file = settings.places.warehouse
    if not file.is_file():
        return
    with connect(settings):
        # Whoever still wrote to it has ended now.
        file.unlink()
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)


def _simulated(settings: Settings) -> dict[str, Any]:
    file = settings.places.root / "simulation.json"
    return dict(json.loads(file.read_text())) if file.is_file() else {}
