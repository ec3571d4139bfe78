"""Overdue grades of many borrowers, beside a bare window query over the same rows.

Made loans of 36 monthly instalments, one a borrower, in the tables the warehouse has
after its build; then everything `comove.overdue_grade.build` does, timed model by model
as dbt says; then the month after, appended. Each job is a process of its own, with the
same threads and memory limit; peak memory is the operating system's.

    python -m benchmarks overdue_grade --borrowers 1000000

`bare` is `max(days) over (partition by borrower order by day rows between 11 preceding
and current row)` written to a table, from a table of borrower (as the marts name them),
day and days late: the least anybody can do who wants a trailing extreme. `bare numbered`
is the same with integers for borrowers. `grades` is the compiled SQL of the model of
extremes, weights and grades, `points` that of the models before it, `moves` that of the
transitions, each written to a table like the bare one. `whole` and `append` are runs of
everything with dbt's tests, of 36 months at once and of one month after 35 graded before.

Lateness: of every 100 borrowers, 40 are never late, 50 with one instalment in ten, 10
with every second one (`--always-late`: everybody, with every one, which is the worst a
chain of weights can meet).
"""

import argparse
import datetime as dt
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.overdue_grade.build import build_grades
from comove.overdue_grade.tables import ensure_grade_tables
from comove.settings import Settings

POINTS = 36
LAST = dt.date(2024, 12, 1)
BEFORE = dt.date(2024, 11, 1)
console = Console(width=100)
Figures = dict[str, Any]
RUN = "bench"
MODELS = {
    "points": (
        "int_overdue_cycle_day",
        "int_overdue_lateness",
        "int_overdue_borrower",
        "int_overdue_point",
    ),
    "grades": ("overdue_grade",),
    "moves": ("overdue_grade_transition",),
}


def main() -> None:
    """Measure the size asked for and show the ratios."""
    given = _arguments()
    settings = _settings(given.home)
    if given.job:
        print(json.dumps(_measured(given.job, settings)))
        return
    shutil.rmtree(given.home, ignore_errors=True)
    console.print(f"{given.borrowers:,} borrowers: made …", highlight=False)
    make_lender(settings, given.borrowers, always_late=given.always_late)
    # The whole leaves the rows and the SQL that the jobs after it read.
    found = {job: _run_apart(job, given.home) for job in JOBS}
    _show(given.borrowers, found)
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrowers", type=int, default=1_000_000)
    parser.add_argument("--always-late", action="store_true")
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark/grades"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=JOBS)
    return parser.parse_args()


def _settings(home: Path) -> Settings:
    return Settings(portfolio="simulated", home=home)


def _run_apart(job: str, home: Path) -> Figures:
    console.print(f"{job} …", highlight=False)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, "--job", job, "--home", str(home)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(job: str, settings: Settings) -> Figures:
    found = JOBS[job](settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found | {"peak_gib": peak}


def make_lender(settings: Settings, borrowers: int, *, always_late: bool) -> None:
    """Write loans and instalments as a build of the warehouse leaves them.

    Parameters
    ----------
    settings : Settings
        Say which home.
    borrowers : int
        One loan each.
    always_late : bool
        Whether every instalment of everybody is late.
    """
    late = (
        "1"
        if always_late
        else "case when kind < 40 then 0 when kind < 90 then 0.1 else 0.5 end"
    )
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_grade_tables(connection)
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema if not exists marts")
        connection.execute(_MADE.format(n=borrowers, points=POINTS, late=late))
        connection.execute(
            """
            create or replace table audit.build_request as
            select ?::date as month, ?::date as horizon, null::date as build_from,
                '' as logic_hash, true as is_built, 'made' as run_id
            """,
            [LAST, LAST],
        )


_MADE = """
    create table intermediate.int_loan as
    select
        b::integer as loan_no, b::integer as borrower_no,
        md5(b::varchar) as loan_key, md5('b' || b) as borrower_key,
        30 as cycle_days, null::date as observed_until,
        date '2021-12-01' + (hash(b) % 28)::integer as disbursed_on
    from range({n}) as rows (b);
    create table intermediate.int_loan_life as
    select loan_no, borrower_no, disbursed_on, null::date as closed_on,
        null::date as paid_in_full_on
    from intermediate.int_loan;
    create table intermediate.int_instalment as
    select
        loan_no, due_on,
        case
            when (hash(loan_no, k) % 1000003) / 1000003.0 < {late}
                then due_on + (1 + hash(loan_no, k, 1) % 60)::integer
            else due_on
        end as settled_on
    from (
        select loan_no, k, hash(loan_no, 7) % 100 as kind,
            cast(disbursed_on + to_months(k::integer) as date) as due_on
        from intermediate.int_loan, range(1, {points} + 1) as months (k)
    );
    create table marts.dim_borrower as select borrower_key from intermediate.int_loan;
"""


def _graded(settings: Settings, month: dt.date, *, full_refresh: bool) -> int:
    report = build_grades(
        settings,
        run_id=RUN,
        month=month,
        full_refresh=full_refresh,
        tell=lambda _: None,
    )
    return report.points


def _whole(settings: Settings) -> Figures:
    return _timed(lambda: _graded(settings, LAST, full_refresh=True))


def _append(settings: Settings) -> Figures:
    _graded(settings, BEFORE, full_refresh=True)
    return _timed(lambda: _graded(settings, LAST, full_refresh=False))


def _compiled(settings: Settings, part: str) -> Figures:
    """Run the SQL that dbt made of some models, on the tables they were made of."""
    folder = settings.places.scratch / "dbt" / "runs" / RUN / "compiled"
    files = [next(folder.rglob(f"{name}.sql")) for name in MODELS[part]]
    with connect(settings) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema if not exists bench")
        return _timed(
            lambda: [
                connection.execute(
                    f"create or replace table bench.{file.stem} as {file.read_text()}"
                )
                for file in files
            ]
        )


def _bare(settings: Settings, borrower: str) -> Figures:
    with connect(settings) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("create schema if not exists bench")
        connection.execute(
            f"""
            create or replace table bench.looked as
            select {borrower}, observed_on, current_extreme
            from risk.overdue_grade
            inner join intermediate.int_loan using (borrower_key)
            """
        )
        return _timed(
            lambda: connection.execute(
                f"""
                create or replace table bench.bare as
                select *, max(current_extreme) over (
                    partition by {borrower} order by observed_on
                    rows between 11 preceding and current row
                ) as historical_extreme
                from bench.looked
                """
            )
        )


def _timed(work: Callable[[], object]) -> Figures:
    """Seconds by the clock, and of processors: on a busy machine compare the latter."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - started,
        "processor_seconds": time.process_time() - busy,
    }


JOBS: dict[str, Callable[[Settings], Figures]] = {
    "append": _append,
    "whole": _whole,
    "bare": lambda settings: _bare(settings, "borrower_key"),
    "bare numbered": lambda settings: _bare(settings, "borrower_no"),
    "points": lambda settings: _compiled(settings, "points"),
    "grades": lambda settings: _compiled(settings, "grades"),
    "moves": lambda settings: _compiled(settings, "moves"),
}


def _show(borrowers: int, found: dict[str, Figures]) -> None:
    title = f"{borrowers:,} borrowers, {POINTS} points each"
    head = ("job", "seconds", "processor s", "of bare", "of numbered", "peak GiB")
    table = Table(*head, title=title)
    kept = "processor_seconds"
    for name, one in found.items():
        table.add_row(
            name,
            f"{one['seconds']:.2f}",
            f"{one[kept]:.2f}",
            f"{one[kept] / found['bare'][kept]:.2f}",
            f"{one[kept] / found['bare numbered'][kept]:.2f}",
            f"{one['peak_gib']:.2f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
