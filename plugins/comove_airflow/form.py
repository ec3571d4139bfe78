"""Fields that the forms of several DAGs share."""

from airflow.sdk import Param

from comove.portfolio import MONTH_PATTERN


def month_field(description: str) -> Param:
    """Make the field of the run's month.

    Parameters
    ----------
    description : str
        What the month is of, and what stands for it where it is left empty.

    Returns
    -------
    Param
        Null, or a month as ``2026-09``.
    """
    return Param(
        None,
        type=["null", "string"],
        pattern=MONTH_PATTERN,
        title="Month",
        description=description,
    )


def portfolio_field() -> Param:
    """Make the field that guards against a form filled in for another portfolio."""
    return Param(
        None,
        type=["null", "string"],
        title="Portfolio",
        description="Empty, or the one this Airflow works for; any other is refused.",
    )
