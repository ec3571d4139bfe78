"""What a run of the overdue assessment was asked for: a month, or one borrower."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from comove.errors import SettingsError
from comove.overdue.request import Wish
from comove.settings import Settings
from comove_airflow.request import check_portfolio, id_given, month_for


def wish_for(settings: Settings, params: Mapping[str, Any], run: Any) -> Wish:
    """Read the form of the DAG `overdue_assessment`.

    Parameters
    ----------
    settings : Settings
        Say which portfolio this Airflow works for.
    params : mapping
        Fields of the form.
    run : DagRun
        Airflow's, for its partition and who triggered it.

    Raises
    ------
    SettingsError
        For the first field that cannot be obeyed; says what to write instead.
    """
    check_portfolio(settings, params.get("portfolio"))
    asked, on = params.get("month") or None, _day(params.get("on"))
    borrower = id_given(params, "borrower", otherwise="assess all of the month")
    if on and not borrower:
        raise SettingsError(
            "a day is given, and no borrower.",
            where="on",
            remedy="Name the borrower, or leave the day empty to assess the month.",
        )
    if on and asked and asked != f"{on:%Y-%m}":
        raise SettingsError(
            f"the form says {asked} and {on}.",
            where="on",
            remedy="Leave one of them empty.",
        )
    month = month_for(
        settings,
        asked=f"{on:%Y-%m}" if on else asked,
        partition=run.partition_key,
        run_after=run.run_after,
    )
    by_hand = asked is not None or borrower is not None
    # None where the trigger came from Airflow's own command line.
    person = run.triggering_user_name or "command line"
    return Wish(
        month=month,
        borrower=borrower,
        on=on,
        asked_by=person if by_hand else "comove",
    )


def _day(given: Any) -> dt.date | None:
    if given is None or given == "":
        return None
    try:
        return dt.date.fromisoformat(str(given))
    except ValueError:
        raise SettingsError(
            f"{str(given)[:20]!r} is no day.",
            where="on",
            remedy="Write it as 2026-09-15.",
        ) from None
