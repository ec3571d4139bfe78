"""The challenger's gate: what a model must show before it may replace the champion."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit

from comove.quality.shift import stability_index
from comove.quality.suite import Severity
from comove.risk_model.calibration import fit_calibration, overlaps
from comove.risk_model.metrics import auc, row_log_loss
from comove.settings import Settings

FloatArray = npt.NDArray[np.float64]

# One-sided 5 %: a sound model fails a check of ours in one of twenty small samples at
# most.
LEAST_CHANCE = 0.05
# Two refits of one portfolio that order borrowers less alike than this are different
# models; a warning, since the better one may be the new one.
MIN_RANK_CORRELATION = 0.5
SHOWN_FEATURES = 5
# Standard errors by which a challenger's log loss must be below the champion's, to say
# that it predicts better.
CLEARLY = 2.0
# A delivery of other units or of shifted columns moves most features at once; a book that
# grows older moves some.
MOST_EXTREME_SHARE = 0.25
LEAST_PROBABILITY = 1e-12
# Standard errors either side of a 95 % interval.
CENTRAL = float(stats.norm.ppf(0.975))
SCORE_BANDS = 10


@dataclass(frozen=True)
class Evidence:
    """What is known of a challenger; small enough to keep.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Events (0 or 1) of its validation rows.
    p : ndarray, shape (n,)
        Its calibrated PD of these rows.
    p_champion : ndarray, shape (n,), optional
        The last champion's PD of the same rows, NaN in rows it has learned from; None
        while there is no champion.
    feature_psi : mapping of str to float
        Population stability index of each feature, validation against training rows;
        NaN where too few rows tell.
    missing_trained, missing_now : mapping of str to float
        Share of missing values by feature, in the training and in the newest rows.
    known_psi : mapping of str to float
        As ``feature_psi``, of the rows with a value.
    """

    y: FloatArray
    p: FloatArray
    p_champion: FloatArray | None = None
    feature_psi: Mapping[str, float] = field(default_factory=dict)
    missing_trained: Mapping[str, float] = field(default_factory=dict)
    missing_now: Mapping[str, float] = field(default_factory=dict)
    known_psi: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """What came of one check of a challenger.

    Parameters
    ----------
    name : str
        Plain sentence that is true when all is well.
    severity : str
        ``critical`` refuses the model, ``warning`` is recorded; ``info`` where there
        was nothing to judge.
    success : bool
        Whether it holds; true as well where there was nothing to judge.
    observed, expected : str
        In words.
    remedy : str
        What to do when it fails.
    """

    name: str
    severity: Severity
    success: bool
    observed: str
    expected: str
    remedy: str

    @property
    def refuses(self) -> bool:
        """Whether the model may not replace the champion."""
        return not self.success and self.severity == "critical"

    def to_json(self) -> dict[str, Any]:
        """Write as what JSON knows."""
        return asdict(self)

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> "Check":
        """Read what `to_json` wrote."""
        return Check(**kept)


def judge_challenger(evidence: Evidence, settings: Settings) -> tuple[Check, ...]:
    """Judge whether a model may replace the champion.

    Parameters
    ----------
    evidence : Evidence
        Its validation rows and the features' figures.
    settings : Settings
        The limits, ``gate_…``.

    Returns
    -------
    tuple of Check
        In a fixed order. What cannot be judged (no event, no champion yet) is ``info``
        and says so; a model without one finite prediction is refused.
    """
    usable = _predictions(evidence)
    checks = [usable]
    if usable.success:
        checks += [
            _discrimination(evidence, settings.gate_min_auc),
            _calibration(evidence, settings.gate_max_calibration_ratio),
            _slope(evidence, settings.gate_max_calibration_slope),
            _stable_scores(evidence, settings.gate_max_psi),
            _stable_order(evidence),
        ]
    return (
        *checks,
        _missing(evidence, settings.gate_max_missing_share_rise),
        _population(evidence, settings.gate_max_psi),
        _extreme_shift(evidence, settings.gate_max_extreme_psi),
    )


def refusal(checks: Iterable[Check]) -> str | None:
    """Say why a model is refused.

    Returns
    -------
    str or None
        Failed critical checks with what was observed, as a sentence; None when the
        model may replace the champion.
    """
    failed = [check for check in checks if check.refuses]
    sentences = (
        f"{c.name}: observed {c.observed}, expected {c.expected}" for c in failed
    )
    return "; ".join(sentences) + "." if failed else None


def auc_standard_error(area: float, events: int, others: int) -> float:
    """Compute the standard error of an area under the ROC curve.

    Parameters
    ----------
    area : float
        Under the curve, 0 to 1.
    events, others : int
        Rows with and without the event, at least one each.

    Returns
    -------
    float
        Hanley and McNeil (1982), equation 2, with their approximations
        Q1 = A / (2 - A) and Q2 = 2 A² / (1 + A).
    """
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (
        area * (1 - area) + (events - 1) * (q1 - area**2) + (others - 1) * (q2 - area**2)
    )
    return float(np.sqrt(spread / (events * others)))


def chance_area(events: int, others: int) -> float:
    """Compute the area under the ROC curve that mere chance seldom exceeds.

    Parameters
    ----------
    events, others : int
        Rows with and without the event, at least one each.

    Returns
    -------
    float
        The 95 % quantile of the area of scores that know nothing of the events: of the
        Mann-Whitney statistic, normal with variance (n + 1) / (12 n1 n0).
    """
    spread = np.sqrt((events + others + 1) / (12 * events * others))
    return float(0.5 + stats.norm.ppf(1 - LEAST_CHANCE) * spread)


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Compute the exact interval of a Poisson mean from one count.

    Parameters
    ----------
    count : int
        Events observed.
    level : float
        Coverage at least.

    Returns
    -------
    tuple of float
        Garwood (1936): halves of chi-squared quantiles; from 0 when the count is 0.
    """
    tail = (1 - level) / 2
    low = stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
    return float(low), float(stats.chi2.ppf(1 - tail, 2 * count + 2) / 2)


def _predictions(evidence: Evidence) -> Check:
    outside = int(np.sum(~((evidence.p > 0) & (evidence.p < 1))))
    rows = len(evidence.p)
    observed = f"{outside:,} of {rows:,} rows outside" if rows else "no rows to judge"
    return Check(
        name="Every prediction is a probability strictly between 0 and 1",
        severity="critical",
        success=rows > 0 and not outside,
        observed=observed,
        expected="a finite PD above 0 and below 1 in every validation row",
        remedy="Look for features without any value, and at the validation months.",
    )


def _discrimination(evidence: Evidence, least: float) -> Check:
    name = "The model ranks those with an event above the others"
    rows, events = len(evidence.y), int(np.sum(evidence.y))
    if events in (0, rows):
        kind = "an" if events else "no"
        return _nothing_to_judge(name, f"all {rows:,} rows have {kind} event")
    area = auc(evidence.y, evidence.p)
    others = rows - events
    # What a model of exactly the least area shows by bad luck, and what none at all
    # shows by good luck: a model has to be above both.
    unlucky = stats.norm.ppf(1 - LEAST_CHANCE) * auc_standard_error(least, events, others)
    lucky = chance_area(events, others)
    is_flat = bool(np.ptp(evidence.p) == 0)
    shown = "the same prediction in every row" if is_flat else f"AUC {area:.3f}"
    return Check(
        name=name,
        severity="critical",
        success=bool(area >= max(least - unlucky, lucky) and not is_flat),
        observed=f"{shown} ({events:,} events among {rows:,} rows)",
        expected=f"AUC at least {max(least - unlucky, lucky):.3f}: {least:.3g} less bad "
        f"luck ({unlucky:.3f}), and more than chance alone ({lucky:.3f})",
        remedy="Look at the features' shift and missing shares on the model's card, "
        "or wait for more events; the champion goes on meanwhile.",
    )


def _calibration(evidence: Evidence, most: float) -> Check:
    events, expected = int(np.sum(evidence.y)), float(np.sum(evidence.p))
    low, high = poisson_interval(events)
    # In a crisis every model expects too little; the old one, which expects even less,
    # must not stay for that. But what is wrong many times over replaces nothing.
    is_closer = _is_closer(evidence) and _miss(events, expected) <= 2 * np.log(most)
    return Check(
        name="As many events happen as the model expects",
        severity="critical",
        success=bool(low / most <= expected <= high * most or is_closer),
        observed=f"{expected:,.1f} expected, {events:,} happened (95 % interval "
        f"{low:,.1f} to {high:,.1f})",
        expected=f"within {most:.3g} times the interval either way, or closer than the "
        f"champion and at most {most**2:.3g} times off",
        remedy="Look at the events by month: a validation window of another time "
        "than the months before it needs a shorter training window.",
    )


def _is_closer(evidence: Evidence) -> bool:
    """Whether the challenger misses the events by less than the champion does."""
    rows = _rows_of_both(evidence)
    if rows is None:
        return False
    events = int(np.sum(rows.y))
    ours, theirs = (_miss(events, float(np.sum(p))) for p in (rows.p, rows.p_champion))
    return ours < theirs


def _slope(evidence: Evidence, most: float) -> Check:
    name = "Predictions are as far apart as the chances of the events are"
    margin = logit(np.clip(evidence.p, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    if np.ptp(margin) == 0 or not overlaps(margin, evidence.y):
        return _nothing_to_judge(name, "the events determine no slope")
    line = fit_calibration(
        margin, evidence.y, prior_sd_slope=np.inf, prior_sd_intercept=np.inf
    )
    error = _slope_standard_error(line.apply(margin), margin)
    low, high = line.slope - CENTRAL * error, line.slope + CENTRAL * error
    return Check(
        name=name,
        severity="critical",
        success=bool(high >= 1 / most and low <= most),
        observed=f"calibration slope {line.slope:.2f} (95 % interval {low:.2f} to "
        f"{high:.2f})",
        expected=f"an interval that reaches {1 / most:.3g} to {most:.3g}; 1 is right, "
        "less is overconfident",
        remedy="Train on more months, or with fewer and stronger features.",
    )


def _slope_standard_error(fitted: FloatArray, margin: FloatArray) -> float:
    """From the information of a logistic regression with an intercept."""
    p = expit(fitted)
    weight = p * (1 - p)
    centred = margin - np.average(margin, weights=weight)
    return float(1 / np.sqrt(np.sum(weight * centred**2)))


def _miss(events: int, expected: float) -> float:
    """Distance of expected from observed events, as a ratio, in logs."""
    return float(abs(np.log(max(expected, 1e-9) / max(events, 0.5))))


@dataclass(frozen=True)
class _Both:
    """Rows that champion and challenger can be compared on."""

    y: FloatArray
    p: FloatArray
    p_champion: FloatArray


def _rows_of_both(evidence: Evidence) -> _Both | None:
    """Rows the champion has not learned from; None where there is none."""
    champion = evidence.p_champion
    if champion is None or np.isnan(champion).all():
        return None
    new = ~np.isnan(champion)
    return _Both(evidence.y[new], evidence.p[new], champion[new])


def _no_champion(evidence: Evidence) -> str:
    if evidence.p_champion is None:
        return "there is no champion yet"
    return "the champion has learned from all of these rows"


@dataclass(frozen=True)
class _Gain:
    """By how much a challenger's log loss is below the champion's."""

    mean: float
    standard_error: float

    @property
    def is_clear(self) -> bool:
        """Whether more than chance."""
        return self.mean > CLEARLY * self.standard_error

    def __str__(self) -> str:
        word = "better" if self.mean > 0 else "worse"
        return (
            f"log loss {abs(self.mean):.5f} {word} than the champion's "
            f"(standard error {self.standard_error:.5f})"
        )


def _gain(rows: _Both) -> _Gain:
    """Compare row by row: what makes a row hard for one makes it hard for the other."""
    by_row = row_log_loss(rows.y, rows.p_champion) - row_log_loss(rows.y, rows.p)
    spread = float(np.std(by_row, ddof=1)) if len(by_row) > 1 else np.inf
    return _Gain(float(np.mean(by_row)), spread / float(np.sqrt(len(by_row))))


def _stable_scores(evidence: Evidence, most: float) -> Check:
    name = "The scores are spread as the champion's, or clearly predict better"
    rows = _rows_of_both(evidence)
    if rows is None:
        return _nothing_to_judge(name, _no_champion(evidence))
    psi = _score_psi(rows.p, rows.p_champion)
    if np.isnan(psi):
        return _nothing_to_judge(name, f"{len(rows.p):,} rows are too few")
    gain = _gain(rows)
    return Check(
        name=name,
        severity="critical",
        # When times change, the scores of a better model move: only a change that
        # earns nothing is refused, or the old champion would stay for ever.
        success=bool(psi <= most or gain.is_clear),
        observed=f"PSI {psi:.3f}, {gain}",
        expected=f"PSI at most {most:.3g}, or a log loss below the champion's by more "
        f"than {CLEARLY:g} standard errors",
        remedy="Compare the cards of both models; a person may promote either.",
    )


def _stable_order(evidence: Evidence) -> Check:
    name = "The borrowers are ranked much as by the champion"
    rows = _rows_of_both(evidence)
    if rows is None:
        return _nothing_to_judge(name, _no_champion(evidence))
    if np.ptp(rows.p_champion) == 0 or np.ptp(rows.p) == 0:
        return _nothing_to_judge(name, "one of the two predicts the same in every row")
    correlation = float(stats.spearmanr(rows.p, rows.p_champion).statistic)
    return Check(
        name=name,
        severity="warning",
        success=bool(correlation >= MIN_RANK_CORRELATION),
        observed=f"rank correlation {correlation:.2f}",
        expected=f"at least {MIN_RANK_CORRELATION}",
        remedy="Compare the reasons on both cards before explaining scores to anyone.",
    )


def _missing(evidence: Evidence, most: float) -> Check:
    name = "No feature is missing much more often than in training"
    now = evidence.missing_now
    if not now:
        return _nothing_to_judge(name, "no feature was counted")
    rises = {f: share - evidence.missing_trained.get(f, 0.0) for f, share in now.items()}
    all_gone = all(share >= 1 for share in now.values())
    observed = "no feature has any value" if all_gone else _worst(rises, most, "risen by")
    return Check(
        name=name,
        severity="critical",
        success=bool(not all_gone and max(rises.values()) <= most),
        observed=observed,
        expected=f"a rise of the missing share of at most {most:.3g}, and some values",
        remedy="Look at the newest deliveries of the entities these features come from.",
    )


def _population(evidence: Evidence, most: float) -> Check:
    name = "The features are distributed as in training"
    psi = {f: value for f, value in evidence.feature_psi.items() if not np.isnan(value)}
    if not psi:
        return _nothing_to_judge(name, "too few rows")
    return Check(
        name=name,
        severity="warning",
        success=bool(max(psi.values()) <= most),
        observed=_worst(psi, most, "PSI"),
        expected=f"PSI of each feature at most {most:.3g}",
        remedy="See `risk.feature_stability` for the months in which it moved.",
    )


def _extreme_shift(evidence: Evidence, most: float) -> Check:
    """Refuse a model many of whose features are of another population, or unit.

    Of the values known: in a young book whole histories become known, and that is no
    shift of those who have one.
    """
    name = "Few features are of another population altogether"
    psi = {f: value for f, value in evidence.known_psi.items() if not np.isnan(value)}
    if not psi:
        return _nothing_to_judge(name, "too few rows")
    extreme = sum(value > most for value in psi.values())
    return Check(
        name=name,
        severity="critical",
        success=extreme <= MOST_EXTREME_SHARE * len(psi),
        observed=f"PSI of the known values above {most:.3g} in {extreme} of {len(psi)} "
        f"features ({_worst(psi, most, 'PSI')})",
        expected=f"in at most {MOST_EXTREME_SHARE:.0%} of them",
        remedy="Look for changed units or columns in the newest deliveries of the "
        "entities these features come from.",
    )


def _nothing_to_judge(name: str, why: str) -> Check:
    return Check(
        name=name,
        severity="info",
        success=True,
        observed=f"not available: {why}",
        expected="something to judge",
        remedy="Nothing to do.",
    )


def _worst(figures: Mapping[str, float], most: float, word: str) -> str:
    """Name the features beyond a limit, or the one closest to it."""
    ranked = sorted(figures, key=lambda name: (-figures[name], name))
    beyond = [name for name in ranked if figures[name] > most]
    shown = (beyond or ranked[:1])[:SHOWN_FEATURES]
    more = f"; and {len(beyond) - len(shown)} more" if len(beyond) > len(shown) else ""
    return "; ".join(f"{name} {word} {figures[name]:.3f}" for name in shown) + more


def _score_psi(now: FloatArray, before: FloatArray) -> float:
    cuts = np.unique(np.quantile(before, np.linspace(0, 1, SCORE_BANDS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(cuts, p), minlength=len(cuts) + 1)
        for p in (now, before)
    ]
    return stability_index(counts[0], counts[1])
