"""What a run of the decision was asked for: a month's applications, or one."""

from collections.abc import Mapping
from typing import Any

from comove.decision.request import Wish
from comove.settings import Settings
from comove_airflow.request import check_portfolio, id_given, month_for


def wish_for(settings: Settings, params: Mapping[str, Any], run: Any) -> Wish:
    """Read the form of the DAG `credit_decision`.

    Parameters
    ----------
    settings : Settings
        Say which portfolio this Airflow works for.
    params : mapping
        Fields of the form.
    run : DagRun
        Airflow's, for its partition.

    Raises
    ------
    SettingsError
        For the first field that cannot be obeyed; says what to write instead.
    """
    check_portfolio(settings, params.get("portfolio"))
    month = month_for(
        settings,
        asked=params.get("month") or None,
        partition=run.partition_key,
        run_after=run.run_after,
    )
    application = id_given(
        params, "application", otherwise="decide all that nobody has decided on"
    )
    return Wish(month=month, application=application)
