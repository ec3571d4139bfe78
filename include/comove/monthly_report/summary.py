"""The month in plain words, a paragraph a stage, each number one of the figures."""

from collections.abc import Callable, Iterator

from comove.monthly_report.figures import STAGES
from comove.monthly_report.found import Month
from comove.monthly_report.words import Unit, counted, listed, shown, times


def summary(month: Month) -> Iterator[str]:
    """Say what moved, why, and what waits.

    Parameters
    ----------
    month : Month
        The figures.

    Yields
    ------
    str
        A paragraph a stage, beginning with its name; of what is missing, why.
    """
    for stage in STAGES:
        if stage.name in month.missing:
            yield f"{stage.title}: not available: {_sentence(month.missing[stage.name])}"
        else:
            first, *more = _OF_STAGE[stage.name](month)
            said = [first, *(f"{one[:1].upper()}{one[1:]}" for one in more)]
            yield f"{stage.title}: {' '.join(said)}"


def waiting(month: Month) -> Iterator[str]:
    """Say what waits for a person.

    Yields
    ------
    str
        A sentence a kind of question; one that says so where nothing waits.
    """
    asked = (
        ("freezes_waiting", "freeze", "freezes", "approval"),
        ("strategies_waiting", "changed strategy of the score",
         "changed strategies of the score", "approval"),
        ("reviews_waiting", "application", "applications", "a review"),
    )  # fmt: skip
    found = [
        (month.now(name), counted(month.now(name), one, many), what)
        for name, one, many, what in asked
    ]
    said = [
        f"{words} {'waits' if n == 1 else 'wait'} for {what}."
        for n, words, what in found
        if n
    ]
    yield from said or ("Nothing waits for a person.",)


def _portfolio(month: Month) -> Iterator[str]:
    yield (
        f"the number of borrowers at risk {month.change('at_risk')}, their exposure "
        f"{month.change('exposure')}."
    )
    yield (
        f"The number of first defaults {month.change('events')}, that of borrowers past "
        f"due at the month's end {month.change('past_due')}."
    )


def _pd(month: Month) -> Iterator[str]:
    if month.now("pd_mean") is not None:
        yield (
            f"the mean PD of the portfolio {month.change('pd_mean')}, that of "
            f"{month.next_month:%B %Y} against that of {month.month:%B %Y}."
        )
    if month.now("pd_expected") is not None:
        happened = counted(month.now("pd_observed"), "event", "events")
        yield (
            f"{happened} happened in {month.month:%B %Y} among those predicted; the PDs "
            f"had expected {month.text('pd_expected')}."
        )


def _joint_risk(month: Month) -> Iterator[str]:
    joint, alone = month.now("joint_expected"), month.now("alone_expected")
    ratio = times(joint, alone)
    yield (
        f"the joint model expects {month.text('joint_expected')} events in "
        f"{month.next_month:%B %Y}, PD alone {month.text('alone_expected')}"
        + (f": {ratio} as many." if ratio else ".")
    )
    yield from _factor(month)
    if month.now("compared"):
        yield (
            f"Of {counted(month.now('compared'), 'borrower', 'borrowers')} with an index "
            f"a month ago, {month.text('riskier')} are riskier beyond doubt (95 %) and "
            f"{month.text('safer')} safer."
        )


def _factor(month: Month) -> Iterator[str]:
    moved = month.found["factor_now"]
    if moved.now is None or moved.note is None:
        return
    low, high = month.now("factor_low") or 0.0, month.now("factor_high") or 0.0
    before = month.found["factor_before"]
    way = _way(before.now, moved.now, before.text, moved.text)
    sure = "which may be chance" if low < 0 < high else "which is beyond doubt"
    side = "above" if moved.now > 0 else "below"
    yield (
        f"Of all factors {moved.note} moved most: it {way} standard deviations (90 %: "
        f"{month.text('factor_low')} to {month.text('factor_high')}). That is {side} "
        f"what the PDs account for, {sure}."
    )


def _way(before: float | None, now: float, then: str, today: str) -> str:
    if before is None or then == today:
        return f"stands at {today}"
    return f"{'rose' if now > before else 'fell'} from {then} to {today}"


def _loss(month: Month) -> Iterator[str]:
    yield (
        f"{month.next_month:%B %Y} is expected to lose {month.text('loss_expected')}; "
        f"one such month in a thousand loses at least {month.text('loss_var')} "
        "(VaR 99.9 %)."
    )
    if ratio := times(month.now("loss_var"), month.now("loss_var_alone")):
        yield f"That is {ratio} what independent borrowers would."


def _response(month: Month) -> Iterator[str]:
    yield f"{counted(month.now('answered'), 'default was', 'defaults were')} answered."
    if not month.now("linked"):
        yield "Nobody linked to them came above the bounds of the strategies."
        return
    done = [
        f"{month.text(name)} {words}"
        for name, words in (
            ("limited", "stand behind rules of lending control"),
            ("contacted", "are contacted more often"),
            ("frozen", "were proposed to be frozen"),
        )
    ]
    yield (
        f"Of {counted(month.now('linked'), 'linked borrower', 'linked borrowers')} "
        f"{listed(done)}."
    )


def _drift(month: Month) -> Iterator[str]:
    by = (
        ("policy", f"of the cohort of {month.month:%B %Y}", "the policy label"),
        ("performance", "with a cohort old enough", "what became of loans"),
    )
    for label, which, judge in by:
        judged, drifted = month.now(f"judged_{label}"), month.found[f"drift_{label}"]
        if not judged:
            yield f"no stage {which} could be judged by {judge}."
            continue
        yield (
            f"{drifted.text} of {counted(judged, 'stage', 'stages')} {which} drifted, "
            f"judged by {judge}" + (f" ({drifted.note})." if drifted.note else ".")
        )


def _recalibration(month: Month) -> Iterator[str]:
    assessed = month.found["assessed"]
    factor = f"; main factor of the drift: {assessed.note}" if assessed.note else ""
    if month.now("assessed"):
        yield f"the strategy of the score was assessed{factor}."
    else:
        yield "no drift was new, and nothing was assessed."
    if month.now("strategy_in_force") is not None:
        yield f"Version {month.text('strategy_in_force')} is in force."


def _decisions(month: Month) -> Iterator[str]:
    yield (
        f"{counted(month.now('decided'), 'application was', 'applications were')} "
        f"decided. The share admitted {month.change('admitted')}."
    )


def _overdue(month: Month) -> Iterator[str]:
    yield (
        f"the number of overdue borrowers assessed {month.change('overdue_assessed')}, "
        f"what they owe {month.change('overdue_amount')}. The number rated high risk "
        f"{month.change('overdue_high')}."
    )


def _grades(month: Month) -> Iterator[str]:
    worse, better = month.now("worse"), month.now("better")
    yield (
        f"{counted(worse, 'borrower', 'borrowers')} moved to a worse grade, "
        f"{shown(better, Unit.COUNT)} to a better one."
    )


def _quality(month: Month) -> Iterator[str]:
    yield (
        f"{counted(month.now('checks_failed'), 'check', 'checks')} of the month's runs "
        f"failed, {month.text('checks_critical')} of them critical."
    )
    if month.now("quarantined") is not None:
        yield f"{counted(month.now('quarantined'), 'row is', 'rows are')} in quarantine."


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


_OF_STAGE: dict[str, Callable[[Month], Iterator[str]]] = {
    "portfolio": _portfolio,
    "pd": _pd,
    "joint_risk": _joint_risk,
    "loss": _loss,
    "response": _response,
    "drift": _drift,
    "recalibration": _recalibration,
    "decisions": _decisions,
    "overdue": _overdue,
    "grades": _grades,
    "quality": _quality,
}
