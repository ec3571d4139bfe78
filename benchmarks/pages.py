"""The pages under many readers, while new copies are published.

A copy of a million borrowers' indices is served by uvicorn, one process, as Airflow's web
server does. Readers ask for the overview, pages, charts, and pages of the large table
(sorted, searched, far down); meanwhile another process swaps in a new copy again and
again. Told are seconds by request, and the memory of the server from the first to the
last tenth of the requests.

    python -m benchmarks pages --borrowers 1000000 --readers 20 --requests 10000

The guard is left out: it is Airflow's own, and costs the same for every request.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import psutil
from fastapi import Request
from rich.console import Console
from rich.table import Table

from comove.settings import Settings

PORT = 18321
TARGET_SECONDS = 0.3
SWAP_EVERY_SECONDS = 5.0
ROWS_A_PAGE = 50
console = Console(width=100)
INDEX = "/joint-risk/table/risk-joint_risk_index"
ADDRESSES = (
    "/",
    "/joint-risk",
    "/joint-risk/chart/index-spread",
    INDEX,
    f"{INDEX}?sort=joint_risk_index",
    f"{INDEX}?sort=pd&descending=false&page=500",
    f"{INDEX}?search=region 7&page=3",
    # Asked by nobody before, however far down.
    f"{INDEX}?sort=joint_risk_change&page={{number}}",
    "/static/comove.js",
)


def main() -> None:
    """Measure and show."""
    given = _arguments()
    if given.serve:
        _serve(given.home)
        return
    settings = _settings(given.home)
    console.print(f"{given.borrowers:,} borrowers: made …", highlight=False)
    make_copy(settings, given.borrowers)
    with _server(given.home) as process:
        figures = _measured(settings, process, given)
    _show(figures, given)
    if given.json:
        Path(given.json).write_text(json.dumps(figures, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--borrowers", type=int, default=1_000_000)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark_pages"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _settings(home: Path) -> Settings:
    return Settings(portfolio="contract", home=home)


def make_copy(settings: Settings, borrowers: int) -> None:
    """Publish made borrowers: two months of them, and an index for each."""
    settings.places.make()
    file = settings.places.serving
    file.unlink(missing_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute(
            f"""
            create schema marts; create schema risk; create schema audit;
            create table marts.dim_borrower as
            select md5(k::varchar) as borrower_key, 'region ' || k % 20 as region
            from range({borrowers}) as rows (k);
            create table marts.fct_borrower_month as
            select borrower_key, m as month, true as is_at_risk,
                hash(borrower_key, m) % 100 = 0 as is_event,
                (hash(borrower_key) % 10 = 0)::integer * 20 as current_dpd_max,
                hash(borrower_key) % 10000 / 1.0 as exposure
            from marts.dim_borrower, (values (date '2024-05-01'),
                (date '2024-06-01')) as months (m);
            create table risk.joint_risk_index as
            select borrower_key, month + interval 1 month as month,
                month as as_of_month, region,
                hash(borrower_key) % 1000 / 1e5 as pd,
                1 + hash(borrower_key, 1) % 1000 / 1e3 as joint_risk_index,
                hash(borrower_key, 2) % 1000 / 1e3 as joint_risk_change
            from marts.fct_borrower_month join marts.dim_borrower using (borrower_key);
            create table audit.quality_result as
            select 'run' as run_id, 'marts' as stage,
                true as success, 'warning' as severity, now() as checked_at;
            """
        )


def _serve(home: Path) -> None:
    import uvicorn

    from comove.pages.app import make_app

    app = make_app(_settings(home), _admit)
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")


def _admit(request: Request) -> None:
    request.state.sees_persons = True


@contextmanager
def _server(home: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, __file__, "--serve", "--home", str(home)]
    with subprocess.Popen(command) as process:
        try:
            _wait_for(f"http://127.0.0.1:{PORT}/static/comove.css")
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def _measured(
    settings: Settings, process: psutil.Process, given: argparse.Namespace
) -> dict[str, Any]:
    ended = threading.Event()
    swaps = threading.Thread(target=_swap, args=(settings.places.serving, ended))
    swaps.start()
    seconds: dict[str, list[float]] = {address: [] for address in ADDRESSES}
    memory: list[int] = []
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{PORT}", timeout=60, trust_env=False
    )

    def ask(number: int) -> None:
        address = ADDRESSES[number % len(ADDRESSES)]
        started = time.perf_counter()
        # Every ninth number, scattered over the pages there are.
        page = number * 7_919 % (given.borrowers // ROWS_A_PAGE) + 1
        client.get(address.format(number=page)).raise_for_status()
        seconds[address].append(time.perf_counter() - started)
        memory.append(process.memory_info().rss)

    worked = sum(process.cpu_times()[:2])
    try:
        with ThreadPoolExecutor(given.readers) as readers:
            list(readers.map(ask, range(given.requests)))
    finally:
        ended.set()
        swaps.join()
    worked = sum(process.cpu_times()[:2]) - worked
    tenth = max(len(memory) // 10, 1)
    return {
        "seconds": {a: _quantiles(found) for a, found in seconds.items()},
        "all": _quantiles([one for found in seconds.values() for one in found]),
        # What a busy machine does not change, nearly.
        "server_seconds_a_request": worked / max(given.requests, 1),
        "load": os.getloadavg()[0],
        # The first requests fill caches: what follows has to be flat.
        "memory_early_gib": max(memory[tenth : 2 * tenth], default=0) / 2**30,
        "memory_late_gib": max(memory[-tenth:], default=0) / 2**30,
    }


def _swap(file: Path, ended: threading.Event) -> None:
    """Publish the copy anew, as a run does at its end."""
    while not ended.wait(SWAP_EVERY_SECONDS):
        fresh = file.with_suffix(".fresh")
        shutil.copy(file, fresh)
        os.replace(fresh, file)


def _quantiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    found = np.quantile(seconds, [0.5, 0.95, 1.0])
    return dict(zip(("median", "p95", "max"), found.tolist(), strict=True))


def _show(figures: dict[str, Any], given: argparse.Namespace) -> None:
    title = (
        f"{given.borrowers:,} borrowers, {given.readers} readers, "
        f"{given.requests:,} requests"
    )
    table = Table("request", "median", "p95", "slowest", title=title)
    for name, found in {**figures["seconds"], "all": figures["all"]}.items():
        table.add_row(name, *(f"{1e3 * value:.0f} ms" for value in found.values()))
    console.print(table)
    console.print(
        f"target {1e3 * TARGET_SECONDS:.0f} ms at p95; memory "
        f"{figures['memory_early_gib']:.2f} GiB early, "
        f"{figures['memory_late_gib']:.2f} GiB at the end; the server worked "
        f"{1e3 * figures['server_seconds_a_request']:.1f} ms a request; load of the "
        f"machine {figures['load']:.1f}"
    )


if __name__ == "__main__":
    main()
