"""The sections of the joint-risk page: words, tables and pictures from the facts."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import pandas as pd

from comove.joint_risk import joint_pictures as portfolio
from comove.joint_risk import joint_pictures_outcome as outcome
from comove.joint_risk import joint_pictures_posterior as posterior
from comove.joint_risk.report_facts import INDEPENDENT, JointFacts, pooled_skill
from comove.joint_risk.report_words import findings, refused_rivals
from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.sections import Picture, Section, Table, checks_section
from comove.settings import Settings

MOST_ROWS = 12


def all_sections(facts: JointFacts, settings: Settings, origin: str) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : JointFacts
        What the tables hold.
    settings : Settings
        Priors of the model and bounds of its gate.
    origin : str
        Run, month and model version, for the pictures.

    Returns
    -------
    list of Section
        All of them, whatever is missing: what cannot be shown says why.
    """
    if facts.why_nothing:
        return [Section("summary", "Findings", tuple(findings(facts)))]
    return [
        Section("summary", "Findings", tuple(findings(facts))),
        _index(facts, origin),
        _concentration(facts, origin),
        _factors(facts, origin),
        _links(facts, origin),
        _event(facts, origin),
        _validation(facts, origin),
        _loss(facts, origin),
        _sampler(facts, settings, origin),
        checks_section(facts.checks),
    ]


def _index(facts: JointFacts, origin: str) -> Section:
    figure = portfolio.index_picture(facts.indices, origin, facts.why_missing)
    return Section(
        "index",
        "Joint-risk index",
        (
            "The index of a borrower is the probability of an event by the joint model, "
            "over that of the conventional model. Above 1, others have fallen more often "
            "than their PDs said, and the borrower moves with them.",
        ),
        (Picture(figure, "Spread of the index within each region and industry"),),
    )


def _concentration(facts: JointFacts, origin: str) -> Section:
    shown = facts.concentration
    figure = portfolio.concentration_picture(shown, origin, facts.why_missing)
    tables = []
    if len(shown):
        parts = shown[shown["attribute"] != "all"]
        tables = [_concentrated(str(kind), one) for kind, one in _grouped(parts)]
    return Section(
        "concentration",
        "Where the joint mass concentrates",
        (
            "Joint mass is the number of events expected when borrowers move together. "
            "What the news of the month adds is for borrowers at risk before as well.",
        ),
        (Picture(figure, "Shares of events expected by PD and jointly, by group"),),
        tuple(tables),
    )


def _grouped(parts: pd.DataFrame) -> Iterable[tuple[object, pd.DataFrame]]:
    return parts.groupby("attribute", sort=False)


def _concentrated(kind: str, one: pd.DataFrame) -> Table:
    top = one.nlargest(MOST_ROWS, "joint_mass")
    head = (
        kind.capitalize(), "Borrowers", "Events by PD", "Events jointly",
        "Jointly / by PD", "Share", "Share, change on last month", "Added by the month",
    )  # fmt: skip
    return _table(
        f"By {kind}, largest {len(top)} of {len(one)}.",
        top,
        head,
        _text("group_name"),
        _count("n"),
        _figure("pd_mass", 2),
        _figure("joint_mass", 2),
        _figure("excess_ratio", 2),
        _percent("joint_share"),
        _points("joint_share_change"),
        _signed("mass_of_change", 3),
    )


def _factors(facts: JointFacts, origin: str) -> Section:
    return Section(
        "factors",
        "Factors and loadings",
        (
            "A factor is what borrowers of the country, a region or an industry share in "
            "a month; a loading is how much it moves them. The square of a loading is "
            "the share of a borrower's latent variance that is common.",
        ),
        (
            Picture(
                posterior.paths_picture(facts.factors, origin),
                "Paths of the national factor and of those with the largest loadings",
            ),
            Picture(
                posterior.loadings_picture(facts.factors, origin),
                "Loadings of regions and industries with 90 % intervals",
            ),
        ),
    )


def _links(facts: JointFacts, origin: str) -> Section:
    why = "no links of cells were stored for this month"
    figure = portfolio.correlation_picture(facts.correlations, origin, why)
    return Section(
        "links",
        "Who moves with whom",
        (
            "The correlation says how far two borrowers move together beyond what is "
            "known of each; the lift, how many times likelier one falls once the other "
            "has.",
        ),
        (Picture(figure, "Correlation of two borrowers of the largest cells"),),
        (_strongest(facts.links),) if len(facts.links) else (),
    )


def _strongest(links: pd.DataFrame) -> Table:
    head = (
        "Region", "Industry", "Region of the other", "Industry of the other",
        "Correlation", "Lift", "Lift, 5 %", "Lift, 95 %",
    )  # fmt: skip
    return _table(
        f"The {len(links)} strongest links between borrowers of different cells, at the "
        "cells' mean margin. The interval is over draws, for shocks to come alone: the "
        "lift may lie above it where the state of the factors is uncertain.",
        links,
        head,
        _text("region_a"),
        _text("industry_a"),
        _text("region_b"),
        _text("industry_b"),
        _figure("correlation", 3),
        _figure("lift", 2),
        _figure("lift_q05", 2),
        _figure("lift_q95", 2),
        texts=4,
    )


def _event(facts: JointFacts, origin: str) -> Section:
    figure, event = portfolio.network_picture(facts.event, origin), facts.event
    words: tuple[str, ...] = (
        "Of the newest month whose defaults were answered, the default whose linked "
        "debtors owe most. Dots are cells, not borrowers.",
    )
    if event is not None:
        words += (
            f"A borrower of {event.region}, {event.industry} fell in "
            f"{event.month:%B %Y}: {event.debtors:,} borrowers are linked, who owe "
            f"{event.exposure:,.0f}.",
        )
    shown = Picture(figure, "Cells of the debtors linked to one default")
    return Section("network", "Network of a default", words, (shown,))


def _validation(facts: JointFacts, origin: str) -> Section:
    pooled = pooled_skill(facts.validation)
    why = _why_not_validated(facts)
    return Section(
        "validation",
        "What was said a month before, against what happened",
        (
            "Every prediction is from a posterior that knew nothing of its month. Skill "
            "is the share of the log loss of PD alone that a model saves.",
            *islice(refused_rivals(facts), MOST_ROWS),
        ),
        (
            Picture(
                outcome.outcomes_picture(facts.validation, origin, why),
                "Events predicted and realised, and log loss, by month and model",
            ),
            Picture(
                outcome.skill_picture(facts.validation, pooled, origin, why),
                "Skill of each model by month and over all months",
            ),
        ),
        (*_validation_tables(facts.validation, pooled), *_left_out(facts.comparison)),
    )


def _why_not_validated(facts: JointFacts) -> str:
    return facts.why_nothing or "no month up to this one was predicted a month ahead"


def _validation_tables(validation: pd.DataFrame, pooled: pd.DataFrame) -> Iterable[Table]:
    if validation.empty:
        return
    yield _table(
        "All validated months together, best first. The standard error takes months as "
        "units, since borrowers of a month move together.",
        pooled,
        (
            "Model", "Months", "Borrower-months", "Events", "Log loss", "Skill",
            "Standard error", "Better than PD alone in",
        ),
        _named("model"),
        _count("months"),
        _count("n"),
        _count("events"),
        _figure("log_loss", 5),
        _percent("skill"),
        _percent("skill_se"),
        _better,
    )  # fmt: skip
    newest = validation.sort_values(["month", "log_loss"], ascending=[False, True])
    yield _table(
        "By month, newest first.",
        newest.head(60),
        (
            "Month", "Model", "Borrowers", "Events", "Expected", "Log loss", "Brier",
            "AUC", "Skill",
        ),
        _month("month"),
        _named("model"),
        _count("n"),
        _count("events"),
        _figure("expected_events", 1),
        _figure("log_loss", 5),
        _figure("brier", 5),
        _figure("auc", 3),
        _percent("skill"),
        texts=2,
    )  # fmt: skip


def _left_out(comparison: pd.DataFrame) -> Iterable[Table]:
    if comparison.empty:
        return
    yield _table(
        "Beside it, how well the same posteriors tell the counts they were fitted to, a "
        "region, industry and month left out at a time (PSIS-LOO). That fills a gap "
        "between known months and does not predict; where the share of groups with "
        "k above 0.7 is not small, it is not to be trusted.",
        comparison,
        (
            "Model", "Log density left out", "Standard error", "Less than the best",
            "Standard error of that", "Effective parameters", "Groups, k above 0.7",
            "Log loss of the month out of time",
        ),
        _named("model"),
        _figure("elpd_loo", 1),
        _figure("elpd_loo_se", 1),
        _figure("elpd_difference", 1),
        _figure("elpd_difference_se", 1),
        _figure("p_loo", 1),
        _percent("pareto_k_above"),
        _figure("out_of_time_log_loss", 5),
    )  # fmt: skip


def _better(row: Mapping[Any, Any]) -> str:
    if row["model"] == INDEPENDENT:
        return "-"
    return f"{row['better_months']} of {row['months']}"


def _loss(facts: JointFacts, origin: str) -> Section:
    figure = outcome.loss_picture(
        facts.loss_bins, facts.losses, origin, facts.why_missing
    )
    return Section(
        "loss",
        "Portfolio loss",
        (
            "Exposure times loss given default of whoever falls in the month to come, "
            "simulated under the factor copula and as if borrowers were independent, "
            "each at the same probability: expected losses are the same, and what "
            "differs is dependence.",
        ),
        (Picture(figure, "Distribution of the loss under both copulas"),),
        tuple(_loss_tables(facts)),
    )


def _loss_tables(facts: JointFacts) -> Iterable[Table]:
    if len(facts.losses):
        names = list(outcome.MEASURE_NAMES)
        order = facts.losses["measure"].map(names.index)
        yield _table(
            "Losses in currency, with the standard error of the simulation.",
            facts.losses.assign(order=order).sort_values(["copula", "order"]),
            ("Copula", "Measure", "Amount", "Monte-Carlo error", "Error / amount"),
            lambda row: outcome.LOSS_NAMES.get(row["copula"], str(row["copula"])),
            lambda row: outcome.MEASURE_NAMES[row["measure"]],
            _figure("amount", 0),
            _figure("mc_error", 0),
            lambda row: percent_text(_over(row["mc_error"], row["amount"])),
            texts=2,
        )
    cells = facts.loss_cells
    if len(cells):
        yield _contributions(cells[cells["copula"] == "factor"])


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _contributions(cells: pd.DataFrame) -> Table:
    place = ["region", "industry"]
    wide = cells.pivot(
        index=place, columns="measure", values=["contribution", "mc_error"]
    )
    found = pd.DataFrame(
        {
            "es_99": wide["contribution"]["es_99"],
            "mc_error": wide["mc_error"]["es_99"],
            "expected": wide["contribution"]["expected"],
        }
    ).reset_index()
    total, expected = found["es_99"].sum(), found["expected"].sum()
    found["es_share"] = found["es_99"] / total if total else None
    found["expected_share"] = found["expected"] / expected if expected else None
    return _table(
        "The ten cells that contribute most to the expected shortfall at 99 % under the "
        "factor copula (Euler allocation: contributions of all cells add up).",
        found.nlargest(10, "es_99"),
        (
            "Region", "Industry", "To ES 99 %", "Monte-Carlo error", "Share of ES 99 %",
            "Share of expected loss",
        ),
        _text("region"),
        _text("industry"),
        _figure("es_99", 0),
        _figure("mc_error", 0),
        _percent("es_share"),
        _percent("expected_share"),
        texts=2,
    )  # fmt: skip


def _sampler(facts: JointFacts, settings: Settings, origin: str) -> Section:
    why = facts.why_no_trace
    return Section(
        "sampler",
        "How well the posterior was sampled",
        (
            "Chains that agree lie on one another, and their ranks are level. The gate "
            f"wants r_hat up to {settings.joint_gate_max_r_hat:g}, bulk and tail "
            f"ESS of at least {settings.joint_gate_min_ess:g}, no divergence and "
            f"an E-BFMI of at least {settings.joint_gate_min_bfmi:g}.",
        ),
        (
            Picture(
                posterior.chains_picture(facts.trace, why, origin),
                "Trace and rank plots of the parameters that mixed least",
                "png",
            ),
            Picture(
                posterior.priors_picture(facts.trace, settings, why, origin),
                "Priors beside posteriors",
            ),
        ),
        (_fits(facts.fits),) if len(facts.fits) else (),
    )


def _fits(fits: pd.DataFrame) -> Table:
    shown = fits.head(MOST_ROWS)
    return _table(
        f"Fits up to this month, newest {len(shown)} of {len(fits)}.",
        shown,
        (
            "Model version", "As of", "Copula", "Factors", "Gate", "Why refused",
            "r_hat", "Bulk ESS", "Tail ESS", "Divergences", "E-BFMI", "Seconds",
        ),
        _text("model_version"),
        _month("as_of_month"),
        _text("copula"),
        _text("factors"),
        lambda row: "passed" if row["accepted"] else "refused",
        lambda row: row["reason"] if isinstance(row["reason"], str) else "",
        _figure("r_hat", 4),
        _figure("ess_bulk", 0),
        _figure("ess_tail", 0),
        _count("divergences"),
        _figure("bfmi", 2),
        _figure("seconds", 0),
        texts=6,
    )  # fmt: skip


_Cell = Callable[[Mapping[Any, Any]], str]


def _table(
    caption: str,
    frame: pd.DataFrame,
    head: tuple[str, ...],
    *cells: _Cell,
    texts: int = 1,
) -> Table:
    rows = tuple(tuple(cell(row) for cell in cells) for row in frame.to_dict("records"))
    return Table(caption, head, rows, texts)


def _text(column: str) -> _Cell:
    return lambda row: str(row[column])


def _named(column: str) -> _Cell:
    return lambda row: outcome.NAMES.get(row[column], str(row[column]))


def _count(column: str) -> _Cell:
    return lambda row: f"{row[column]:,.0f}" if pd.notna(row[column]) else "-"


def _figure(column: str, digits: int) -> _Cell:
    return lambda row: figure_text(_number(row[column]), digits)


def _signed(column: str, digits: int) -> _Cell:
    return lambda row: f"{row[column]:+.{digits}f}" if pd.notna(row[column]) else "-"


def _percent(column: str) -> _Cell:
    return lambda row: percent_text(_number(row[column]))


def _points(column: str) -> _Cell:
    """Write a difference of shares in percentage points."""
    return lambda row: f"{100 * row[column]:+.2f} pp" if pd.notna(row[column]) else "-"


def _month(column: str) -> _Cell:
    return lambda row: f"{pd.Timestamp(row[column]):%Y-%m}"


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
