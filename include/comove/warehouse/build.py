"""Building the warehouse's tables with dbt, in this process."""

import datetime as dt
import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.errors import WarehouseBusyError, WarehouseError
from comove.home import Home, project_root
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove.warehouse.readiness import require_built
from comove.warehouse.window import BuildRequest, logic_hash, note_built, request_build

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult

LOG = logging.getLogger(__name__)
_BLANKS = (
    ("${require('./assets/favicons/favicon.ico')}", "data:,"),
    ('<use xlink:href="{{', '<use ng-attr-href="{{'),
)
Tell = Callable[[str], None]


class Part(StrEnum):
    """Tables that a later stage builds, once its own inputs are there; by dbt's tag.

    They stand in the order they are built in: a test that reads tables of two parts runs
    with the later one.
    """

    FEATURES = "features"
    RISK = "risk"
    CELLS = "cells"
    JOINT_RISK = "joint_risk"
    RESPONSE = "default_response"
    SCORE_CELLS = "score_cells"
    SCORE_DRIFT = "score_drift"
    RECALIBRATION = "recalibration"
    OVERDUE_CASE = "overdue_case"
    OVERDUE_GRADE = "overdue_grade"
    DECISION_CASES = "decision_cases"
    DECISION = "decision"


_KEPT_RUNS = 5
_NAMED_FAILURES = 5
_FAILED = {"error", "fail", "runtime error"}
_MADE = {"LogModelResult": "built", "LogSeedResult": "loaded"}


@dataclass(frozen=True)
class BuildReport:
    """What was built.

    Parameters
    ----------
    months : str
        First and last month asked for, as text.
    tables, seeds : int
        Models and seeds made.
    tests_passed, tests_warned : int
        Tests; a failed one raises instead.
    warnings : tuple of str
        Names of the tests that warned.
    seconds : dict of str to float
        Time of each model and seed, by name.
    """

    months: str
    tables: int
    seeds: int
    tests_passed: int
    tests_warned: int
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def build(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    full_refresh: bool = False,
    tell: Tell = LOG.info,
) -> BuildReport:
    """Build and test every table up to a month, but those of the later stages.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home.
    run_id : str
        Noted at the batches that are built for the first time.
    month : date
        First day of the last month wanted; later months already built are kept right.
    full_refresh : bool
        Whether to build every month anew.
    tell : callable
        Takes one sentence of progress per table; by default the log.

    Returns
    -------
    BuildReport
        Counts and times.

    Raises
    ------
    WarehouseError
        When a table cannot be built or a test fails; says which.
    """
    variables = dbt_variables(settings)
    with connect(settings) as connection:
        ensure_tables(connection)
        request = request_build(
            connection,
            month=month,
            full_refresh=full_refresh,
            logic=logic_hash(variables),
        )
    target = _target(settings.places, run_id)
    outcome = _invoke(settings, _build_arguments(request), target, tell)
    results = _results_or_raise(outcome, target)
    with connect(settings) as connection:
        note_built(connection, run_id)
    return _report(request, results)


def build_part(
    part: Part,
    settings: Settings,
    *,
    run_id: str,
    month: dt.date | None = None,
    full_refresh: bool = False,
    tell: Tell = LOG.info,
) -> BuildReport:
    """Build and test the tables and seeds of one part, from the marts as they stand.

    Parameters
    ----------
    part : Part
        Which; what it reads must be there, as its own stage has written it.
    settings : Settings
        Say which portfolio and home.
    run_id : str
        Names the folder of dbt's own files.
    month : date, optional
        First day of the last month the marts must reach; by default any.
    full_refresh : bool
        Whether nothing that was built before may be kept.
    tell : callable
        As of `build`.

    Returns
    -------
    BuildReport
        Counts and times.

    Raises
    ------
    WarehouseError
        When the marts are not built up to the month, a table or seed cannot be built or
        a test fails; says which.
    """
    request = require_built(settings, month)
    target = _target(settings.places, run_id)
    parts = list(Part)
    later = tuple(parts[parts.index(part) + 1 :])
    arguments = ["build", "--select", f"tag:{part}", *_excluded(later)]
    arguments += [*_WITHOUT_UNIT_TESTS, *(["--full-refresh"] if full_refresh else [])]
    outcome = _invoke(settings, arguments, target, tell)
    # These tables are built whole: there is no first month.
    whole = BuildRequest(request.month, request.horizon, None)
    return _report(whole, _results_or_raise(outcome, target))


def document(settings: Settings, *, run_id: str, tell: Tell = LOG.info) -> Path:
    """Write the documentation site of the tables as one file that works offline.

    The site shows what the project says of every table and column; it needs no look into
    the warehouse, so nobody waits for it.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home.
    run_id : str
        The run whose build is described.
    tell : callable
        Takes sentences of progress.

    Returns
    -------
    Path
        The page, ``<home>/docs/index.html``.

    Raises
    ------
    WarehouseError
        When dbt cannot make it.
    """
    target = _target(settings.places, run_id)
    arguments = ["docs", "generate", "--static", "--empty-catalog", "--no-compile"]
    _succeeded(_invoke(settings, arguments, target, tell), target)
    page = settings.places.docs / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    fresh = page.with_suffix(".new")
    fresh.write_text(_without_blanks((target / "static_index.html").read_text()))
    fresh.replace(page)
    return page


def _without_blanks(page: str) -> str:
    """Keep browsers from asking for addresses that dbt's page has not filled in.

    They would ask for ``{{ getIcon(…) }}`` before Angular has put a name there, and for
    an icon of the site that dbt left as it stands in its own source.
    """
    for blank, instead in _BLANKS:
        page = page.replace(blank, instead)
    return page


def run_dbt(
    settings: Settings, arguments: list[str], *, log_level: str = "info"
) -> "dbtRunnerResult":
    """Run any dbt command on the portfolio's warehouse, by hand.

    Parameters
    ----------
    settings : Settings
        Say which portfolio and home.
    arguments : list of str
        As dbt takes them: ``["source", "freshness"]``, ``["test", "--select", …]``.
    log_level : str
        What dbt prints; ``none`` for nothing.

    Returns
    -------
    dbtRunnerResult
        dbt's own result, with ``success``, ``exception`` and ``result``.
    """
    arguments = [*arguments, "--log-level", log_level]
    return _invoke(settings, arguments, _target(settings.places, "by-hand"), LOG.debug)


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """Say what dbt is told of the portfolio.

    Nothing here changes from run to run: dbt parses the whole project anew when a
    variable changes. Months stand in `audit.build_request`.

    Returns
    -------
    dict
        Variables by name, as in ``dbt_project.yml``.
    """
    portfolio = load_portfolio(settings.portfolio)
    return {
        "portfolio": portfolio.name,
        "source": portfolio.source,
        "absent": dict(portfolio.absent),
        "event_dpd_days": settings.event_dpd_days,
        "settlement_tolerance_amount": settings.settlement_tolerance_amount,
        "default_memory_months": settings.default_memory_months,
        "performance_dpd_days": settings.performance_dpd_days,
        "performance_months": (
            settings.performance_months or portfolio.performance_months
        ),
        "outcome_told_by": portfolio.outcome_told_by,
        "last_month": portfolio.last_month and f"{portfolio.last_month}",
        "overdue_target_share": settings.overdue_target_share,
        "overdue_target_days": settings.overdue_target_days,
        "overdue_target_type": settings.overdue_target_type,
        "overdue_min_type_probability": settings.overdue_min_type_probability,
        "date_order": settings.date_order,
        "earliest_year": settings.earliest_year,
        "latest_year": settings.latest_year,
    }


# Unit tests judge the SQL, not the data: `make test` runs them.
_WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


def _build_arguments(request: BuildRequest) -> list[str]:
    arguments = ["build", *_excluded(tuple(Part)), *_WITHOUT_UNIT_TESTS]
    return [*arguments, "--full-refresh"] if request.is_full else arguments


def _excluded(parts: tuple[Part, ...]) -> list[str]:
    return ["--exclude", *(f"tag:{part}" for part in parts)] if parts else []


def _target(places: Home, run_id: str) -> Path:
    return places.run_folder("dbt/runs", run_id)


def _invoke(
    settings: Settings, arguments: list[str], target: Path, tell: Tell
) -> "dbtRunnerResult":
    # Importing dbt takes a second or two, which only those who build need to pay.
    from dbt.cli.main import dbtRunner

    target.mkdir(parents=True, exist_ok=True)
    _forget_old_runs(target.parent)
    parsed = target.parent.parent / f"{settings.portfolio}.msgpack"
    if "--log-level" not in arguments:
        arguments = [*arguments, "--log-level", "none"]
    with _environment(settings):
        outcome = dbtRunner(callbacks=[_teller(tell)]).invoke(
            [*arguments, *_common_arguments(settings, target, parsed)]
        )
    _keep_parsed(target / "partial_parse.msgpack", parsed)
    return outcome


def _common_arguments(settings: Settings, target: Path, parsed: Path) -> list[str]:
    project = str(project_root() / "dbt_project")
    arguments = [
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(target), "--log-path", str(target)),
        *("--log-level-file", "info", "--no-use-colors"),
        *("--vars", json.dumps(dbt_variables(settings), sort_keys=True)),
        "--no-send-anonymous-usage-stats",
    ]
    if parsed.is_file():
        arguments += ["--partial-parse-file-path", str(parsed)]
    return arguments


def _keep_parsed(made: Path, kept: Path) -> None:
    if made.is_file():
        fresh = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(made, fresh)
        fresh.replace(kept)


def _forget_old_runs(folder: Path) -> None:
    runs = sorted(folder.iterdir(), key=lambda run: run.stat().st_mtime)
    for old in runs[:-_KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _environment(settings: Settings) -> Iterator[None]:
    """Set what ``profiles.yml`` asks for, while dbt runs."""
    wanted = {
        "COMOVE_WAREHOUSE": str(settings.places.warehouse),
        "COMOVE_DUCKDB_MEMORY_LIMIT_GIB": str(settings.duckdb_memory_limit_gib),
        "COMOVE_DUCKDB_THREADS": str(settings.duckdb_threads),
        "COMOVE_DUCKDB_TEMP": str(settings.places.scratch / "duckdb"),
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _teller(tell: Tell) -> Callable[[Any], None]:
    def told(event: Any) -> None:
        if (done := _MADE.get(event.info.name)) is None:
            return
        data = event.data
        word = done if data.status.lower() not in {"error", "skip"} else "failed"
        tell(
            f"{data.index}/{data.total} {data.node_info.node_name} {word} "
            f"in {data.execution_time:.1f} s"
        )

    return told


def _results_or_raise(outcome: "dbtRunnerResult", target: Path) -> list[Any]:
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [result for result in results if result.status in _FAILED]
    if failed:
        raise _failure(failed, target)
    _succeeded(outcome, target)
    return results


def _succeeded(outcome: "dbtRunnerResult", target: Path) -> None:
    if outcome.success:
        return
    reason = str(outcome.exception or "it says no reason")
    kind = WarehouseBusyError if "set lock on file" in reason else WarehouseError
    raise kind(
        f"dbt stopped: {_one_line(reason)}",
        where=str(target / "dbt.log"),
        remedy="Correct what it names, then run the month again.",
    )


def _failure(failed: list[Any], target: Path) -> WarehouseError:
    named = "; ".join(_described(result) for result in failed[:_NAMED_FAILURES])
    more = len(failed) - _NAMED_FAILURES
    return WarehouseError(
        f"{named}{f'; and {more} more' if more > 0 else ''}.",
        where=str(failed[0].node.original_file_path),
        remedy=(
            f"Read {target / 'dbt.log'}; the SQL of each is below {target / 'compiled'}. "
            "Nothing was published. Correct it and run the month again."
        ),
    )


def _described(result: Any) -> str:
    kind, name = result.node.resource_type, result.node.name
    if result.status == "fail":
        return f"the {kind} {name} found {result.failures} rows that break it"
    return f"the {kind} {name} could not be built: {_one_line(result.message or '')}"


def _one_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    # dbt's first line only repeats which node it was.
    told = lines[1:3] if len(lines) > 1 else lines
    return " ".join(told).rstrip(".")


def _report(request: BuildRequest, results: list[Any]) -> BuildReport:
    statuses = Counter(
        (str(result.node.resource_type), str(result.status)) for result in results
    )
    made = [r for r in results if r.node.resource_type in ("model", "seed")]
    first = f"{request.build_from:%Y-%m}" if request.build_from else "the first"
    return BuildReport(
        months=f"{first} to {request.horizon:%Y-%m}",
        tables=statuses["model", "success"],
        seeds=statuses["seed", "success"],
        tests_passed=statuses["test", "pass"],
        tests_warned=statuses["test", "warn"],
        warnings=tuple(r.node.name for r in results if r.status == "warn"),
        seconds={r.node.name: round(r.execution_time, 2) for r in made},
    )
