"""The grade of one borrower on one day, read from the published copy."""

import datetime as dt
from dataclasses import dataclass

import duckdb

from comove.connection import connect_serving
from comove.default_response.identity import borrower_key
from comove.errors import ComoveError
from comove.settings import Settings


class GradeError(ComoveError):
    """A borrower has no grade on the day asked for."""


@dataclass(frozen=True)
class GradeAnswer:
    """How a borrower is graded on a day.

    Parameters
    ----------
    borrower_key : str
        Keyed hash of the lender's own id.
    asked_on, observed_on : date
        The day asked for, and the observation point current on it: the last one not
        later.
    days_since : int
        Between the two.
    grade, meaning : str
        Letter and words of the band.
    composite : float
        Days past due that are graded.
    current_extreme, historical_extreme : int
        Largest days past due at the point, and in the trailing window up to it.
    weight_current, weight_historical : float
        Of the two in the composite; they sum to 1.
    point_no, loans : int
        Number of the borrower's point; its loans that ran on the day.
    graded_until : date
        Last day that has been graded.
    run_id : str
        Run that graded the point.
    """

    borrower_key: str
    asked_on: dt.date
    observed_on: dt.date
    days_since: int
    grade: str
    meaning: str
    composite: float
    current_extreme: int
    historical_extreme: int
    weight_current: float
    weight_historical: float
    point_no: int
    loans: int
    graded_until: dt.date
    run_id: str

    @property
    def is_beyond(self) -> bool:
        """Whether the day asked for has not been graded yet."""
        return self.asked_on > self.graded_until


_POINT = """
    select
        graded.borrower_key,
        graded.observed_on,
        graded.grade,
        bands.meaning,
        graded.composite,
        graded.current_extreme,
        graded.historical_extreme,
        graded.weight_current,
        graded.weight_historical,
        graded.point_no,
        graded.loans,
        graded.run_id
    from risk.overdue_grade as graded
    inner join risk.overdue_grade_bands as bands on graded.grade = bands.grade
    where graded.borrower_key = ? and graded.observed_on <= ?
    order by graded.point_no desc
    limit 1
"""


def grade_on(settings: Settings, borrower: str, on: dt.date | None = None) -> GradeAnswer:
    """Find the point current on a day, and how the borrower is graded there.

    Nothing that happened after the point enters, whenever the question is asked.

    Parameters
    ----------
    settings : Settings
        Say which home, and so which key hashes ids.
    borrower : str
        The lender's own id, or a borrower key.
    on : date, optional
        The day; by default the last one graded.

    Returns
    -------
    GradeAnswer
        The point, and what its grade is made of.

    Raises
    ------
    ResponseError
        When there is no such borrower. It does not repeat the id.
    GradeError
        When grades have not been made, or the borrower had no point by then.
    WarehouseError
        When nothing has been published yet.
    """
    with connect_serving(settings) as connection:
        until = graded_until(connection)
        key = borrower_key(connection, settings, borrower)
        day = on or until
        found = connection.execute(_POINT, [key, day])
        names = [column[0] for column in found.description or ()]
        row = found.fetchone()
        if row is None:
            raise _no_point(connection, key, day)
    values = dict(zip(names, row, strict=True))
    days_since = (day - values["observed_on"]).days
    return GradeAnswer(**values, asked_on=day, days_since=days_since, graded_until=until)


def graded_until(connection: duckdb.DuckDBPyConnection) -> dt.date:
    """Last day that the published grades reach.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy.

    Raises
    ------
    GradeError
        When there are no grades.
    """
    try:
        row = connection.execute(
            """
            select as_of from audit.overdue_grade_request
            where exists (select 1 from risk.overdue_grade)
            """
        ).fetchone()
    except duckdb.CatalogException as error:
        raise _not_made("no overdue grades have been published.") from error
    if row is None:
        raise _not_made("no borrower of this portfolio has an overdue grade.")
    until: dt.date = row[0]
    return until


def _not_made(found: str) -> GradeError:
    return GradeError(
        found,
        where="risk.overdue_grade",
        remedy="Run the DAG `overdue_assessment` to its end; a portfolio without "
        "instalments has no grades (audit.unavailable_model says why).",
    )


def _no_point(
    connection: duckdb.DuckDBPyConnection, key: str, day: dt.date
) -> GradeError:
    row = connection.execute(
        "select min(observed_on) from risk.overdue_grade where borrower_key = ?", [key]
    ).fetchone()
    first = row[0] if row else None
    if first is None:
        return GradeError(
            "the borrower has no observation point: none of its loans has had an "
            "instalment due.",
            where="risk.overdue_grade",
            remedy="Ask again once its first instalment is due.",
        )
    return GradeError(
        f"the borrower has no observation point up to {day:%Y-%m-%d}.",
        where="risk.overdue_grade",
        remedy=f"Ask for {first:%Y-%m-%d}, its first, or a later day.",
    )
