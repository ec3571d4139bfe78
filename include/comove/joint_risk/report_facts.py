"""What the report of a month tells: aggregates of what was published, no borrower."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import xarray as xr

from comove.connection import literal
from comove.home import Home
from comove.joint_risk.derive import LOSS_DISTRIBUTION
from comove.joint_risk.posterior import PosteriorError, read_trace
from comove.risk_model.folds import month_of, number

INDEPENDENT = "independent"
MOST_CELLS = 36
_NO_RUN = "the run stored nothing for this month"

_INDEX_SQL = """
    select {what} as group_name, count(*) as n, sum(pd) as pd_mass,
        sum(joint_probability) as joint_mass,
        quantile_cont(joint_risk_index, [0.05, 0.25, 0.5, 0.75, 0.95]) as index_quantiles
    from risk.joint_risk_index
    where month = {next}
    group by {what}
    order by joint_mass desc, group_name
"""
_CHANGE_SQL = """
    select count(*) as n, sum(exposure) as exposure, sum(pd) as pd_mass,
        sum(joint_probability) as joint_mass,
        sum(joint_probability) filter (joint_risk_index_previous is not null) as mass_now,
        sum(joint_risk_index_previous * pd) as mass_by_previous,
        count(joint_risk_index_previous) as n_previous,
        median(joint_risk_index) as index_median,
        median(joint_risk_change) as change_median,
        count(*) filter (change_q05 > 1) as n_riskier,
        count(*) filter (change_q95 < 1) as n_safer,
        count(*) filter (q05 > 1) as n_index_above,
        any_value(model_version) as model_version
    from risk.joint_risk_index
    where month = {next}
"""
# Laid out by industry, then region, so that blocks show which of the two is shared.
_CELLS_SQL = """
    with cells as (
        select region, industry, concat(region, ' · ', industry) as cell
        from risk.joint_risk_index
        where month = {next}
        group by region, industry
        order by count(*) desc, region, industry
        limit {most}
    )

    select
        one.cell as a, other.cell as b, links.correlation, one.region, one.industry
    from risk.cell_link as links
    inner join cells as one
        on links.region_a = one.region and links.industry_a = one.industry
    inner join cells as other
        on links.region_b = other.region and links.industry_b = other.industry
    where links.month = {next}
"""
_STRONGEST_SQL = """
    select *
    from risk.cell_link
    where
        month = {next}
        and (region_a, industry_a) < (region_b, industry_b)
    order by lift desc, region_a, industry_a, region_b, industry_b
    limit 15
"""
_EVENT_SQL = """
    with linked as (
        select
            event_id, count(*) as debtors, sum(exposure) as exposure,
            sum(exposure * joint_probability) as exposure_expected
        from risk.linked_debtor
        group by event_id
    )

    select
        events.event_id, events.month, events.as_of_month, events.region,
        events.industry, events.pd_star, linked.debtors, linked.exposure,
        linked.exposure_expected
    from risk.default_event as events
    inner join linked on events.event_id = linked.event_id
    where events.as_of_month = (
        select max(as_of_month) from risk.default_event where as_of_month <= {last}
    )
    order by linked.exposure desc, linked.debtors desc, events.event_id
    limit 1
"""
_EVENT_CELLS_SQL = """
    select
        region, industry, count(*) as debtors, sum(exposure) as exposure,
        avg(link_lift) as lift, avg(joint_risk_index) as joint_risk_index,
        sum(joint_probability) as expected_events
    from risk.linked_debtor
    where event_id = {event}
    group by region, industry
    order by lift desc, region, industry
"""


@dataclass(frozen=True)
class Event:
    """One default and whom it is linked to, by cell.

    Parameters
    ----------
    region, industry : str
        Groups of the fallen borrower.
    month : date
        When he fell, first day.
    debtors : int
        Borrowers linked.
    exposure : float
        What they owe.
    cells : DataFrame
        ``region``, ``industry``, ``debtors``, ``exposure``, ``lift``,
        ``joint_risk_index``, ``expected_events`` of the linked, strongest lift first.
    """

    region: str
    industry: str
    month: dt.date
    debtors: int
    exposure: float
    cells: pd.DataFrame


@dataclass(frozen=True)
class JointFacts:
    """Everything the page is written from.

    Parameters
    ----------
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        Last month whose events were known, first day.
    why_nothing : str or None
        Why the run has no joint risk at all.
    posterior : dict or None
        Row of ``audit.posterior`` of what is published.
    overall : dict or None
        Sums and medians over all borrowers: ``n``, ``pd_mass``, ``joint_mass``,
        ``mass_now`` and ``mass_by_previous`` (of who was at risk before), ``n_previous``,
        ``index_median``, ``change_median``, ``n_riskier``, ``n_safer``.
    indices : mapping of str to DataFrame
        By attribute: ``group_name``, ``n``, ``pd_mass``, ``joint_mass``, ``q05``,
        ``q25``, ``q50``, ``q75``, ``q95`` of the borrowers' indices.
    concentration : DataFrame
        Rows of ``risk.concentration`` of the month to come.
    factors : DataFrame
        Rows of ``risk.factor_posterior``.
    correlations : DataFrame
        Of two borrowers of the cells with most of them, a square of cells.
    links : DataFrame
        Strongest links between different cells, from ``risk.cell_link``.
    event : Event or None
        Largest default answered.
    validation : DataFrame
        Rows of ``risk.index_validation`` up to the month.
    comparison : DataFrame
        Rows of ``risk.model_comparison`` (PSIS-LOO) of the month, best first.
    losses, loss_cells : DataFrame
        Rows of ``risk.portfolio_loss`` and ``risk.portfolio_loss_cell``.
    loss_bins : DataFrame
        ``copula``, ``bin_from``, ``bin_to``, ``share`` of simulated losses.
    fits : DataFrame
        Rows of ``audit.posterior`` up to the month, newest first.
    trace : xarray.Dataset or None
        Of the published posterior.
    why_no_trace : str
        Why there is none.
    checks : DataFrame
        Of the run, from ``audit.quality_result``.
    """

    portfolio: str
    run_id: str
    month: dt.date
    why_nothing: str | None
    posterior: Mapping[str, Any] | None
    overall: Mapping[str, Any] | None
    indices: Mapping[str, pd.DataFrame]
    concentration: pd.DataFrame
    factors: pd.DataFrame
    correlations: pd.DataFrame
    links: pd.DataFrame
    event: Event | None
    validation: pd.DataFrame
    comparison: pd.DataFrame
    losses: pd.DataFrame
    loss_cells: pd.DataFrame
    loss_bins: pd.DataFrame
    fits: pd.DataFrame
    trace: xr.Dataset | None
    why_no_trace: str
    checks: pd.DataFrame

    @property
    def next_month(self) -> dt.date:
        """Month that is predicted."""
        return month_of(number(self.month) + 1)

    @property
    def model_version(self) -> str | None:
        """Posterior that predicts it."""
        return None if self.overall is None else str(self.overall["model_version"])

    @property
    def why_missing(self) -> str:
        """Reason to give where a table has nothing."""
        return self.why_nothing or _NO_RUN


def read_facts(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    *,
    portfolio: str,
    run_id: str,
    month: dt.date,
) -> JointFacts:
    """Read everything the page is written from.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading.
    home : Home
        Where posteriors and the distribution of losses are.
    portfolio, run_id : str
        Title of the portfolio; which run.
    month : date
        First day of the run's month.

    Returns
    -------
    JointFacts
        Empty frames where something was never published.
    """
    reader = _Reader(connection, month)
    overall = reader.overall()
    fits = reader.fits()
    posterior = _row_of(fits, overall)
    trace, why_no_trace = _trace(home, posterior)
    return JointFacts(
        portfolio=portfolio,
        run_id=run_id,
        month=month,
        why_nothing=reader.why_nothing(run_id),
        posterior=posterior,
        overall=overall,
        indices={what: reader.indices(what) for what in ("region", "industry")},
        concentration=reader.of_next("risk.concentration"),
        factors=reader.factors(),
        correlations=reader.correlations(),
        links=reader.frame(_STRONGEST_SQL, "risk.cell_link"),
        event=reader.event(),
        validation=reader.validation(),
        comparison=reader.comparison(),
        losses=reader.of_next("risk.portfolio_loss"),
        loss_cells=reader.of_next("risk.portfolio_loss_cell"),
        loss_bins=_loss_bins(home, month),
        fits=fits,
        trace=trace,
        why_no_trace=why_no_trace,
        checks=reader.checks(run_id),
    )


def pooled_skill(validation: pd.DataFrame) -> pd.DataFrame:
    r"""Pool the skill of each model over months.

    With :math:`b_t` the summed log loss of PD alone in month t and :math:`d_t` what a
    model saves of it, skill is :math:`s = \sum d_t / \sum b_t`. Borrowers of a month move
    together, so months, not borrowers, are the units of its standard error,
    :math:`\sqrt{\frac{T}{T - 1} \sum (d_t - s b_t)^2} / \sum b_t` (the ratio estimator;
    Cochran, Sampling Techniques, 1977, section 6.4).

    Parameters
    ----------
    validation : DataFrame
        ``model``, ``month``, ``log_loss``, ``n``, ``events``; only months that both the
        model and PD alone have are pooled.

    Returns
    -------
    DataFrame
        ``model``, ``months``, ``n``, ``events``, ``log_loss``, ``skill``, ``skill_se``
        (missing with one month), ``better_months``; best skill first.
    """
    columns = [
        "model", "months", "n", "events", "log_loss", "skill", "skill_se",
        "better_months",
    ]  # fmt: skip
    if validation.empty:
        return pd.DataFrame(columns=columns)
    base = validation[validation["model"] == INDEPENDENT].set_index("month")["log_loss"]
    joined = validation[validation["month"].isin(base.index)]
    rows = [_pooled(str(name), one, base) for name, one in joined.groupby("model")]
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values(["skill", "model"], ascending=[False, True])


def _pooled(name: str, one: pd.DataFrame, base: pd.Series) -> dict[str, Any]:
    n = one["n"].to_numpy(float)
    reference = n * base.loc[one["month"]].to_numpy(float)
    saved = reference - n * one["log_loss"].to_numpy(float)
    months, skill = len(one), saved.sum() / reference.sum()
    left = np.square(saved - skill * reference).sum()
    error = np.sqrt(left * months / (months - 1)) if months > 1 else np.nan
    return {
        "model": name,
        "months": months,
        "n": int(n.sum()),
        "events": int(one["events"].sum()),
        "log_loss": (reference.sum() - saved.sum()) / n.sum(),
        "skill": skill,
        "skill_se": error / reference.sum(),
        "better_months": int((saved > 0).sum()),
    }


class _Reader:
    """Reads aggregates of one published copy as of a month."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, month: dt.date) -> None:
        self._connection = connection
        self._dates = {
            "last": f"date {literal(month.isoformat())}",
            "next": f"date {literal(month_of(number(month) + 1).isoformat())}",
        }
        self._tables = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "select table_schema, table_name from information_schema.tables"
            ).fetchall()
        }

    def frame(self, query: str, *tables: str, **given: str) -> pd.DataFrame:
        """Run a query; an empty frame where a table it needs was never published."""
        if not set(tables) <= self._tables:
            return pd.DataFrame()
        return self._connection.execute(query.format(**self._dates, **given)).df()

    def of_next(self, table: str) -> pd.DataFrame:
        """Read the rows about the month to come."""
        query = "select * from {table} where month = {next}"
        return self.frame(query, table, table=table)

    def why_nothing(self, run_id: str) -> str | None:
        found = self.frame(
            "select reason from audit.unavailable_model where run_id = {run}",
            "audit.unavailable_model",
            run=literal(run_id),
        )
        return str(found["reason"].iloc[0]) if len(found) else None

    def overall(self) -> dict[str, Any] | None:
        found = self.frame(_CHANGE_SQL, "risk.joint_risk_index")
        if found.empty or not found["n"].iloc[0]:
            return None
        return {str(name): value for name, value in found.iloc[0].to_dict().items()}

    def indices(self, what: str) -> pd.DataFrame:
        found = self.frame(_INDEX_SQL, "risk.joint_risk_index", what=what)
        if found.empty:
            return found
        quantiles = np.stack(found.pop("index_quantiles").to_list())
        names = ["q05", "q25", "q50", "q75", "q95"]
        return found.assign(**dict(zip(names, quantiles.T, strict=True)))

    def factors(self) -> pd.DataFrame:
        return self.frame(
            """
            select * from risk.factor_posterior where as_of_month = {last}
            order by parameter, group_name, month
            """,
            "risk.factor_posterior",
        )

    def correlations(self) -> pd.DataFrame:
        """Give correlations of the cells with most borrowers as a square."""
        tables = "risk.cell_link", "risk.joint_risk_index"
        found = self.frame(_CELLS_SQL, *tables, most=str(MOST_CELLS))
        if found.empty:
            return found
        order = found.sort_values(["industry", "region"])["a"].unique()
        square = found.pivot(index="a", columns="b", values="correlation")
        return square.reindex(index=order, columns=order)

    def event(self) -> Event | None:
        tables = "risk.default_event", "risk.linked_debtor"
        found = self.frame(_EVENT_SQL, *tables)
        if found.empty:
            return None
        row = found.iloc[0]
        cells = self.frame(_EVENT_CELLS_SQL, *tables, event=literal(row["event_id"]))
        month = pd.Timestamp(row["month"]).date()
        debtors, exposure = int(row["debtors"]), float(row["exposure"])
        place = str(row["region"]), str(row["industry"])
        return Event(*place, month, debtors, exposure, cells)

    def validation(self) -> pd.DataFrame:
        return self.frame(
            """
            select * from risk.index_validation where month <= {last}
            order by month, model
            """,
            "risk.index_validation",
        )

    def comparison(self) -> pd.DataFrame:
        return self.frame(
            """
            select * from risk.model_comparison where month = {last}
            order by elpd_loo desc, model
            """,
            "risk.model_comparison",
        )

    def fits(self) -> pd.DataFrame:
        return self.frame(
            """
            select * from audit.posterior where as_of_month <= {last}
            order by as_of_month desc, factors, copula, fitted_at desc
            """,
            "audit.posterior",
        )

    def checks(self, run_id: str) -> pd.DataFrame:
        return self.frame(
            """
            select stage, check_name, severity, success, observed, expected
            from audit.quality_result
            where run_id = {run}
            order by success, stage, severity, check_name
            """,
            "audit.quality_result",
            run=literal(run_id),
        )


def _row_of(
    fits: pd.DataFrame, overall: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    if fits.empty or overall is None:
        return None
    found = fits[fits["model_version"] == overall["model_version"]]
    if found.empty:
        return None
    return {str(name): value for name, value in found.iloc[0].to_dict().items()}


def _trace(
    home: Home, posterior: Mapping[str, Any] | None
) -> tuple[xr.Dataset | None, str]:
    if posterior is None:
        return None, "no posterior is published for this month"
    try:
        return read_trace(home.root / str(posterior["artifact_path"])), ""
    except PosteriorError:
        return None, "the posterior's folder is not there, or cannot be read"


def _loss_bins(home: Home, month: dt.date) -> pd.DataFrame:
    file: Path = home.artifacts / "joint_risk" / f"{month:%Y-%m}" / LOSS_DISTRIBUTION
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame()
