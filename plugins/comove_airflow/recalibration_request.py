"""What a run of the recalibration was asked for: a month, or an old version back."""

from collections.abc import Mapping
from typing import Any

from comove.errors import SettingsError
from comove.recalibration.request import Wish
from comove.settings import Settings
from comove_airflow.request import check_portfolio, month_for


def wish_for(settings: Settings, params: Mapping[str, Any], run: Any) -> Wish:
    """Read the form of the DAG `recalibration`.

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
    month = month_for(
        settings,
        asked=params.get("month") or None,
        partition=run.partition_key,
        run_after=run.run_after,
    )
    # A run that an asset sets off has no conf, and nobody triggered it.
    is_by_hand = run.partition_key is None or bool(run.triggering_user_name)
    # None where the trigger came from Airflow's own command line.
    person = run.triggering_user_name or "command line"
    return Wish(
        month, _version(params.get("restore")), person if is_by_hand else "comove"
    )


def _version(given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise SettingsError(
            f"{given!r} is no version of the strategy.",
            where="restore",
            remedy="Write the number of a version in risk.strategy_version, or leave it "
            "empty.",
        )
    return given
