"""What a run of the joint-risk stage counts, and whether there is anything to count."""

import datetime as dt
from itertools import pairwise

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect
from comove.errors import GateFailedError, WarehouseError
from comove.joint_risk.tables import ensure_joint_tables
from comove.portfolio import load_portfolio
from comove.quality.record import failed_checks
from comove.risk_model.folds import month_of, number
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings


def first_month_counted(settings: Settings, month: dt.date) -> dt.date:
    """First month a run counts: the oldest fit of the validation begins there.

    Parameters
    ----------
    settings : Settings
        Months of a fit, and months that are validated.
    month : date
        Month of the run, first day.
    """
    months = settings.joint_window_months + settings.joint_validation_months
    return month_of(number(month) - months + 1)


def write_request(settings: Settings, month: dt.date) -> None:
    """Say in `audit.joint_request` what the SQL that follows counts.

    Parameters
    ----------
    settings : Settings
        Attributes, bands of pd and of uniforms, and how few events make a group.
    month : date
        Month of the run, first day: the last whose events count.
    """
    with connect(settings) as connection:
        ensure_joint_tables(connection)
        connection.execute("begin")
        connection.execute("delete from audit.joint_request")
        connection.execute(
            "insert into audit.joint_request values (?, ?, ?, ?, ?, ?, ?)",
            [
                month,
                first_month_counted(settings, month),
                settings.joint_pd_bands,
                settings.joint_min_group_events,
                settings.joint_region_attribute,
                settings.joint_industry_attribute,
                settings.joint_min_own_events,
            ],
        )
        _write_parents(connection, settings)
        connection.execute("delete from audit.joint_band")
        connection.executemany(
            "insert into audit.joint_band values (?, ?, ?)", _bands(settings)
        )
        connection.execute("commit")


def _write_parents(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    attributes = {
        "region": settings.joint_region_attribute,
        "industry": settings.joint_industry_attribute,
    }
    rows = [
        (name, value, parent)
        for name, attribute in attributes.items()
        if attribute == "region"
        for parent, values in load_portfolio(settings.portfolio).region_parents.items()
        for value in values
    ]
    connection.execute("delete from audit.joint_parent")
    if rows:
        connection.executemany("insert into audit.joint_parent values (?, ?, ?)", rows)


def _bands(settings: Settings) -> list[tuple[int, float, float]]:
    """Give number, lower and upper edge of each band of the uniforms."""
    edges = [0.0, *sorted(set(settings.joint_ordinal_edges)), 1.0]
    return [(k, *pair) for k, pair in enumerate(pairwise(edges), start=1)]


def why_unavailable(settings: Settings, month: dt.date) -> str | None:
    """Say why there can be no joint risk of a month; None where there can.

    Parameters
    ----------
    settings : Settings
        Say which home.
    month : date
        Month of the run, first day.

    Returns
    -------
    str or None
        A sentence: the portfolio has no PD by month, or none of the months needed.

    Raises
    ------
    WarehouseError
        When the risk models have not run for the month yet.
    GateFailedError
        When their tables failed their gate.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        _require_risk_models(connection, settings, month)
        if failed := failed_checks(connection, "risk"):
            raise _unfit(failed)
        return _no_predictions(connection) or _no_month(connection, month)


def _require_risk_models(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> None:
    row = connection.execute("select max(month) from audit.risk_request").fetchone()
    known = row[0] if row else None
    if known is None or known < month or not _has_residuals(connection):
        last = f"end with {known:%Y-%m}" if known else "have not run"
        raise WarehouseError(
            f"the risk models {last}.",
            where=str(settings.places.warehouse),
            remedy=f"Run the DAG `risk_model` for {month:%Y-%m} to its end first.",
        )


def _has_residuals(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        """
        select count(*) from information_schema.tables
        where table_schema = 'risk' and table_name = 'residual'
        """
    ).fetchone()
    return bool(row and row[0])


def _unfit(failed: list[str]) -> GateFailedError:
    return GateFailedError(
        f"the risk tables failed {', '.join(failed)}.",
        where="audit.quality_result",
        remedy="Correct what their gate names and run the DAG `risk_model` again first.",
    )


def _no_predictions(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute("select count(*) from risk.residual").fetchone()
    if row and row[0]:
        return None
    found = connection.execute(
        """
        select reason from audit.unavailable_model
        inner join audit.run using (run_id)
        where purpose = 'pd'
        order by started_at desc
        limit 1
        """
    ).fetchone()
    reason = str(found[0]) if found else "No borrower's month was predicted."
    return f"There is no PD by month to start from. {reason}"


def _no_month(connection: duckdb.DuckDBPyConnection, month: dt.date) -> str | None:
    ahead = month_of(number(month) + 1)
    rows = connection.execute(
        """
        select month from risk.residual union select month from risk.pd_forecast
        """
    ).fetchall()
    missing = [wanted for wanted in (month, ahead) if (wanted,) not in rows]
    if not missing:
        return None
    if missing == [ahead] and (fallen := _if_all_fell(connection, month)):
        return (
            f"All {fallen:,} borrowers with a PD for {month:%Y-%m} failed in it: nobody "
            f"is at risk in {ahead:%Y-%m}, so there is nothing to tell of that month."
        )
    return (
        f"No model predicted {missing[0]:%Y-%m}: audit.model_registry says why models "
        "were refused."
    )


def _if_all_fell(connection: duckdb.DuckDBPyConnection, month: dt.date) -> int:
    """Count the borrowers of a month if none of them stands at its end; else 0."""
    row = connection.execute(
        """
        select if(bool_and(is_event), count(*), 0) from risk.residual where month = ?
        """,
        [month],
    ).fetchone()
    return int(row[0]) if row else 0
