"""What one run of the decision is asked for."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Wish:
    """What a run was asked for.

    Parameters
    ----------
    month : date
        Month of the run, first day.
    application : str or None
        Id or key of the one application to decide; None for all that nobody has decided.
    """

    month: dt.date
    application: str | None = None
