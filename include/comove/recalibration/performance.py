"""What the score foretold of loans, against what became of them, by cohort month."""

import datetime as dt
from dataclasses import dataclass, replace

import duckdb
import numpy as np
from scipy.stats import chi2, norm

from comove.recalibration.loans import FloatArray, IntArray, LoansByScore
from comove.settings import Settings

BELOW, WITHIN, ABOVE, UNKNOWN = "below", "within", "above", "unknown"
MONTH, WINDOW = "month", "window"
_ERROR = 0.05


@dataclass(frozen=True)
class Performance:
    """Prediction and outcome of the mature loans of some cohorts.

    Parameters
    ----------
    span : str
        ``month`` of one cohort, or ``window`` of all candidates are tried on.
    first, last : date
        First and last cohort month.
    loans, bad : int
        Mature loans, and those that turned out bad.
    predicted_bad : float or None
        Sum of their predicted probabilities; None for a score that is none of ours.
    ratio, ratio_low, ratio_high : float or None
        Observed over predicted bad loans, with an exact Poisson interval of 95 %
        (Garwood, 1936).
    ks, ks_low, ks_high : float or None
        How far the score tells good from bad, with its 95 % interval.
    band : str
        ``below`` (no discrimination), ``within`` (works), ``above`` (abnormal) the bounds
        of the settings, or ``unknown``.
    is_band_sure : bool
        The whole interval lies in that band.
    is_inverted : bool
        Bad loans score higher than good ones, and surely so: below every bound.
    """

    span: str
    first: dt.date
    last: dt.date
    loans: int
    bad: int
    predicted_bad: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    ks: float | None = None
    ks_low: float | None = None
    ks_high: float | None = None
    band: str = UNKNOWN
    is_band_sure: bool = False
    is_inverted: bool = False


@dataclass(frozen=True)
class Requirement:
    """Whether a score meets what is required of it, and what it does not.

    Parameters
    ----------
    unmet : tuple of str
        A sentence for each thing that is surely not met; empty where all is.
    """

    unmet: tuple[str, ...]

    @property
    def is_met(self) -> bool:
        """Whether there is nothing to recalibrate for."""
        return not self.unmet


def read_performance(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> list[Performance]:
    """Compare prediction and outcome of every mature cohort up to a month.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.application_label` (outcomes known by the month of the
        score drift), `risk.score` and `risk.score_drift`.
    settings : Settings
        Bounds of KS.
    month : date
        Last cohort, first day.
    """
    rows = connection.execute(_MONTHS, [month]).fetchall()
    made = []
    for cohort, loans, bad, predicted, ks, low, high, is_inverted in rows:
        one = _with_ratio(Performance(MONTH, cohort, cohort, loans, bad, predicted))
        one = replace(one, is_inverted=is_inverted)
        made.append(_with_band(one, ks, low, high, settings))
    return made


def over_window(
    months: list[Performance], loans: LoansByScore, settings: Settings
) -> Performance | None:
    """Take cohorts together; the interval of their KS is that of `ks_interval`.

    Parameters
    ----------
    months : list of Performance
        Of the window.
    loans : LoansByScore
        Of the same cohorts.
    settings : Settings
        Bounds of KS; the seed of the bootstrap.

    Returns
    -------
    Performance or None
        None without a cohort.
    """
    if not months:
        return None
    predicted = [one.predicted_bad for one in months if one.predicted_bad is not None]
    whole = Performance(
        WINDOW,
        months[0].first,
        months[-1].last,
        sum(one.loans for one in months),
        sum(one.bad for one in months),
        sum(predicted) if len(predicted) == len(months) else None,
    )
    ks, low, high = ks_interval(loans, seed=settings.seed)
    is_inverted = bool(low) and _is_turned(loans)
    whole = replace(_with_ratio(whole), is_inverted=is_inverted)
    return _with_band(whole, ks, low, high, settings)


def requirement(window: Performance | None, settings: Settings) -> Requirement:
    """Say what the score surely does not meet over the window.

    Parameters
    ----------
    window : Performance or None
        As of `over_window`.
    settings : Settings
        Bounds of KS and of the ratio of bad loans.
    """
    if window is None:
        return Requirement(())
    unmet = []
    if window.is_inverted:
        unmet.append(
            f"KS {window.ks:.2f} is the wrong way round: bad loans score higher than "
            "good ones."
        )
    elif window.is_band_sure and window.band == BELOW:
        unmet.append(
            f"KS {window.ks:.2f} is below {settings.recalibration_ks_low:g}: the score "
            "does not tell good loans from bad ones."
        )
    if window.is_band_sure and window.band == ABOVE:
        unmet.append(
            f"KS {window.ks:.2f} is above {settings.recalibration_ks_high:g}: too good "
            "to be true; look for outcomes among what the score is made of."
        )
    most = settings.recalibration_max_bad_ratio
    if window.ratio_low is not None and window.ratio_low > most:
        unmet.append(f"{window.ratio:.2f} times as many loans are bad as predicted.")
    if window.ratio_high is not None and window.ratio_high < 1 / most:
        unmet.append(f"Only {window.ratio:.2f} times as many loans are bad as predicted.")
    return Requirement(tuple(unmet))


def ks_interval(
    loans: LoansByScore, *, seed: int, draws: int = 400
) -> tuple[float | None, float | None, float | None]:
    r"""Exact KS of good and bad loans, with a 95 % interval.

    A largest distance is above the true one on average, the more so the fewer loans. A
    bootstrap, which draws loans of each outcome anew, tells by how much; around what is
    left the interval is that of a difference of two shares, those up to the score of the
    largest distance: :math:`\sqrt{g(1 - g)/G + b(1 - b)/B}`, G good and B bad loans.

    Parameters
    ----------
    loans : LoansByScore
        Good and bad at each score.
    seed : int
        Of the draws.
    draws : int
        How many.

    Returns
    -------
    tuple of float or None
        KS and its lower and upper end; None of each where an outcome is missing.
    """
    if not loans.n_good or not loans.n_bad:
        return None, None, None
    generator = np.random.default_rng(seed)
    good, bad = loans.good / loans.n_good, loans.bad / loans.n_bad
    g, b = np.cumsum(good), np.cumsum(bad)
    largest = int(np.abs(g - b).argmax())
    ks, g_there, b_there = abs(g[largest] - b[largest]), g[largest], b[largest]
    drawn = _distance(
        generator.multinomial(loans.n_good, good, draws),
        generator.multinomial(loans.n_bad, bad, draws),
    )
    variance = g_there * (1 - g_there) / loans.n_good
    variance += b_there * (1 - b_there) / loans.n_bad
    middle = 2 * ks - drawn.mean()
    error = float(norm.isf(_ERROR / 2)) * np.sqrt(max(0.0, variance))
    ends = np.clip([middle - error, middle + error], 0, 1)
    return float(ks), float(ends[0]), float(ends[1])


def _is_turned(loans: LoansByScore) -> bool:
    """Tell whether good loans lie lower where the distance is the largest."""
    apart = np.cumsum(loans.good / loans.n_good) - np.cumsum(loans.bad / loans.n_bad)
    return bool(apart[np.abs(apart).argmax()] > 0)


def _distance(good: IntArray, bad: IntArray) -> FloatArray:
    through = [np.cumsum(x, axis=1) / x.sum(axis=1, keepdims=True) for x in (good, bad)]
    return np.asarray(np.abs(through[0] - through[1]).max(axis=1), np.float64)


def _with_ratio(one: Performance) -> Performance:
    if not one.predicted_bad:
        return one
    low = chi2.ppf(_ERROR / 2, 2 * one.bad) / 2 if one.bad else 0.0
    high = chi2.isf(_ERROR / 2, 2 * one.bad + 2) / 2
    return replace(
        one,
        ratio=one.bad / one.predicted_bad,
        ratio_low=float(low) / one.predicted_bad,
        ratio_high=float(high) / one.predicted_bad,
    )


def _with_band(
    one: Performance,
    ks: float | None,
    low: float | None,
    high: float | None,
    settings: Settings,
) -> Performance:
    if ks is None:
        return one
    if one.is_inverted:
        return replace(
            one, ks=ks, ks_low=low, ks_high=high, band=BELOW, is_band_sure=True
        )
    bounds = settings.recalibration_ks_low, settings.recalibration_ks_high
    band = _band_of(ks, *bounds)
    ends = {_band_of(end, *bounds) for end in (low, high) if end is not None}
    sure = low is not None and high is not None and ends == {band}
    return replace(one, ks=ks, ks_low=low, ks_high=high, band=band, is_band_sure=sure)


def _band_of(ks: float, lower: float, upper: float) -> str:
    if ks < lower:
        return BELOW
    return ABOVE if ks > upper else WITHIN


_MONTHS = """
    with outcomes as (
        select
            labels.cohort_month,
            count(*)::bigint as loans,
            count(*) filter (labels.performance_label = 'bad')::bigint as bad,
            -- The lender's score foretells no probability, and ours is not its.
            case
                when bool_and(labels.score_kind = 'own' and scores.pd is not null)
                    then sum(scores.pd)
            end as predicted_bad
        from risk.application_label as labels
        left join risk.score as scores using (application_key)
        where
            labels.performance_label is not null and labels.score is not null
            and labels.cohort_month <= ?
        group by labels.cohort_month
    )

    select
        outcomes.cohort_month,
        outcomes.loans,
        outcomes.bad,
        outcomes.predicted_bad,
        drift.ks,
        drift.ks_low,
        drift.ks_high,
        coalesce(drift.is_inverted, false) as is_inverted
    from outcomes
    inner join risk.score_drift as drift
        on
            outcomes.cohort_month = drift.cohort_month
            and drift.stage = 'disbursed'
            and drift.label = 'performance'
    -- Of a cohort some of whose outcomes are known only the early ones are.
    where drift.is_mature
    order by outcomes.cohort_month
"""
