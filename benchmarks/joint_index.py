"""The joint-risk index of every borrower, beside numpy and pandas borrower by borrower.

Made-up posterior draws of two months (20 regions, 10 industries) and two Parquet files of
borrowers, nearly all the same; each job in a process of its own whose peak memory the
operating system counts:

- ``comove``: `write_index`, from Parquet to Parquet: index, previous index, change, with
  intervals;
- ``cold``: the same with nothing compiled before;
- ``links``: the table of all pairs of cells, and the links of one event;
- ``loss``: portfolio losses, 100,000 simulations under both copulas;
- ``numpy``: the probability of every borrower for every draw with scipy's ``ndtr``, in
  blocks that stay in memory; mean and quantiles; this month's index only;
- ``pandas``: the same, one ``groupby`` of cells whose rows are worked out one by one.

``numpy`` and ``pandas`` do a sample of the borrowers, and their time is scaled up.

    python -m benchmarks joint_index --borrowers 1000000
"""

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr, ndtri

from comove.joint_risk.draws import Draws
from comove.settings import Settings

REGIONS, INDUSTRIES, MONTHS = 20, 10, 36
SAMPLE = {"numpy": 20_000, "pandas": 2_000}
JOBS = ("comove", "cold", "links", "loss", "numpy", "pandas")
# Share of borrowers who were at risk the month before as well.
STAYED = 0.95
Figures = dict[str, Any]
FloatArray = NDArray[np.float64]
console = Console(width=100)


def main() -> None:
    """Measure the size asked for and show the figures."""
    given = _arguments()
    given.home.mkdir(parents=True, exist_ok=True)
    if given.job:
        _in_this_process(given)
        return
    _write_borrowers(given)
    # Twice: the first one compiles what the others find compiled.
    _run_apart("comove", given)
    measured = {job: _run_apart(job, given) for job in given.only}
    _show(measured, given)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks joint_index",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--borrowers", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--nu", type=float, help="of the Student-t copula; else Gaussian")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_apart(job: str, given: argparse.Namespace) -> Figures:
    """Run a job in a process of its own."""
    console.print(f"{given.borrowers:,} borrowers: {job} …", highlight=False)
    arguments = ["--job", job, "--borrowers", str(given.borrowers)]
    arguments += ["--draws", str(given.draws), "--home", str(given.home)]
    arguments += ["--nu", str(given.nu)] if given.nu else []
    with tempfile.TemporaryDirectory() as empty:
        compiled = {"NUMBA_CACHE_DIR": empty} if job == "cold" else {}
        done = subprocess.run(
            [sys.executable, __file__, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | compiled,
        )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _in_this_process(given: argparse.Namespace) -> None:
    job = {
        "comove": _comove,
        "cold": _comove,
        "links": _links,
        "loss": _loss,
        "numpy": _numpy,
        "pandas": _pandas,
    }[given.job]
    wall, processor = time.monotonic(), time.process_time()
    told = job(given) or {}
    figures = {
        "wall": time.monotonic() - wall,
        "processor": time.process_time() - processor,
        # KiB on Linux.
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        **told,
    }
    print(json.dumps(figures))


def _draws(given: argparse.Namespace, seed: int) -> Draws:
    rng = np.random.default_rng(seed)
    d = given.draws

    def near(centre: float, width: float, *shape: int) -> FloatArray:
        return centre + width * rng.normal(size=(d, *shape))

    return Draws(
        regions=tuple(f"region {i:02}" for i in range(REGIONS)),
        industries=tuple(f"industry {i:02}" for i in range(INDUSTRIES)),
        months=tuple(dt.date(2020 + i // 12, i % 12 + 1, 1) for i in range(MONTHS)),
        loading_national=np.abs(near(0.25, 0.03)),
        loading_region=np.abs(near(0.15, 0.03, REGIONS)),
        loading_industry=np.abs(near(0.12, 0.03, INDUSTRIES)),
        phi_national=np.clip(near(0.7, 0.05), 0, 0.95),
        phi_region=np.clip(near(0.6, 0.05), 0, 0.95),
        phi_industry=np.clip(near(0.6, 0.05), 0, 0.95),
        offset_region=near(0.0, 0.03, REGIONS),
        offset_industry=near(0.0, 0.03, INDUSTRIES),
        national=near(0.5, 0.3, MONTHS),
        region=near(0.0, 0.5, REGIONS, MONTHS),
        industry=near(0.0, 0.5, INDUSTRIES, MONTHS),
        nu=given.nu * np.exp(near(0.0, 0.1)) if given.nu else None,
    )


def _write_borrowers(given: argparse.Namespace) -> None:
    rng = np.random.default_rng(1)
    n = given.borrowers
    keys = pa.array([f"{i * 2654435761 % 2**32:032x}" for i in range(n)])
    regions = pa.array([f"region {i:02}" for i in range(REGIONS)])
    industries = pa.array([f"industry {i:02}" for i in range(INDUSTRIES)])
    p = np.clip(np.exp(rng.normal(np.log(0.007), 0.9, n)), 1e-6, 0.9)
    table = pa.table(
        {
            "borrower_key": keys,
            "region": regions.take(pa.array(rng.integers(0, REGIONS, n))),
            "industry": industries.take(pa.array(rng.integers(0, INDUSTRIES, n))),
            "pd": p,
            "exposure": rng.lognormal(9, 1.2, n),
        }
    )
    pq.write_table(table, _file(given, "now"), compression="zstd")
    before = np.clip(p * np.exp(rng.normal(0, 0.2, n)), 1e-6, 0.9)
    earlier = table.set_column(3, "pd", pa.array(before)).slice(0, int(STAYED * n))
    pq.write_table(earlier, _file(given, "before"), compression="zstd")


def _comove(given: argparse.Namespace) -> Figures:
    from comove.joint_risk.index import IndexFacts, Prediction, write_index

    report = write_index(
        Settings(home=given.home),
        Prediction(_draws(given, 1), lambda p: p, _file(given, "now")),
        Prediction(_draws(given, 2), lambda p: p, _file(given, "before")),
        IndexFacts(dt.date(2023, 1, 1), dt.date(2022, 12, 1), "benchmark"),
        _file(given, "index"),
    )
    assert report.rows == given.borrowers
    found = pd.read_parquet(_file(given, "index"), columns=["joint_probability"])
    return {"mean": float(found["joint_probability"].mean())}


def _links(given: argparse.Namespace) -> Figures:
    from comove.joint_risk.link import EventLinker, cell_links

    draws, previous = _draws(given, 1), _draws(given, 2)
    margins = np.random.default_rng(1).uniform(0.004, 0.03, (REGIONS, INDUSTRIES))
    table = cell_links(draws, margins)
    linker, z = EventLinker(draws, previous), np.linspace(-4, -1, 49)
    linker.links_from("region 00", "industry 00", 0.02, z)
    begun = time.monotonic()
    linker.links_from("region 01", "industry 01", 0.02, z)
    return {"rows": len(table), "event_seconds": time.monotonic() - begun}


def _loss(given: argparse.Namespace) -> Figures:
    from comove.joint_risk.loss import portfolio_loss

    settings = Settings(home=given.home)
    found = portfolio_loss(
        settings, _draws(given, 1), lambda p: p, _file(given, "now")
    ).measures
    at = found.set_index(["copula", "measure"]).loc[("factor", "var_999")]
    return {"relative_error_var_999": float(at["mc_error"] / at["amount"])}


def _numpy(given: argparse.Namespace) -> Figures:
    rows, mean, spread = _plain(given)
    totals = []
    for first in range(0, len(rows), 1_000):
        block = rows.iloc[first : first + 1_000]
        r, s = block["r"].to_numpy(), block["s"].to_numpy()
        z = ndtri(block["pd"].to_numpy())
        p = ndtr((z + mean[:, r, s]) / spread[:, r, s])
        index = p / block["pd"].to_numpy()
        np.quantile(index, [0.05, 0.95], axis=0)
        totals.append(p.mean(axis=0))
    return {"mean": float(np.concatenate(totals).mean()), "sample": len(rows)}


def _pandas(given: argparse.Namespace) -> Figures:
    rows, mean, spread = _plain(given)

    def of_borrower(row: pd.Series) -> pd.Series:
        r, s = int(row["r"]), int(row["s"])
        p = ndtr((ndtri(row["pd"]) + mean[:, r, s]) / spread[:, r, s])
        low, high = np.quantile(p / row["pd"], [0.05, 0.95])
        return pd.Series({"p": p.mean(), "q05": low, "q95": high})

    found = rows[["r", "s", "pd"]].apply(of_borrower, axis=1)
    return {"mean": float(found["p"].mean()), "sample": len(rows)}


def _plain(given: argparse.Namespace) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    """Read a sample; work out effects and spreads of cells, shape (D, R, S)."""
    rows = pd.read_parquet(_file(given, "now")).head(SAMPLE[given.job])
    rows["r"] = rows["region"].str[-2:].astype(int)
    rows["s"] = rows["industry"].str[-2:].astype(int)
    d = _draws(given, 1)
    by_region = (
        d.offset_region + d.loading_region * d.phi_region[:, None] * (d.region[:, :, -1])
    )
    by_industry = (
        d.offset_industry
        + d.loading_industry * d.phi_industry[:, None] * (d.industry[:, :, -1])
    )
    of_all = d.loading_national * d.phi_national * d.national[:, -1]
    mean = of_all[:, None, None] + by_region[:, :, None] + by_industry[:, None, :]
    known = (
        (d.loading_national * d.phi_national)[:, None, None] ** 2
        + (d.loading_region * d.phi_region[:, None])[:, :, None] ** 2
        + (d.loading_industry * d.phi_industry[:, None])[:, None, :] ** 2
    )
    return rows, mean, np.sqrt(1 - known)


def _file(given: argparse.Namespace, name: str) -> Path:
    return Path(given.home / f"joint_{name}_{given.borrowers}.parquet")


def _show(measured: dict[str, Figures], given: argparse.Namespace) -> None:
    table = Table(
        title=f"{given.borrowers:,} borrowers, {REGIONS} x {INDUSTRIES} cells, "
        f"{given.draws:,} draws, {'Student-t' if given.nu else 'Gaussian'}"
    )
    for column in ("", "seconds", "processor s", "at full size", "peak GiB", "more"):
        table.add_column(column, justify="right")
    known = {"wall", "processor", "peak_gib", "sample"}
    for job, figures in measured.items():
        scale = given.borrowers / figures.get("sample", given.borrowers)
        more = {name: value for name, value in figures.items() if name not in known}
        table.add_row(
            job,
            f"{figures['wall']:.1f}",
            f"{figures['processor']:.1f}",
            f"{figures['processor'] * scale:,.0f}",
            f"{figures['peak_gib']:.2f}",
            ", ".join(f"{name} {value:.6g}" for name, value in more.items()),
        )
    console.print(table)


if __name__ == "__main__":
    main()
