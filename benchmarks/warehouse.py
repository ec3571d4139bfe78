"""Landing and build of a simulated lender, beside a bare DuckDB script.

The bare script (``bare_warehouse.sql``) is what a careful engineer would write to get the
same marts from the same files and nothing else: no quarantine, no audit, no tests, no
gates. Both run with the same memory limit and threads, each in a process of its own whose
peak memory is taken from the operating system; the marts are compared, row for row.

    python -m benchmarks --borrowers 1000000 --smaller 100000

The last five marts are plain copies of what was delivered. Both sides make them; the
ratio is also given with the bare script's time for the six central marts alone.
"""

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from comove.connection import duckdb_config
from comove.settings import Settings

HERE = Path(__file__).parent
MARTS = (
    "dim_borrower",
    "fct_application",
    "fct_loan",
    "fct_repayment",
    "fct_loan_month",
    "fct_borrower_month",
    "fct_loan_event",
    "fct_transaction",
    "fct_collection",
    "fct_credit_limit",
    "fct_business_adjustment",
)
CENTRAL_MARTS = 6
Figures = dict[str, Any]
console = Console(width=100)


def main() -> None:
    """Measure the sizes asked for and show the figures."""
    given = _arguments()
    if given.job:
        _in_this_process(given)
        return
    sizes = [given.smaller, given.borrowers] if given.smaller else [given.borrowers]
    measured = [_measure(size, given) for size in sizes]
    _show(measured)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrowers", type=int, default=1_000_000)
    parser.add_argument("--smaller", type=int, default=100_000, help="0: one size only")
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=["simulate", "parse", "land", "build", "bare"])
    return parser.parse_args()


def _settings(borrowers: int, home: Path) -> Settings:
    return Settings(portfolio="simulated", home=home / str(borrowers))


def _measure(borrowers: int, given: argparse.Namespace) -> Figures:
    settings = _settings(borrowers, given.home)
    figures: Figures = {"borrowers": borrowers}
    if not (settings.places.root / "simulation.json").is_file():
        figures["simulate"] = _run_apart("simulate", borrowers, given)
    for database in (settings.places.warehouse, _bare_database(settings)):
        database.unlink(missing_ok=True)
    for job in ("parse", "land", "build", "bare"):
        figures[job] = _run_apart(job, borrowers, given)
    stages = figures["bare"]["stages"]
    others = sum(stages.get(mart, 0.0) for mart in MARTS[CENTRAL_MARTS:])
    figures["bare"]["central_seconds"] = figures["bare"]["seconds"] - others
    figures["differences"] = _differences(settings)
    figures["rows"] = _rows(settings)
    return figures


def _run_apart(job: str, borrowers: int, given: argparse.Namespace) -> Figures:
    """Run a job in a process of its own: its seconds and its peak memory."""
    console.print(f"{borrowers:,} borrowers: {job} …", highlight=False)
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            __file__,
            *["--job", job, "--borrowers", str(borrowers), "--home", str(given.home)],
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - started
    inside = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": seconds, **inside}


def _in_this_process(given: argparse.Namespace) -> None:
    settings = _settings(given.borrowers, given.home)
    settings.places.make()
    stages = {
        "simulate": _simulate,
        "parse": _parse,
        "land": _land,
        "build": _build,
        "bare": _bare,
    }[given.job](settings, given.borrowers)
    used = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    figures = {
        "cpu_seconds": sum(one.ru_utime + one.ru_stime for one in used),
        # With worker processes the largest counts; KiB on Linux.
        "peak_gib": max(one.ru_maxrss for one in used) / 2**20,
        "stages": stages,
    }
    print(json.dumps(figures))


def _simulate(settings: Settings, borrowers: int) -> dict[str, float]:
    from comove.simulation import simulate

    simulate(settings, borrowers=borrowers, months=36)
    return {}


def _land(settings: Settings, borrowers: int) -> dict[str, float]:
    from comove.landing import land

    land(settings, run_id="benchmark")
    return {}


def _parse(settings: Settings, borrowers: int) -> dict[str, float]:
    """Parse the dbt project, as the first run after a change of the code does."""
    from comove.warehouse import run_dbt

    run_dbt(settings, ["parse"], log_level="none")
    return {}


def _build(settings: Settings, borrowers: int) -> dict[str, float]:
    from comove.warehouse import build

    report = build(settings, run_id="benchmark", month=_month(settings))
    return dict(report.seconds)


def _bare(settings: Settings, borrowers: int) -> dict[str, float]:
    seconds = {}
    with duckdb.connect(
        str(_bare_database(settings)), config=duckdb_config(settings)
    ) as c:
        for name, statement in _bare_statements(settings):
            started = time.monotonic()
            c.execute(statement)
            seconds[name] = time.monotonic() - started
    return seconds


def _bare_statements(settings: Settings) -> list[tuple[str, str]]:
    script = (HERE / "bare_warehouse.sql").read_text()
    for name, value in {
        "landing": str(settings.places.landing),
        "horizon": _month(settings).isoformat(),
        **_pads(settings),
    }.items():
        script = script.replace("{" + name + "}", value)
    parts = script.split("-- stage: ")[1:]
    return [(part.split("\n", 1)[0], part.split("\n", 1)[1]) for part in parts]


def _pads(settings: Settings) -> dict[str, str]:
    from comove.warehouse.dbt_plugin import hmac_pads
    from comove.warehouse.id_key import id_key

    inner, outer = hmac_pads(id_key(str(settings.places.warehouse)))
    return {"inner_pad": inner.hex(), "outer_pad": outer.hex()}


def _month(settings: Settings) -> dt.date:
    told = json.loads((settings.places.root / "simulation.json").read_text())
    return dt.date.fromisoformat(told["last_month"])


def _bare_database(settings: Settings) -> Path:
    return settings.places.root / "bare.duckdb"


def _differences(settings: Settings) -> dict[str, int]:
    """Rows of each mart that only one of the two has."""
    with duckdb.connect(str(_bare_database(settings))) as connection:
        connection.execute(f"attach '{settings.places.warehouse}' as ours (read_only)")
        return {mart: _differing_rows(connection, mart) for mart in MARTS}


def _differing_rows(connection: duckdb.DuckDBPyConnection, mart: str) -> int:
    """Rows that only one side has; all of them where the columns differ."""
    one, other = f"main.{mart}", f"ours.marts.{mart}"
    columns = _columns(connection, one)
    if columns != _columns(connection, other):
        return _count(connection, one) + _count(connection, other)
    names = ", ".join(name for name, _ in columns)
    if _sums(connection, one, names) == _sums(connection, other, names):
        return 0
    return _count(
        connection,
        f"""(
            (select {names} from {one} except all select {names} from {other})
            union all
            (select {names} from {other} except all select {names} from {one})
        )""",
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    described = connection.execute(f"describe {table}").fetchall()
    return [(name, data_type) for name, data_type, *_ in described]


def _sums(
    connection: duckdb.DuckDBPyConnection, table: str, names: str
) -> tuple[int, int | None]:
    # Equal multisets of rows have equal counts and equal sums of row hashes.
    query = f"select count(*), sum(hash({names})::hugeint) from {table}"
    return tuple(connection.execute(query).fetchall()[0])


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


def _rows(settings: Settings) -> dict[str, int]:
    database = str(_bare_database(settings))
    with duckdb.connect(database, read_only=True) as connection:
        return {mart: _count(connection, mart) for mart in MARTS}


def _show(measured: list[Figures]) -> None:
    table = Table(title=f"Warehouse, {os.cpu_count()} cores")
    for column in ("", *[f"{figures['borrowers']:,} borrowers" for figures in measured]):
        table.add_column(column, justify="right")
    for job in ("land", "build", "bare"):
        table.add_row(f"{job}: seconds", *[_job(f[job]) for f in measured])
    ours = [f["land"]["seconds"] + f["build"]["seconds"] for f in measured]
    for title, part in (("all marts", "seconds"), ("central marts", "central_seconds")):
        ratios = [o / f["bare"][part] for o, f in zip(ours, measured, strict=True)]
        table.add_row(f"ratio, {title}", *[f"{ratio:.2f}" for ratio in ratios])
    table.add_row("ratio of processor time", *[f"{_cpu_ratio(f):.2f}" for f in measured])
    table.add_row("instalments", *[f"{f['rows']['fct_repayment']:,}" for f in measured])
    table.add_row(
        "rows that differ", *[f"{sum(f['differences'].values()):,}" for f in measured]
    )
    console.print(table)
    if len(measured) == 2:
        growth = ours[1] / ours[0]
        size = measured[1]["borrowers"] / measured[0]["borrowers"]
        console.print(
            f"growth: {growth:.1f} times the time for {size:.0f} times the size"
        )
    _show_stages(measured[-1])


def _job(figures: Figures) -> str:
    return (
        f"{figures['seconds']:.1f} (processor {figures['cpu_seconds']:.1f}, "
        f"peak {figures['peak_gib']:.2f} GiB)"
    )


def _cpu_ratio(figures: Figures) -> float:
    ours = figures["land"]["cpu_seconds"] + figures["build"]["cpu_seconds"]
    return float(ours / figures["bare"]["cpu_seconds"])


def _show_stages(figures: Figures) -> None:
    table = Table(title="Seconds per stage, largest size")
    for column in ("ours", "s", "bare", "s"):
        table.add_column(column)
    ours = sorted(figures["build"]["stages"].items(), key=lambda item: -item[1])[:20]
    bare = sorted(figures["bare"]["stages"].items(), key=lambda item: -item[1])[:20]
    for place in range(max(len(ours), len(bare))):
        left = ours[place] if place < len(ours) else ("", 0.0)
        right = bare[place] if place < len(bare) else ("", 0.0)
        table.add_row(left[0], f"{left[1]:.1f}", right[0], f"{right[1]:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
