"""The command ``comove``: what an operator does outside the Airflow UI.

Exit codes: 0 done; 1 something is wrong with data, settings or a gate, said in one
sentence; 2 the command was called wrongly.
"""

import datetime as dt
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from comove.errors import ComoveError, WarehouseError
from comove.settings import Settings

if TYPE_CHECKING:
    from comove.landing import LandingReport
    from comove.overdue_grade.answer import GradeAnswer

app = typer.Typer(
    help="comove: credit-risk data platform. Settings come from COMOVE_… variables.",
    no_args_is_help=True,
)
console = Console()

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
RunId = Annotated[str, typer.Option(help="Name of the run in the audit trail.")]


@contextmanager
def _told_in_one_sentence() -> Iterator[None]:
    try:
        yield
    except ComoveError as error:
        console.print(f"[bold red]error[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


@app.command()
def simulate(
    borrowers: Annotated[int, typer.Option(min=1, help="How many borrowers.")] = 20_000,
    months: Annotated[int, typer.Option(min=2, help="How many months.")] = 36,
    broken_files: Annotated[
        bool, typer.Option(help="Also write files that the first gate must refuse.")
    ] = False,
    replace: Annotated[
        bool, typer.Option(help="Replace another lender simulated in this home.")
    ] = False,
) -> None:
    """Simulate a lender: files under <home>/landing, what was planted under truth/."""
    from comove.simulation import simulate as run_simulation

    settings = Settings()
    with _told_in_one_sentence(), Progress(console=console) as progress:
        task = progress.add_task("simulating", total=borrowers)
        run_simulation(
            settings,
            borrowers=borrowers,
            months=months,
            broken_files=broken_files,
            replace=replace,
            progress=lambda done, total: progress.update(
                task, completed=done, total=total
            ),
        )
    console.print(f"files: {settings.places.landing}", highlight=False)


@app.command()
def land(run_id: RunId = "cli", as_json: AsJson = False) -> None:
    """Land the new files of the data folder into the warehouse, without Airflow."""
    from comove.audit import close_run, open_run
    from comove.landing import land as run_landing

    settings = Settings()
    with _told_in_one_sentence():
        open_run(settings, run_id=run_id, dag_id="cli", month=None)
        report = run_landing(settings, run_id=run_id)
        close_run(settings, run_id, "success")
    if as_json:
        typer.echo(json.dumps(asdict(report), default=str))
        return
    _show_landing(report)


def _show_landing(report: "LandingReport") -> None:
    table = Table(box=None)
    for name in ("entity", "files", "unchanged", "refused", "rows", "unreadable"):
        table.add_column(name, justify="left" if name == "entity" else "right")
    for entity, counts in report.entities.items():
        numbers = (
            counts.files_new,
            counts.files_skipped,
            counts.files_refused,
            counts.rows_landed,
            counts.rows_unreadable,
        )
        table.add_row(entity, *(f"{number:,}" for number in numbers))
    console.print(table)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the last runs: rows, tables, models, gates, times, and where to look."""
    from comove.embedded.summary import last_run_ids, read_summary, show_summary

    settings = Settings()
    with _told_in_one_sentence():
        summary = read_summary(settings, last_run_ids(settings))
    if as_json:
        typer.echo(json.dumps(asdict(summary), default=str))
    else:
        show_summary(console, summary, settings)


@app.command()
def grade(
    borrower: Annotated[str, typer.Argument(help="The lender's own id, or its key.")],
    on: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day; by default the last one graded."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a borrower's overdue grade on a day, and what it is made of."""
    from comove.overdue_grade.answer import grade_on

    with _told_in_one_sentence():
        answer = grade_on(Settings(), borrower, on.date() if on else None)
    if as_json:
        typer.echo(json.dumps(asdict(answer), default=str))
    else:
        _show_grade(answer)


def _show_grade(answer: "GradeAnswer") -> None:
    table = Table(box=None, show_header=False)
    rows = {
        "grade": f"{answer.grade} ({answer.meaning})",
        "observation point": f"{answer.observed_on}, {answer.days_since} days before "
        f"{answer.asked_on}",
        "loans running": f"{answer.loans}",
        "days past due now": f"{answer.current_extreme}, weight "
        f"{answer.weight_current:.3f}",
        "largest in the window": f"{answer.historical_extreme}, weight "
        f"{answer.weight_historical:.3f}",
        "composite": f"{answer.composite:.2f} days",
        "graded by": f"run {answer.run_id}, days up to {answer.graded_until}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table, highlight=False)
    if answer.is_beyond:
        console.print(
            f"{answer.asked_on} has not been graded yet: this is the last point known.",
            highlight=False,
        )


@app.command(context_settings={"ignore_unknown_options": True})
def dbt(
    arguments: Annotated[list[str], typer.Argument(help="As dbt takes them.")],
) -> None:
    """Run a dbt command on the portfolio: `comove dbt source freshness`."""
    from comove.warehouse import run_dbt

    if not run_dbt(Settings(), arguments).success:
        raise typer.Exit(1)


@app.command()
def decide(
    application: Annotated[str, typer.Argument(help="Id or key of an application.")],
    on: Annotated[
        str | None,
        typer.Option(help="Day whose models and rules decide, as 2024-06-30."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how an application is decided, and why; nothing is written."""
    from comove.decision.trail import decide_dry
    from comove.decision.trail_text import day_of, lines

    with _told_in_one_sentence():
        trail = decide_dry(Settings(), application, as_of=day_of(on))
    if as_json:
        typer.echo(json.dumps(asdict(trail), default=str))
        return
    for line in lines(trail):
        typer.echo(line)


@app.command()
def report() -> None:
    """List the reports that have been written, newest first."""
    settings = Settings()
    pages = settings.places.reports.rglob("*.html")
    for page in sorted(pages, key=lambda file: file.stat().st_mtime, reverse=True):
        typer.echo(page)


@app.command()
def overdue(
    borrower: Annotated[str, typer.Argument(help="borrower_id, or borrower_key.")],
    on: Annotated[str, typer.Option(help="Day, as 2026-09-15; else the last.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the published assessment of an overdue borrower on a day."""
    from comove.overdue.look_up import look_up

    with _told_in_one_sentence():
        found = look_up(Settings(), borrower, on or None)
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    table = Table(box=None, show_header=False)
    for name, value in found.items():
        lines = "\n".join(value) if isinstance(value, list) else value
        table.add_row(name.replace("_", " "), "-" if lines is None else f"{lines}")
    console.print(table)


@app.command()
def docs() -> None:
    """Tell where the dbt docs site of the published run is."""
    page = Settings().places.docs / "index.html"
    with _told_in_one_sentence():
        if not page.is_file():
            raise WarehouseError(
                "the docs site has not been written yet.",
                where=str(page),
                remedy="Run the DAG `warehouse` (or `make run`) first.",
            )
    typer.echo(page)
