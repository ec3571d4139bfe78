"""Whether a portfolio is large enough to tell its loadings, and what would suffice."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

FILE = "sufficiency.json"
# Data suffice where they leave so much of the prior's standard deviation, or less.
LARGEST_RATIO = 0.5
# Beyond these there is no advice in a number.
_MOST_MONTHS, _MOST_COUNTED = 240, 1e6


@dataclass(frozen=True)
class Sufficiency:
    """What counts can tell of the loadings of one kind of groups.

    Parameters
    ----------
    kind : str
        ``national``, ``region`` or ``industry``.
    groups, months : int
        How many there are; one group for the national factor.
    unit : str
        What is counted: ``events``, or ``borrowers`` for the ordinal likelihood.
    counted : float
        Of them a group and month, on average.
    ratio : float
        Standard deviation of the log of the groups' common loading that the data leave,
        over the prior's: 1 where they tell nothing.
    needed : float
        Counted a group and month that would bring it to a half; infinite where the
        months are too few for any number.
    needed_months : float
        Months, counting as now, that would.
    """

    kind: str
    groups: int
    months: int
    unit: str
    counted: float
    ratio: float
    needed: float
    needed_months: float

    @property
    def suffices(self) -> bool:
        """Whether the data leave at most half of the prior's standard deviation."""
        return self.ratio <= LARGEST_RATIO

    @property
    def sentence(self) -> str:
        """What is lacking and what would suffice, in words."""
        whose = "the nation" if self.kind == "national" else f"each {self.kind}"
        return (
            f"{self.counted:.2g} {self.unit} a month in {whose} over {self.months} "
            f"months hardly tell the {self.kind} loadings: their uncertainty stays at "
            f"{100 * self.ratio:.0f} % of the prior's. {self._advice}"
        )

    @property
    def _advice(self) -> str:
        ways = []
        if self.needed < _MOST_COUNTED:
            ways.append(f"{_two_digits(self.needed)} {self.unit} a month in each")
        if self.needed_months < _MOST_MONTHS:
            ways.append(f"{ceil(self.needed_months)} months such as these")
        if not ways:
            return "Merge groups, or fit a single factor."
        return f"To halve it takes {', or '.join(ways)}."


def warning(found: Iterable[Sufficiency]) -> str | None:
    """Say what is too small and what would suffice; None where nothing is."""
    return " ".join(one.sentence for one in found if not one.suffices) or None


def write_sufficiency(folder: Path, found: Iterable[Sufficiency]) -> None:
    """Hand on what was found to the gate, as ``sufficiency.json`` in a run's folder."""
    text = json.dumps([asdict(one) for one in found], indent=1)
    (folder / FILE).write_text(text + "\n")


def read_sufficiency(folder: Path) -> list[Sufficiency]:
    """Read what was found; nothing where the run's folder has none."""
    file = folder / FILE
    if not file.is_file():
        return []
    return [Sufficiency(**one) for one in json.loads(file.read_text())]


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}"
