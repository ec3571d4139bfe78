"""Champion and challengers: which model predicts which month, and who decided so."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

import duckdb

from comove.connection import connect, utc_now
from comove.errors import ComoveError
from comove.quality.catalogue import read_catalogue
from comove.risk_model.folds import month_of, number
from comove.risk_model.judgement import Check, refusal
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

RULE = "rule"
# Who wins a tie: the model that is easier to explain.
SIMPLEST_FIRST = ("logit", "xgboost", "blend")
_LAST = float("inf")
PURPOSES = ("pd", "application")


class RegistryError(ComoveError):
    """A model or a promotion cannot be registered."""


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


_PROMOTION = tuple(one.name for one in fields(Promotion))


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


def decide_champion(
    folds: Iterable[FoldEvidence],
    promotions: Iterable[Promotion],
    settings: Settings,
) -> tuple[Decision, ...]:
    """Decide which model predicts each month.

    A pure function: fold by fold it looks only at months before the fold and at the
    promotions in effect, so the months of an earlier run are decided the same way by a
    later one that is given the same earlier folds.

    Parameters
    ----------
    folds : iterable of FoldEvidence
        From the first fold on, in any order.
    promotions : iterable of Promotion
        Of the models' purpose.
    settings : Settings
        ``champion_window_months``.

    Returns
    -------
    tuple of Decision
        By month: one at the beginning of each fold, and one wherever a promotion takes
        effect within a fold.
    """
    chosen = sorted(
        promotions, key=lambda p: (_first_day(p.effective_from), p.decided_at)
    )
    known: dict[dt.date, Mapping[str, Loss]] = {}
    decisions: list[Decision] = []
    for fold in sorted(folds, key=lambda fold: fold.first_month):
        losses = _ranking(fold, known, settings.champion_window_months)
        for from_month in _turns(fold, chosen):
            promotion = _in_effect(chosen, from_month)
            last = decisions[-1] if decisions else None
            decisions.append(_decide(fold, from_month, losses, promotion, last))
        known |= fold.months
    return tuple(decisions)


def in_force(decisions: Iterable[Decision], month: dt.date) -> Decision | None:
    """Find the decision a month falls under; None before the first one."""
    begun = [one for one in decisions if one.from_month <= month]
    return max(begun, key=lambda one: one.from_month, default=None)


def _turns(fold: FoldEvidence, promotions: list[Promotion]) -> list[dt.date]:
    """Months of a fold at which the choice may turn; its first is one of them."""
    dates = {_first_day(promotion.effective_from) for promotion in promotions}
    within = {date for date in dates if fold.first_month < date <= fold.last_month}
    return sorted({fold.first_month} | within)


def _in_effect(promotions: list[Promotion], month: dt.date) -> Promotion | None:
    begun = [one for one in promotions if _first_day(one.effective_from) <= month]
    return begun[-1] if begun and begun[-1].algorithm else None


def _decide(
    fold: FoldEvidence,
    from_month: dt.date,
    losses: Mapping[str, float],
    promotion: Promotion | None,
    last: Decision | None,
) -> Decision:
    ranked = sorted(fold.checks, key=lambda name: (losses.get(name, _LAST), _place(name)))
    wanted = promotion.algorithm if promotion else next(iter(ranked), None)
    refused_because = _refused(fold, wanted)
    fitted = (wanted, fold.first_month)
    algorithm, model_fold = (
        fitted if not refused_because else _instead(fold, ranked, last)
    )
    return Decision(
        fold=fold.first_month,
        from_month=from_month,
        algorithm=algorithm,
        model_fold=model_fold,
        wanted=wanted,
        decided_by=promotion.decided_by if promotion else RULE,
        refused_because=refused_because,
        log_losses=dict(losses),
    )


def _refused(fold: FoldEvidence, wanted: str | None) -> str | None:
    if wanted is None:
        return fold.absent or f"no model was fitted for {fold.first_month:%Y-%m}."
    if wanted not in fold.checks:
        why = f" ({fold.absent.rstrip('.')})" if fold.absent else ""
        return f"no {wanted} was fitted for {fold.first_month:%Y-%m}{why}."
    why_not = refusal(fold.checks[wanted])
    return f"{wanted} failed the gate. {why_not}" if why_not else None


def _instead(
    fold: FoldEvidence, ranked: list[str], last: Decision | None
) -> tuple[str | None, dt.date | None]:
    """Choose what predicts when the wanted model may not: the champion goes on."""
    if last and last.algorithm:
        return last.algorithm, last.model_fold
    for algorithm in ranked:
        if refusal(fold.checks[algorithm]) is None:
            return algorithm, fold.first_month
    return None, None


def _ranking(
    fold: FoldEvidence, known: Mapping[dt.date, Mapping[str, Loss]], window: int
) -> dict[str, float]:
    """Mean log loss by algorithm, over the same rows for all of them."""
    algorithms = set(fold.checks)
    earliest = number(fold.first_month) - window
    months = [
        losses
        for month, losses in sorted(known.items())
        if number(month) >= earliest
        and month < fold.first_month
        and algorithms <= set(losses)
    ]
    if not months:
        within = {name: fold.validation.get(name) for name in algorithms}
        return {
            name: loss.log_loss for name, loss in within.items() if loss and loss.rows
        }
    return {name: _mean([losses[name] for losses in months]) for name in algorithms}


def _mean(losses: list[Loss]) -> float:
    rows = sum(loss.rows for loss in losses)
    return sum(loss.rows * loss.log_loss for loss in losses if loss.rows) / max(rows, 1)


def _place(algorithm: str) -> tuple[int, str]:
    known = algorithm in SIMPLEST_FIRST
    place = SIMPLEST_FIRST.index(algorithm) if known else len(SIMPLEST_FIRST)
    return place, algorithm


def _first_day(date: dt.date) -> dt.date:
    return date.replace(day=1)


def record_decision(
    settings: Settings,
    choices: Mapping[str, str | None],
    *,
    month: dt.date,
    decided_by: str,
    reason: str,
    run_id: str | None = None,
) -> tuple[Promotion, ...]:
    """Record a person's choice of algorithms, for all purposes or for none.

    A decision stands as it was first recorded: a run that is tried or cleared again
    changes nothing. It takes effect in the first month nobody knows the outcomes of, so
    that no model is chosen for a month by what happened in it.

    Parameters
    ----------
    settings : Settings
        Say which warehouse.
    choices : mapping of str to str or None
        By purpose (``pd``, ``application``) the algorithm chosen; None gives the choice
        back to the rule.
    month : date
        Month of the run it was given with; any day of it.
    decided_by, reason : str
        Who, and why; neither may be empty.
    run_id : str or None
        Run it was given with.

    Returns
    -------
    tuple of Promotion
        Those recorded now; without those the run had recorded before.

    Raises
    ------
    RegistryError
        When something that a supervisor would ask for is missing; nothing is recorded.
    """
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        given = [
            Promotion(
                purpose=purpose,
                algorithm=algorithm,
                effective_from=_first_unknown_month(connection, month),
                decided_by=decided_by.strip(),
                reason=reason.strip(),
                decided_at=utc_now(),
                run_id=run_id,
            )
            for purpose, algorithm in choices.items()
        ]
        for one in given:
            _reject_undocumented(one)
        new = [one for one in given if not _is_recorded(connection, one)]
        connection.execute("begin")
        for one in new:
            connection.execute(
                f"insert into audit.model_promotion ({', '.join(_PROMOTION)}) "  # noqa: S608 - names of ours
                f"values ({', '.join('?' * len(_PROMOTION))})",
                [getattr(one, name) for name in _PROMOTION],
            )
        connection.execute("commit")
    return tuple(new)


def _first_unknown_month(
    connection: duckdb.DuckDBPyConnection, month: dt.date
) -> dt.date:
    """Month after the newest one trained on, by this run or by any before it."""
    row = connection.execute("select max(month) from audit.risk_request").fetchone()
    newest = row[0] if row and row[0] else month
    return month_of(max(number(month), number(newest)) + 1)


def _is_recorded(connection: duckdb.DuckDBPyConnection, given: Promotion) -> bool:
    row = connection.execute(
        "select count(*) from audit.model_promotion where run_id = ? and purpose = ?",
        [given.run_id, given.purpose],
    ).fetchone()
    return bool(row and row[0])


def read_promotions(
    connection: duckdb.DuckDBPyConnection, purpose: str
) -> tuple[Promotion, ...]:
    """Read the promotions of a purpose, the oldest first.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, or the published copy.
    purpose : str
        ``pd`` or ``application``.

    Returns
    -------
    tuple of Promotion
        Empty when nobody ever decided, or nothing was registered yet.
    """
    if "audit.model_promotion" not in read_catalogue(connection):
        return ()
    rows = connection.execute(
        f"select {', '.join(_PROMOTION)} from audit.model_promotion "  # noqa: S608 - names of ours
        "where purpose = ? order by effective_from, decided_at",
        [purpose],
    ).fetchall()
    return tuple(Promotion(*row) for row in rows)


def read_algorithms(
    connection: duckdb.DuckDBPyConnection, purpose: str
) -> frozenset[str]:
    """Name the algorithms of which any model has been registered.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, or the published copy.
    purpose : str
        ``pd`` or ``application``.
    """
    if "audit.model_registry" not in read_catalogue(connection):
        return frozenset()
    found = connection.execute(
        "select distinct algorithm from audit.model_registry where purpose = ?",
        [purpose],
    ).fetchall()
    return frozenset(str(name) for (name,) in found)


def champion_algorithm(settings: Settings, *, purpose: str) -> str | None:
    """Name the algorithm of the champion of a purpose.

    Parameters
    ----------
    settings : Settings
        Say which warehouse.
    purpose : str
        ``pd`` or ``application``.

    Returns
    -------
    str or None
        Of the champion that predicts the newest months; None while there is none.
    """
    with connect(settings, read_only=True) as connection:
        if "audit.model_registry" not in read_catalogue(connection):
            return None
        row = connection.execute(
            """
            select algorithm from audit.model_registry
            where purpose = ? and is_champion
            order by first_month_predicted desc, registered_at desc, model_version
            limit 1
            """,
            [purpose],
        ).fetchone()
    return str(row[0]) if row else None


def _reject_undocumented(promotion: Promotion) -> None:
    if promotion.purpose not in PURPOSES:
        raise RegistryError(
            f"there is no purpose {promotion.purpose!r}.",
            where="promotion of a model",
            remedy=f"Use one of {', '.join(PURPOSES)}.",
        )
    if promotion.algorithm not in (None, *SIMPLEST_FIRST):
        raise RegistryError(
            f"there is no algorithm {promotion.algorithm!r}.",
            where="promotion of a model",
            remedy=f"Use one of {', '.join(SIMPLEST_FIRST)}, or none for the rule.",
        )
    for name in ("decided_by", "reason"):
        if not getattr(promotion, name):
            raise RegistryError(
                f"{name} is empty.",
                where="promotion of a model",
                remedy="Say who decides and why: both are kept with the models.",
            )
