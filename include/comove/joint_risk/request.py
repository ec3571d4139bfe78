"""What a run of the joint-risk stage fits."""

from dataclasses import dataclass
from typing import Literal

Copula = Literal["gaussian", "student_t"]
Factors = Literal["multi", "single"]
COPULAS: tuple[Copula, ...] = ("gaussian", "student_t")
FACTORS: tuple[Factors, ...] = ("multi", "single")


@dataclass(frozen=True)
class FitRequest:
    """Which model a run publishes.

    Parameters
    ----------
    draws : int
        Posterior draws kept of each chain.
    copula : str
        ``gaussian`` or ``student_t``.
    factors : str
        ``multi`` (national, regions, industries) or ``single``.
    """

    draws: int
    copula: Copula
    factors: Factors
