"""What a run of the joint-risk stage counts and fits."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import duckdb

from comove.connection import connect
from comove.joint_risk.tables import ensure_joint_tables
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

Copula = Literal["gaussian", "student_t"]
Factors = Literal["multi", "single"]
COPULAS: tuple[Copula, ...] = ("gaussian", "student_t")
FACTORS: tuple[Factors, ...] = ("multi", "single")


@dataclass(frozen=True)
class FitRequest:
    """Which model a run publishes.

    Parameters
    ----------
    draws : int
        Posterior draws kept of each chain.
    copula : str
        ``gaussian`` or ``student_t``.
    factors : str
        ``multi`` (national, regions, industries) or ``single``.
    """

    draws: int
    copula: Copula
    factors: Factors


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
        Attributes, bands, and how few events make a group.
    month : date
        Month of the run, first day: the last whose events count.
    """
    with connect(settings) as connection:
        ensure_joint_tables(connection)
        connection.execute("begin")
        connection.execute("delete from audit.joint_request")
        connection.execute(
            "insert into audit.joint_request values (?, ?, ?, ?, ?, ?)",
            [
                month,
                first_month_counted(settings, month),
                settings.joint_pd_bands,
                settings.joint_min_group_events,
                settings.joint_region_attribute,
                settings.joint_industry_attribute,
            ],
        )
        connection.execute("commit")


def why_unavailable(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Say why a portfolio has no joint risk; None where it can have.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the tables of the risk models.
    """
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
    return str(found[0]) if found else "No borrower's month was predicted out of sample."
