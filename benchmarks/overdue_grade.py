"""Overdue grades of many borrowers, beside a bare window query over the same rows.

Made loans of 36 monthly instalments, one a borrower, in the tables the warehouse has
after its build; then everything `comove.overdue_grade.build` does, timed model by model
as dbt says; then the month after, appended. Each job is a process of its own, with the
same threads and memory limit; peak memory is the operating system's.

    python -m benchmarks overdue_grade --borrowers 1000000

`bare` is `max(days) over (partition by borrower order by day rows between 11 preceding
and current row)` written to a table, from a table of borrower (as the marts name them),
day and days late: the least anybody can do who wants a trailing extreme. `bare numbered`
is the same with integers for borrowers. `grades` is the model of extremes, weights and
grades; `points` what comes before it, `moves` the transitions. `append` is a run of the
month after the 35 graded before.

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
JOBS = ("bare", "bare numbered", "whole", "append")
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
    # The whole leaves the rows that the bare queries read.
    found = {job: _run_apart(job, given.home) for job in ("append", "whole", *JOBS[:2])}
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
    jobs: dict[str, Callable[[Settings], Figures]] = {
        "bare": lambda one: _bare(one, "borrower_key"),
        "bare numbered": lambda one: _bare(one, "borrower_no"),
        "whole": _whole,
        "append": _append,
    }
    found = jobs[job](settings)
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


def _whole(settings: Settings) -> Figures:
    return _graded(settings, LAST, full_refresh=True)


def _append(settings: Settings) -> Figures:
    _graded(settings, BEFORE, full_refresh=True)
    return _graded(settings, LAST, full_refresh=False)


def _graded(settings: Settings, month: dt.date, *, full_refresh: bool) -> Figures:
    """Grade, and tell the seconds of each model as dbt has them."""
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    report = build_grades(
        settings,
        run_id=f"bench-{month:%Y-%m}",
        month=month,
        full_refresh=full_refresh,
        tell=lambda told: _noted(seconds, told),
    )
    figures: Figures = {"everything": time.perf_counter() - started}
    for part, models in MODELS.items():
        figures[part] = sum(seconds[name] for name in models)
    figures["seconds"] = sum(figures[part] for part in MODELS)
    return figures | {"points_made": report.new_points}


def _noted(seconds: dict[str, float], told: str) -> None:
    """Read `3/9 overdue_grade built in 1.2 s`."""
    words = told.split()
    seconds[words[1]] = float(words[-2])


def _bare(settings: Settings, borrower: str) -> Figures:
    with connect(settings) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"""
            create or replace temp table looked as
            select {borrower}, observed_on, current_extreme
            from risk.overdue_grade inner join (
                select distinct borrower_key, borrower_no from intermediate.int_loan
            ) as borrowers using (borrower_key)
            """
        )
        started = time.perf_counter()
        connection.execute(
            f"""
            create or replace table intermediate.bare as
            select *, max(current_extreme) over (
                partition by {borrower} order by observed_on
                rows between 11 preceding and current row
            ) as historical_extreme
            from looked
            """
        )
        return {"seconds": time.perf_counter() - started}


def _show(borrowers: int, found: dict[str, Figures]) -> None:
    title = f"{borrowers:,} borrowers, {POINTS} points each"
    table = Table("job", "seconds", "of bare", "of numbered", "peak GiB", title=title)
    bare, numbered = (found[name]["seconds"] for name in ("bare", "bare numbered"))
    rows = {name: (one["seconds"], one["peak_gib"]) for name, one in found.items()}
    for part in MODELS:
        rows[f"whole: {part}"] = (found["whole"][part], found["whole"]["peak_gib"])
    for name in sorted(rows):
        seconds, peak = rows[name]
        table.add_row(
            name,
            f"{seconds:.2f}",
            f"{seconds / bare:.2f}",
            f"{seconds / numbered:.2f}",
            f"{peak:.2f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
