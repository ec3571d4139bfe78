"""Champion and challengers: which model predicts which month, and who decided so."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import duckdb

from comove.connection import connect, utc_now
from comove.errors import ComoveError
from comove.risk_model.folds import month_of, number
from comove.risk_model.judgement import Check
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

RULE = "rule"
# Who wins a tie: the model that is easier to explain.
SIMPLEST_FIRST = ("logit", "xgboost", "blend")


class RegistryError(ComoveError):
    """A model or a promotion cannot be registered."""


class ChampionRules(Protocol):
    """The setting that decides champions."""

    @property
    def champion_window_months(self) -> int: ...  # noqa: D102 - told in Settings


@dataclass(frozen=True)
class Loss:
    """Log loss of one algorithm over some rows.

    Parameters
    ----------
    rows : int
        How many.
    log_loss : float
        Mean over them, in nats.
    """

    rows: int
    log_loss: float


@dataclass(frozen=True)
class FoldEvidence:
    """What is known of the models of one fold; months by their first day.

    Parameters
    ----------
    first_month, last_month : date
        Months the fold predicts.
    validation : mapping of str to Loss
        By algorithm, over the validation rows.
    months : mapping of date to mapping of str to Loss
        Out of time: by predicted month, then by algorithm.
    checks : mapping of str to tuple of Check
        By algorithm, from `judge_challenger`; an algorithm that is not named here has
        no model in this fold.
    absent : str or None
        Why the fold has no model at all, as a sentence.
    """

    first_month: dt.date
    last_month: dt.date
    validation: Mapping[str, Loss] = field(default_factory=dict)
    months: Mapping[dt.date, Mapping[str, Loss]] = field(default_factory=dict)
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    absent: str | None = None


@dataclass(frozen=True)
class Promotion:
    """A person's choice of the algorithm, obeyed until a later one.

    Parameters
    ----------
    purpose : str
        ``pd`` or ``application``.
    algorithm : str or None
        Chosen; None gives the choice back to the rule.
    effective_from : date
        First month it holds for.
    decided_by, reason : str
        Who, and why.
    decided_at : datetime
        When, UTC.
    run_id : str or None
        Run it was given with.
    """

    purpose: str
    algorithm: str | None
    effective_from: dt.date
    decided_by: str
    reason: str
    decided_at: dt.datetime
    run_id: str | None = None

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Promotion":
        """Read what ``dataclasses.asdict`` and ``json.dumps(default=str)`` wrote."""
        return Promotion(
            **{
                **kept,
                "effective_from": dt.date.fromisoformat(kept["effective_from"]),
                "decided_at": dt.datetime.fromisoformat(kept["decided_at"]),
            }
        )


@dataclass(frozen=True)
class Decision:
    """Which model predicts from a month on, until the next decision.

    Parameters
    ----------
    fold : date
        First month of the fold it belongs to.
    from_month : date
        First month it holds for: `fold`, or later where a promotion takes effect
        within the fold.
    algorithm : str or None
        In force; None leaves the months unpredicted.
    model_fold : date or None
        First month of the fold whose model predicts: `fold`, or an earlier one whose
        champion goes on.
    wanted : str or None
        Algorithm the rule or the person chose.
    decided_by : str
        ``rule``, or the person.
    refused_because : str or None
        Why the wanted model is not in force, as a sentence.
    log_losses : mapping of str to float
        Mean log loss that ranked the algorithms.
    """

    fold: dt.date
    from_month: dt.date
    algorithm: str | None
    model_fold: dt.date | None
    wanted: str | None
    decided_by: str
    refused_because: str | None = None
    log_losses: Mapping[str, float] = field(default_factory=dict)
