"""The page of the decisions of a month: funnel, reasons, limits, fairness, outcomes."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd

from comove.connection import connect_serving
from comove.decision.report_facts import DecisionFacts, read_facts
from comove.decision.report_pictures import (
    fairness_picture,
    funnel_picture,
    limit_picture,
)
from comove.portfolio import load_portfolio
from comove.risk_model.page import Heading, write_page
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
        Last month of applications, first day.

    Returns
    -------
    dict
        ``page``, ``reports/credit_decision/<YYYY-MM>/index.html``, relative to the home;
        one of an earlier run of the month is replaced. ``decided``: how many
        applications it covers.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    home = settings.places
    with connect_serving(settings) as connection:
        facts = read_facts(connection, run_id=run_id, month=month)
    portfolio = load_portfolio(settings.portfolio).title
    heading = Heading("Credit decisions", portfolio, run_id, month)
    page = write_page(
        home.reports / "credit_decision" / f"{month:%Y-%m}",
        heading,
        all_sections(facts, heading.origin),
    )
    return {"page": str(page.relative_to(home.root)), "decided": facts.decided}


def all_sections(facts: DecisionFacts, origin: str) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : DecisionFacts
        What the tables hold.
    origin : str
        Run and month, for the pictures.
    """
    return [
        Section("summary", "Findings", tuple(findings(facts))),
        _funnel(facts, origin),
        _limits(facts, origin),
        _outcomes(facts),
        _fairness(facts, origin),
        checks_section(facts.checks),
    ]


def findings(facts: DecisionFacts) -> Iterable[str]:
    """Say in sentences what was decided, and what waits for whom.

    Parameters
    ----------
    facts : DecisionFacts
        What the tables hold.
    """
    if not facts.decided:
        yield "No application was decided: there was none."
        return
    refused = facts.funnel.loc[facts.funnel["refused_at"].notna(), "applications"].sum()
    yield f"{facts.decided:,} applications decided, {int(refused):,} of them refused."
    waiting = facts.review.set_index("review_status")["applications"]
    if n := int(waiting.get("waiting", 0)):
        yield f"{n:,} decisions wait for a person, under Required Actions of the run."
    if n := int(waiting.get("returned", 0)):
        yield f"{n:,} were returned by a person, to be decided one by one."
    linked, pairs = (
        int(facts.identities[name].iloc[0]) for name in ("linked", "waiting")
    )
    if linked or pairs:
        yield (
            f"{linked:,} borrowers are known under a former id; {pairs:,} pairs of ids "
            "wait in risk.identity_review."
        )
    yield from _unfair(facts.fairness)


def _unfair(fairness: pd.DataFrame) -> Iterable[str]:
    """Name groups surely admitted less than four fifths as often as the best."""
    for row in fairness[fairness["four_fifths_high"] < 0].to_dict("records"):
        yield (
            f"{row['group_name']} ({row['attribute'].replace('_', ' ')}) is admitted in "
            f"{row['approval_rate']:.0%} of {row['applications']:,} applications, less "
            f"than four fifths as often as {row['best_group']}: the difference is "
            f"{-100 * row['difference_high']:.0f} to {-100 * row['difference_low']:.0f} "
            "points."
        )


def _funnel(facts: DecisionFacts, origin: str) -> Section:
    rows = tuple(
        (str(row["reason"]), f"{row['applications']:,}")
        for row in facts.reasons.to_dict("records")
    )
    table = Table(
        "What is said most often to who is refused.", ("Reason", "Applications"), rows
    )
    picture = Picture(
        funnel_picture(facts.funnel, origin), "Applications left after each step"
    )
    return Section("funnel", "Who is refused, and why", (), (picture,), (table,))


def _limits(facts: DecisionFacts, origin: str) -> Section:
    rows = tuple(
        (
            str(row["limit_band"]),
            f"{row['loans']:,}",
            _amount(row["lent"]),
            _share(row["lent_bad"], row["lent"]),
            _amount(row["would_lend"]),
            _share(row["would_lend_bad"], row["would_lend"]),
        )
        for row in facts.losses.to_dict("records")
    )
    head = (
        "Limit band",
        "Loans",
        "Lent",
        "of it to bad",
        "Within limits",
        "of it to bad",
    )
    table = Table(
        "Loans with a known outcome: what was lent, and what the limits would have let.",
        head,
        rows,
    )
    picture = Picture(limit_picture(facts.bands, origin), "Limits by score")
    tables = (table, _losses(facts.losses)) if rows else ()
    return Section("limits", "How much", (), (picture,), tables)


def _losses(losses: pd.DataFrame) -> Table:
    rows = tuple(
        (
            str(row["limit_band"]),
            f"{row['events']:,}",
            _amount(row["unpaid_then"]),
            _lost(row["unpaid_then"], row["lent"]),
            _amount(row["unpaid"]),
            _lost(row["unpaid"], row["lent"]),
            _lost(row["would_lose"], row["would_lend"]),
        )
        for row in losses.to_dict("records")
    )
    head = (
        "Limit band",
        "Loans with an event",
        "Unpaid then",
        "of lent",
        "Unpaid still",
        "of lent",
        "Within limits",
    )
    return Table(
        "The same loans: principal unpaid at the month end before the event, and what of "
        "it was neither paid nor recovered by the last month built. Within limits: had "
        "each lost the same share. Empty where the lender dates no event.",
        head,
        rows,
    )


def _outcomes(facts: DecisionFacts) -> Section:
    strategies = tuple(
        (
            str(row["strategy"]),
            "existing" if row["is_existing_borrower"] else "new",
            f"{row['applications']:,}",
            _amount(row["limits"]),
            f"{row['known']:,}",
            _share(row["bad"], row["known"]),
        )
        for row in facts.strategies.to_dict("records")
    )
    head = ("Strategy", "Borrower", "Applications", "Limits", "Outcomes known", "Bad")
    lender = tuple(
        (
            str(row["lender"]),
            str(row["ours"]),
            f"{row['applications']:,}",
            f"{row['known']:,}",
            _share(row["bad"], row["known"]),
        )
        for row in facts.lender.to_dict("records")
    )
    lender_head = ("The lender's", "Ours", "Applications", "Outcomes known", "Bad")
    return Section(
        "outcomes",
        "What became of them",
        (
            "Outcomes are known of loans that the lender granted; of who it refused "
            "nobody knows. Decisions no model could make are left out.",
        ),
        (),
        (
            Table("Strategies and bad loans.", head, strategies, texts=2),
            Table("The lender's decision and ours.", lender_head, lender, texts=2),
        ),
    )


def _fairness(facts: DecisionFacts, origin: str) -> Section:
    pictures = tuple(
        Picture(
            fairness_picture(facts.fairness, attribute, origin),
            f"Approval and mean limit by {attribute}, with 95 % intervals",
        )
        for attribute in ("age_band", "kind", "region")
    )
    words = (
        "Intervals know that applications of one borrower are decided alike. The best "
        "group is that admitted most often of those with 30 applications and more; "
        "orange are groups surely admitted less than four fifths as often, its own error "
        "counted. "
        "That it was chosen for its share is not in the intervals.",
        "Differences between groups may come from income and history; whether they are "
        "fair is for people to judge. Age and region are no features of the admission "
        "model; the application score has both among its own.",
    )
    return Section("fairness", "Approval by group", words, pictures)


def _amount(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"


def _lost(part: Any, whole: Any) -> str:
    return "" if pd.isna(part) else _share(part, whole)


def _share(part: Any, whole: Any) -> str:
    if pd.isna(whole) or not whole:
        return ""
    return f"{(0 if pd.isna(part) else part) / whole:.1%}"
