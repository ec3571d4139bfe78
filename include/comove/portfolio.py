"""Portfolios: whose files are read, and what they lack."""

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from comove.contract import Table, load_source
from comove.errors import SettingsError

# Digits as 0 to 9 only, and years that a calendar and a database both have.
MONTH_PATTERN = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$"


@dataclass(frozen=True)
class Portfolio:
    """One lender's portfolio.

    Parameters
    ----------
    name, title : str
        Short and long name.
    source : str
        dbt source its files come in.
    last_month : date or None
        First day of the last complete month it holds; None where the run says it.
    absent : dict of str to str
        Contract entities it does not have, with the reason.
    performance_months : int
        Months after the disbursement at whose end a loan is judged good or bad.
    outcome_told_by : {"performance", "reported"}
        Whether dated events or the lender's word tell how a loan turned out, where
        there are both.
    first_predicted_month : date or None
        First month the PD models predict; None for as early as the history allows.
    region_parents : dict of str to list of str
        Larger regions and the regions within them; the joint-risk stage counts with its
        neighbours what has too few events by itself.
    absent_stages : dict of str to str
        Stages of the funnel it does not record, with the reason.
    limit_step_amount, limit_unit_amount : float
        Limits are whole multiples of the first; unit of the limit bands of strategies.
        In its currency.
    """

    name: str
    title: str
    source: str
    last_month: dt.date | None
    absent: dict[str, str]
    performance_months: int = 6
    outcome_told_by: Literal["performance", "reported"] = "performance"
    first_predicted_month: dt.date | None = None
    region_parents: dict[str, list[str]] = field(default_factory=dict)
    absent_stages: dict[str, str] = field(default_factory=dict)
    limit_step_amount: float = 10.0
    limit_unit_amount: float = 1000.0

    @property
    def tables(self) -> tuple[Table, ...]:
        """Kinds of files it delivers."""
        return load_source(self.source)


@cache
def load_portfolios() -> dict[str, Portfolio]:
    """All portfolios described in ``portfolios.yml``, by name."""
    text = (Path(__file__).parent / "portfolios.yml").read_text()
    described = yaml.safe_load(text)
    return {name: Portfolio(name, **entry) for name, entry in described.items()}


def load_portfolio(name: str) -> Portfolio:
    """One portfolio by name.

    Raises
    ------
    SettingsError
        When there is none of that name.
    """
    portfolios = load_portfolios()
    if name not in portfolios:
        raise SettingsError(
            f"there is no portfolio called {name!r}.",
            where="COMOVE_PORTFOLIO",
            remedy=f"Use one of {', '.join(sorted(portfolios))}.",
        )
    return portfolios[name]
