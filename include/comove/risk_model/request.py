"""What one run of the risk models is asked for, as its stages hand it on."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from comove.errors import WarehouseError
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

FILE = "request.json"
# A run writes every prediction up to its month, so that no older one outlives its model.
BEGINNING = dt.date(1900, 1, 1)


@dataclass(frozen=True)
class RiskRequest:
    """Months and seed of one run; every date is the first day of a month.

    Parameters
    ----------
    month : date
        Month of the run: the last whose events are known to it.
    first_month : date or None
        First month whose predictions the run writes, in place of any that are there;
        None begins with the first there are.
    last_month : date
        Last month written.
    seed : int
        Of every random choice.
    """

    month: dt.date
    first_month: dt.date | None
    last_month: dt.date
    seed: int

    def __post_init__(self) -> None:
        """Refuse a month that is not named by its first day."""
        for month in (self.month, self.first_month, self.last_month):
            if month and month.day != 1:
                raise WarehouseError(
                    f"{month:%Y-%m-%d} is not the first day of a month.",
                    where="month of the risk models",
                    remedy=f"Ask for {month:%Y-%m}-01.",
                )

    @property
    def forecast_month(self) -> dt.date:
        """The month to come."""
        return month_of(number(self.month) + 1)


def request_for(settings: Settings, month: dt.date) -> RiskRequest:
    """Say which months a run writes: all there are, up to its own.

    Parameters
    ----------
    settings : Settings
        The seed.
    month : date
        Month of the run, first day.
    """
    return RiskRequest(
        month=month,
        first_month=BEGINNING,
        last_month=month,
        seed=settings.seed,
    )


def write_request(folder: Path, request: RiskRequest) -> None:
    """Write a request as ``request.json`` into the folder of its run."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(request), indent=2, default=str)
    (folder / FILE).write_text(text + "\n")


def read_request(folder: Path) -> RiskRequest:
    """Read the request of a run.

    Raises
    ------
    WarehouseError
        When the folder has none.
    """
    file = folder / FILE
    if not file.is_file():
        raise WarehouseError(
            "there is no request of a run.",
            where=str(file),
            remedy="Run the stage that builds the features first.",
        )
    kept = json.loads(file.read_text())
    for name in ("month", "first_month", "last_month"):
        kept[name] = dt.date.fromisoformat(kept[name]) if kept[name] else None
    return RiskRequest(**kept)
