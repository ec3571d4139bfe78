"""What a run of the risk models was asked for: models, and who is to be champion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comove.errors import SettingsError
from comove.risk_model.folds import ALGORITHMS
from comove.settings import Settings
from comove_airflow.request import check_portfolio

PURPOSES = ("pd", "application")
BY_RULE, KEEP_CHAMPION = "by rule", "keep champion"
PROMOTIONS = (BY_RULE, KEEP_CHAMPION, *ALGORITHMS)
# The blend mixes these two.
BLENDED = ("xgboost", "logit")


@dataclass(frozen=True)
class ModelRequest:
    """Which models a run trains, and what a person decided about the champion.

    Parameters
    ----------
    purposes : tuple of str
        ``pd`` and ``application``, or one of them.
    algorithms : tuple of str
        Of the PD, in the order of `ALGORITHMS`; application models fit all.
    promote : str or None
        One of `PROMOTIONS`; None leaves the decision as it stands.
    reason : str or None
        Why the person decided so; None when nobody decided.
    """

    purposes: tuple[str, ...]
    algorithms: tuple[str, ...]
    promote: str | None
    reason: str | None


def model_request(settings: Settings, params: Mapping[str, Any]) -> ModelRequest:
    """Read the form of the DAG `risk_model`.

    Parameters
    ----------
    settings : Settings
        Say which portfolio this Airflow works for.
    params : mapping
        Fields of the form.

    Raises
    ------
    SettingsError
        For the first field that cannot be obeyed; says what to write instead.
    """
    check_portfolio(settings, params.get("portfolio"))
    purposes = _chosen(params, "purposes", PURPOSES)
    algorithms = _chosen(params, "algorithms", ALGORITHMS)
    _check_blend(algorithms)
    promote = params.get("promote") or None
    reason = (params.get("promote_reason") or "").strip() or None
    trained = algorithms if "pd" in purposes else ALGORITHMS
    _check_promotion(promote, reason, trained)
    return ModelRequest(
        purposes=purposes,
        algorithms=algorithms,
        promote=promote,
        reason=reason,
    )


def _chosen(
    params: Mapping[str, Any], field: str, known: Sequence[str]
) -> tuple[str, ...]:
    given = params.get(field)
    chosen = list(known) if given is None else given
    if isinstance(chosen, str) or not set(chosen) <= set(known) or not chosen:
        raise SettingsError(
            f"{given!r} is no choice of {', '.join(known)}.",
            where=field,
            remedy="Choose one or more of them.",
        )
    return tuple(name for name in known if name in chosen)


def _check_blend(algorithms: Sequence[str]) -> None:
    missing = [name for name in BLENDED if name not in algorithms]
    if "blend" in algorithms and missing:
        raise SettingsError(
            f"the blend is made of {' and '.join(BLENDED)}, and {missing[0]} is not "
            "chosen.",
            where="algorithms",
            remedy=f"Choose {missing[0]} too, or leave out the blend.",
        )


def _check_promotion(
    promote: str | None, reason: str | None, algorithms: Sequence[str]
) -> None:
    if promote is None and reason is None:
        return
    if promote not in PROMOTIONS:
        found = "nothing is" if promote is None else f"{promote!r} cannot be"
        raise SettingsError(
            f"{found} promoted.",
            where="promote",
            remedy=f"Choose one of {', '.join(PROMOTIONS)}, or leave field and reason "
            "empty.",
        )
    if reason is None:
        raise SettingsError(
            f"a person decides for {promote!r} and gives no reason.",
            where="promote_reason",
            remedy="Write why, in a sentence: it is kept with the decision.",
        )
    if promote in ALGORITHMS and promote not in algorithms:
        raise SettingsError(
            f"{promote} is to be champion and is not trained.",
            where="promote",
            remedy=f"Choose {promote} among the algorithms too.",
        )
