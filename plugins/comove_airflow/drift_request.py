"""What a run of the score drift was asked for: whose score."""

from collections.abc import Mapping
from typing import Any

from comove.errors import SettingsError
from comove.settings import Settings
from comove_airflow.request import check_portfolio

SCORES = ("own", "lender")


def score_for(settings: Settings, params: Mapping[str, Any]) -> Any:
    """Read the form of the DAG `score_drift`.

    Parameters
    ----------
    settings : Settings
        What holds where the form is empty, and which portfolio this Airflow works for.
    params : mapping
        Fields of the form.

    Returns
    -------
    str
        ``own`` or ``lender``.

    Raises
    ------
    SettingsError
        For the first field that cannot be obeyed; says what to write instead.
    """
    check_portfolio(settings, params.get("portfolio"))
    score = params.get("score") or settings.drift_score
    if score not in SCORES:
        raise SettingsError(
            f"{score!r} is none of {', '.join(SCORES)}.",
            where="score",
            remedy="Choose one of them, or leave it empty.",
        )
    return score
