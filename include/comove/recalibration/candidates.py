"""Candidates for the cut-off and for the bands, each with what it would have brought."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from comove.recalibration.loans import FloatArray, IntArray, LoansByScore
from comove.recalibration.strategy import Strategy
from comove.settings import Settings

CUTOFF, BANDS = KINDS = "cutoff", "bands"
IN_FORCE = "in force"
NO_BANDS = "No bands were tried"


@dataclass(frozen=True)
class Candidate:
    """One cut-off, or one set of bands, and its effect on the loans it was tried on.

    Parameters
    ----------
    name : str
        Unlike any other of the assessment.
    kind : str
        ``cutoff`` or ``bands``.
    threshold : float
        Cut-off in points; minus infinity where nothing is refused.
    edges : tuple of float
        Scores between the bands above it.
    effect, low, high : float
        Against what is in force, with an interval that holds for all candidates of the
        kind at once. Cut-off: earnings, as a share of what was lent. Bands: log loss
        saved, in nats a loan.
    loans, bad_loans : int
        Tried on: all mature ones for a cut-off, half of those above it for bands.
    is_selected : bool
        The best of its kind; what is in force unless another is surely better.
    """

    name: str
    kind: str
    threshold: float
    edges: tuple[float, ...]
    effect: float = 0.0
    low: float = 0.0
    high: float = 0.0
    loans: int = 0
    bad_loans: int = 0
    is_selected: bool = False

    @property
    def is_in_force(self) -> bool:
        """Whether it changes nothing."""
        return self.name.endswith(IN_FORCE)


def cutoff_candidates(
    loans: LoansByScore, strategy: Strategy, settings: Settings
) -> list[Candidate]:
    r"""Try cut-offs on loans whose outcome is known.

    A cut-off t earns :math:`V(t) = \frac1N \sum_{s \ge t} (m\,g_s - L\,b_s)` on g good
    and b bad loans at score s, where m is what a good loan earns and L what a bad one
    loses, loans counted alike. Its effect is V(t) less that of the cut-off in force: a
    mean over loans, so its standard error is that of a mean. Loans that were never paid
    out have no outcome and none is invented: a cut-off below every loan tells nothing.

    Parameters
    ----------
    loans : LoansByScore
        Mature loans.
    strategy : Strategy
        In force.
    settings : Settings
        Earnings, losses, how many cut-offs, and the chance of error of all together.

    Returns
    -------
    list of Candidate
        In force first, then by score; exactly one is selected.
    """
    value = _value_rates(settings)
    tried = _quantiles(loans, settings.recalibration_cutoffs)
    made = [_named(CUTOFF, IN_FORCE, strategy.cutoff, strategy.edges)]
    for cutoff in tried:
        if cutoff != strategy.cutoff:
            moved = strategy.moved(cutoff)
            made.append(_named(CUTOFF, f"{cutoff:.2f}", cutoff, moved.edges))
    kept = loans.score >= strategy.cutoff

    def gain(candidate: Candidate) -> tuple[FloatArray, FloatArray]:
        step = (loans.score >= candidate.threshold).astype(float) - kept
        return step * value[0], step * value[1]

    return _selected(_measured(made, gain, loans, settings))


def _value_rates(settings: Settings) -> tuple[float, float]:
    return settings.recalibration_good_margin, -settings.loss_given_default


def band_candidates(
    loans: LoansByScore, strategy: Strategy, settings: Settings
) -> list[Candidate]:
    r"""Try bands on loans whose outcome is known, and that are not refused.

    Bands tell loans apart well when the share of bad loans in a band foretells a loan
    that was not counted in it: its log loss with itself left out, by the estimator of
    Krichevsky and Trofimov (1981), :math:`-\ln((n_y - 1 + 1/2) / n)` for a loan of
    outcome y among the band's n. More bands are therefore not better by themselves.
    Effect is the log loss of the bands in force less the candidate's.

    Where edges are looked for among the same loans, the best of them fit these loans
    better than others, and leaving one out does not undo that. So edges are chosen and
    merged on one half of the loans, drawn at random, and measured on the other.

    The shares of bad loans are estimated as well, from the loans they are measured on.
    Of d bands that moves a mean log loss by a chi-square of d degrees of freedom over 2n
    (Wilks, 1938), which the scatter between loans does not show where bands are nearly
    alike; its variance, d / (2 n²), is added to theirs, d the bands of both sides.

    Parameters
    ----------
    loans : LoansByScore
        Mature loans.
    strategy : Strategy
        Whose cut-off holds, and whose bands are in force.
    settings : Settings
        How many bands, the chance of error of all candidates together, and the seed that
        halves the loans.

    Returns
    -------
    list of Candidate
        In force first; exactly one is selected. In each, bands whose share of bad loans
        does not fall as the score rises, in the half they were chosen on, were merged.
        Empty where no loan is above the cut-off.
    """
    chosen_on, taken = loans.between(strategy.cutoff, math.inf).halves(settings.seed)
    if not taken.n or not chosen_on.n:
        return []
    made = [_named(BANDS, IN_FORCE, strategy.cutoff, strategy.edges)]
    seen = {strategy.edges}
    for name, edges in _proposed_edges(chosen_on, settings):
        merged = _falling(chosen_on, edges)
        if merged not in seen:
            seen.add(merged)
            made.append(_named(BANDS, name, strategy.cutoff, merged))
    before = _log_losses(taken, strategy.edges)

    def gain(candidate: Candidate) -> tuple[FloatArray, FloatArray]:
        after = _log_losses(taken, candidate.edges)
        return before[0] - after[0], before[1] - after[1]

    def of_shares(candidate: Candidate) -> float:
        bands = len(candidate.edges) + len(strategy.edges) + 2
        return 0.0 if candidate.is_in_force else bands / (2 * taken.n**2)

    return _selected(_measured(made, gain, taken, settings, of_shares))


def _proposed_edges(
    loans: LoansByScore, settings: Settings
) -> Iterator[tuple[str, tuple[float, ...]]]:
    for count in settings.recalibration_band_counts:
        for name, weight in (("loans", loans.loans), ("bad loans", loans.bad)):
            yield f"{count} of equally many {name}", _equal_parts(loans, weight, count)


def _named(kind: str, name: str, threshold: float, edges: tuple[float, ...]) -> Candidate:
    return Candidate(f"{kind} {name}", kind, threshold, edges)


def _quantiles(loans: LoansByScore, count: int) -> tuple[float, ...]:
    """Scores below which k / (2 · count) of the loans are, k from 0 to count."""
    # Refusing more than half of what is lent today is no recalibration.
    shares = np.arange(count) / (2 * count)
    below = np.cumsum(loans.loans) - loans.loans
    places = np.searchsorted(below, shares * loans.n, side="left")
    return tuple(float(s) for s in np.unique(loans.score[places.clip(0, len(below) - 1)]))


def _equal_parts(loans: LoansByScore, weight: IntArray, count: int) -> tuple[float, ...]:
    through = np.cumsum(weight)
    wanted = np.arange(1, count) / count * through[-1]
    # An edge is the score that begins a band: the one after that which fills the last.
    places = np.searchsorted(through, wanted, side="left") + 1
    places = np.unique(places[places < len(loans.score)])
    return tuple(float(score) for score in loans.score[places])


def _falling(loans: LoansByScore, edges: tuple[float, ...]) -> tuple[float, ...]:
    """Merge neighbours until the share of bad loans falls from band to band."""
    good, bad = _per_band(loans, edges)
    kept: list[tuple[float, int, int]] = []
    for start, g, b in zip((-math.inf, *edges), good, bad, strict=True):
        one = (start, int(g), int(b))
        while kept and one[2] * (kept[-1][1] + kept[-1][2]) >= kept[-1][2] * (
            one[1] + one[2]
        ):
            before = kept.pop()
            one = (before[0], before[1] + one[1], before[2] + one[2])
        kept.append(one)
    return tuple(start for start, _, _ in kept[1:])


def _bands_of(loans: LoansByScore, edges: tuple[float, ...]) -> NDArray[np.intp]:
    return np.searchsorted(np.array(edges), loans.score, side="right")


def _per_band(
    loans: LoansByScore, edges: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    place, bands = _bands_of(loans, edges), len(edges) + 1
    good = np.bincount(place, weights=loans.good, minlength=bands)
    bad = np.bincount(place, weights=loans.bad, minlength=bands)
    return good, bad


def _log_losses(
    loans: LoansByScore, edges: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Log loss of a good and of a bad loan at each score, itself left out."""
    good, bad = _per_band(loans, edges)
    n = np.maximum(good + bad, 1)
    place = _bands_of(loans, edges)
    # Where a band has none of an outcome, nothing is looked up for it.
    of_good = -np.log(np.maximum(good - 0.5, 0.5) / n)
    of_bad = -np.log(np.maximum(bad - 0.5, 0.5) / n)
    return of_good[place], of_bad[place]


def _measured(
    candidates: list[Candidate],
    gain: Callable[[Candidate], tuple[FloatArray, FloatArray]],
    loans: LoansByScore,
    settings: Settings,
    more_variance: Callable[[Candidate], float] = lambda _: 0.0,
) -> list[Candidate]:
    """Give each its effect, with intervals for all of them at once (Bonferroni)."""
    tests = max(1, len(candidates) - 1)
    width = float(norm.isf(settings.recalibration_error_chance / (2 * tests)))
    made = []
    for candidate in candidates:
        of_good, of_bad = gain(candidate)
        mean = float(of_good @ loans.good + of_bad @ loans.bad) / loans.n
        square = float(of_good**2 @ loans.good + of_bad**2 @ loans.bad) / loans.n
        variance = max(0.0, square - mean**2) / loans.n + more_variance(candidate)
        error = width * math.sqrt(variance)
        made.append(
            replace(
                candidate,
                effect=mean,
                low=mean - error,
                high=mean + error,
                loans=loans.n,
                bad_loans=loans.n_bad,
            )
        )
    return made


def _selected(candidates: list[Candidate]) -> list[Candidate]:
    """Select the best that is surely better than what is in force, else that."""
    better = [one for one in candidates if one.low > 0]
    best = max(better, key=lambda one: one.effect) if better else candidates[0]
    return [replace(one, is_selected=one is best) for one in candidates]
