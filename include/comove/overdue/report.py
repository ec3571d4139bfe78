"""The page of the overdue assessment: ratings, the model, recovery against cost."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from comove.connection import connect_serving
from comove.overdue.report_facts import OverdueFacts, read_facts
from comove.overdue.report_pictures import (
    OUTCOMES,
    calibration_picture,
    rating_picture,
    recovery_picture,
)
from comove.overdue.request import last_day
from comove.portfolio import load_portfolio
from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.metrics import auc
from comove.risk_model.page import Heading, write_month
from comove.risk_model.sections import Picture, Section, Table, checks_section
from comove.settings import Settings


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write the page of a month from the published copy.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Run reported.
    month : date
        Month assessed, first day.

    Returns
    -------
    dict
        ``page``, ``reports/overdue/<YYYY-MM>/index.html``, relative to the home; one of
        an earlier run of the month is replaced. ``findings``: sentences it says.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        facts = read_facts(connection, run_id=run_id, month=month)
    heading = Heading("Overdue assessment", portfolio, run_id, month, _model(facts))
    sections = all_sections(facts, settings, month, heading.origin)
    return write_month(settings.places, "overdue", heading, sections)


def all_sections(
    facts: OverdueFacts, settings: Settings, month: dt.date, origin: str
) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : OverdueFacts
        What the tables hold.
    settings : Settings
        The target.
    month : date
        Of the run, first day.
    origin : str
        Run, month and model version, for the pictures.
    """
    return [
        Section("summary", "Findings", tuple(findings(facts, settings, month))),
        _ratings(facts, origin),
        _probabilities(facts, origin),
        _recovery(facts, origin),
        _models(facts),
        checks_section(facts.checks),
    ]


def findings(facts: OverdueFacts, settings: Settings, month: dt.date) -> Iterable[str]:
    """Say in sentences what was found.

    Parameters
    ----------
    facts, settings, month
        As of `all_sections`.
    """
    yield (
        f"The target type is {settings.overdue_target_type}: "
        f"{_repays(settings)} {settings.overdue_target_share:.0%} of the overdue amount "
        f"within {settings.overdue_target_days} days."
    )
    if facts.unavailable:
        yield f"No model of the type is available: {facts.unavailable}"
    end = pd.Timestamp(last_day(month))
    rows = facts.months
    now = rows[pd.to_datetime(rows["as_of"]) == end] if len(rows) else rows
    if now.empty:
        yield f"Nobody was overdue on {end:%Y-%m-%d}."
        return
    owed = now["overdue_amount"].sum()
    yield f"{now['borrowers'].sum():,} borrowers owed {owed:,.0f} on {end:%Y-%m-%d}."
    counts = now.set_index("outcome")["borrowers"]
    yield (
        "; ".join(
            f"{words}: {counts[name]:,}"
            for name, (words, _) in OUTCOMES.items()
            if name in counts
        )
        + "."
    )


def _repays(settings: Settings) -> str:
    if settings.overdue_target_type == "recoverable":
        return "repays at least"
    return "repays less than"


def _model(facts: OverdueFacts) -> str | None:
    rows = facts.models
    used = rows[rows["status"] != "refused"] if len(rows) else rows
    return None if used.empty else str(used["model_version"].iloc[0])


def _ratings(facts: OverdueFacts, origin: str) -> Section:
    return Section(
        "ratings",
        "Who was rated how",
        (
            "Rating by repayment capacity = (liquid + fixed assets - overdue amount) / "
            "overdue amount: 1 and more is low risk, 0.5 to below 1 medium, less high. "
            "Only borrowers of the target type have one; where an asset is not known the "
            "data is insufficient.",
        ),
        (Picture(rating_picture(facts.months, origin), "Shares of ratings by month"),),
    )


def _probabilities(facts: OverdueFacts, origin: str) -> Section:
    words = ["No case was predicted by a model that knew its outcome."]
    months = facts.by_month
    if len(months):
        y, p = facts.predicted["y"].to_numpy(), facts.predicted["pd"].to_numpy()
        words.append(
            f"AUC over all {len(y):,} cases with a known outcome: "
            f"{figure_text(_number(auc(y, p)))}."
        )
    table = _table(
        "By month end, newest first.",
        months.iloc[::-1],
        ("Month end", "Cases", "Repaid in time", "Expected", "AUC", "95 %"),
        lambda row: f"{row['as_of']:%Y-%m-%d}",
        lambda row: f"{row['cases']:,}",
        lambda row: f"{row['repaid']:,}",
        lambda row: f"{row['expected']:,.1f}",
        lambda row: figure_text(_number(row["auc"])),
        lambda row: _between(row["auc"], row["auc_error"]),
    )
    return Section(
        "probabilities",
        "Who repays: predicted and observed",
        tuple(words),
        (
            Picture(
                calibration_picture(facts.counts, origin),
                "Share that repaid by predicted probability",
            ),
        ),
        (table,) if len(months) else (),
    )


def _recovery(facts: OverdueFacts, origin: str) -> Section:
    table = _table(
        "Cases whose outcome is known, cheapest strategy first.",
        facts.strategies,
        (
            "Strategy", "Rating", "Borrowers", "Overdue", "Planned cost",
            "Expected back", "Came back", "Cost / came back",
        ),
        lambda row: str(row["collection_strategy"]).replace("_", " "),
        lambda row: str(row["rating"]),
        lambda row: f"{row['borrowers']:,}",
        lambda row: f"{row['overdue_amount']:,.0f}",
        lambda row: f"{row['planned_cost']:,.0f}",
        lambda row: f"{row['expected_recovery']:,.0f}",
        lambda row: f"{row['repaid_amount']:,.0f}",
        lambda row: percent_text(_ratio(row["planned_cost"], row["repaid_amount"])),
        texts=2,
    )  # fmt: skip
    return Section(
        "recovery",
        "Recovery against cost",
        (
            "What came back would in part have come back without any strategy: nothing "
            "here says what a strategy brings.",
        ),
        (
            Picture(
                recovery_picture(facts.strategies, origin),
                "Cost and recovery per borrower, by strategy",
            ),
        ),
        (table,) if len(facts.strategies) else (),
    )


def _models(facts: OverdueFacts) -> Section:
    table = _table(
        "Newest first. A refused model assesses nobody; the one before goes on.",
        facts.models,
        ("Model", "Status", "From", "Learned from", "Cases", "Repaid", "Refused because"),
        lambda row: str(row["model_version"]),
        lambda row: str(row["status"]),
        lambda row: f"{row['first_month_predicted']:%Y-%m}",
        lambda row: f"{row['trained_from']:%Y-%m} to {row['trained_to']:%Y-%m}",
        lambda row: f"{row['rows_trained']:,}",
        lambda row: f"{row['events_trained']:,}",
        lambda row: row["refused_because"] or "-",
        texts=4,
    )
    words = ("Each learned from outcomes known before its months began.",)
    return Section("models", "Models", words, (), (table,) if len(facts.models) else ())


def _table(
    caption: str,
    frame: pd.DataFrame,
    head: tuple[str, ...],
    *cells: Callable[[Mapping[Any, Any]], str],
    texts: int = 1,
) -> Table:
    rows = tuple(tuple(cell(row) for cell in cells) for row in frame.to_dict("records"))
    return Table(caption, head, rows, texts)


def _between(middle: float, error: float) -> str:
    if pd.isna(middle) or pd.isna(error):
        return "-"
    low, high = max(middle - 1.96 * error, 0.0), min(middle + 1.96 * error, 1.0)
    return f"{low:.3f} to {high:.3f}"


def _ratio(part: float, whole: float) -> float | None:
    return float(part) / float(whole) if whole else None


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
