"""Writing what is decided about the overdue borrowers of a month, in one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, literal, utc_now
from comove.overdue.cases import CHECKS, MODELS, PROBABILITIES, run_folder
from comove.overdue.decisions import write_decisions
from comove.overdue.request import Wish
from comove.overdue.tables import ensure_overdue_tables
from comove.quality.record import replace_results
from comove.risk_model.judgement import Check
from comove.risk_model.store import register_models
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings
from comove.warehouse.load import Load, check_load

GATE = "overdue_model"
_LOAD = Load(
    file=PROBABILITIES,
    table="risk.overdue_probability",
    key=("borrower_key", "as_of"),
    replaced="false",
    faults={
        "an empty key or day": "borrower_key is null or as_of is null",
        "a probability that is not between 0 and 1": """
            repaid_probability is null or isnan(repaid_probability)
            or repaid_probability <= 0 or repaid_probability >= 1
            or recovery_share is null or recovery_share < 0 or recovery_share > 1
        """,
    },
)


@dataclass(frozen=True)
class AssessReport:
    """What was decided, in counts of borrowers and days.

    Parameters
    ----------
    days : int
        Month ends written: the run's, and earlier ones nobody had assessed.
    assessed, insufficient_data, not_target, not_available : int
        Rows written, by status.
    """

    days: int
    assessed: int = 0
    insufficient_data: int = 0
    not_target: int = 0
    not_available: int = 0


def store_assessments(settings: Settings, *, run_id: str, wish: Wish) -> AssessReport:
    """Decide about every overdue borrower of the month, and keep it with its reasons.

    The month's rows are replaced, and kept in ``risk.overdue_assessment_replaced``.
    Earlier month ends that were never assessed are filled in; those assessed before stay
    as they were.

    Parameters
    ----------
    settings : Settings
        Say which home; the files of training are in `run_folder`.
    run_id : str
        Kept with every row.
    wish : Wish
        Month, and who asked.

    Returns
    -------
    AssessReport
        Counts.

    Raises
    ------
    LoadError
        Before anything is written, naming what training must not hand on.
    """
    folder = run_folder(settings, run_id)
    models = json.loads((folder / MODELS).read_text())
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_overdue_tables(connection)
        check_load(connection, folder, _LOAD, {})
        connection.execute("begin")
        days = _days_to_write(connection, wish)
        _insert_probabilities(connection, folder / PROBABILITIES)
        write_decisions(
            connection,
            "features.overdue_decision",
            replaced="as_of in (select as_of from day)",
            origin="if(as_of = $as_of, 'month', 'earlier_month')",
            run_id=run_id,
            wish=wish,
        )
        register_models(connection, settings, models, run_id, wish.month)
        _record_gate(connection, folder, run_id)
        connection.execute("commit")
        return AssessReport(days, **_counts(connection, run_id))


def _days_to_write(connection: duckdb.DuckDBPyConnection, wish: Wish) -> int:
    """Find the month ends to write, and empty them of what was predicted before."""
    connection.execute(
        """
        create or replace temp table day as
        select distinct as_of from features.feat_overdue_case
        where as_of = $as_of or (
            as_of < $as_of and as_of not in (
                select as_of from risk.overdue_assessment where origin <> 'request'
                union all
                select as_of from risk.overdue_assessment_replaced
                where origin <> 'request'
            )
        )
        union
        select $as_of
        """,
        {"as_of": wish.as_of},
    )
    connection.execute(
        "delete from risk.overdue_probability where as_of in (select as_of from day)"
    )
    found = connection.execute("select count(*) from day").fetchall()
    return int(found[0][0])


def _insert_probabilities(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    connection.execute(
        f"""
        insert into risk.overdue_probability by name
        from read_parquet({literal(file)}) where as_of in (select as_of from day)
        """  # noqa: S608 - a path of ours
    )


def _record_gate(
    connection: duckdb.DuckDBPyConnection, folder: Path, run_id: str
) -> None:
    """Record how the models were judged; a model that fails stops nothing."""
    kept = json.loads((folder / CHECKS).read_text())
    rows = [_result(str(one.pop("model_version")), one) for one in kept]
    replace_results(connection, run_id, GATE, rows, utc_now())


def _result(version: str, told: dict[str, Any]) -> Sequence[object]:
    check = Check.from_json(told)
    return [
        f"{version}: {check.name}",
        "info" if check.severity == "info" else "warning",
        check.success,
        check.observed,
        check.expected,
        "audit.model_registry",
        None,
        None if check.success else f"What to do: {check.remedy}",
    ]


def _counts(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, int]:
    rows = connection.execute(
        """
        select status, count(*) from risk.overdue_assessment
        where run_id = ? and origin <> 'request'
        group by status
        """,
        [run_id],
    ).fetchall()
    return {str(status): int(count) for status, count in rows}
