"""Which posteriors a month's links are computed from."""

import datetime as dt

import duckdb

from comove.connection import row_count
from comove.default_response.scratch import Posteriors, ResponseError
from comove.risk_model.folds import month_of, number


def has_posteriors(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether the portfolio has any joint risk.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    """
    row = connection.execute(
        """
        select count(*) from information_schema.tables
        where (table_schema, table_name) in
            (('risk', 'joint_risk_index'), ('audit', 'posterior'))
        """
    ).fetchone()
    tables_are_there = bool(row and row[0] == 2)
    return tables_are_there and row_count(connection, "risk.joint_risk_index") > 0


def why_no_posterior(connection: duckdb.DuckDBPyConnection, month: dt.date) -> str | None:
    """Say why links of a month cannot be computed; None where they can.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    month : date
        Last month the posterior must know, first day.
    """
    if not has_posteriors(connection):
        return "Not available for this portfolio: it has no joint risk."
    row = connection.execute(
        "select 1 from risk.joint_risk_index where as_of_month = ? limit 1", [month]
    ).fetchone()
    return None if row else f"There is no posterior that knows {month:%Y-%m}."


def no_posterior(month: dt.date, reason: str) -> ResponseError:
    """Make the error of a month without a posterior.

    Parameters
    ----------
    month : date
        Month to fit, first day.
    reason : str
        What was found, as a sentence.
    """
    return ResponseError(
        reason,
        where="risk.joint_risk_index",
        remedy=f"Run the DAG `joint_risk` for {month:%Y-%m} first.",
    )


def posteriors_of(connection: duckdb.DuckDBPyConnection, as_of: dt.date) -> Posteriors:
    """Find the published posterior of a month, and that of the same kind a month before.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    as_of : date
        Last month the newer one knew, first day.

    Raises
    ------
    ResponseError
        When either is not there.
    """
    before = month_of(number(as_of) - 1)
    row = connection.execute(
        """
        select
            newer.model_version,
            older.model_version,
            newer.artifact_path,
            older.artifact_path
        from audit.posterior as newer
        left join audit.posterior as older
            on
                older.as_of_month = ?
                and older.accepted
                and older.copula = newer.copula
                and older.factors = newer.factors
        where newer.model_version = (
            select max(model_version) from risk.joint_risk_index where as_of_month = ?
        )
        order by older.fitted_at desc nulls last
        limit 1
        """,
        [before, as_of],
    ).fetchone()
    if row is None or row[1] is None:
        found = f"There is no posterior that ends with {before:%Y-%m} to compare with."
        raise no_posterior(as_of, found)
    newer, older, path, previous_path = map(str, row)
    return Posteriors(as_of, month_after(as_of), newer, older, path, previous_path)


def month_after(month: dt.date) -> dt.date:
    """First day of the month after.

    Parameters
    ----------
    month : date
        First day of a month.
    """
    return month_of(number(month) + 1)
