"""The report of a month's joint risk: one page that needs nothing from outside."""

import datetime as dt
from typing import Any

from comove.connection import connect_serving
from comove.joint_risk.report_facts import JointFacts, read_facts
from comove.joint_risk.report_sections import all_sections
from comove.portfolio import load_portfolio
from comove.risk_model.page import Heading, write_month
from comove.settings import Settings


def write_report(settings: Settings, *, run_id: str, month: dt.date) -> dict[str, Any]:
    """Write the page of a month from the published copy and the posterior's folder.

    Parameters
    ----------
    settings : Settings
        Say which home; priors and bounds are shown beside the posterior.
    run_id : str
        Run reported.
    month : date
        First day of its month: the last one whose events were known.

    Returns
    -------
    dict
        ``page``, ``reports/joint_risk/<YYYY-MM>/index.html``, relative to the home; one
        of an earlier run of the month is replaced. ``findings``: sentences it says.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    home = settings.places
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        facts = read_facts(
            connection, home, portfolio=portfolio, run_id=run_id, month=month
        )
    heading = _heading(facts)
    sections = all_sections(facts, settings, heading.origin)
    return write_month(home, "joint_risk", heading, sections)


def _heading(facts: JointFacts) -> Heading:
    versions = facts.fits["model_version"] if len(facts.fits) else ()
    return Heading(
        title="Joint risk",
        portfolio=facts.portfolio,
        run_id=facts.run_id,
        month=facts.month,
        model_version=facts.model_version,
        versions=frozenset(str(version) for version in versions),
    )
