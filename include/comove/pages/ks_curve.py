"""One cell of the score drift: how good and bad applications lie over the score."""

# ruff: noqa: S608 - SQL of the columns and stages named below

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from comove.pages.published import NotPublishedError, Published
from comove.score_drift.selection import ENDS

APPLICATIONS = "risk.application_label"
# Points of a curve; the largest distance is always one of them.
MOST_POINTS = 400
# Sums over labelled applications up to a score, and shares of all of the cell.
_CURVE = """
    with counted as (
        select
            score,
            count(*) filter (where {label} = 'good') as good,
            count(*) filter (where {label} = 'bad') as bad
        from risk.application_label
        where
            score is not null and {label} in ('good', 'bad')
            and cohort_month between $first::date and $last::date
            and funnel_end in ({ends}) {cut}
        group by score
    ),

    summed as (
        select
            score,
            sum(good) over w / nullif(sum(good) over (), 0) as good,
            sum(bad) over w / nullif(sum(bad) over (), 0) as bad,
            row_number() over w as place,
            count(*) over () as places,
            sum(good) over ()::bigint as n_good,
            sum(bad) over ()::bigint as n_bad
        from counted
        window w as (order by score)
    )

    select score, good, bad, n_good, n_bad, abs(good - bad) as distance
    from summed
    where
        place % greatest(1, places // {most}) = 0 or place in (1, places)
        or abs(good - bad) >= (select max(abs(good - bad)) from summed) - 1e-9
    order by score
"""


class Cell(BaseModel):
    """Which cell: stage, cohort, label, and the cut of the matrix.

    Parameters
    ----------
    stage, label : str
        As in ``risk.score_drift``.
    cohort_month : date
        First day.
    cut_by, cut_value : str
        As in ``risk.score_drift_cut``; ``all`` for the whole matrix.
    """

    stage: Annotated[str, Field(pattern=f"^({'|'.join(ENDS)})$")]
    cohort_month: dt.date
    label: Literal["policy", "performance"]
    cut_by: Literal["all", "channel", "region", "product"] = "all"
    cut_value: Annotated[str, Field(max_length=200)] = "all"

    @property
    def table(self) -> str:
        """Where the cell's figures are."""
        return "risk.score_drift" if self.cut_by == "all" else "risk.score_drift_cut"

    @property
    def title(self) -> str:
        """What a reader calls it."""
        cut = "" if self.cut_by == "all" else f", {self.cut_by} {self.cut_value}"
        stage = self.stage.replace("_", " ")
        return f"{stage}, {self.cohort_month:%B %Y}, {self.label} label{cut}"


def cell_figures(published: Published, cell: Cell) -> dict[str, Any]:
    """Give the cell's row: counts, KS with its interval, changes, flags.

    Raises
    ------
    NotPublishedError
        If there is no such cell.
    """
    published.columns(cell.table)
    cut = (
        "" if cell.cut_by == "all" else "and cut_by = $cut_by and cut_value = $cut_value"
    )
    rows = published.query(
        f"select * from {cell.table} where stage = $stage and label = $label "
        f"and cohort_month = $cohort_month {'' if cell.cut_by == 'all' else cut}",
        dict(cell),
    )
    if not rows:
        raise NotPublishedError(
            "there is no such cell.",
            where=cell.table,
            remedy="Choose one from the matrix.",
        )
    return rows[0]


def ks_curve(published: Published, cell: Cell) -> dict[str, Any]:
    """Compute the curves of a cell and of the baseline months.

    Parameters
    ----------
    published : Published
        The published copy.
    cell : Cell
        Which.

    Returns
    -------
    dict
        ``rows``: ``x`` (score), ``y`` (share of the class at or below it), ``series``;
        ``mark``: where good and bad lie farthest apart, exactly, or None.
    """
    published.columns(APPLICATIONS)
    own = _points(published, cell, cell.cohort_month, cell.cohort_month)
    rows = _series(own, "")
    request = _baseline(published)
    if request:
        base = _points(published, cell, request["baseline_from"], request["baseline_to"])
        rows += _series(base, ", baseline months")
    at = cell_figures(published, cell)["ks_at_score"]
    return {"rows": rows, "mark": _mark(own, at)}


def _baseline(published: Published) -> dict[str, Any] | None:
    if "audit.drift_request" not in published.tables():
        return None
    found = published.query("select * from audit.drift_request limit 1", {})
    return found[0] if found and found[0]["baseline_from"] else None


def _points(
    published: Published, cell: Cell, first: object, last: object
) -> list[dict[str, Any]]:
    ends = ", ".join(f"'{end}'" for end in ENDS[cell.stage])
    cut = "" if cell.cut_by == "all" else f"and {cell.cut_by} = $cut_value"
    sql = _CURVE.format(label=f"{cell.label}_label", ends=ends, cut=cut, most=MOST_POINTS)
    values = {"first": first, "last": last, "cut_value": cell.cut_value}
    return published.query(sql, values)


def _series(points: list[dict[str, Any]], suffix: str) -> list[dict[str, Any]]:
    return [
        {
            "x": point["score"],
            "y": point[name],
            "series": f"{name} ({point[f'n_{name}']:,}){suffix}",
        }
        for name in ("good", "bad")
        for point in points
        if point[name] is not None
    ]


def _mark(points: list[dict[str, Any]], at: float | None) -> dict[str, Any] | None:
    known = [point for point in points if point["distance"] is not None]
    if not known or at is None:
        return None
    most = max(point["distance"] for point in known)
    # Where several scores are as far apart, the one that was published.
    largest = min(
        (point for point in known if point["distance"] >= most - 1e-9),
        key=lambda point: abs(float(point["score"]) - at),
    )
    return {
        "x": largest["score"],
        "low": min(largest["good"], largest["bad"]),
        "high": max(largest["good"], largest["bad"]),
        "text": f"KS {most:.3f} at {largest['score']:g}",
    }
