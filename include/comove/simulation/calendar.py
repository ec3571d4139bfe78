"""The simulated window: months, their days, and when instalments fall due."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Stands for "no value" in every integer array (days, cents, microseconds); no amount or
# date the simulator draws comes near it.
NONE = -(2**31)

# Months tabulated beyond the window, for due dates and charge-offs that fall after it.
MONTHS_BEYOND = 72

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Calendar:
    """Months 0 … `months` - 1 of the window, and some beyond.

    Parameters
    ----------
    start : date
        First day of the first month.
    months : int
        Number of simulated months.
    """

    start: dt.date
    months: int

    @cached_property
    def first_day(self) -> Ints:
        """First day of each month, in days since 1970-01-01."""
        first = np.datetime64(self.start, "M")
        later = np.arange(self.months + MONTHS_BEYOND + 1).astype("timedelta64[M]")
        table = first + later
        return table.astype("datetime64[D]").astype(np.int64)

    @cached_property
    def length(self) -> Ints:
        """Days of each month."""
        return np.diff(self.first_day)

    @cached_property
    def end(self) -> int:
        """Last day of the window."""
        return int(self.first_day[self.months]) - 1

    def last_day(self, month: Ints) -> Ints:
        """Last day of each given month."""
        return self.first_day[month + 1] - 1

    def month_of(self, day: Ints) -> Ints:
        """Month each day falls in, 0 being the first; days before it give -1."""
        return np.searchsorted(self.first_day, day, side="right").astype(np.int64) - 1

    @cached_property
    def due(self) -> Ints:
        """Due date by (month, due day 0 … 31), month ends clipped."""
        day = np.minimum(np.arange(32)[None, :], self.length[:, None])
        return self.first_day[:-1, None] + day - 1

    @cached_property
    def days_to_month_end(self) -> Ints:
        """Days from the due date to the end of its month, by (month, due day)."""
        return self.first_day[1:, None] - 1 - self.due

    def can_roll(self, event_days: int) -> Bools:
        """Whether an unpaid instalment turns `event_days` late in the next month.

        Returns
        -------
        numpy.ndarray
            By (month, due day). False for the few that skip a month, such as 31 January.
        """
        turned = self.month_of(self.due + event_days)
        return np.asarray(turned == np.arange(self.due.shape[0])[:, None] + 1)

    def month_dates(self) -> npt.NDArray[np.datetime64]:
        """First day of each month of the window."""
        return self.first_day[: self.months].astype("datetime64[D]")
