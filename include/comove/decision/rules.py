"""The semantics of a decision: admission, limit, band, control, strategy, reasons."""

import datetime as dt
from pathlib import Path

import duckdb
import pandas as pd

from comove.decision.policy import BAND_COLUMNS, COLUMNS, Policy

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
_OF_TODAY = """
    select *, written_at as known_from, null::timestamp as known_to from ({rules})
"""
_AS_KEPT = """
    select
        * exclude (kept_at, gone_at),
        greatest(written_at, kept_at) as known_from,
        gone_at as known_to
    from risk.decision_control
"""


def apply_rules(
    connection: duckdb.DuckDBPyConnection,
    policy: Policy,
    *,
    inputs: str,
    is_replay: bool = False,
) -> None:
    """Decide what is asked; the temporary table ``decided`` holds the answers.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the temporary table ``asked`` (application_key, as_of, known_until): which
        application, as of which day, with what was written until which moment (UTC).
        The published copy does as well as the warehouse.
    policy : Policy
        Numbers, strategies and bands of the score.
    inputs : str
        SQL after ``from`` of rows with the columns of ``risk.decision_input``, one per
        application and day asked.
    is_replay : bool
        Whether the rules of lending control are those that were known then, as decisions
        kept them, whatever has become of them; else those of today.
    """
    controls = _AS_KEPT if is_replay else _OF_TODAY.format(rules=_today(connection))
    connection.execute(f"create or replace temp table given as from {inputs}")
    connection.execute(f"create or replace temp table control as {controls}")
    _register_bands(connection, policy)
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


def _register_bands(connection: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    bands = pd.DataFrame(list(policy.bands), columns=list(BAND_COLUMNS))
    connection.register("bands_given", bands)
    connection.execute(
        """
        create or replace temp table band_row as
        select
            $version::integer as score_band_version,
            band::varchar as score_band,
            score_from::double as score_from,
            score_to::double as score_to,
            action::varchar as score_band_action,
            limit_factor::double as score_band_factor
        from bands_given
        """,
        {"version": policy.bands_version},
    )
    connection.unregister("bands_given")


def _today(connection: duckdb.DuckDBPyConnection) -> str:
    """Give SQL of the rules that stand now."""
    found = connection.execute(
        "select count(*) from information_schema.tables "
        "where table_schema = 'risk' and table_name = 'lending_control'"
    ).fetchone()
    if not found or not found[0]:
        return _NO_CONTROL
    return f"select {CONTROL_COLUMNS} from risk.lending_control"  # noqa: S608 - names of ours


def keep_controls(connection: duckdb.DuckDBPyConnection, now: dt.datetime) -> None:
    """Keep the rules of today for replays, whatever becomes of them.

    One that was changed is kept again as it stands now; what is gone, or stands
    otherwise, is known no more from now on.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    now : datetime
        Moment of the run's decisions, UTC.
    """
    today = f"({_today(connection)})"
    connection.execute(
        f"""
        update risk.decision_control as kept set gone_at = $now
        where
            gone_at is null
            and not exists (
                select 1 from {today} as today where {_same("today", "kept")}
            )
        """,  # noqa: S608 - names of ours
        {"now": now},
    )
    connection.execute(
        f"""
        insert into risk.decision_control by name
        select *, $now::timestamp as kept_at
        from {today} as today
        where not exists (
            select 1 from risk.decision_control as kept
            where gone_at is null and {_same("today", "kept")}
        )
        """,  # noqa: S608 - names of ours
        {"now": now},
    )


def _same(one: str, other: str) -> str:
    names = CONTROL_COLUMNS.split(", ")
    return " and ".join(f"{one}.{n} is not distinct from {other}.{n}" for n in names)
