"""The command ``comove``: what an operator does outside the Airflow UI.

Exit codes: 0 done; 1 something is wrong with data, settings or a gate, said in one
sentence; 2 the command was called wrongly; 130 it was interrupted. What is asked for goes
to standard output, everything else to standard error.
"""

import datetime as dt
import getpass
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError as UnreadError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from comove.errors import ComoveError, SettingsError, WarehouseError
from comove.settings import Settings

if TYPE_CHECKING:
    from comove.landing import LandingReport
    from comove.notify.send import Delivery
    from comove.overdue_grade.answer import GradeAnswer

REFUSED, INTERRUPTED = 1, 130

console = Console()
errors = Console(stderr=True)


class Commands(TyperGroup):
    """The commands, with every refusal told in one sentence, or as one JSON object."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; never a traceback for what an operator can put right."""
        words = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in words
        if as_json:
            # Warnings in words would stand beside the one object a program expects.
            logging.getLogger("comove").addHandler(logging.NullHandler())
        try:
            # A usage error comes out of it as an exception only where it is to be JSON.
            code = super().main(
                words,
                prog_name,
                complete_var,
                standalone_mode and not as_json,
                windows_expand_args,
                **extra,
            )
            if standalone_mode:
                sys.exit(code or 0)
            return code
        except ComoveError as error:
            _refuse(error, as_json=as_json)
        except (ValidationError, UnreadError) as error:
            _refuse(_wrong_settings(error), as_json=as_json)
        except typer.TyperException as error:
            if not as_json:
                raise
            _tell_usage(error)


def _refuse(error: ComoveError, *, as_json: bool) -> None:
    if as_json:
        names = ("found", "where", "remedy")
        said = {name: getattr(error, name) for name in names}
        _tell_json({"error": type(error).__name__, **said}, REFUSED)
    # What a message quotes is no markup.
    sentence = Text.assemble(("error ", "bold red"), str(error))
    errors.print(sentence, highlight=False, soft_wrap=True)
    sys.exit(REFUSED)


def _wrong_settings(error: ValidationError | UnreadError) -> ComoveError:
    """Name the variables that are wrong; their values may be secret."""
    if isinstance(error, ValidationError):
        said = " ".join(
            f"COMOVE_{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}."
            for one in error.errors(include_input=False, include_url=False)
        )
    else:
        said = f"{error}; a list is written as JSON."
    return SettingsError(said, where="environment", remedy="Correct or unset it.")


def _tell_usage(error: typer.TyperException) -> None:
    found = getattr(error, "format_message", error.__str__)()
    code = int(getattr(error, "exit_code", 2))
    remedy = "Run the command with --help."
    where = getattr(getattr(error, "ctx", None), "command_path", "comove")
    said = {"found": found, "where": where, "remedy": remedy}
    _tell_json({"error": "UsageError", **said}, code)


def _tell_json(said: dict[str, Any], code: int) -> None:
    typer.echo(json.dumps(said | {"exit_code": code}, default=str), err=True)
    sys.exit(code)


app = typer.Typer(
    cls=Commands,
    help="comove: credit-risk data platform. Settings come from COMOVE_… variables; "
    "docs/cli.md has every command with examples and exit codes.",
    no_args_is_help=True,
    # Local variables may hold what a lender's files say of persons.
    pretty_exceptions_show_locals=False,
)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for programs; errors as well.")
]
Day = Annotated[
    dt.datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="Day; by default the last known."),
]
Borrower = Annotated[str, typer.Argument(help="The lender's own id, or borrower_key.")]
RunId = Annotated[str, typer.Option(help="Name of the run in the audit trail.")]


def _portfolios(incomplete: str) -> list[str]:
    from comove.portfolio import load_portfolios

    return [name for name in load_portfolios() if name.startswith(incomplete)]


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(version("comove"))
        raise typer.Exit


@app.callback()
def choose(
    portfolio: Annotated[
        str | None,
        typer.Option(
            help="As COMOVE_PORTFOLIO: which one is meant.", autocompletion=_portfolios
        ),
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="As COMOVE_HOME: the folder of its state.")
    ] = None,
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Choose the portfolio, for this command only."""
    chosen = {"COMOVE_PORTFOLIO": portfolio, "COMOVE_HOME": home and str(home)}
    os.environ.update({name: value for name, value in chosen.items() if value})


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
    as_json: AsJson = False,
) -> None:
    """Simulate a lender: files under <home>/landing, what was planted under truth/.

    Example: comove simulate --borrowers 4000 --months 24
    """
    from comove.simulation import simulate as run_simulation

    settings = Settings()
    with _bar("simulating borrowers", borrowers) as progress:
        report = run_simulation(
            settings,
            borrowers=borrowers,
            months=months,
            broken_files=broken_files,
            replace=replace,
            progress=progress,
        )
    if as_json:
        _print_json(asdict(report) | {"files": settings.places.landing})
    else:
        console.print(f"files: {settings.places.landing}", highlight=False)


@app.command()
def land(run_id: RunId = "cli", as_json: AsJson = False) -> None:
    """Land the new files of the data folder into the warehouse, without Airflow.

    Example: comove --portfolio contract land --json
    """
    from comove.landing import land as run_landing

    settings = Settings()
    with _recorded(settings, run_id, None), _spinner("landing") as tell:
        report = run_landing(settings, run_id=run_id, tell=tell)
    if as_json:
        _print_json(asdict(report))
    else:
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
    """Show the last runs: rows, tables, models, gates, times, and where to look.

    Example: comove --portfolio sba_7a status
    """
    from comove.embedded.summary import last_run_ids, read_summary, show_summary

    settings = Settings()
    summary = read_summary(settings, last_run_ids(settings))
    if as_json:
        _print_json(asdict(summary))
    else:
        show_summary(console, summary, settings)


@app.command()
def grade(borrower: Borrower, on: Day = None, as_json: AsJson = False) -> None:
    """Show a borrower's overdue grade on a day, and what it is made of.

    Example: comove grade B0000017 --on 2024-06-30
    """
    from comove.overdue_grade.answer import grade_on

    answer = grade_on(Settings(), borrower, _date(on))
    if as_json:
        _print_json(asdict(answer))
    else:
        _show_grade(answer)


def _show_grade(answer: "GradeAnswer") -> None:
    _show_pairs(
        {
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
    )
    if answer.is_beyond:
        console.print(
            f"{answer.asked_on} has not been graded yet: this is the last point known.",
            highlight=False,
        )


@app.command()
def overdue(
    borrower: Borrower,
    on: Day = None,
    assess: Annotated[
        bool,
        typer.Option(
            "--assess",
            help="Assess anew at the end of that day, as the form of the DAG "
            "`overdue_assessment` does: kept, and published if the gate passes.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the published assessment of an overdue borrower on a day.

    Without --assess it is that of the day itself if somebody asked for it, else that of
    the last month end before.

    Example: comove overdue B0000017 --on 2024-06-15 --assess
    """
    from comove.overdue.look_up import look_up

    settings, day = Settings(), _date(on)
    if assess:
        day = _assess(settings, borrower, day)
    found = look_up(settings, borrower, f"{day}" if day else None)
    if as_json:
        _print_json(found)
    else:
        _show_pairs(
            {
                name.replace("_", " "): "\n".join(value)
                if isinstance(value, list)
                else value
                for name, value in found.items()
            }
        )


def _assess(settings: Settings, borrower: str, day: dt.date | None) -> dt.date:
    """Assess one borrower as the DAG does, gate included, and publish; says the day."""
    from comove.overdue.borrower import assess_borrower
    from comove.overdue.request import OverdueError, Wish
    from comove.quality import run_gate
    from comove.warehouse import publish, refresh_published_audit

    if day is None:
        raise OverdueError(
            "no day was named.",
            where="--assess",
            remedy="Name the day to assess at the end of, as --on 2024-06-15.",
        )
    month = day.replace(day=1)
    run_id = f"cli__{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}__{os.getpid()}"
    wish = Wish(month, borrower=borrower, on=day, asked_by=getpass.getuser())
    with _recorded(settings, run_id, month), _spinner("assessing"):
        report = assess_borrower(settings, run_id=run_id, wish=wish)
        run_gate(settings, run_id=run_id, stage="overdue")
        publish(settings, run_id=run_id, month=month, schemas=("overdue", "audit"))
    refresh_published_audit(settings)
    return report.as_of


@app.command()
def decide(
    application: Annotated[str, typer.Argument(help="Id or key of an application.")],
    on: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose models and rules decide."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how an application is decided, and why; nothing is written.

    Without a day, one that was decided before is replayed by what was known then.

    Example: comove decide A0000042 --on 2024-06-30
    """
    from comove.decision.trail import decide_dry
    from comove.decision.trail_text import lines

    with _spinner("deciding"):
        trail = decide_dry(Settings(), application, as_of=_date(on))
    if as_json:
        _print_json(asdict(trail))
        return
    for line in lines(trail):
        typer.echo(line)


@app.command()
def replay(as_json: AsJson = False) -> None:
    """Make every published decision on applications again, by what was known then.

    Fails where one comes out otherwise.

    Example: comove replay --json
    """
    from comove.decision.scratch import DecisionError
    from comove.decision.trail import replay_published

    with _spinner("deciding again"):
        counts = replay_published(Settings())
    if counts["changed"]:
        raise DecisionError(
            f"{counts['changed']:,} of {counts['decisions']:,} decisions come out "
            "otherwise than they were made.",
            where="risk.credit_decision",
            remedy="Look at one with `comove decide`: it names the columns that differ.",
        )
    if as_json:
        _print_json(counts)
    else:
        typer.echo(f"{counts['decisions']:,} decisions made again, all the same.")
        if scored := counts["scored_otherwise"]:
            typer.echo(f"Of {scored:,} the score says otherwise now, by the same model.")


@app.command()
def notify(as_json: AsJson = False) -> None:
    """Send a test message to every address of COMOVE_NOTIFY_URLS.

    Fails where there is none, or one does not take it.

    Example: comove notify
    """
    from comove.notify import Entry, Message, send

    settings = Settings()
    sentence = "This is a test: comove can tell you what moved, failed or waits."
    # A test is sent as often as somebody asks for one.
    asked = f"test {dt.datetime.now(dt.UTC).isoformat()}"
    with _spinner("telling"):
        done = send(
            settings,
            Message(
                kinds=frozenset({"test"}),
                title=f"comove {settings.portfolio}: test",
                entries=(Entry("test", sentence, detail=asked),),
                group="test",
                link=settings.notify_ui_url or None,
            ),
        )
    _require_told(done)
    if as_json:
        _print_json(asdict(done))
    else:
        typer.echo(f"{done.told} told.")


def _require_told(done: "Delivery") -> None:
    if done.failed:
        numbers = ", ".join(map(str, done.failed))
        raise SettingsError(
            f"of its addresses, number {numbers} did not take the message.",
            where="COMOVE_NOTIFY_URLS",
            remedy="Compare what is set with docs/notifications.md.",
        )
    if not done.told:
        raise SettingsError(
            "there is no address, so nobody is told anything.",
            where="COMOVE_NOTIFY_URLS",
            remedy="Name one, as docs/notifications.md says.",
        )


@app.command()
def report(as_json: AsJson = False) -> None:
    """List the reports that have been written, newest first.

    Example: comove report
    """
    found = Settings().places.reports.rglob("*.html")
    pages = sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)
    if as_json:
        _print_json(pages)
        return
    for page in pages:
        typer.echo(page)


@app.command()
def docs(as_json: AsJson = False) -> None:
    """Tell where the dbt docs site of the published run is.

    Example: comove docs
    """
    page = Settings().places.docs / "index.html"
    if not page.is_file():
        raise WarehouseError(
            "the docs site has not been written yet.",
            where=str(page),
            remedy="Run the DAG `warehouse` (or `make run`) first.",
        )
    if as_json:
        _print_json({"page": page})
    else:
        typer.echo(page)


@app.command(context_settings={"ignore_unknown_options": True})
def dbt(
    arguments: Annotated[list[str], typer.Argument(help="As dbt takes them.")],
) -> None:
    """Run a dbt command on the portfolio.

    Example: comove dbt source freshness --select source:contract
    """
    from comove.warehouse import run_dbt

    if not run_dbt(Settings(), arguments).success:
        raise typer.Exit(REFUSED)


@contextmanager
def _recorded(settings: Settings, run_id: str, month: dt.date | None) -> Iterator[None]:
    """Keep a record of what writes the warehouse, however it ends."""
    from comove.audit import close_run, open_run

    open_run(settings, run_id=run_id, dag_id="cli", month=month)
    try:
        yield
    except BaseException:
        close_run(settings, run_id, "failed")
        raise
    close_run(settings, run_id, "success")


@contextmanager
def _bar(text: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, on a terminal only."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda done, whole: bar.update(task, completed=done, total=whole)


@contextmanager
def _spinner(text: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal only, where nobody knows how long."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(
        *columns, console=errors, transient=True, disable=not errors.is_terminal
    ) as bar:
        task = bar.add_task(text, total=None)
        yield lambda sentence: bar.update(task, description=sentence)


def _show_pairs(pairs: dict[str, Any]) -> None:
    table = Table(box=None, show_header=False)
    for name, value in pairs.items():
        table.add_row(name, Text("-" if value is None else f"{value}"))
    console.print(table, highlight=False)


def _print_json(found: object) -> None:
    typer.echo(json.dumps(found, default=str))


def _date(day: dt.datetime | None) -> dt.date | None:
    return day.date() if day else None
