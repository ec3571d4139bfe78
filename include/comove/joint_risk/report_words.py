"""The findings of a month in plain words, each made from a number that is shown."""

from collections.abc import Iterable, Iterator

import pandas as pd

from comove.joint_risk.fit import VARIANTS
from comove.joint_risk.joint_pictures_outcome import NAMES, REACH
from comove.joint_risk.report_facts import INDEPENDENT, JointFacts, pooled_skill
from comove.risk_model.card import percent_text
from comove.risk_model.folds import month_of, number

# A group with fewer events expected may double by a single one.
_FEW_EVENTS = 0.5


def findings(facts: JointFacts) -> Iterator[str]:
    """Say what the month's joint risk is, in a few sentences.

    Parameters
    ----------
    facts : JointFacts
        What was published.

    Yields
    ------
    str
        Sentences; of what is missing, why.
    """
    if facts.why_nothing:
        yield f"Joint risk is not available for this portfolio: {facts.why_nothing}"
        return
    yield from _level(facts)
    yield from _change(facts)
    yield from _movers(facts)
    yield from _loadings(facts)
    yield from _skill(facts)
    yield from _loss(facts)
    yield from _sampling(facts)


def refused_rivals(facts: JointFacts) -> Iterator[str]:
    """Name the models that are not scored in a month, and why the gate refused them.

    Parameters
    ----------
    facts : JointFacts
        What was published; fits of the run's own month predict no month that is scored.

    Yields
    ------
    str
        A sentence per month and model, newest first.
    """
    names = {(one.copula, one.factors): name for name, one in VARIANTS.items()}
    scored = {
        (pd.Timestamp(row["month"]).date(), row["model"])
        for row in facts.validation.to_dict("records")
    }
    for fit in facts.fits.to_dict("records"):
        month = month_of(number(pd.Timestamp(fit["as_of_month"]).date()) + 1)
        model = names.get((fit["copula"], fit["factors"]))
        if model is None or fit["accepted"] or (month, model) in scored:
            continue
        if month <= facts.month:
            yield (
                f"Not scored in {month:%B %Y}: {NAMES[model]}. The gate refused "
                f"{fit['model_version']}: {fit['reason']}."
            )


def _level(facts: JointFacts) -> Iterable[str]:
    overall = facts.overall
    if overall is None:
        yield (
            f"No borrower has an index for {facts.next_month:%B %Y}: not available, "
            f"{facts.why_missing}."
        )
        return
    joint, alone = overall["joint_mass"], overall["pd_mass"]
    yield (
        f"In {facts.next_month:%B %Y} the joint model expects {joint:,.1f} events of "
        f"{overall['n']:,.0f} borrowers at risk; PD alone expects {alone:,.1f}."
        + (f" That is {joint / alone:.2f} times as many." if alone else "")
    )
    sure = overall["n_index_above"] / overall["n"]
    yield (
        f"The median index is {overall['index_median']:.2f}; for {percent_text(sure)} of "
        f"the borrowers it is above 1 with 95 % probability."
    )


def _change(facts: JointFacts) -> Iterable[str]:
    overall = facts.overall
    if overall is None:
        return
    if not overall["n_previous"]:
        yield (
            "How much riskier than last month is not available: no posterior as of the "
            "month before passed the gate, or nobody was at risk then."
        )
        return
    before = overall["mass_by_previous"]
    ratio = overall["mass_now"] / before if before else 1.0
    yield (
        f"What {facts.month:%B %Y} brought makes borrowers who were at risk before "
        f"{_times(ratio)} than with their indices of last month. The index rose beyond "
        f"doubt (95 %) for {overall['n_riskier']:,.0f} of {overall['n_previous']:,.0f} "
        f"and fell for {overall['n_safer']:,.0f}."
    )


def _times(ratio: float) -> str:
    change = percent_text(abs(ratio - 1))
    if abs(ratio - 1) < 0.005:
        return "neither riskier nor safer"
    return f"{change} riskier" if ratio > 1 else f"{change} safer"


def _movers(facts: JointFacts) -> Iterable[str]:
    known = facts.concentration
    if known.empty:
        yield f"Where the joint mass concentrates is not available: {facts.why_missing}."
        return
    for kind, one in known[known["attribute"] != "all"].groupby("attribute"):
        if len(one) < 2:
            continue
        top = one.nlargest(1, "joint_share").iloc[0]
        many = one[one["joint_mass"] >= _FEW_EVENTS]
        text = (
            f"By {kind}, {top['group_name']} holds most of the events expected: "
            f"{percent_text(top['joint_share'])} jointly, "
            f"{percent_text(top['pd_share'])} by PD."
        )
        if len(many) > 1:
            worst = many.nlargest(1, "excess_ratio").iloc[0]
            same = worst["group_name"] == top["group_name"]
            text += (
                f" {'It' if same else worst['group_name']} is furthest above its PDs, "
                f"{worst['excess_ratio']:.2f} times."
            )
        yield text


def _loadings(facts: JointFacts) -> Iterable[str]:
    if facts.factors.empty:
        yield "Loadings are not available: the posterior's parameters were not published."
        return
    names = facts.factors["parameter"]
    national = facts.factors[names == "loading_national"]
    if len(national):
        row = national.iloc[0]
        yield (
            f"Everybody moves with the national factor by a loading of {_told(row)}, so "
            f"{percent_text(row['mean'] ** 2)} of a borrower's latent variance."
        )
    for kind in ("region", "industry"):
        one = facts.factors[names == f"loading_{kind}"]
        if len(one) > 1:
            row = one.nlargest(1, "mean").iloc[0]
            yield (
                f"Of the groups by {kind}, {row['group_name']} moves together most, by "
                f"a loading of its own of {_told(row)}."
            )


def _told(row: pd.Series) -> str:
    return f"{row['mean']:.2f} (90 %: {row['q05']:.2f} to {row['q95']:.2f})"


def _skill(facts: JointFacts) -> Iterable[str]:
    pooled = pooled_skill(facts.validation)
    rivals = pooled[pooled["model"] != INDEPENDENT]
    if rivals.empty:
        yield (
            "Whether the factor model beats PD alone is not available: no month was "
            "predicted a month ahead by a posterior that passed the gate."
        )
        return
    ours = rivals[rivals["model"] == "factor_copula"]
    if ours.empty:
        yield (
            "Whether the factor copula beats PD alone is not available: none of its "
            "posteriors as of earlier months passed the gate."
        )
    else:
        yield _verdict(ours.iloc[0])
    saved = (
        f"{NAMES[row['model']]} {percent_text(row['skill'])}"
        for row in rivals.to_dict("records")
    )
    yield f"Log loss saved against PD alone, the most first: {', '.join(saved)}."


def _verdict(ours: pd.Series) -> str:
    months, skill, error = ours["months"], ours["skill"], ours["skill_se"]
    span = "1 month" if months == 1 else f"{months} months"
    facts = (
        f"its log loss is {percent_text(abs(skill))} "
        f"{'below' if skill > 0 else 'above'} that of PD alone over {span} "
        f"({ours['events']:,} events), better in "
        f"{ours['better_months']} of them"
    )
    if pd.isna(error):
        return (
            "One month cannot tell whether the factor copula beats PD alone out of time: "
            f"{facts}."
        )
    facts += f"; standard error {percent_text(error)}"
    if skill > REACH * error:
        return f"The factor copula beats PD alone out of time: {facts}."
    if skill < -REACH * error:
        return f"The factor copula does not beat PD alone out of time: {facts}."
    return (
        "The months validated do not tell whether the factor copula beats PD alone out "
        f"of time: {facts}."
    )


def _loss(facts: JointFacts) -> Iterable[str]:
    if facts.losses.empty:
        yield f"The loss of the portfolio is not available: {facts.why_missing}."
        return
    amounts = facts.losses.set_index(["copula", "measure"])["amount"]
    joint = amounts.get(("factor", "var_999"))
    alone = amounts.get((INDEPENDENT, "var_999"))
    if joint is None or not alone:
        return
    yield (
        f"One month in a thousand loses at least {joint:,.0f} (VaR 99.9 %) by the factor "
        f"copula, {joint / alone:.2f} times what independent borrowers would."
    )


def _sampling(facts: JointFacts) -> Iterable[str]:
    row = facts.posterior
    if row is None:
        yield "How the posterior was sampled is not available: it is not registered."
        return
    yield (
        f"The posterior {row['model_version']} "
        f"{'passed' if row['accepted'] else 'failed'} the gate: r_hat "
        f"{row['r_hat']:.4f}, bulk ESS {row['ess_bulk']:,.0f}, tail ESS "
        f"{row['ess_tail']:,.0f}, {row['divergences']:,.0f} divergences."
    )
    refused = facts.fits[~facts.fits["accepted"].astype(bool)]
    if len(refused):
        yield (
            f"{len(refused)} of {len(facts.fits)} fits up to this month were refused; "
            "what they would have said is left out."
        )
