"""The exact matrix of the score drift, beside a bare count and beside scipy and toad.

One process a job, each with the same threads and memory limit; peak memory is the
operating system's. The SQL is what dbt compiles from `macros/score_drift`, run on a
Parquet file of made applications: score (2 decimals), cohort of 24, end of the funnel,
two labels.

    python -m benchmarks score_drift --applications 10000000 --larger 100000000

`bare` is `select cohort, score, end, labels, count(*) … group by` all of them: the least
anybody can do who wants every distinct score. `exact` is counts, KS and n-group KS of
every cell; `shift` is all that the models make: unlabelled applications, too, the cells
of the baseline, PSI and score shift; `intervals` is everything that follows in Python;
`scipy` and `toad` gather the cells from the same file and take the KS of each (toad: its
bucket table too).
"""

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from comove.home import project_root

MONTHS = 24
BASELINE_MONTHS = 6
THREADS = 2
MEMORY = "3GiB"
KEYS = "['cut_by', 'cut_value', 'cohort_month', 'is_baseline']"
console = Console(width=100)
Figures = dict[str, Any]
JOBS = ("bare", "exact", "shift", "intervals", "scipy", "toad")


def main() -> None:
    """Measure the sizes asked for and show the ratios."""
    given = _arguments()
    if given.job:
        print(json.dumps(_measured(given.job, given.file, given.sql)))
        return
    sql = given.home / "score_drift.json"
    given.home.mkdir(parents=True, exist_ok=True)
    sql.write_text(json.dumps(compiled()))
    measured = [_all_jobs(n, given, sql) for n in _sizes(given)]
    for figures in measured:
        _show(figures)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=2))


def _sizes(given: argparse.Namespace) -> list[int]:
    return [n for n in (given.applications, given.larger) if n]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--applications", type=int, default=10_000_000)
    parser.add_argument("--larger", type=int, default=0, help="0: one size only")
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=JOBS)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--sql", type=Path)
    return parser.parse_args()


def _all_jobs(n: int, given: argparse.Namespace, sql: Path) -> Figures:
    file = given.home / f"applications_{n}.parquet"
    if not file.is_file():
        console.print(f"{n:,} applications: made …", highlight=False)
        make_applications(n, file)
    # Cell by cell takes minutes where everything is ten times as large.
    jobs = JOBS if n == given.applications else ("bare", "exact", "shift")
    return {"applications": n} | {job: _run_apart(job, file, sql) for job in jobs}


def _run_apart(job: str, file: Path, sql: Path) -> Figures:
    console.print(f"{file.stem}: {job} …", highlight=False)
    arguments = ["--job", job, "--file", str(file), "--sql", str(sql)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(job: str, file: Path, sql: Path) -> Figures:
    jobs: dict[str, Callable[[Path, dict[str, str]], float]] = {
        "bare": _bare,
        "exact": _exact,
        "shift": _shift,
        "intervals": _intervals,
        "scipy": _scipy,
        "toad": _toad,
    }
    seconds = jobs[job](file, json.loads(sql.read_text()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "peak_gib": peak}


def compiled() -> dict[str, str]:
    """Give the SQL of the models' macros, as dbt compiles them."""
    from dbt.cli.main import dbtRunner

    project = str(project_root() / "dbt_project")
    parts = {
        "counts": "{{ score_counts('cut', ['cut_by', 'cut_value', 'cohort_month']) }}",
        "columns": "{{ score_count_columns() | join(', ') }}",
        "labels": "{{ score_counts('cut', ['cut_by', 'cut_value', 'cohort_month'], "
        "only_labels=true) }}",
        "cells": f"{{{{ score_cells('counts', {KEYS}, 'request') }}}}",
        "shifts": "{{ score_shifts('counts', ['cut_by', 'cut_value', 'cohort_month'], "
        "['cut_by', 'cut_value'], 'request') }}",
    }
    mark = "-- next part"
    with tempfile.TemporaryDirectory() as folder:
        outcome = dbtRunner().invoke(
            [
                *("compile", "--inline", f"\n{mark}\n".join(parts.values()), "--quiet"),
                *("--project-dir", project, "--profiles-dir", project),
                *("--target-path", folder, "--log-path", folder),
            ]
        )
    if not outcome.success:
        raise RuntimeError(str(outcome.exception))
    texts = outcome.result.results[0].node.compiled_code.split(mark)
    return dict(zip(parts, (text.strip() for text in texts), strict=True))


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY})
    connection.execute("set enable_progress_bar = false")
    return connection


def make_applications(n: int, file: Path) -> None:
    """Write made applications: normal scores that tell good from bad, a cut, chance."""
    with _connect() as connection:
        connection.execute(
            f"""
            copy (
                select
                    make_date(2022 + cohort // 12, cohort % 12 + 1, 1) as cohort_month,
                    round(greatest(300, least(850, 600 + 50 * z)), 2) as score,
                    case
                        when z < -0.9 then 'rejected'
                        when u < 0.01 then 'undecided'
                        when u < 0.11 then 'undrawn'
                        when u < 0.16 then 'refused'
                        when u < 0.17 then 'pending'
                        else 'disbursed'
                    end as funnel_end,
                    if(v < 1 / (1 + exp(-z)), 'good', 'bad') as policy_label,
                    if(z >= -0.9 and u >= 0.17 and cohort < 18,
                        if(w < 1 / (1 + exp(-2 - z)), 'good', 'bad'), null)
                        as performance_label
                from (
                    select
                        (hash(k) % {MONTHS})::integer as cohort,
                        sqrt(-2 * ln((hash(k, 1) % 1000000007 + 1) / 1000000009.0))
                        * cos(2 * pi() * (hash(k, 2) % 1000000007) / 1000000007.0) as z,
                        (hash(k, 3) % 1000003) / 1000003.0 as u,
                        (hash(k, 4) % 1000003) / 1000003.0 as v,
                        (hash(k, 5) % 1000003) / 1000003.0 as w
                    from range({n}) as rows (k)
                )
            ) to '{file}' (format parquet)
            """
        )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _bare(file: Path, _: dict[str, str]) -> float:
    with _connect() as connection:
        return _timed(
            lambda: connection.execute(
                f"""
                create temp table bare as
                select cohort_month, score, funnel_end, policy_label, performance_label,
                    count(*) as n
                from '{file}' group by all
                """
            )
        )


def _count(connection: duckdb.DuckDBPyConnection, file: Path, counts: str) -> None:
    connection.execute(
        f"""
        create temp table request as select 10 as groups;
        create temp table counted as with cut as (
            select 'all' as cut_by, 'all' as cut_value, * from '{file}'
        ) {counts}
        """
    )


def _matrix(
    connection: duckdb.DuckDBPyConnection, file: Path, sql: dict[str, str]
) -> None:
    """Make counts and cells as the models do, those of the baseline included."""
    columns = sql["columns"]
    last = dt.date(2022, BASELINE_MONTHS, 1)
    _count(connection, file, sql["counts"])
    connection.execute(
        f"""
        create temp table counts as
        select cut_by, cut_value, cohort_month, false as is_baseline, score, {columns}
        from counted
        union all
        select cut_by, cut_value, date '2022-01-01', true, score,
            {", ".join(f"sum({name})" for name in columns.split(", "))}
        from counted where cohort_month <= date '{last}'
        group by cut_by, cut_value, score;
        create temp table cells as {sql["cells"]};
        """
    )


def _cells_only(
    connection: duckdb.DuckDBPyConnection, file: Path, sql: dict[str, str]
) -> None:
    _count(connection, file, sql["labels"])
    connection.execute(
        f"""
        create temp view counts as select *, false as is_baseline from counted;
        create temp table cells as {sql["cells"]};
        """
    )


def _exact(file: Path, sql: dict[str, str]) -> float:
    with _connect() as connection:
        return _timed(lambda: _cells_only(connection, file, sql))


def _shift(file: Path, sql: dict[str, str]) -> float:
    with _connect() as connection:
        before = _timed(lambda: _matrix(connection, file, sql))
        after = _timed(
            lambda: connection.execute(f"create temp table shifts as {sql['shifts']}")
        )
    return before + after


def _intervals(file: Path, sql: dict[str, str]) -> float:
    from comove.score_drift.intervals import intervals
    from comove.score_drift.request import STAGES
    from comove.score_drift.selection import correlations, selection_changes

    parents = {stage: above for stage, above in STAGES.items() if above}
    with _connect() as connection:
        _matrix(connection, file, sql)
        cells = connection.execute("select * from cells where ks is not null").df()
        cells["parent_stage"] = cells["stage"].map(STAGES)

        def work() -> None:
            bands = connection.execute(_bands(sql)).df()
            intervals(cells, correlations(bands, parents))
            selection_changes(bands, parents, draws=400, seed=1)

        return _timed(work)


def _bands(sql: dict[str, str]) -> str:
    """Twenty bands of the score, as `int_score_band` makes them."""
    ends = [name[2:] for name in sql["columns"].split(", ") if name.startswith("n_")]
    n = " + ".join(f"n_{end}" for end in ends)
    counts = ", ".join(
        f"sum(floor(policy_{end} / 67108864))::bigint as {end}_good, "
        f"sum(policy_{end} - 67108864 * floor(policy_{end} / 67108864))::bigint "
        f"as {end}_bad"
        for end in ends
    )
    return f"""
        with places as (
            select score, (sum(n) over (order by score) - n) / sum(n) over () as below
            from (
                select score, sum({n}) as n from counts where not is_baseline
                group by score
            )
        )
        select cut_by, cut_value, cohort_month, is_baseline,
            cast(floor(below * 20) + 1 as integer) as band, {counts}
        from counts join places using (score) group by all
    """


def _cells_of(file: Path) -> list[tuple[Any, Any]]:
    """Gather scores and labels of every cell."""
    with _connect() as connection:
        rows = connection.execute(f"select * from '{file}'").df()
    stages = {
        "credit_applied": None,
        "credit_approved": ["undrawn", "refused", "pending", "disbursed"],
        "drawdown_applied": ["refused", "pending", "disbursed"],
        "disbursed": ["disbursed"],
        "credit_rejected": ["rejected"],
        "approved_undrawn": ["undrawn"],
        "drawdown_rejected": ["refused"],
    }
    made = []
    for _, month in rows.groupby("cohort_month"):
        for ends in stages.values():
            part = month if ends is None else month[month["funnel_end"].isin(ends)]
            for label in ("policy_label", "performance_label"):
                known = part[label].notna()
                bad = (part.loc[known, label] == "bad").to_numpy()
                if 0 < bad.sum() < len(bad):
                    made.append((part.loc[known, "score"].to_numpy(), bad))
    return made


def _scipy(file: Path, _: dict[str, str]) -> float:
    from scipy.stats import ks_2samp

    return _timed(
        lambda: [
            ks_2samp(score[bad], score[~bad], method="asymp").statistic
            for score, bad in _cells_of(file)
        ]
    )


def _toad(file: Path, _: dict[str, str]) -> float:
    import toad

    return _timed(
        lambda: [
            (
                toad.KS(score, bad),
                toad.metrics.KS_bucket(score, bad.astype(int), bucket=10),
            )
            for score, bad in _cells_of(file)
        ]
    )


def _show(figures: Figures) -> None:
    title = f"{figures['applications']:,} applications, {MONTHS} cohorts"
    table = Table("job", "seconds", "peak GiB", "of bare", "of exact", title=title)
    bare, exact = figures["bare"]["seconds"], figures["exact"]["seconds"]
    for job in JOBS:
        if job not in figures:
            continue
        seconds, peak = figures[job]["seconds"], figures[job]["peak_gib"]
        table.add_row(
            job,
            f"{seconds:.2f}",
            f"{peak:.2f}",
            f"{seconds / bare:.2f}",
            f"{seconds / exact:.2f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
