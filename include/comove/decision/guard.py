"""What the gate would stop is not written at all.

The gate judges the whole table, and decisions are never made again: a row that fails it
would stop every later publication. So the checks of single decisions are made before a
transaction is committed, by the gate's own suite.
"""

import duckdb

from comove.decision.scratch import DecisionError
from comove.quality.suite import Check, load_suite

STAGE = TABLE = "credit_decision"


def require_sound(
    connection: duckdb.DuckDBPyConnection, *, run_id: str, by: str = "run_id"
) -> None:
    """Refuse decisions of a run that the gate ``credit_decision`` would stop.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, within the transaction that wrote them.
    run_id : str
        Whose.
    by : str
        Column of ``risk.credit_decision`` that holds it: ``run_id`` for new decisions,
        ``reviewed_in_run`` for answered ones.

    Raises
    ------
    DecisionError
        When a critical check on single decisions fails; names it, and how many.
    """
    suite = load_suite(STAGE)
    table = suite.tables[TABLE]
    checks = [one for one in suite.checks if _is_of_single_decisions(one)]
    terms = ", ".join(table.measures[str(one.measure)] for one in checks)
    counts = connection.execute(
        f"select {terms} from {table.relation} where {by} = ?",  # noqa: S608 - the suite's own SQL
        [run_id],
    ).fetchone()
    for check, count in zip(checks, counts or (), strict=True):
        if count and count > check.arguments["max_value"]:
            raise DecisionError(
                f"{count:,} decisions would not pass their gate: {check.name!r} does not "
                "hold.",
                where=f"gate {STAGE!r}, measure {check.measure}",
                remedy=f"Nothing was written. {check.remedy} Then run the DAG "
                "`credit_decision` again.",
            )


def _is_of_single_decisions(check: Check) -> bool:
    return check.table == TABLE and check.severity == "critical"
