"""Training and scoring straight from DuckDB, beside native xgboost on ready arrays.

A table of made-up borrower-months (30 numbers with missing values, 6 counts, 4
categories, a rare event that depends on some of them) is trained on and scored three
ways, each in a process of its own whose peak memory the operating system counts:

- ``comove``: `quantile_matrix` reads DuckDB in batches, the trees are trained, and all
  rows are scored batch by batch as DuckDB gives them;
- ``native``: xgboost is given the same data as a float32 array that is already in memory;
- ``pandas``: DuckDB to a data frame to a ``DMatrix``, as one would do without comove.

Further jobs time the reading of the arrays, the logit on weights of evidence, and the dbt
models that turn as many predictions into residuals and uniforms.

    python -m benchmarks risk_model --rows 10000000
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from comove.connection import connect, row_count
from comove.risk_model.features import Feature
from comove.risk_model.matrix import (
    Encoding,
    learn_encoding,
    quantile_matrix,
    read_batches,
    read_matrix,
    score_batches,
)
from comove.settings import Settings

NUMBERS, COUNTS, CATEGORIES = 30, 6, 4
ROUNDS = 200
MAX_BIN = 256
THREADS = 2
# What DuckDB may keep of its file in memory; xgboost needs the rest.
DUCKDB_MEMORY = "1GiB"
# More rows than this the logit is not fitted on: it draws no sample by itself.
LOGIT_ROWS = 1_000_000
# Of each borrower, where residuals are made.
MONTHS = 40
RELATION = "from borrower_month"
PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "learning_rate": 0.1,
    "max_bin": MAX_BIN,
    "nthread": THREADS,
    "seed": 1,
}
WAYS = ("comove", "native", "pandas")
JOBS = ("arrays", *WAYS, "logit", "residual")
Figures = dict[str, Any]
Array = NDArray[np.floating[Any]]
console = Console(width=100)


def main() -> None:
    """Measure the size asked for and show the figures."""
    given = _arguments()
    given.home.mkdir(parents=True, exist_ok=True)
    if given.job:
        _in_this_process(given)
        return
    if not _database(given).is_file():
        _run_apart("generate", given)
    # `native` reads what `arrays` writes.
    jobs = ["arrays", *[job for job in given.only if job != "arrays"]]
    measured = {job: _run_apart(job, given) for job in jobs}
    _show(measured, given.rows)
    if given.json:
        Path(given.json).write_text(json.dumps(measured, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks risk_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--home", type=Path, default=Path(".comove/benchmark"))
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=["generate", *JOBS], help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_apart(job: str, given: argparse.Namespace) -> Figures:
    """Run a job in a process of its own: seconds of its stages and its peak memory."""
    console.print(f"{given.rows:,} rows: {job} …", highlight=False)
    arguments = ["--job", job, "--rows", str(given.rows), "--home", str(given.home)]
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _in_this_process(given: argparse.Namespace) -> None:
    job = {
        "generate": _generate,
        "arrays": _arrays,
        "comove": _comove,
        "native": _native,
        "pandas": _pandas,
        "logit": _logit,
        "residual": _residual,
    }[given.job]
    stages = _Stages()
    told = job(given, stages) or {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    # KiB on Linux.
    figures = {"stages": stages.seconds, "peak_gib": used.ru_maxrss / 2**20, **told}
    print(json.dumps(figures))


class _Stages:
    """Wall-clock and processor seconds of each stage of a job."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        wall, processor = time.monotonic(), time.process_time()
        yield
        self.seconds[name] = (time.monotonic() - wall, time.process_time() - processor)


def _generate(given: argparse.Namespace, stages: _Stages) -> None:
    with stages.stage("generate"), duckdb.connect(str(_database(given))) as connection:
        connection.execute(f"set threads = {THREADS}")
        connection.execute(f"create table borrower_month as {_made_up(given.rows)}")


def _made_up(rows: int) -> str:
    """Select the rows in SQL; each value is a hash of row and column: it repeats."""
    drawn = [f"{_uniform(j)} as u{j}" for j in range(NUMBERS)]
    numbers = [f"case when u{j} < 0.9 then u{j} * {j + 1} end as n{j}" for j in range(30)]
    counts = [f"({_hash(100 + j)} % {5 + 7 * j})::integer as k{j}" for j in range(COUNTS)]
    categories = [
        f"'value ' || ({_hash(200 + j)} % {4 + 6 * j}) as c{j}" for j in range(CATEGORIES)
    ]
    # About 2 in 100 rows are events; eight features tell which, two of them together.
    log_odds = "-7 + u0 + u1 + u2 + u3 + 2 * u4 * u5 + k0 / 4 + (c1 = 'value 1')::integer"
    return f"""
        with drawn as (
            select i, {", ".join([*drawn, *counts, *categories])} from range({rows}) t (i)
        )
        select
            i as borrower_month_id,
            {", ".join(numbers)},
            {", ".join(f"k{j}" for j in range(COUNTS))},
            {", ".join(f"c{j}" for j in range(CATEGORIES))},
            {_uniform(300)} < 1 / (1 + exp(-({log_odds}))) as is_event
        from drawn
    """


def _uniform(column: int) -> str:
    return f"({_hash(column)} >> 11)::double / {2**53}"


def _hash(column: int) -> str:
    # One number per row and column: of two arguments DuckDB combines the hashes, which
    # would make every column a function of the first.
    return f"hash(i * 1000 + {column})"


def _features() -> tuple[Feature, ...]:
    numbers = [f"n{j}" for j in range(NUMBERS)] + [f"k{j}" for j in range(COUNTS)]
    return (
        *(Feature(name, "number", 0, "") for name in numbers),
        *(Feature(f"c{j}", "category", 0, "") for j in range(CATEGORIES)),
    )


def _arrays(given: argparse.Namespace, stages: _Stages) -> None:
    with _opened(given) as connection:
        with stages.stage("read"):
            encoding = learn_encoding(connection, RELATION, _features())
            matrix = read_matrix(connection, RELATION, encoding, label="is_event")
        np.save(_file(given, "x.npy"), matrix.x)
        np.save(_file(given, "y.npy"), np.asarray(matrix.y, np.float32))
        _file(given, "encoding.json").write_text(json.dumps(encoding.to_json()))


def _comove(given: argparse.Namespace, stages: _Stages) -> Figures:
    with _opened(given) as connection:
        with stages.stage("matrix"):
            encoding = learn_encoding(connection, RELATION, _features())
            matrix = quantile_matrix(
                connection, RELATION, encoding, "is_event", MAX_BIN, threads=THREADS
            )
        with stages.stage("train"):
            booster = xgb.train(PARAMETERS, matrix, ROUNDS)
        y = matrix.get_label()
        del matrix
        with stages.stage("score"):
            batches = read_batches(
                connection, RELATION, encoding, keys=["borrower_month_id"]
            )
            margin = np.concatenate([m for _, m in score_batches(booster, batches)])
    return {"log_loss": _log_loss(y, 1 / (1 + np.exp(-margin)))}


def _native(given: argparse.Namespace, stages: _Stages) -> Figures:
    x, y, encoding = _ready(given)
    names, types = list(encoding.names), encoding.types
    with stages.stage("matrix"):
        matrix = xgb.QuantileDMatrix(
            x,
            y,
            feature_names=names,
            feature_types=types,
            max_bin=MAX_BIN,
            nthread=THREADS,
        )
    with stages.stage("train"):
        booster = xgb.train(PARAMETERS, matrix, ROUNDS)
    del matrix
    with stages.stage("score matrix"):
        rows = xgb.DMatrix(x, feature_names=names, feature_types=types, nthread=THREADS)
    with stages.stage("score"):
        predicted = booster.predict(rows)
    return {"log_loss": _log_loss(y, predicted)}


def _pandas(given: argparse.Namespace, stages: _Stages) -> Figures:
    with stages.stage("read"), _opened(given) as connection:
        frame = connection.sql(RELATION).df()
        y = frame.pop("is_event").to_numpy(np.float32)
        x = frame.drop(columns="borrower_month_id")
        categories = [f"c{j}" for j in range(CATEGORIES)]
        x[categories] = x[categories].astype("category")
    with stages.stage("matrix"):
        matrix = xgb.DMatrix(x, y, enable_categorical=True, nthread=THREADS)
    with stages.stage("train"):
        booster = xgb.train(PARAMETERS, matrix, ROUNDS)
    # A matrix of its own: predictions of training rows are kept from training.
    with stages.stage("score matrix"):
        rows = xgb.DMatrix(x, enable_categorical=True, nthread=THREADS)
    with stages.stage("score"):
        predicted = booster.predict(rows)
    return {"log_loss": _log_loss(y, predicted)}


def _logit(given: argparse.Namespace, stages: _Stages) -> Figures:
    from comove.risk_model.logit import WoeLogit

    x, y, encoding = _ready(given)
    few = slice(0, LOGIT_ROWS)
    with stages.stage("train"):
        logit = WoeLogit.fit(x[few], y[few].astype(np.float64), encoding, seed=1)
    with stages.stage("score"):
        margin = logit.margin(x)
    return {"log_loss": _log_loss(y, 1 / (1 + np.exp(-margin)))}


def _residual(given: argparse.Namespace, stages: _Stages) -> None:
    from comove.warehouse import run_dbt

    settings = Settings(portfolio="simulated", home=given.home / f"residual_{given.rows}")
    settings.places.warehouse.unlink(missing_ok=True)
    with connect(settings) as connection:
        _write_predictions(connection, given.rows)
    run_dbt(settings, ["parse"], log_level="none")
    with stages.stage("residuals"):
        done = run_dbt(settings, ["run", "--select", "pd_band", "residual"])
    assert done.success, done.exception or done.result
    with connect(settings, read_only=True) as connection:
        assert row_count(connection, "risk.residual") == given.rows


def _write_predictions(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Write what the residuals are made of: 40 months of each borrower."""
    from comove.audit import ensure_tables
    from comove.risk_model.tables import ensure_risk_tables

    ensure_tables(connection)
    ensure_risk_tables(connection)
    connection.execute(
        f"""
        create schema if not exists marts;
        create table marts.dim_borrower as
        select
            md5(i::varchar) as borrower_key,
            'region ' || i % 8 as region,
            'industry ' || i % 12 as industry,
            'company' as kind
        from range({rows // MONTHS + 1}) t (i);
        insert into risk.pd_prediction
        select
            md5((i // {MONTHS})::varchar) as borrower_key,
            (date '2021-01-01' + to_months((i % {MONTHS})::integer))::date as month,
            0.001 + 0.1 * pow({_uniform(0)}, 3) as pd,
            {_uniform(1)} < 0.001 + 0.1 * pow({_uniform(0)}, 3) as is_event,
            'benchmark' as model_version,
            'xgboost' as algorithm,
            true as is_out_of_sample
        from range({rows}) t (i);
        insert into audit.risk_request values
        ('2024-04-01', '2021-01-01', '2024-04-01', '2021-01-01', 1);
        """
    )


@contextmanager
def _opened(given: argparse.Namespace) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(
        str(_database(given)),
        read_only=True,
        config={"memory_limit": DUCKDB_MEMORY, "threads": THREADS},
    ) as connection:
        yield connection


def _ready(given: argparse.Namespace) -> tuple[Array, Array, Encoding]:
    told = json.loads(_file(given, "encoding.json").read_text())
    x, y = np.load(_file(given, "x.npy")), np.load(_file(given, "y.npy"))
    return x, y, Encoding.from_json(told)


def _database(given: argparse.Namespace) -> Path:
    return _file(given, "duckdb")


def _file(given: argparse.Namespace, ending: str) -> Path:
    return Path(given.home / f"risk_model_{given.rows}.{ending}")


def _log_loss(y: Array, p: Array) -> float:
    of_outcome = np.where(y > 0, p, 1 - p)
    return -float(np.log(of_outcome).mean(dtype=np.float64))


def _show(measured: dict[str, Figures], rows: int) -> None:
    table = Table(title=f"{rows:,} borrower-months, 40 features: wall-clock (processor)")
    for column in ("seconds", *measured):
        table.add_column(column, justify="right")
    for stage in (
        "read",
        "matrix",
        "train",
        "score matrix",
        "score",
        "residuals",
    ):
        found = [figures["stages"].get(stage) for figures in measured.values()]
        table.add_row(
            stage, *["" if f is None else f"{f[0]:.1f} ({f[1]:.1f})" for f in found]
        )
    table.add_row("peak GiB", *[f"{f['peak_gib']:.2f}" for f in measured.values()])
    losses = [figures.get("log_loss") for figures in measured.values()]
    table.add_row("log loss", *["" if f is None else f"{f:.6f}" for f in losses])
    scored = [figures["stages"].get("score") for figures in measured.values()]
    table.add_row(
        "rows scored per second",
        *["" if f is None else f"{rows / f[0]:,.0f}" for f in scored],
    )
    console.print(table)
    if {"comove", "native"} <= measured.keys():
        _show_ratios(measured["comove"]["stages"], measured["native"]["stages"])


def _show_ratios(ours: Figures, native: Figures) -> None:
    """Compare with native: ours reads from DuckDB within both stages, native does not."""
    table = Table(title="comove / native on ready arrays")
    for column in ("", "wall-clock", "processor"):
        table.add_column(column, justify="right")
    for title, one, other in (
        ("matrix and training", ("matrix", "train"), ("matrix", "train")),
        ("scoring / predict", ("score",), ("score",)),
        ("scoring / its matrix and predict", ("score",), ("score matrix", "score")),
    ):
        ratios = [
            sum(ours[s][clock] for s in one) / sum(native[s][clock] for s in other)
            for clock in (0, 1)
        ]
        table.add_row(title, *[f"{ratio:.2f}" for ratio in ratios])
    console.print(table)


if __name__ == "__main__":
    main()
