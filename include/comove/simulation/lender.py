"""The simulated lender: blocks of borrowers, written file by file."""

import datetime as dt
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from comove.errors import SettingsError
from comove.settings import Settings
from comove.simulation import delivery, truth
from comove.simulation.adjustments import business_adjustments
from comove.simulation.behaviour import live
from comove.simulation.calendar import Calendar
from comove.simulation.contacts import draw_contacts, draw_transactions, limits_of
from comove.simulation.dirt import ACCEPTED, Record, soil
from comove.simulation.factors import Factors, draw_factors
from comove.simulation.people import draw_people
from comove.simulation.plan import Plan
from comove.simulation.schedule import repay
from comove.simulation.text_files import (
    take_text_rows,
    write_broken_files,
    write_text,
)

# Borrowers simulated, and files written, together. Part of what a seed means: another
# size would draw other numbers.
BLOCK = 10_000
# Counts up when the same seed draws other numbers than before.
VERSION = 2
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SimulationReport:
    """What was simulated.

    Parameters
    ----------
    borrowers, months, seed : int
        As asked for.
    start, last_month : date
        First day of the first and of the last month.
    rows : dict of str to int
        Delivered rows by entity, dirty ones included.
    events : int
        Borrower-months with an event.
    dirty_rows : int
        Rows planted to be quarantined or superseded.
    already_there : bool
        The same lender had been simulated before; nothing was written.
    """

    borrowers: int
    months: int
    seed: int
    start: dt.date
    last_month: dt.date
    rows: dict[str, int] = field(default_factory=dict)
    events: int = 0
    dirty_rows: int = 0
    already_there: bool = False


@dataclass(frozen=True)
class _Task:
    """One block of work, complete in itself so that any process can do it."""

    number: int
    first: int
    count: int
    seed: int
    plan: Plan
    calendar: Calendar
    factors: Factors
    folder: Path
    dirty: bool


@dataclass(frozen=True)
class _Done:
    rows: dict[str, int]
    events: int
    dirt: Record


def simulate(
    settings: Settings,
    *,
    borrowers: int = 20_000,
    months: int = 36,
    start: dt.date = dt.date(2022, 1, 1),
    seed: int | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
    processes: int = 2,
    dirty: bool = True,
    broken_files: bool = False,
    replace: bool = False,
) -> SimulationReport:
    """Write a lender's files to ``landing/`` and what was planted to ``truth/``.

    Parameters
    ----------
    settings : Settings
        Says which home.
    borrowers, months : int
        Size of the lender, and length of its history.
    start : date
        First day of the first month.
    seed : int, optional
        Seed of everything drawn; `settings.seed` unless given. The same seed gives the
        same files whatever `processes` is.
    plan : Plan, optional
        What is planted.
    progress : callable, optional
        Called with blocks done and blocks in all.
    processes : int
        Processes that simulate at once.
    dirty : bool
        Deliver some rows damaged, repeatedly or as text; without, Parquet files of good
        rows only.
    broken_files : bool
        Also deliver files that cannot be read at all. They stop the gate.
    replace : bool
        Throw away whatever lender is there and simulate anew.

    Returns
    -------
    SimulationReport
        With `already_there` where the same lender stands there from before.

    Raises
    ------
    SettingsError
        When sizes are impossible, or ``landing/`` holds other files.
    """
    seed = settings.seed if seed is None else seed
    plan = plan or Plan()
    asked = _parameters(borrowers, months, start, seed, plan)
    asked |= {"dirty": dirty, "broken_files": broken_files}
    places = settings.places
    there = None if replace else _already_there(places.root, asked)
    if there is not None:
        return there
    partial = places.root / "simulation.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    calendar = Calendar(start, months)
    tasks = _tasks(partial, borrowers, seed, plan, calendar, dirty=dirty)
    report = _write(tasks, progress, processes)
    if broken_files:
        broken = write_broken_files(partial / "landing")
        _put(broken, partial / "truth/broken_files.parquet")
    _move_into_place(partial, places.root, asked, report)
    return report


def _parameters(
    borrowers: int,
    months: int,
    start: dt.date,
    seed: int,
    plan: Plan,
) -> dict[str, Any]:
    """Everything that decides what is written, for JSON."""
    if borrowers < 1 or months < 1 or start.day != 1:
        raise SettingsError(
            f"{borrowers} borrowers, {months} months from {start} cannot be simulated.",
            where="comove simulate",
            remedy="Give at least one of each, and the first day of a month.",
        )
    last = np.datetime64(start, "M") + np.timedelta64(months - 1, "M")
    values = {
        "borrowers": borrowers,
        "months": months,
        "start": start.isoformat(),
        "last_month": f"{last}-01",
        "seed": seed,
        "version": VERSION,
        "plan": plan.as_dict(),
    }
    # Through JSON, so that what is read back later compares equal.
    return dict(json.loads(json.dumps(values)))


def _already_there(root: Path, asked: dict[str, Any]) -> SimulationReport | None:
    record = root / "simulation.json"
    if record.is_file():
        found = json.loads(record.read_text())
        if found["parameters"] == asked:
            return _report_of(found)
    elif not _has_files(root / "landing"):
        return None
    raise SettingsError(
        "it already holds files of another lender.",
        where=str(root / "landing"),
        remedy="Use another COMOVE_HOME, or ask to replace them (--replace).",
    )


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() for path in folder.rglob("*"))


def _report_of(found: dict[str, Any]) -> SimulationReport:
    report = dict(found["report"])
    for name in ("start", "last_month"):
        report[name] = dt.date.fromisoformat(report[name])
    return SimulationReport(**{**report, "already_there": True})


def _tasks(
    folder: Path,
    borrowers: int,
    seed: int,
    plan: Plan,
    calendar: Calendar,
    *,
    dirty: bool,
) -> list[_Task]:
    factors = draw_factors(plan, calendar.months, np.random.default_rng([seed, 0]))
    return [
        _Task(
            number=number,
            first=first + 1,
            count=min(BLOCK, borrowers - first),
            seed=seed,
            plan=plan,
            calendar=calendar,
            factors=factors,
            folder=folder,
            dirty=dirty,
        )
        for number, first in enumerate(range(0, borrowers, BLOCK))
    ]


def _write(
    tasks: list[_Task], progress: Progress | None, processes: int
) -> SimulationReport:
    """Write what concerns the whole lender, then block after block."""
    rows = {"business_adjustments": _write_common(tasks[0])}
    events, dirt = 0, Record()
    for done, block in enumerate(_run(tasks, processes), start=1):
        events += block.events
        dirt.extend(block.dirt)
        for name, count in block.rows.items():
            rows[name] = rows.get(name, 0) + count
        if progress:
            progress(done, len(tasks))
    _put(dirt.table(), tasks[0].folder / "truth/dirty_rows.parquet")
    calendar = tasks[0].calendar
    return SimulationReport(
        borrowers=sum(task.count for task in tasks),
        months=calendar.months,
        seed=tasks[0].seed,
        start=calendar.start,
        last_month=calendar.month_dates()[-1].astype(object),
        rows=rows,
        events=events,
        dirty_rows=sum(expected != ACCEPTED for expected in dirt.expected),
    )


def _write_common(task: _Task) -> int:
    plan, calendar = task.plan, task.calendar
    for name, table in truth.of_lender(task.factors, plan, calendar).items():
        _put(table, task.folder / f"truth/{name}.parquet")
    adjustments = business_adjustments(plan, calendar)
    file = task.folder / "landing/business_adjustments/part-00000.parquet"
    _put(adjustments, file)
    return int(adjustments.num_rows)


def _run(tasks: list[_Task], processes: int) -> Iterable[_Done]:
    if processes == 1 or len(tasks) < 4:
        yield from map(_simulate_block, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(_simulate_block, tasks)


def _simulate_block(task: _Task) -> _Done:
    """Simulate one block and write its files."""
    # One generator a block: the same numbers in whichever process it is drawn.
    rng = np.random.default_rng([task.seed, 1, task.number])
    plan, calendar = task.plan, task.calendar
    people = draw_people(task.first, task.count, plan, calendar, rng)
    history = live(people, task.factors, plan, calendar, rng)
    repayment = repay(history, calendar, rng)
    ids = delivery.Ids(people, plan)
    loan_ids = ids.numbered("L", len(history.loans))
    application_ids = ids.numbered("A", len(history.applications))
    delivered = {
        "borrowers": delivery.borrowers(people, plan, ids),
        "applications": delivery.applications(history.applications, people, plan, ids),
        "loans": delivery.loans(history.loans, loan_ids, application_ids, ids),
        "repayments": delivery.repayments(repayment.payments, loan_ids),
        "loan_events": delivery.loan_events(repayment.events, loan_ids),
        "collections": delivery.collections(
            draw_contacts(history, repayment, calendar, rng), ids
        ),
        "transactions": delivery.transactions(
            draw_transactions(people, plan, calendar, rng), ids
        ),
        "credit_limits": delivery.credit_limits(limits_of(history.applications), ids),
    }
    planted = {
        "borrower": truth.borrower(people, plan, ids),
        "borrower_month": truth.borrower_month(history, repayment, calendar, ids),
        "application": truth.application(history.applications, people, ids),
        "loan": truth.loan(history.loans, repayment, calendar, loan_ids, ids),
        "overdue": truth.overdue(history.loans, repayment, calendar, loan_ids, ids),
    }
    for name, table in planted.items():
        _put(table, task.folder / f"truth/{name}/part-{task.number:05d}.parquet")
    dirt = Record()
    counts = {
        name: _deliver(name, table, task, dirt, rng) for name, table in delivered.items()
    }
    return _Done(counts, int(history.risk.is_event.sum()), dirt)


def _deliver(
    name: str, good: pa.Table, task: _Task, dirt: Record, rng: np.random.Generator
) -> int:
    """Write an entity's files of a block, dirt included; give the number of rows."""
    landing = task.folder / "landing"
    written = 0
    part = f"{name}/part-{task.number:05d}.parquet"
    if not task.dirty:
        _put(good, landing / part)
        return int(good.num_rows)
    if task.number == 0:
        good, typed_by_hand = take_text_rows(name, good, rng)
        written = write_text(name, typed_by_hand, landing, dirt)
    soiled = soil(name, good, part, dirt, rng)
    _put(soiled.part, landing / part)
    if soiled.redelivered.num_rows:
        later = f"{name}/redelivered-{task.number:05d}.parquet"
        _put(soiled.redelivered, landing / later)
    return written + int(soiled.part.num_rows) + int(soiled.redelivered.num_rows)


def _put(table: pa.Table, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table,
        file,
        compression="zstd",
        store_schema=False,
        store_decimal_as_integer=True,
    )


def _move_into_place(
    partial: Path, root: Path, asked: dict[str, Any], report: SimulationReport
) -> None:
    """Swap the finished folders in; the record comes last and vouches for them."""
    record = {"parameters": asked, "last_month": asked["last_month"]}
    record["report"] = json.loads(json.dumps(asdict(report), default=str))
    text = json.dumps(record, indent=2) + "\n"
    (partial / "truth/simulation.json").write_text(text)
    (root / "simulation.json").unlink(missing_ok=True)
    for name in ("landing", "truth"):
        shutil.rmtree(root / name, ignore_errors=True)
        (partial / name).rename(root / name)
    partial.rmdir()
    (root / "simulation.json").write_text(text)
