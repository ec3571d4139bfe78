"""Opening and closing a run in ``audit.run``, and timing its stages."""

import datetime as dt
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

import duckdb

from comove.audit.tables import ensure_tables
from comove.connection import connect, row_count
from comove.home import project_root
from comove.settings import Settings

TRACED_PACKAGES = (
    "comove",
    "apache-airflow",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "pandas",
    "xgboost-cpu",
    "pymc",
)


def open_run(
    settings: Settings, *, run_id: str, dag_id: str, month: dt.date | None
) -> None:
    """Record that a run has begun; a retry of the same run starts its record anew.

    Parameters
    ----------
    settings : Settings
        Their fingerprint and seed go into the record.
    run_id, dag_id : str
        As Airflow names them.
    month : date or None
        First day of the month the run is for.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(
            """
            insert or replace into audit.run
                (run_id, dag_id, portfolio, month, status, git_sha, settings_hash, seed,
                 versions, started_at)
            values (?, ?, ?, ?, 'running', ?, ?, ?, ?, ?)
            """,
            [
                run_id,
                dag_id,
                settings.portfolio,
                month,
                git_sha(),
                settings.fingerprint(),
                settings.seed,
                json.dumps(_versions()),
                _utc_now(),
            ],
        )


def close_run(settings: Settings, run_id: str, status: str) -> None:
    """Record how a run ended, with the hash of its inputs and its row counts.

    Parameters
    ----------
    settings : Settings
        Says which warehouse.
    run_id : str
        The run opened before.
    status : str
        ``success`` or ``failed``.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(
            """
            update audit.run
            set status = ?, finished_at = ?, input_hash = ?, row_counts = ?
            where run_id = ?
            """,
            [
                status,
                _utc_now(),
                input_hash(connection),
                json.dumps(row_counts(connection)),
                run_id,
            ],
        )


@contextmanager
def stage_time(settings: Settings, run_id: str, stage: str) -> Iterator[None]:
    """Time what happens inside and keep it in ``audit.stage_time``, in seconds.

    The time is kept when the stage succeeds; a failed stage has no time of its own.
    """
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute(
            "insert or replace into audit.stage_time values (?, ?, ?, ?)",
            [run_id, stage, seconds, _utc_now()],
        )


def input_hash(connection: duckdb.DuckDBPyConnection) -> str:
    """Hash of the content of every file the warehouse holds.

    Returns
    -------
    str
        SHA-256 over the sorted hashes of all landed files: equal inputs give equal
        hashes, whatever the order they arrived in.
    """
    rows = connection.execute(
        """
        select distinct entity || ':' || sha256 as delivered
        from audit.delivery where status = 'landed' or rows_landed > 0
        order by delivered
        """
    ).fetchall()
    return hashlib.sha256("\n".join(row[0] for row in rows).encode()).hexdigest()


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every mart and risk table, by ``schema.table``."""
    names = connection.execute(
        """
        select table_schema || '.' || table_name as name
        from information_schema.tables
        where table_schema in ('marts', 'risk') and table_type = 'BASE TABLE'
        order by name
        """
    ).fetchall()
    return {name: row_count(connection, name) for (name,) in names}


def git_sha() -> str | None:
    """Commit of the running code, with ``+changes`` where files differ from it."""
    if given := os.environ.get("COMOVE_GIT_SHA"):
        return given
    try:
        sha = _git("rev-parse", "HEAD")
        return f"{sha}+changes" if _git("status", "--porcelain") else sha
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> str:
    answer = subprocess.run(
        ["git", *words],  # noqa: S607 - git is found by PATH on every machine
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


def _versions() -> dict[str, str]:
    return {name: found for name in TRACED_PACKAGES if (found := _version(name))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
