"""What a run of the default response was asked for: a month's events, or one borrower."""

from collections.abc import Mapping
from typing import Any

from comove.default_response.request import Wish
from comove.settings import Settings
from comove_airflow.request import check_portfolio, id_given, month_for


def wish_for(settings: Settings, params: Mapping[str, Any], run: Any) -> Wish:
    """Read the form of the DAG `default_response`.

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
    asked = params.get("month") or None
    borrower = id_given(
        params, "borrower", otherwise="respond to the new events of the month"
    )
    month = month_for(
        settings, asked=asked, partition=run.partition_key, run_after=run.run_after
    )
    by_hand = asked is not None or borrower is not None
    # None where the trigger came from Airflow's own command line.
    person = run.triggering_user_name or "command line"
    return Wish(
        month=month,
        is_month_given=asked is not None,
        borrower=borrower,
        given_by=person if by_hand else "comove",
    )
