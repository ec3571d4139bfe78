"""What a run of the joint-risk stage was asked for: copula, factors, draws."""

from collections.abc import Mapping, Sequence
from typing import Any

from comove.errors import SettingsError
from comove.joint_risk.request import COPULAS, FACTORS, FitRequest
from comove.settings import Settings
from comove_airflow.request import check_portfolio

# Fewer than this never reach the effective draws the gate asks for.
LEAST_DRAWS = 100


def fit_request(settings: Settings, params: Mapping[str, Any]) -> FitRequest:
    """Read the form of the DAG `joint_risk`.

    Parameters
    ----------
    settings : Settings
        What holds where the form is empty, and which portfolio this Airflow works for.
    params : mapping
        Fields of the form.

    Raises
    ------
    SettingsError
        For the first field that cannot be obeyed; says what to write instead.
    """
    check_portfolio(settings, params.get("portfolio"))
    return FitRequest(
        draws=_draws(params.get("draws"), settings.joint_draws),
        copula=_one_of(params, "copula", COPULAS, settings.joint_copula),
        factors=_one_of(params, "factors", FACTORS, settings.joint_factors),
    )


def _draws(given: Any, otherwise: int) -> int:
    if given is None:
        return otherwise
    if not isinstance(given, int) or isinstance(given, bool) or given < LEAST_DRAWS:
        raise SettingsError(
            f"{given!r} draws cannot be kept.",
            where="draws",
            remedy=f"Write a whole number of at least {LEAST_DRAWS}, or leave it empty.",
        )
    return given


def _one_of[Name: str](
    params: Mapping[str, Any], field: str, known: Sequence[Name], otherwise: Name
) -> Name:
    given = params.get(field) or otherwise
    if given not in known:
        raise SettingsError(
            f"{given!r} is none of {', '.join(known)}.",
            where=field,
            remedy="Choose one of them, or leave it empty.",
        )
    return known[known.index(given)]
