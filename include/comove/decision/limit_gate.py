"""The gate of the model of limits: what it must show before its estimates are used."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comove.decision.limit import pinball_loss
from comove.risk_model.judgement import Check

FloatArray = NDArray[np.float64]

# Shares of loans are off by chance; this much more is taken for no fault.
COVERAGE_SLACK = 0.1
# Standard errors of a share that chance explains, one-sided 5 %.
CHANCE = 1.645
# Losing so much more than something simpler is a fault.
WORSE_RATIO = 1.05


@dataclass(frozen=True)
class LimitEvidence:
    """What is known of a model of limits.

    Parameters
    ----------
    amounts : ndarray, shape (n,)
        Lent to who repaid, in currency.
    estimates : ndarray, shape (n,)
        What the model says of them, in currency; it had not seen the borrowers.
    before : ndarray, shape (n,), or None
        What the one in force before says; None while there is none.
    quantile : float
        That is estimated.
    """

    amounts: FloatArray
    estimates: FloatArray
    before: FloatArray | None
    quantile: float


def judge_limits(evidence: LimitEvidence) -> tuple[Check, ...]:
    """Judge whether a model of limits may replace the one before.

    Parameters
    ----------
    evidence : LimitEvidence
        Rows the model had not seen.

    Returns
    -------
    tuple of Check
        In a fixed order; all critical.
    """
    usable = _amounts(evidence)
    if not usable.success:
        return (usable,)
    return usable, _coverage(evidence), _against_one_amount(evidence), _before(evidence)


def _amounts(evidence: LimitEvidence) -> Check:
    found = evidence.estimates
    bad = int(np.sum(~(np.isfinite(found) & (found > 0))))
    return Check(
        name="Every estimate is an amount above 0",
        severity="critical",
        success=len(found) > 0 and not bad,
        observed=f"{bad:,} of {len(found):,} are none",
        expected="a finite amount above 0 for every loan",
        remedy="Look at the amounts and the features the model learned from.",
    )


def _coverage(evidence: LimitEvidence) -> Check:
    below = float(np.mean(evidence.amounts < evidence.estimates))
    at_most = float(np.mean(evidence.amounts <= evidence.estimates))
    q, n = evidence.quantile, len(evidence.amounts)
    slack = COVERAGE_SLACK + CHANCE * float(np.sqrt(q * (1 - q) / n))
    return Check(
        name="As many repaid loans lie below their estimate as the quantile says",
        severity="critical",
        # Where many loans have the very amount estimated, the quantile lies among them.
        success=below - slack <= q <= at_most + slack,
        observed=f"{below:.1%} below, {at_most:.1%} at most ({n:,} loans)",
        expected=f"{q:.0%}, give or take {slack:.1%}",
        remedy="Look at the amounts lent by month: a lender that changed them needs a "
        "shorter history.",
    )


def _against_one_amount(evidence: LimitEvidence) -> Check:
    one = np.quantile(evidence.amounts, evidence.quantile)
    same = pinball_loss(evidence.amounts, np.full(len(evidence.amounts), one),
                        evidence.quantile)  # fmt: skip
    return _worse("The estimates lose no more than one amount for everybody", evidence,
                  same, "one amount for everybody")  # fmt: skip


def _before(evidence: LimitEvidence) -> Check:
    name = "The estimates lose no more than those of the model before"
    if evidence.before is None:
        return Check(name, "info", True, "not available: there is none before", "", "")
    loss = pinball_loss(evidence.amounts, evidence.before, evidence.quantile)
    return _worse(name, evidence, loss, "the model before")


def _worse(name: str, evidence: LimitEvidence, other: float, what: str) -> Check:
    loss = pinball_loss(evidence.amounts, evidence.estimates, evidence.quantile)
    return Check(
        name=name,
        severity="critical",
        success=loss <= WORSE_RATIO * other + 1e-9,
        observed=f"pinball loss {loss:.4f}, that of {what} {other:.4f}",
        expected=f"at most {WORSE_RATIO} times that of {what}",
        remedy="Look at the features of limits in risk.decision_case; the model before "
        "goes on meanwhile.",
    )
