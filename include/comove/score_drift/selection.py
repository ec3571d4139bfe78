"""What selection alone makes of the KS of a stage, and what a stage adds of its own.

Where a score decides who goes on, the low scores go, who is left is more alike, and KS
falls: restriction of range (Thorndike, Personnel Selection, 1949, ch. 7). Its textbook
correction supposes a linear relation and a sharp cut. Here the selection itself is
observed, so it is matched instead: of the applications of the stage above, band by band
of the score and label by label, as many are let through as were in the baseline months.
That is reweighting to a common selection (DiNardo, Fortin and Lemieux, Econometrica 64,
1996), and the KS it gives is what the stage would show had nothing changed in it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Ends of the funnel that came through each stage, as macros/score_drift/funnel.sql says.
ENDS = {
    "credit_applied": (
        *("rejected", "undecided", "undrawn", "refused", "pending", "disbursed"),
    ),
    "credit_approved": ("undrawn", "refused", "pending", "disbursed"),
    "drawdown_applied": ("refused", "pending", "disbursed"),
    "disbursed": ("disbursed",),
    "credit_rejected": ("rejected",),
    "approved_undrawn": ("undrawn",),
    "drawdown_rejected": ("refused",),
}
_CHANGE = ("selection_change", "selection_change_low", "selection_change_high")
_NORMAL = 1.959964
# A change is told where so many of the draws have good and bad ones.
_ENOUGH_DRAWS = 0.9


@dataclass(frozen=True)
class Passed:
    """Who came to a stage and who came through, by cohort, label and band.

    Parameters
    ----------
    before, through : array
        Applications (cohorts, 2, bands): good, then bad.
    """

    before: FloatArray
    through: FloatArray

    def rates(self) -> FloatArray:
        """Chance to come through, drawn towards the label's mean by one application."""
        before = self.before.sum(axis=-1, keepdims=True)
        mean = (self.through.sum(axis=-1, keepdims=True) + 0.5) / (before + 1)
        return np.asarray((self.through + mean) / (self.before + 1))

    def smoothed(self) -> "Passed":
        """Count to each band half of what is in the bands beside it."""
        return Passed(_with_neighbours(self.before), _with_neighbours(self.through))


def _with_neighbours(counts: FloatArray) -> FloatArray:
    summed = counts.copy()
    summed[..., 1:] += counts[..., :-1] / 2
    summed[..., :-1] += counts[..., 1:] / 2
    return summed


def selection_changes(
    bands: pd.DataFrame, parents: dict[str, str], *, draws: int, seed: int
) -> pd.DataFrame:
    """Compare each stage with what the baseline's selection would have made of it.

    Parameters
    ----------
    bands : DataFrame
        Rows of `int_score_band`: applications by cohort, band of the score, end and
        policy label.
    parents : dict of str to str
        Stages with the stage above.
    draws : int
        Of the bootstrap behind the intervals.
    seed : int
        Of its randomness.

    Returns
    -------
    DataFrame
        cut_by, cut_value, stage, cohort_month, label (policy), selection_change (KS of
        the stage less the one expected, both on bands, and less what chance adds to it),
        and both ends of its 95 % interval. Without a baseline, or an application of
        either label, nan.
    """
    rng = np.random.default_rng(seed)
    made = []
    for _, of_cut in bands.groupby(["cut_by", "cut_value"], sort=True):
        table, cut = _Table(of_cut), of_cut.iloc[0]
        for stage, parent in sorted(parents.items()):
            found = _changes(table, stage, parent, draws, rng)
            found["cut_by"], found["cut_value"] = cut["cut_by"], cut["cut_value"]
            found["stage"] = stage
            made.append(found)
    columns = ["cut_by", "cut_value", "stage", "cohort_month", "label", *_CHANGE]
    return pd.concat(made)[columns] if made else pd.DataFrame(columns=columns)


def outcome_changes(bands: pd.DataFrame, *, draws: int, seed: int) -> pd.DataFrame:
    """Compare the loans of each cohort with the baseline's, at the same scores.

    Whom a lender lets through moves the KS of its loans, the score being as good as
    before. So the baseline's share of good loans in each band of the score is laid on
    the loans the cohort has there: that is the KS they would show if nothing but the
    selection by the score had changed.

    Parameters
    ----------
    bands : DataFrame
        Rows of `int_score_band`, with loans by performance label in performance_good and
        performance_bad.
    draws : int
        Of the bootstrap behind the intervals, which draws how loans turn out anew.
    seed : int
        Of its randomness.

    Returns
    -------
    DataFrame
        As of `selection_changes`, stage disbursed and label performance, and expected_ks,
        what months at the baseline's shares show on average, without sign. The change is
        that of signed KS, below 0 where good ones score lower, less the mean of what
        months at the baseline's shares show, of those with good and bad loans; its
        interval is normal. nan where these are fewer than nine in ten.
    """
    rng = np.random.default_rng(seed)
    made = []
    for _, of_cut in bands.groupby(["cut_by", "cut_value"], sort=True):
        table, cut = _Table(of_cut), of_cut.iloc[0]
        found = pd.DataFrame({"cohort_month": table.months, "label": "performance"})
        own, baseline = table.outcomes(baseline=False), table.outcomes(baseline=True)
        for name, values in _outcome_interval(own, baseline, draws, rng).items():
            found[name] = values
        found["cut_by"], found["cut_value"] = cut["cut_by"], cut["cut_value"]
        found["stage"] = "disbursed"
        made.append(found)
    return pd.concat(made) if made else pd.DataFrame()


def _outcome_interval(
    own: FloatArray, baseline: FloatArray, draws: int, rng: np.random.Generator
) -> dict[str, FloatArray]:
    if not baseline.sum():
        return {name: np.full(len(own), np.nan) for name in (*_CHANGE, "expected_ks")}
    change = _outcome_change(own, baseline)
    loans, share = own.sum(axis=1, keepdims=True), _good_share(own)
    drawn, still = np.empty((2, draws, len(own)))
    for draw in range(draws):
        again = _turned_out(baseline, _good_share(baseline), rng)
        drawn[draw] = _outcome_change(_turned_out(loans, share, rng), again)
        as_before = _turned_out(loans, _good_share(baseline), rng)
        still[draw] = _outcome_change(as_before, again)
    # What months without a change show: the excess of the few over the many.
    middle = change - _mean_and_spread(still)[0]
    error = _NORMAL * _mean_and_spread(drawn)[1]
    found = dict(zip(_CHANGE, (middle, middle - error, middle + error), strict=True))
    # Exact KS has no sign, and the change has: only signed KS may be taken less it.
    return found | {"expected_ks": np.abs(_signed_ks(own) - middle).clip(max=1)}


def _mean_and_spread(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of draws that have both labels; nan where few do.

    Where few bad ones are expected a draw may have none, and no KS. Such draws are no
    reason to leave a month unjudged that has bad ones.
    """
    known = np.ma.masked_invalid(draws)
    few = known.count(axis=0) < _ENOUGH_DRAWS * len(draws)
    mean, spread = (
        np.where(few, np.nan, np.ma.filled(of_draws, np.nan))
        for of_draws in (known.mean(axis=0), known.std(axis=0))
    )
    return mean, spread


def _outcome_change(own: FloatArray, baseline: FloatArray) -> FloatArray:
    loans = own.sum(axis=1, keepdims=True)
    share = _good_share(baseline)
    expected = np.concatenate([loans * share, loans * (1 - share)], axis=1)
    return _signed_ks(own) - _signed_ks(expected)


def _good_share(counts: FloatArray) -> FloatArray:
    """Share of good ones in each band, drawn towards that of all by one loan."""
    loans = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        mean = counts[:, :1].sum(axis=-1, keepdims=True) / loans.sum(
            axis=-1, keepdims=True
        )
    return np.asarray((counts[:, :1] + mean) / (loans + 1))


def _turned_out(
    counts: FloatArray, share: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw how loans, of all outcomes together, turn out at a share of good ones."""
    loans = counts.sum(axis=1, keepdims=True)
    good = _drawn(
        loans, np.broadcast_to(np.nan_to_num(share).clip(0, 1), loans.shape), rng
    )
    return np.concatenate([good, loans - good], axis=1)


def _signed_ks(counts: FloatArray) -> FloatArray:
    """How far good ones lie above bad ones, less how far below: KS, or less it."""
    totals = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.cumsum(counts, axis=-1) / totals[..., None]
    apart = shares[..., 1, :] - shares[..., 0, :]
    return np.asarray(apart.max(axis=-1) + apart.min(axis=-1))


def correlations(bands: pd.DataFrame, parents: dict[str, str]) -> pd.DataFrame:
    """Tell how the KS of a stage and of the one above err together.

    A stage is part of the one above. Shares of a class up to scores s and t, the first
    seen in n applications and the second in the N they are part of, have the covariance
    (F(min(s, t)) - F(s) F(t)) / N, F of the n. With s and t where either KS is reached,
    and the sum over both classes, that is the covariance of the two KS.

    Parameters
    ----------
    bands : DataFrame
        As of `selection_changes`.
    parents : dict of str to str
        Stages with the stage above.

    Returns
    -------
    DataFrame
        cut_by, cut_value, stage, cohort_month, label (policy) and correlation, 0 to 1.
    """
    made = []
    for _, of_cut in bands.groupby(["cut_by", "cut_value"], sort=True):
        table, cut = _Table(of_cut), of_cut.iloc[0]
        for stage, parent in sorted(parents.items()):
            passed = table.passed(stage, parent, baseline=False)
            found = pd.DataFrame({"cohort_month": table.months, "label": "policy"})
            found["correlation"] = _correlation(passed.through, passed.before)
            found["cut_by"], found["cut_value"] = cut["cut_by"], cut["cut_value"]
            found["stage"] = stage
            made.append(found)
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame()


def _correlation(through: FloatArray, before: FloatArray) -> FloatArray:
    n, n_above = through.sum(axis=-1), before.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.cumsum(through, axis=-1) / n[..., None]
        share_above = np.cumsum(before, axis=-1) / n_above[..., None]
        at, at_above = (
            np.nan_to_num(np.abs(one[:, 0] - one[:, 1])).argmax(axis=-1)
            for one in (share, share_above)
        )
        here, there = _at(share, at), _at(share, at_above)
        above = _at(share_above, at_above)
        together = (np.minimum(here, there) - here * there) / n_above
        variance = (here * (1 - here) / n).sum(axis=1)
        variance_above = (above * (1 - above) / n_above).sum(axis=1)
        found = together.sum(axis=1) / np.sqrt(variance * variance_above)
    return np.asarray(np.nan_to_num(found).clip(0, 1))


def _at(share: FloatArray, band: NDArray[np.int64]) -> FloatArray:
    """Shares (cohorts, 2) up to a band of each cohort."""
    return np.take_along_axis(share, band[:, None, None], axis=-1)[..., 0]


class _Table:
    """Applications as one array (cohorts, ends, 2, bands)."""

    def __init__(self, bands: pd.DataFrame) -> None:
        own = bands[~bands["is_baseline"].astype(bool)]
        self.months = np.sort(own["cohort_month"].unique())
        self._bands = np.sort(bands["band"].unique())
        self._own = own
        self._baseline = bands[bands["is_baseline"].astype(bool)]

    def passed(self, stage: str, parent: str, *, baseline: bool) -> Passed:
        rows = self._baseline if baseline else self._own
        return Passed(self._counts(rows, parent), self._counts(rows, stage))

    def outcomes(self, *, baseline: bool) -> FloatArray:
        """Loans by performance label (cohorts, 2, bands)."""
        rows = self._baseline if baseline else self._own
        return self._banded(rows, [["performance_good"], ["performance_bad"]])

    def _counts(self, rows: pd.DataFrame, stage: str) -> FloatArray:
        labels = ("good", "bad")
        return self._banded(
            rows, [[f"{end}_{label}" for end in ENDS[stage]] for label in labels]
        )

    def _banded(self, rows: pd.DataFrame, columns: list[list[str]]) -> FloatArray:
        months = np.sort(rows["cohort_month"].unique())
        at = np.searchsorted(months, rows["cohort_month"].to_numpy())
        band = np.searchsorted(self._bands, rows["band"].to_numpy())
        counts = np.zeros((len(months), 2, len(self._bands)))
        for place, names in enumerate(columns):
            counts[at, place, band] = rows[names].sum(axis=1)
        return counts


def _changes(
    table: _Table, stage: str, parent: str, draws: int, rng: np.random.Generator
) -> pd.DataFrame:
    own = table.passed(stage, parent, baseline=False)
    baseline = table.passed(stage, parent, baseline=True)
    made = pd.DataFrame({"cohort_month": table.months, "label": "policy"})
    if len(baseline.before) == 0:
        missing = np.full(len(made), np.nan)
        found = missing, missing, missing
    else:
        found = _interval(own, baseline, draws, rng)
    for name, values in zip(_CHANGE, found, strict=True):
        made[name] = values
    return made


def _change(through: FloatArray, before: FloatArray, rates: FloatArray) -> FloatArray:
    """Give the KS of who came through, less that of who would have at these rates."""
    return banded_ks(through) - banded_ks(before * rates)


def banded_ks(counts: FloatArray) -> FloatArray:
    """KS of good (first) and bad (second) on bands.

    Parameters
    ----------
    counts : array
        Applications (…, 2, bands).

    Returns
    -------
    array
        KS (…); nan without both labels.
    """
    totals = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.cumsum(counts, axis=-1) / totals[..., None]
    distance: FloatArray = np.abs(shares[..., 0, :] - shares[..., 1, :]).max(axis=-1)
    return distance


def _interval(
    own: Passed, baseline: Passed, draws: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw who comes through anew, in the cohort and in the baseline.

    How far the changes drawn lie off the one they are drawn at tells how far the observed
    one lies off the true one (Davison and Hinkley, Bootstrap Methods, 1997, 5.2). The
    chances drawn at are smoothed over neighbouring bands: as observed they hold the noise
    that the draws add once more, and the largest of many distances grows by it. Who
    stands before the stage is given; that is the point of the comparison.
    """
    rates, matched = own.smoothed().rates(), baseline.smoothed().rates()
    true = _change(own.before * rates, own.before, matched)
    error = np.empty((draws, len(own.before)))
    for draw in range(draws):
        through = _drawn(own.before, rates, rng)
        again = Passed(baseline.before, _drawn(baseline.before, matched, rng))
        error[draw] = _change(through, own.before, again.rates()) - true
    change = _change(own.through, own.before, baseline.rates())
    mean, deviation = _mean_and_spread(error)
    # Where many a draw has nobody of a label there is no interval.
    middle, spread = change - np.nan_to_num(mean), _NORMAL * deviation
    return middle, middle - spread, middle + spread


def _drawn(before: FloatArray, rates: FloatArray, rng: np.random.Generator) -> FloatArray:
    return rng.binomial(before.astype(np.int64), rates).astype(np.float64)
