"""Which posteriors the links of a run are computed from."""

import datetime as dt

import duckdb

from comove.connection import row_count
from comove.default_response.scratch import Posteriors, ResponseError
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

NOT_AVAILABLE = "Not available for this portfolio: it has no joint risk."


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


def published_month(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> dt.date | None:
    """Last month the newest published posterior knows; None where there is none.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with joint risk.
    settings : Settings
        How far is looked back: an older posterior tells nothing of the month.
    month : date
        Nothing later may be known, first day.
    """
    row = connection.execute(
        """
        select max(as_of_month) from risk.joint_risk_index
        where as_of_month between ? and ?
        """,
        [first_month(settings, month), month],
    ).fetchone()
    return row[0] if row else None


def first_month(settings: Settings, month: dt.date) -> dt.date:
    """First month that a run for `month` looks back to, first day."""
    return month_of(number(month) - settings.response_lookback_months + 1)


def posteriors_for(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> Posteriors:
    """Find the newest published posterior, and the newest before it of the same settings.

    That is as a rule the posterior of `month` and that of the month before. Where the
    sampler's gate has refused one, an older one stands for it, within the months that
    are looked back to: a hard month must not leave its defaults unanswered.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with joint risk.
    settings : Settings
        How far is looked back.
    month : date
        Month of the run, first day.

    Raises
    ------
    ResponseError
        When either is not there; names the month to fit.
    """
    as_of = published_month(connection, settings, month)
    if as_of is None:
        raise ResponseError(
            f"There is no posterior that knows {month:%Y-%m}, nor one of the "
            f"{settings.response_lookback_months - 1} months before.",
            where="risk.joint_risk_index",
            remedy=f"Run the DAG `joint_risk` for {month:%Y-%m} first.",
        )
    before = month_of(number(as_of) - 1)
    earliest = month_of(number(as_of) - settings.response_lookback_months)
    row = connection.execute(_PAIR, [earliest, before, as_of]).fetchone()
    if row is None or row[1] is None:
        raise ResponseError(
            f"There is no accepted posterior of {before:%Y-%m} to compare that of "
            f"{as_of:%Y-%m} with.",
            where="audit.posterior",
            remedy=f"The fit as of {before:%Y-%m} was refused or is of other settings: "
            "its `reason` says why. Raise `COMOVE_JOINT_DRAWS` and `COMOVE_JOINT_TUNE` "
            f"and run the DAG `joint_risk` for {as_of:%Y-%m} again, which fits both.",
        )
    newer, older, path, previous_path = map(str, row)
    return Posteriors(
        as_of_month=as_of,
        forecast_month=month_after(as_of),
        acts_from=month_after(month),
        version=newer,
        previous_version=older,
        path=path,
        previous_path=previous_path,
    )


_PAIR = """
    select
        newer.model_version,
        older.model_version,
        newer.artifact_path,
        older.artifact_path
    from audit.posterior as newer
    left join audit.posterior as older
        on
            older.as_of_month between ? and ?
            and older.accepted
            and older.copula = newer.copula
            and older.factors = newer.factors
            -- Other priors, likelihood or window would move the index by themselves.
            and older.settings_hash = newer.settings_hash
    where newer.model_version = (
        select max(model_version) from risk.joint_risk_index where as_of_month = ?
    )
    order by older.as_of_month desc nulls last, older.fitted_at desc nulls last
    limit 1
"""


def month_after(month: dt.date) -> dt.date:
    """First day of the month after.

    Parameters
    ----------
    month : date
        First day of a month.
    """
    return month_of(number(month) + 1)
