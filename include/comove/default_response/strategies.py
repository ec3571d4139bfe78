"""The seed `risk_strategies`: what is done about debtors of which index."""

import math
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from comove.default_response.scratch import ResponseError

LENDING_CONTROL, COLLECTION, FREEZE = STRATEGIES = (
    "lending_control",
    "collection",
    "freeze",
)
SCOPES = ("region", "industry", "both")
_WHERE = "dbt_project/seeds/risk_strategies.csv"


@dataclass(frozen=True)
class Strategy:
    """One row of the seed.

    Parameters
    ----------
    strategy : str
        ``lending_control``, ``collection`` or ``freeze``.
    index_from, index_to : float
        Interval of the index, the upper end excluded; infinity where the seed is empty.
    min_joint_probability : float
        Debtors less likely to fall get no strategy.
    contacts_per_week : float or None
        To which the frequency of contacts is raised; None leaves it as it is.
    limit_factor : float or None
        New limits are multiplied by it, 0 refuses; None writes no rule.
    valid_months : int or None
        How long such a rule holds.
    scope : str or None
        What a rule may go by: ``region``, ``industry`` or ``both``.
    """

    strategy: str
    index_from: float
    index_to: float
    min_joint_probability: float
    contacts_per_week: float | None
    limit_factor: float | None
    valid_months: int | None
    scope: str | None


def read_strategies(connection: duckdb.DuckDBPyConnection) -> tuple[Strategy, ...]:
    """Read the strategies, least index first.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, its seeds loaded.

    Raises
    ------
    ResponseError
        When the seed is not loaded, or says what cannot be obeyed: names the row.
    """
    try:
        rows = connection.execute(
            """
            select
                strategy, index_from, coalesce(index_to, 'infinity'::double),
                min_joint_probability, contacts_per_week, limit_factor, valid_months,
                scope
            from risk.risk_strategies
            order by index_from, strategy
            """
        ).fetchall()
    except duckdb.CatalogException as error:
        raise ResponseError(
            "the strategies have not been loaded.",
            where="risk.risk_strategies",
            remedy="Run the task `load_strategies` of the DAG `default_response`.",
        ) from error
    strategies = tuple(Strategy(*row) for row in rows)
    for one in strategies:
        _check(one)
    for before, after in pairwise(strategies):
        _check_order(before, after)
    return strategies


def _check(one: Strategy) -> None:
    if one.strategy not in STRATEGIES:
        raise _refused(one, f"is none of {', '.join(STRATEGIES)}")
    if not 0 < one.index_from < one.index_to or not math.isfinite(one.index_from):
        raise _refused(one, "has an empty interval of the index")
    if not 0 <= one.min_joint_probability <= 1:
        raise _refused(one, "has a floor that is no probability")
    if one.strategy == COLLECTION and not (one.contacts_per_week or 0) > 0:
        raise _refused(one, "raises no frequency of contacts")
    if one.limit_factor is not None:
        _check_rule(one)
    elif one.strategy == LENDING_CONTROL:
        raise _refused(one, "has no limit_factor")


def _check_rule(one: Strategy) -> None:
    if not 0 <= (one.limit_factor or 0.0) < 1:
        raise _refused(one, "has a limit_factor outside of [0, 1)")
    if one.valid_months is None or one.valid_months < 1:
        raise _refused(one, "writes rules without saying for how many months")
    if one.scope not in SCOPES:
        raise _refused(one, f"has a scope that is none of {', '.join(SCOPES)}")


def _check_order(before: Strategy, after: Strategy) -> None:
    if after.index_from < before.index_to:
        raise _refused(after, f"begins before {before.strategy!r} has ended")


def _refused(one: Strategy, what: str) -> ResponseError:
    return ResponseError(
        f"the strategy {one.strategy!r} from index {one.index_from:g} {what}.",
        where=_WHERE,
        remedy="Correct the seed and run again; nothing was written.",
    )
