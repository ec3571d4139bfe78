"""The semantics of a decision: admission, limit, lending control, strategy, reasons."""

from pathlib import Path

import duckdb
import pandas as pd

from comove.decision.policy import COLUMNS, Policy

STEPS = Path(__file__).with_name("rules.sql")
CONTROL_COLUMNS = (
    "control_id, region, industry, strategy, limit_factor, valid_from, valid_to, "
    "event_id, written_at"
)
# A portfolio without joint risk has no rules of lending control.
_NO_CONTROL = """
    select
        null::varchar as control_id, null::varchar as region, null::varchar as industry,
        null::varchar as strategy, null::double as limit_factor, null::date as valid_from,
        null::date as valid_to, null::varchar as event_id, null::timestamp as written_at
    where false
"""


def apply_rules(
    connection: duckdb.DuckDBPyConnection, policy: Policy, *, inputs: str
) -> None:
    """Decide what is asked; the temporary table ``decided`` holds the answers.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the temporary table ``asked`` (application_key, as_of, known_until): which
        application, as of which day, with what was written until which moment (UTC).
        The published copy does as well as the warehouse.
    policy : Policy
        Numbers and strategies.
    inputs : str
        SQL after ``from`` of rows with the columns of ``risk.decision_input``, one per
        application and day asked.
    """
    connection.execute(f"create or replace temp table given as from {inputs}")
    connection.execute(f"create or replace temp view control as {_controls(connection)}")
    strategies = pd.DataFrame(list(policy.strategies), columns=list(COLUMNS))
    connection.register("strategies_given", strategies)
    connection.execute(
        """
        create or replace temp table strategy_row as
        select * replace (
            score_from::double as score_from, score_to::double as score_to,
            limit_from::double as limit_from, limit_to::double as limit_to
        )
        from strategies_given
        """
    )
    connection.unregister("strategies_given")
    numbers = {
        "min_probability": policy.min_probability,
        "uncertain_margin": policy.uncertain_margin,
        "income_months": policy.income_months,
        "max_growth": policy.max_growth,
        "step_amount": policy.step_amount,
        "unit_amount": policy.unit_amount,
    }
    for step in duckdb.extract_statements(STEPS.read_text()):
        used = {name: numbers[name] for name in step.named_parameters}
        connection.execute(step, used)


def _controls(connection: duckdb.DuckDBPyConnection) -> str:
    """Rules of today, and those that earlier decisions were made under."""
    found = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'risk' "
        "and table_name in ('lending_control', 'decision_control') order by 1"
    ).fetchall()
    parts = [f"select {CONTROL_COLUMNS} from risk.{name}" for (name,) in found]  # noqa: S608 - names of ours
    return " union ".join([_NO_CONTROL, *parts])


def keep_controls(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the rules of today for replays, whatever becomes of them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    """
    connection.execute(
        f"""
        insert into risk.decision_control by name
        select * from ({_controls(connection)})
        where control_id not in (select control_id from risk.decision_control)
        """  # noqa: S608 - names of ours
    )
