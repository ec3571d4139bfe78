"""``python -m comove.embedded run|up|down``: what the Makefile calls."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from comove.embedded import server
from comove.embedded.environment import (
    USERS,
    airflow_command,
    airflow_environment,
    passwords_file,
)
from comove.embedded.run import Request
from comove.embedded.run import run as run_month
from comove.embedded.state import read_state, users_lock
from comove.errors import ComoveError, SettingsError
from comove.portfolio import load_portfolio, load_portfolios
from comove.settings import Settings

app = typer.Typer(add_completion=False, no_args_is_help=True)
console = Console(highlight=False)

Portfolio = Annotated[str, typer.Option(help="Whose files are read.")]
Data = Annotated[Path | None, typer.Option(help="Folder with the lender's files.")]


@app.command()
def run(
    portfolio: Portfolio = "simulated",
    data: Data = None,
    month: Annotated[str | None, typer.Option(help="As 2026-09.")] = None,
    borrowers: Annotated[int, typer.Option(help="Of the simulated lender.")] = 20_000,
    months: Annotated[int, typer.Option(help="Of the simulated lender.")] = 36,
    full_refresh: Annotated[bool, typer.Option(help="Build all anew.")] = False,
) -> None:
    """Run one month through Airflow, and stop what was started."""
    request = Request(month or None, borrowers, months, full_refresh)
    raise typer.Exit(
        _told(lambda settings: run_month(settings, request, console), portfolio, data)
    )


@app.command()
def up(portfolio: Portfolio = "simulated", data: Data = None) -> None:
    """Start Airflow with its UI and leave it running."""
    raise typer.Exit(_told(_up, portfolio, data))


@app.command()
def down(
    portfolio: Annotated[
        str | None, typer.Option(help="Only this one; without it, every portfolio.")
    ] = None,
) -> None:
    """End every process that was started, also after a crash."""
    names = [portfolio] if portfolio else sorted(load_portfolios())
    # COMOVE_HOME names one home, whatever the portfolio.
    homes = {_settings(name, None).places.root: _settings(name, None) for name in names}
    ended = sum(server.stop(settings.places) for settings in homes.values())
    console.print(f"{ended} processes ended" if ended else "Nothing was running")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def airflow(context: typer.Context, portfolio: Portfolio = "simulated") -> None:
    """Run a command of Airflow's own on a home, as `airflow backfill create …`."""
    settings = _settings(portfolio, None)
    running = read_state(settings.places)
    done = subprocess.run(
        airflow_command(*context.args),
        env=airflow_environment(settings, running.port if running else 0),
    )
    raise typer.Exit(done.returncode)


def _up(settings: Settings) -> int:
    users = users_lock(settings.places)
    if not users.take(wait=False):
        console.print("Waiting for a `make run` on this home to end")
        users.take()
    running = server.ensure_running(settings, "up", say=console.print)
    users.close()
    console.print(f"Airflow is at {running.url}", soft_wrap=True)
    file = passwords_file(settings.places)
    console.print(f"Users {', '.join(USERS)}; passwords in {file}", soft_wrap=True)
    return 0


def _as_interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _told(command: Callable[[Settings], int], portfolio: str, data: Path | None) -> int:
    # Whoever ends this command also wants ended what it has started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_interrupt)
    try:
        return command(_settings(portfolio, data))
    except ComoveError as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted", style="bold red")
        return 130


def _settings(portfolio: str, data: Path | None) -> Settings:
    load_portfolio(portfolio)
    if data is None:
        return Settings(portfolio=portfolio)
    if not data.expanduser().is_dir():
        raise SettingsError(
            f"there is no folder {str(data)!r}.",
            where="DATA",
            remedy="Give the folder that holds the lender's files.",
        )
    return Settings(portfolio=portfolio, data=data)


if __name__ == "__main__":
    app()
