"""What is planted: every parameter of the simulated lender, with its default.

`docs/simulation.md` gives the source of each number.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from comove.errors import SettingsError

REGIONS = (
    "Alderney", "Birkmoor", "Calder Vale", "Dunmere", "Eastmarch", "Fenwick", "Glenrath",
    "Harrowgate", "Inverlea", "Jasper Coast", "Kingsford", "Lakeland", "Morwenna",
    "Northfold", "Oakhaven", "Penrith Hills", "Queensbury", "Ravenscar", "Southmere",
    "Tarnside",
)  # fmt: skip
INDUSTRIES = (
    "agriculture", "construction", "education", "health", "hospitality", "manufacturing",
    "retail", "services", "technology", "transport",
)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """A sales channel.

    Parameters
    ----------
    name : str
        As delivered.
    share : float
        Share of borrowers that come through it.
    quality : float
        Mean creditworthiness of its borrowers, in standard deviations of all.
    """

    name: str
    share: float
    quality: float


CHANNELS = (
    Channel("branch", 0.25, 0.35),
    Channel("web", 0.25, 0.10),
    Channel("mobile_app", 0.28, 0.00),
    Channel("partner", 0.14, -0.25),
    Channel("broker", 0.08, -0.60),
)


@dataclass(frozen=True)
class Drift:
    """A drift of the lender's own application score.

    Parameters
    ----------
    stage : str
        Funnel stage whose separation changes first: ``credit_applied`` (the score itself
        goes blind), ``credit_approved``, ``drawdown_applied`` or ``disbursed``.
    first, last : float
        Months it holds, as shares of the window; ``[first, last)``.
    strength : float
        0 none, 1 complete.
    """

    stage: str
    first: float
    last: float
    strength: float

    def months(self, months: int) -> range:
        """Month numbers it holds in a window of `months` months."""
        return range(math.floor(self.first * months), math.floor(self.last * months))


DRIFTS = (
    Drift("credit_applied", 0.42, 0.50, 0.8),
    Drift("credit_approved", 0.58, 0.66, 0.8),
    Drift("drawdown_applied", 0.72, 0.81, 0.8),
    Drift("disbursed", 0.86, 0.95, 0.8),
)


@dataclass(frozen=True)
class Plan:
    """Parameters of the simulated lender.

    Parameters
    ----------
    regions, industries : int
        How many there are.
    national_loading, region_loading, industry_loading : float
        Loading of the national factor, and medians of the regions' and industries' own.
    loading_spread : float
        Standard deviation of the logarithm of regions' and industries' loadings.
    national_phi, region_phi, industry_phi : float
        AR(1) coefficient of each kind of factor.
    copula : {"gaussian", "student_t"}
        Distribution of the latent variable.
    nu : float
        Degrees of freedom of the Student-t copula.
    contagion_region, contagion_industry : int
        Cell of the local contagion episode (number of region and of industry).
    contagion_first : float
        Its first month, as a share of the window.
    contagion_shock : tuple of float
        Addition to the latent variable of linked borrowers, month by month.
    contagion_share : float
        Share of the cell's borrowers that are linked.
    contagion_lateness : float
        Factor on the chance that a linked borrower is late at a month's end.
    late_scale, late_days, late_slope : float
        P(late at month end) = scale · exp(-days since due / late_days + slope · risk).
    late_probit, probit_per_day, probit_per_risk, probit_per_lapse, probit_per_year
        Φ⁻¹(pd) of a borrower late at the month's end: constant, per day past due, per
        unit of observed risk, per earlier late month end (at most 4), per year known
        (at most 2).
    fraud_probit, fraud_probit_per_risk : float
        Φ⁻¹(pd) of a borrower with nothing unpaid: such an event is a fraud.
    early_repayment_rate : float
        Chance per month that a loan is repaid early.
    returning_share : float
        Share of borrowers who are known persons under a new id.
    second_line_share : float
        Share of borrowers who may have two loans at once.
    transactions_per_borrower : float
        Mean number of account transactions.
    channels, drifts : tuple
        As planted.
    """

    regions: int = 20
    industries: int = 10
    national_loading: float = 0.30
    region_loading: float = 0.22
    industry_loading: float = 0.22
    loading_spread: float = 0.20
    national_phi: float = 0.85
    region_phi: float = 0.70
    industry_phi: float = 0.75
    copula: Literal["gaussian", "student_t"] = "gaussian"
    nu: float = 5.0
    contagion_region: int = 0
    contagion_industry: int = 6
    contagion_first: float = 0.60
    contagion_shock: tuple[float, ...] = (0.9, 1.3, 1.4, 1.2, 0.9, 0.5)
    contagion_share: float = 0.9
    contagion_lateness: float = 2.0
    late_scale: float = 0.24
    late_days: float = 13.0
    late_slope: float = 0.40
    late_probit: float = -1.80
    probit_per_day: float = 0.050
    probit_per_risk: float = 0.40
    probit_per_lapse: float = 0.08
    probit_per_year: float = -0.10
    fraud_probit: float = -3.70
    fraud_probit_per_risk: float = 0.10
    early_repayment_rate: float = 0.010
    returning_share: float = 0.004
    second_line_share: float = 0.12
    transactions_per_borrower: float = 5.0
    channels: tuple[Channel, ...] = CHANNELS
    drifts: tuple[Drift, ...] = DRIFTS

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises
        ------
        SettingsError
            When the loadings leave no room for a borrower's own risk, or the contagion
            cell does not exist.
        """
        largest = self.national_loading**2 + self.region_loading**2
        if largest + self.industry_loading**2 >= 0.8:
            raise SettingsError(
                "the squared loadings sum to 0.8 or more.",
                where="simulation plan",
                remedy="Lower them; the rest is the borrower's own risk.",
            )
        if (
            self.contagion_region >= self.regions
            or self.contagion_industry >= self.industries
        ):
            raise SettingsError(
                "the contagion cell is outside the regions or industries.",
                where="simulation plan",
                remedy="Choose contagion_region and contagion_industry that exist.",
            )

    @property
    def region_names(self) -> list[str]:
        """Names of the regions."""
        return _names(REGIONS, self.regions)

    @property
    def industry_names(self) -> list[str]:
        """Names of the industries."""
        return _names(INDUSTRIES, self.industries)

    def contagion_months(self, months: int) -> range:
        """Months of the contagion episode inside a window of `months` months."""
        first = math.floor(self.contagion_first * months)
        return range(first, min(first + len(self.contagion_shock), months))

    def as_dict(self) -> dict[str, Any]:
        """All parameters, for JSON."""
        return asdict(self)


def _names(known: tuple[str, ...], count: int) -> list[str]:
    return [
        known[i] if i < len(known) else f"{known[i % len(known)]} {i // len(known) + 1}"
        for i in range(count)
    ]
