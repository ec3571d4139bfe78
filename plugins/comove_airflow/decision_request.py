"""What a run of the decision was asked for: a month's applications, or one."""

from collections.abc import Mapping
from typing import Any

from comove.decision.request import Wish
from comove.errors import SettingsError
from comove.settings import Settings
from comove_airflow.request import check_portfolio, month_for

# Longer than any id: whatever stands there was pasted by mistake.
MOST_DIGITS = 200


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
    return Wish(month=month, application=_application(params.get("application")))


def _application(given: Any) -> str | None:
    if given is None or given == "":
        return None
    text = str(given).strip()
    if not text or len(text) > MOST_DIGITS or not text.isprintable():
        raise SettingsError(
            "this is no id of an application: it is "
            + ("empty." if not text else "too long or holds line breaks."),
            where="application",
            remedy="Write one application_id or application_key, or leave the field "
            "empty to decide all that nobody has decided on.",
        )
    return text
