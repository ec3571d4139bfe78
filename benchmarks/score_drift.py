"""The exact matrix of the score drift, beside a bare count and beside scipy and toad.

One process a job, each with the same threads and memory limit; peak memory is the
operating system's. The SQL is what dbt compiles from `macros/score_drift`, run on a
Parquet file of made applications: score (2 decimals), cohort of 24, end of the funnel,
two labels.

    python -m benchmarks score_drift --applications 10000000 --larger 100000000

`bare` is `select cohort, score, end, labels, count(*) … group by` all of them: the least
anybody can do who wants every distinct score. `exact` is counts, KS and n-group KS of
every cell; `shift` is all that the models make: unlabelled applications, too, the cells
of the baseline, PSI and score shift; `intervals` is everything that follows in Python.

`scipy` and `toad` are what an analyst writes: pandas reads the file, and each cell is
filtered from all rows by month, ends and label, and given to the library (toad: its
bucket table too). Filters are the same for every month, so `--months` of them are taken
and scaled up to 24; reading is counted once. `scipy split` and `toad split` are given
more: the rows are split by month first, in all months. `numpy` counts with
`numpy.bincount` instead of SQL: what can be had where scores are known to be whole
hundredths.
"""

import argparse
import contextlib
import datetime as dt
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from comove.home import project_root

MONTHS = 24
BASELINE_MONTHS = 6
THREADS = 2
MEMORY = "3GiB"
KEYS = "['cut_by', 'cut_value', 'cohort_month', 'is_baseline']"
console = Console(width=100)
Figures = dict[str, Any]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Cell = tuple[FloatArray, BoolArray]
JOBS = (
    *("bare", "exact", "shift", "intervals", "numpy"),
    *("scipy split", "toad split", "scipy", "toad"),
)
STAGES: dict[str, list[str] | None] = {
    "credit_applied": None,
    "credit_approved": ["undrawn", "refused", "pending", "disbursed"],
    "drawdown_applied": ["refused", "pending", "disbursed"],
    "disbursed": ["disbursed"],
    "credit_rejected": ["rejected"],
    "approved_undrawn": ["undrawn"],
    "drawdown_rejected": ["refused"],
}
LABELS = ("policy_label", "performance_label")


@dataclass(frozen=True)
class Spent:
    """Time of a piece of work: by the clock, and of all processors together."""

    seconds: float
    processor: float

    def __add__(self, other: "Spent") -> "Spent":
        """Take one after the other."""
        return Spent(self.seconds + other.seconds, self.processor + other.processor)

    def times(self, factor: float) -> "Spent":
        """Scale to more of the same."""
        return Spent(self.seconds * factor, self.processor * factor)


def main() -> None:
    """Measure the sizes asked for and show the ratios."""
    given = _arguments()
    if given.job:
        print(json.dumps(_measured(given)))
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
    parser.add_argument("--months", type=int, default=6, help="of scipy and toad")
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
    return {"applications": n} | {
        job: _run_apart(job, file, sql, given.months) for job in jobs
    }


def _run_apart(job: str, file: Path, sql: Path, months: int) -> Figures:
    console.print(f"{file.stem}: {job} …", highlight=False)
    arguments = ["--job", job, "--file", str(file), "--sql", str(sql)]
    arguments += ["--months", str(months)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _measured(given: argparse.Namespace) -> Figures:
    sql, months = json.loads(given.sql.read_text()), given.months
    jobs: dict[str, Callable[[Path], Spent]] = {
        "bare": _bare,
        "exact": lambda file: _exact(file, sql),
        "shift": lambda file: _shift(file, sql),
        "intervals": lambda file: _intervals(file, sql),
        "numpy": _numpy,
        "scipy split": lambda file: _timed(lambda: _each(_split(file), _scipy)),
        "toad split": lambda file: _timed(lambda: _each(_split(file), _toad)),
        "scipy": lambda file: _filtered(file, _scipy, months),
        "toad": lambda file: _filtered(file, _toad, months),
    }
    spent = jobs[given.job](given.file)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return asdict(spent) | {"peak_gib": peak}


def compiled() -> dict[str, str]:
    """Give the SQL of the models' macros, as dbt compiles them."""
    from dbt.cli.main import dbtRunner

    project = str(project_root() / "dbt_project")
    parts = {
        "counts": "{{ score_counts_by_cut('applications', 'cuts') }}",
        "columns": "{{ score_count_columns() | join(', ') }}",
        "labels": "{{ score_counts_by_cut('applications', 'cuts', only_labels=true) }}",
        "cells": f"{{{{ score_cells('counts', {KEYS}, 'request') }}}}",
        "shifts": "{{ score_shifts('counts', ['cut_by', 'cut_value', 'cohort_month'], "
        "['cut_by', 'cut_value'], 'request') }}",
    }
    mark = "-- next part"
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        outcome: Any = dbtRunner().invoke(
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


def _timed(work: Callable[[], object]) -> Spent:
    started, used = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - started, time.process_time() - used)


def _bare(file: Path) -> Spent:
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
        create temp table cuts (cut_by varchar);
        create temp view applications as
        select *, '' as channel, '' as region, '' as product from '{file}';
        create temp table counted as {counts};
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


def _exact(file: Path, sql: dict[str, str]) -> Spent:
    with _connect() as connection:
        return _timed(lambda: _cells_only(connection, file, sql))


def _shift(file: Path, sql: dict[str, str]) -> Spent:
    with _connect() as connection:
        before = _timed(lambda: _matrix(connection, file, sql))
        after = _timed(
            lambda: connection.execute(f"create temp table shifts as {sql['shifts']}")
        )
    return before + after


def _intervals(file: Path, sql: dict[str, str]) -> Spent:
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


def _numpy(file: Path) -> Spent:
    """Count every cohort, hundredth, end and label in one array, then add up."""
    with _connect() as connection:
        return _timed(lambda: _counted_distances(connection, file))


def _counted_distances(connection: duckdb.DuckDBPyConnection, file: Path) -> FloatArray:
    label = "case {0}_label when 'good' then 1 when 'bad' then 2 else 0 end"
    codes = connection.execute(
        f"""
        select cast(
            ((year(cohort_month) - 2022) * 12 + month(cohort_month) - 1) * 3072000
            + cast(round(score * 100) - 30000 as integer) * 54
            + case funnel_end when 'rejected' then 0 when 'undecided' then 1
                when 'undrawn' then 2 when 'refused' then 3 when 'pending' then 4
                else 5 end * 9
            + {label.format("policy")} * 3 + {label.format("performance")}
            as integer) as code
        from '{file}'
        """
    ).fetchnumpy()["code"]
    counts = np.bincount(codes, minlength=MONTHS * 3072000)
    table = counts.reshape(MONTHS, 3072000)[:, : 55001 * 54].reshape(MONTHS, -1, 6, 3, 3)
    found = []
    ends = ("rejected", "undecided", "undrawn", "refused", "pending", "disbursed")
    for at_stage in STAGES.values():
        kept = [n for n, end in enumerate(ends) if at_stage is None or end in at_stage]
        part = table[:, :, kept].sum(axis=2)
        for both in (part.sum(axis=3)[..., 1:], part.sum(axis=2)[..., 1:]):
            below = both.cumsum(axis=1).astype(float)
            share = below / np.maximum(below[:, -1:], 1)
            found.append(np.abs(share[..., 0] - share[..., 1]).max(axis=1))
    return np.array(found)


def _split(file: Path) -> Iterator[Cell]:
    """Give scores and labels of every cell, rows split by month first."""
    rows = pd.read_parquet(file)
    for _, month in rows.groupby("cohort_month"):
        for ends in STAGES.values():
            part = month if ends is None else month[month["funnel_end"].isin(ends)]
            for label in LABELS:
                known = part[label].notna()
                bad = (part.loc[known, label] == "bad").to_numpy()
                yield part.loc[known, "score"].to_numpy(), bad


def _filtered(file: Path, take: Callable[[Any, Any], object], months: int) -> Spent:
    """Filter cells of some months from all rows; time scaled up to all months."""
    read: list[pd.DataFrame] = []
    reading = _timed(lambda: read.append(pd.read_parquet(file)))
    chosen = sorted(read[0]["cohort_month"].unique())[:: MONTHS // months]
    taking = _timed(lambda: _each(_cells_of(read[0], chosen), take))
    return reading + taking.times(MONTHS / len(chosen))


def _cells_of(rows: pd.DataFrame, months: list[Any]) -> Iterator[Cell]:
    for month in months:
        for ends in STAGES.values():
            for label in LABELS:
                wanted = (rows["cohort_month"] == month) & rows[label].notna()
                if ends is not None:
                    wanted &= rows["funnel_end"].isin(ends)
                cell = rows[wanted]
                yield cell["score"].to_numpy(), (cell[label] == "bad").to_numpy()


def _each(cells: Iterable[Cell], take: Callable[[Any, Any], object]) -> None:
    for score, bad in cells:
        if 0 < bad.sum() < len(bad):
            take(score, bad)


def _scipy(score: FloatArray, bad: BoolArray) -> object:
    return stats.ks_2samp(score[bad], score[~bad], method="asymp").statistic


def _toad(score: FloatArray, bad: BoolArray) -> object:
    import toad

    table = toad.metrics.KS_bucket(score, bad.astype(int), bucket=10)
    return toad.KS(score, bad), table


def _show(figures: Figures) -> None:
    title = f"{figures['applications']:,} applications, {MONTHS} cohorts"
    columns = ("job", "seconds", "cpu s", "peak GiB", "cpu of bare", "cpu of exact")
    table = Table(*columns, title=title)
    bare, exact = figures["bare"]["processor"], figures["exact"]["processor"]
    for job in JOBS:
        if job in figures:
            one = figures[job]
            values = (
                *(one["seconds"], one["processor"], one["peak_gib"]),
                *(one["processor"] / bare, one["processor"] / exact),
            )
            table.add_row(job, *(f"{value:.2f}" for value in values))
    console.print(table)


if __name__ == "__main__":
    main()
