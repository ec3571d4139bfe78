r"""The portfolio's loss over the months ahead: how bad, how sure, and from where.

Loss is exposure times loss given default, summed over borrowers with an event. It is
simulated twice from the same borrowers and margins:

- **factor**: under the factor copula, each simulation from a draw of the posterior, so
  that the state of the factors, and how uncertain it and the loadings are, are in it;
- **independent**: every borrower by himself, at the same probability: its mean over
  draws, in which the state of the factors is. So expected losses are the same, and what
  differs is dependence alone. (Over several months the probability is worked out month by
  month, as if who has not fallen were no better for it: exact for one month, a little
  high for more.)

Figures: expected loss; value at risk :math:`\text{VaR}_\alpha`, of :math:`N` losses the
one of rank :math:`\lceil \alpha N \rceil`; expected shortfall
:math:`\text{ES}_\alpha`, the mean of the losses beyond it. A cell contributes to the
expected shortfall its mean loss in those same simulations (Euler allocation: Tasche,
1999), and contributions add up.

Monte-Carlo errors are standard errors: of a mean as usual; of a VaR half the distance of
the order statistics one standard error of their rank either side; of an ES
:math:`\sqrt{(s^2 + \alpha (\text{ES} - \text{VaR})^2) / (N (1 - \alpha))}`, with
:math:`s` the standard deviation of the losses beyond (Manistre and Hancock, 2005).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws
from comove.joint_risk.index import Margin
from comove.joint_risk.index_table import LIMIT
from comove.joint_risk.loss_groups import Book, LossGroups
from comove.joint_risk.loss_simulation import LossSimulation, Simulated
from comove.joint_risk.outlook import event_probability, look_ahead
from comove.joint_risk.student_t import normal_quantile
from comove.settings import Settings

FloatArray = NDArray[np.float64]

UNSEEN = "unseen"
COPULAS = ("factor", "independent")
_LEVELS = {"var_99": 0.99, "var_999": 0.999}
_SHORTFALL_LEVEL = 0.99
# Probabilities by draw and group worked out at once: 16 MiB a table.
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Losses:
    """The loss of a portfolio, under both copulas.

    Parameters
    ----------
    measures : pandas.DataFrame
        ``copula`` (factor, independent), ``measure`` (expected, var_99, var_999, es_99),
        ``amount`` in currency, ``mc_error``.
    cells : pandas.DataFrame
        ``copula``, ``region``, ``industry`` (``unseen`` for groups the posterior does not
        know), ``measure`` (expected, es_99), ``contribution``, ``mc_error``.
    simulated : dict of str to ndarray
        Losses by copula, for pictures.
    """

    measures: pd.DataFrame
    cells: pd.DataFrame
    simulated: dict[str, FloatArray]


def portfolio_loss(
    settings: Settings, draws: Draws, margin: Margin, borrowers: Path
) -> Losses:
    """Simulate the loss of the borrowers at risk.

    Parameters
    ----------
    settings : Settings
        Loss given default, horizon, number of simulations, seed.
    draws : Draws
        Posterior of the data up to the month before.
    margin : callable
        Turns pd into pd*.
    borrowers : Path
        Parquet of who is at risk: region, industry, pd, exposure.

    Returns
    -------
    Losses
        All 0 where nobody is at risk.

    Raises
    ------
    LossError
        When a margin or an exposure is missing or impossible.
    """
    book = Book.read(borrowers, look_ahead(draws), margin)
    return simulated_losses(settings, draws, LossGroups.gather(book))


def simulated_losses(settings: Settings, draws: Draws, groups: LossGroups) -> Losses:
    """Simulate the loss of borrowers gathered into groups.

    Parameters
    ----------
    settings : Settings
        Loss given default, horizon, number of simulations, seed.
    draws : Draws
        Posterior draws.
    groups : LossGroups
        Borrowers.

    Returns
    -------
    Losses
        Under both copulas.
    """
    measures, cells, simulated = [], [], {}
    months = settings.loss_horizon_months
    books = {
        "factor": (draws, groups, months),
        "independent": (without_factors(draws), _foreseen(draws, groups, months), 1),
    }
    for place, copula in enumerate(COPULAS):
        simulation = LossSimulation(
            *books[copula], settings.loss_simulations, settings.seed + place
        )
        lost = simulation.run()
        worst = _worst(lost.loss)
        share = settings.loss_given_default
        found = loss_measures(share * lost.loss)
        measures.append(found.assign(copula=copula))
        contributions = (("expected", lost), ("es_99", simulation.run(worst)))
        cells.append(
            _contributions(draws, simulation, contributions, share).assign(copula=copula)
        )
        simulated[copula] = share * lost.loss
    return Losses(
        pd.concat(measures, ignore_index=True)[
            ["copula", "measure", "amount", "mc_error"]
        ],
        pd.concat(cells, ignore_index=True),
        simulated,
    )


def _foreseen(draws: Draws, groups: LossGroups, months: int) -> LossGroups:
    """Give each group the probability to fall within the months, mean over draws."""
    spared = np.ones(len(groups.n))
    for ahead in range(1, months + 1):
        outlook = look_ahead(draws, ahead)
        for some in np.array_split(np.arange(len(groups.n)), _parts(draws, groups)):
            place = groups.region[some], groups.industry[some], groups.z[some]
            spared[some] *= 1.0 - event_probability(outlook, *place).mean(axis=0)
    z = np.clip(normal_quantile(1.0 - spared), -LIMIT, LIMIT)
    return replace(groups, z=z)


def _parts(draws: Draws, groups: LossGroups) -> int:
    return max(math.ceil(draws.count * len(groups.n) / _AT_ONCE), 1)


def without_factors(draws: Draws) -> Draws:
    """Make the posterior of borrowers who share nothing.

    Parameters
    ----------
    draws : Draws
        Whose groups and months are kept.

    Returns
    -------
    Draws
        One draw, all loadings and offsets 0, Gaussian.
    """
    one = draws.take(np.zeros(1, np.int64))
    return replace(
        one,
        loading_national=np.zeros_like(one.loading_national),
        loading_region=np.zeros_like(one.loading_region),
        loading_industry=np.zeros_like(one.loading_industry),
        offset_region=np.zeros_like(one.offset_region),
        offset_industry=np.zeros_like(one.offset_industry),
        nu=None,
    )


def loss_measures(losses: FloatArray) -> pd.DataFrame:
    """Measure simulated losses.

    Parameters
    ----------
    losses : ndarray, shape (N,)
        Simulated independently.

    Returns
    -------
    pandas.DataFrame
        ``measure`` (expected, var_99, var_999, es_99), ``amount``, ``mc_error``.
    """
    ordered = np.sort(losses)
    n = len(ordered)
    error = float(ordered.std()) / math.sqrt(n)
    rows = [("expected", float(ordered.mean()), error)]
    for measure, level in _LEVELS.items():
        rows.append((measure, *_value_at_risk(ordered, level)))
    beyond = ordered[_rank(n, _SHORTFALL_LEVEL) + 1 :]
    shortfall = float(beyond.mean())
    var, _ = _value_at_risk(ordered, _SHORTFALL_LEVEL)
    variance = beyond.var() + _SHORTFALL_LEVEL * (shortfall - var) ** 2
    rows.append(("es_99", shortfall, math.sqrt(variance / len(beyond))))
    return pd.DataFrame(rows, columns=["measure", "amount", "mc_error"])


def _rank(n: int, level: float) -> int:
    """Position of the quantile among n sorted losses; one loss at least lies beyond."""
    # 0.99 times 100 000 is a little more than 99 000 in floating point.
    return min(math.ceil(round(level * n, 6)) - 1, n - 2)


def _value_at_risk(ordered: FloatArray, level: float) -> tuple[float, float]:
    n, at = len(ordered), _rank(len(ordered), level)
    aside = math.sqrt(n * level * (1 - level))
    low, high = max(math.floor(at - aside), 0), min(math.ceil(at + aside), n - 1)
    return float(ordered[at]), float(ordered[high] - ordered[low]) / 2


def _worst(losses: FloatArray) -> NDArray[np.int64]:
    """Find the simulations beyond the value at risk."""
    order = np.argsort(losses, kind="stable")
    return order[_rank(len(losses), _SHORTFALL_LEVEL) + 1 :]


def _contributions(
    draws: Draws,
    simulation: LossSimulation,
    measured: Iterable[tuple[str, Simulated]],
    share: float,
) -> pd.DataFrame:
    regions = np.array([*draws.regions, UNSEEN], object)
    industries = np.array([*draws.industries, UNSEEN], object)
    tables = []
    for measure, lost in measured:
        variance = np.maximum(lost.of_cell_squared - lost.of_cell**2, 0.0)
        tables.append(
            pd.DataFrame(
                {
                    "region": regions[simulation.cells[:, 0]],
                    "industry": industries[simulation.cells[:, 1]],
                    "measure": measure,
                    "contribution": share * lost.of_cell,
                    "mc_error": share * np.sqrt(variance / len(lost.loss)),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
