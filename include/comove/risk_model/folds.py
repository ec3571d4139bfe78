"""Walk-forward folds: what is trained on, what is left out, what is predicted."""

import datetime as dt
from dataclasses import dataclass

from comove.settings import Settings

ALGORITHMS = ("xgboost", "logit", "blend")


@dataclass(frozen=True)
class Fold:
    """One step of the walk-forward; every date is the first day of a month.

    Parameters
    ----------
    train_from, train_to : date
        First and last month trained on.
    valid_from : date
        First month of the training window's last part, which stops the trees, weighs
        the blend and calibrates.
    first_month, last_month : date
        First and last month predicted.
    searches : bool
        Whether hyper-parameters are searched anew; else those of the fold before hold.
    """

    train_from: dt.date
    train_to: dt.date
    valid_from: dt.date
    first_month: dt.date
    last_month: dt.date
    searches: bool

    @property
    def name(self) -> str:
        """First month predicted, as ``2026-07``."""
        return f"{self.first_month:%Y-%m}"


def plan_folds(
    settings: Settings,
    *,
    first_data_month: dt.date,
    month: dt.date,
    first_month: dt.date | None = None,
) -> list[Fold]:
    """Plan the folds a run needs, oldest first.

    Their boundaries are calendar months (month number divisible by ``pd_refit_months``)
    and their beginning does not depend on the run, so that every run, in whatever order,
    makes the same folds.

    Parameters
    ----------
    settings : Settings
        Window, gap, refits and searches, ``pd_…_months``.
    first_data_month : date
        First month with borrowers at risk.
    month : date
        Month of the run; the month after it is predicted too, without its outcome.
    first_month : date, optional
        First month wanted; without it, as early as the history allows.

    Returns
    -------
    list of Fold
        Empty when no month has ``pd_min_train_months`` of history. Hyper-parameters are
        searched in the first fold and in every one that begins a new
        ``pd_search_every_months``.
    """
    step, start = settings.pd_refit_months, number(first_data_month)
    earliest = start + settings.pd_min_train_months + settings.pd_gap_months
    if first_month is not None:
        earliest = max(earliest, number(first_month))
    first_block = -(-earliest // step) * step
    return [
        _fold(settings, block, start, is_first=block == first_block)
        for block in range(first_block, number(month) + 2, step)
    ]


def number(month: dt.date) -> int:
    """Count a month: months since year 0."""
    return month.year * 12 + month.month - 1


def month_of(count: int) -> dt.date:
    """First day of a counted month."""
    return dt.date(count // 12, count % 12 + 1, 1)


def _searches(settings: Settings, block: int) -> bool:
    return block % settings.pd_search_every_months < settings.pd_refit_months


def _fold(settings: Settings, block: int, start: int, *, is_first: bool) -> Fold:
    train_to = block - settings.pd_gap_months - 1
    train_from = max(start, train_to - settings.pd_train_window_months + 1)
    # No more than a third of the window, or a short history would leave nothing to fit.
    held_out = min(settings.pd_validation_months, (train_to - train_from + 1) // 3)
    return Fold(
        train_from=month_of(train_from),
        train_to=month_of(train_to),
        valid_from=month_of(train_to - held_out + 1),
        first_month=month_of(block),
        last_month=month_of(block + settings.pd_refit_months - 1),
        searches=is_first or _searches(settings, block),
    )
