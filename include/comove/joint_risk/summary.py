"""A posterior as a table: every parameter and every factor's path."""

import datetime as dt
from collections.abc import Iterator

import arviz as az
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws

FloatArray = NDArray[np.float64]
_COLUMNS = (
    "parameter",
    "group_name",
    "month",
    "mean",
    "sd",
    "q05",
    "q95",
    "r_hat",
    "ess_bulk",
    "ess_tail",
)
_Series = tuple[str, str | None, dt.date | None, FloatArray]


def factor_table(draws: Draws, chains: int) -> pd.DataFrame:
    """Summarise posterior draws.

    Parameters
    ----------
    draws : Draws
        Chain after chain; where the chains' numbers differ by one, their last draw is
        left out of the diagnostics.
    chains : int
        Number of chains.

    Returns
    -------
    pandas.DataFrame
        One row per parameter, group and month: ``parameter`` (``loading``, ``phi``,
        ``offset`` or ``factor`` with ``_national``, ``_region``, ``_industry``; ``nu``),
        ``group_name``, ``month``, ``mean``, ``sd``, ``q05``, ``q95``, ``r_hat``,
        ``ess_bulk``, ``ess_tail`` of these draws.
    """
    found = [one for one in _series(draws) if one[3].std() > 0]
    if not found:
        return pd.DataFrame(columns=_COLUMNS)
    values = np.stack([values for *_, values in found], axis=1)
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    each = len(values) // chains
    chained = np.stack([part[:each] for part in np.array_split(values, chains)])
    axes = {"chain_axis": 0, "draw_axis": 1}
    return pd.DataFrame(
        {
            "parameter": [name for name, *_ in found],
            "group_name": [group for _, group, *_ in found],
            "month": [month for _, _, month, _ in found],
            "mean": values.mean(axis=0),
            "sd": values.std(axis=0),
            "q05": low,
            "q95": high,
            "r_hat": az.rhat(chained, **axes),
            "ess_bulk": az.ess(chained, method="bulk", **axes),
            "ess_tail": az.ess(chained, method="tail", prob=(0.05, 0.95), **axes),
        }
    )


def _series(draws: Draws) -> Iterator[_Series]:
    yield "loading_national", None, None, draws.loading_national
    for kind in ("national", "region", "industry"):
        yield f"phi_{kind}", None, None, getattr(draws, f"phi_{kind}")
    if draws.nu is not None:
        yield "nu", None, None, draws.nu
    for month, values in zip(draws.months, draws.national.T, strict=True):
        yield "factor_national", None, month, values
    yield from _of_groups(draws, "region", draws.regions)
    yield from _of_groups(draws, "industry", draws.industries)


def _of_groups(draws: Draws, kind: str, names: tuple[str, ...]) -> Iterator[_Series]:
    paths = getattr(draws, kind)
    for place, name in enumerate(names):
        for parameter in ("loading", "offset"):
            yield (
                f"{parameter}_{kind}",
                name,
                None,
                getattr(draws, f"{parameter}_{kind}")[:, place],
            )
        for at, month in enumerate(draws.months):
            yield f"factor_{kind}", name, month, paths[:, place, at]
