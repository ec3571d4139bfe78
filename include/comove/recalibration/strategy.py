"""The strategy of the score: which is refused, reviewed or approved, and how far."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from itertools import pairwise

import duckdb

from comove.errors import ComoveError
from comove.recalibration.loans import LoansByScore

REFUSE, REVIEW, APPROVE = ACTIONS = "refuse", "review", "approve"
_SEED = "dbt_project/seeds/score_strategies.csv"


class RecalibrationError(ComoveError):
    """A score cannot be recalibrated, or a strategy not be followed, as asked."""


@dataclass(frozen=True)
class Band:
    """One interval of the score and what is done about applications in it.

    Parameters
    ----------
    band : str
        Its name.
    score_from, score_to : float or None
        Points, the lower end included, the upper one not; None for no end.
    action : str
        ``refuse``, ``review`` or ``approve``.
    limit_factor : float
        Limits are multiplied by it, above 0 to 1; 0 where applications are refused.
    """

    band: str
    score_from: float | None
    score_to: float | None
    action: str
    limit_factor: float


@dataclass(frozen=True)
class Strategy:
    """All bands, lowest score first, without gaps.

    Parameters
    ----------
    bands : tuple of Band
        The lowest ones may be refused; no higher band gets less than a lower one.
    """

    bands: tuple[Band, ...]

    @property
    def cutoff(self) -> float:
        """Lowest score that is not refused, in points; minus infinity for all."""
        taken = [band for band in self.bands if band.action != REFUSE]
        if not taken:
            return math.inf
        return -math.inf if taken[0].score_from is None else taken[0].score_from

    @property
    def edges(self) -> tuple[float, ...]:
        """Scores between the bands that are not refused, in points, ascending."""
        taken = [band for band in self.bands if band.action != REFUSE]
        return tuple(float(band.score_from or 0.0) for band in taken[1:])

    @property
    def content_hash(self) -> str:
        """Hash of everything it says: equal strategies have equal hashes."""
        text = json.dumps([asdict(band) for band in self.bands])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def moved(self, cutoff: float) -> "Strategy":
        """Refuse what scores below a cut-off, and let the other bands be.

        Parameters
        ----------
        cutoff : float
            In points. Bands wholly below it go; the one that holds it begins there, and
            where it lies below the present cut-off, the lowest band reaches down to it.
        """
        taken = [band for band in self.bands if band.action != REFUSE]
        kept = [b for b in taken if b.score_to is None or b.score_to > cutoff]
        return _above(cutoff, [(b, b.score_to) for b in kept or taken[-1:]])

    def regrouped(self, edges: tuple[float, ...], loans: LoansByScore) -> "Strategy":
        """Cut the scores that are not refused elsewhere; limits stay as they are in sum.

        Each new band gets the mean limit factor of its loans under this strategy, and is
        reviewed where most of them are.

        Parameters
        ----------
        edges : tuple of float
            Between the new bands, ascending, all above the cut-off.
        loans : LoansByScore
            How many loans there are at each score.
        """
        ends = [*edges, None]
        starts = [self.cutoff, *edges]
        made = []
        for number, (low, high) in enumerate(zip(starts, ends, strict=True), start=1):
            inside = self._mix(loans.between(low, math.inf if high is None else high))
            made.append((Band(f"{number}", None, None, *inside), high))
        return _above(self.cutoff, made)

    def _mix(self, loans: LoansByScore) -> tuple[str, float]:
        total = loans.loans.sum()
        factors, reviewed = 0.0, 0.0
        for band in self.bands:
            low = -math.inf if band.score_from is None else band.score_from
            high = math.inf if band.score_to is None else band.score_to
            share = float(loans.between(low, high).loans.sum() / total)
            factors += share * band.limit_factor
            reviewed += share * (band.action == REVIEW)
        return (REVIEW if reviewed > 1 / 2 else APPROVE), round(factors, 4)


def _above(cutoff: float, taken: list[tuple[Band, float | None]]) -> Strategy:
    """Lay bands with their upper ends one on the other from a cut-off, refused below."""
    bands, low = [], None if math.isinf(cutoff) else cutoff
    if low is not None:
        bands.append(Band("refused", None, low, REFUSE, 0.0))
    for band, high in taken:
        bands.append(Band(band.band, low, high, band.action, band.limit_factor))
        low = high
    return checked(Strategy(tuple(bands)), where="risk.strategy_band")


def read_seed(connection: duckdb.DuckDBPyConnection) -> Strategy:
    """Read the strategy as the seed `score_strategies` says it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, its seeds loaded.

    Raises
    ------
    RecalibrationError
        When the seed is not loaded, or says what cannot be followed: names the row.
    """
    try:
        rows = connection.execute(
            """
            select band, score_from, score_to, action, limit_factor
            from risk.score_strategies
            order by score_from nulls first, score_to
            """
        ).fetchall()
    except duckdb.CatalogException as error:
        raise RecalibrationError(
            "the strategy of the score has not been loaded.",
            where="risk.score_strategies",
            remedy="Run the task `load_strategy` of the DAG `recalibration`.",
        ) from error
    return checked(Strategy(tuple(Band(*row) for row in rows)), where=_SEED)


def checked(strategy: Strategy, *, where: str) -> Strategy:
    """Give the strategy back if it can be followed.

    Raises
    ------
    RecalibrationError
        When bands overlap, leave a gap, or treat a higher score worse: names the band.
    """
    if not strategy.bands:
        raise RecalibrationError(
            "there is no band.", where=where, remedy="Write at least one row."
        )
    for band in strategy.bands:
        _check_band(band, where)
    for lower, higher in pairwise(strategy.bands):
        _check_order(lower, higher, where)
    first, last = strategy.bands[0], strategy.bands[-1]
    if first.score_from is not None or last.score_to is not None:
        raise _refused(
            first if first.score_from is not None else last,
            "leaves scores beyond it without a band: leave its outer end empty",
            where,
        )
    return strategy


def _check_band(band: Band, where: str) -> None:
    if band.action not in ACTIONS:
        raise _refused(band, f"has an action that is none of {', '.join(ACTIONS)}", where)
    if band.action == REFUSE and band.limit_factor != 0:
        raise _refused(band, "refuses, and yet has a limit_factor", where)
    if band.action != REFUSE and not 0 < band.limit_factor <= 1:
        raise _refused(band, "has a limit_factor outside of (0, 1]", where)


def _check_order(lower: Band, higher: Band, where: str) -> None:
    if lower.score_to is None or lower.score_to != higher.score_from:
        raise _refused(higher, f"does not begin where {lower.band!r} ends", where)
    if higher.score_to is not None and higher.score_to <= lower.score_to:
        raise _refused(higher, "is empty", where)
    if ACTIONS.index(higher.action) < ACTIONS.index(lower.action):
        raise _refused(higher, f"is treated worse than {lower.band!r} below it", where)
    if higher.limit_factor < lower.limit_factor:
        raise _refused(higher, f"gets less than {lower.band!r} below it", where)


def _refused(band: Band, what: str, where: str) -> RecalibrationError:
    return RecalibrationError(
        f"the band {band.band!r} {what}.",
        where=where,
        remedy="Correct it and run again; nothing was written.",
    )
