"""Opening and closing a run in ``audit.run``, with the time of its stages."""

import datetime as dt
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import duckdb

from comove.audit.tables import ensure_tables
from comove.connection import connect, row_count, utc_now
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
    "numpy",
    "xgboost-cpu",
    "optbinning",
    "scikit-learn",
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
                utc_now(),
            ],
        )


def last_success(settings: Settings, *, dag_id: str, month: dt.date) -> str | None:
    """Name the newest run of a DAG that succeeded for a month, with the same settings.

    Parameters
    ----------
    settings : Settings
        A run made with others does not count.
    dag_id : str
        As Airflow names it.
    month : date
        First day of the month.

    Returns
    -------
    str or None
        Its run id; None when there is none.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        row = connection.execute(
            """
            select run_id from audit.run
            where dag_id = ? and month = ? and settings_hash = ? and status = 'success'
            order by finished_at desc, run_id
            limit 1
            """,
            [dag_id, month, settings.fingerprint()],
        ).fetchone()
    return str(row[0]) if row else None


def close_run(
    settings: Settings,
    run_id: str,
    status: str,
    *,
    stage_seconds: Mapping[str, float] | None = None,
) -> None:
    """Record how a run ended, with the hash of its inputs and its row counts.

    Parameters
    ----------
    settings : Settings
        Says which warehouse.
    run_id : str
        The run opened before.
    status : str
        ``success`` or ``failed``.
    stage_seconds : mapping of str to float, optional
        Seconds of each stage that succeeded, in their order.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        _note_seconds(connection, run_id, stage_seconds or {})
        connection.execute(
            """
            update audit.run
            set status = ?, finished_at = ?, input_hash = ?, row_counts = ?
            where run_id = ?
            """,
            [
                status,
                utc_now(),
                input_hash(connection),
                json.dumps(row_counts(connection)),
                run_id,
            ],
        )


def note_unavailable(settings: Settings, run_id: str, reasons: Mapping[str, str]) -> None:
    """Record which models a run could not make, and why; none is a record too.

    Parameters
    ----------
    settings : Settings
        Says which warehouse.
    run_id : str
        The run.
    reasons : mapping of str to str
        By purpose, a sentence.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute("begin")
        connection.execute(
            "delete from audit.unavailable_model where run_id = ?", [run_id]
        )
        for purpose, reason in reasons.items():
            connection.execute(
                "insert into audit.unavailable_model values (?, ?, ?)",
                [run_id, purpose, reason],
            )
        connection.execute("commit")


def _note_seconds(
    connection: duckdb.DuckDBPyConnection, run_id: str, seconds: Mapping[str, float]
) -> None:
    connection.execute("delete from audit.stage_time where run_id = ?", [run_id])
    for position, (stage, spent) in enumerate(seconds.items(), start=1):
        connection.execute(
            "insert into audit.stage_time values (?, ?, ?, ?)",
            [run_id, stage, position, spent],
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
