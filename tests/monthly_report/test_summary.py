"""The month in words: each sentence from its numbers, and nothing invented."""

import re
from dataclasses import replace

import pytest
from tests.monthly_report.made_month import MONTH, made_tables, publish_tables

from comove.connection import connect_serving
from comove.monthly_report.figures import FIGURES, STAGES
from comove.monthly_report.found import Found, Month, read_month
from comove.monthly_report.summary import summary, waiting
from comove.settings import Settings


def month_with(
    stage: str,
    values: dict[str, float | tuple[float | None, float | None]],
    notes: dict[str, str] | None = None,
) -> Month:
    """A month of which one stage is known: its figures now, or before and now."""
    found = {}
    for figure in FIGURES:
        value = values.get(figure.name)
        before, now = value if isinstance(value, tuple) else (None, value)
        note = (notes or {}).get(figure.name)
        found[figure.name] = Found(figure, now, before, note, ("run",), ())
    missing = {one.name: "it has not run." for one in STAGES if one.name != stage}
    return Month(MONTH.date(), found, missing)


def told(month: Month, stage: str) -> str:
    (title,) = (one.title for one in STAGES if one.name == stage)
    (text,) = (one for one in summary(month) if one.startswith(f"{title}: "))
    return text.removeprefix(f"{title}: ")


def test_a_paragraph_a_stage_in_the_order_of_the_chapters() -> None:
    said = list(summary(month_with("grades", {"worse": 2.0, "better": 1.0})))
    assert [one.split(":")[0] for one in said] == [stage.title for stage in STAGES]


def test_what_is_missing_says_why() -> None:
    said = told(month_with("grades", {"worse": 2.0, "better": 1.0}), "drift")
    assert said == "not available: it has not run."


def test_the_mean_pd_and_what_became_of_the_last() -> None:
    values = {"pd_mean": (0.012, 0.014), "pd_expected": 15.62, "pd_observed": 16.0}
    assert told(month_with("pd", values), "pd") == (
        "the mean PD of the portfolio rose from 1.2 % to 1.4 %, that of July 2024 "
        "against that of June 2024. 16 events happened in June 2024 among those "
        "predicted; the PDs had expected 15.6."
    )


JOINT = {
    "joint_expected": 30.0, "alone_expected": 20.0, "riskier": 12.0, "safer": 0.0,
    "compared": 400.0, "factor_now": 1.4, "factor_before": 0.2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "words"),
    [((0.3, 2.5), "which is beyond doubt"), ((-0.1, 2.9), "which may be chance")],
)
def test_the_factor_that_moved_and_how_sure_that_is(
    interval: tuple[float, float], words: str
) -> None:
    low, high = interval
    values = {**JOINT, "factor_low": low, "factor_high": high}
    notes = {"factor_now": "the factor of the region R07"}
    said = told(month_with("joint_risk", values, notes), "joint_risk")
    assert "expects 30.0 events in July 2024, PD alone 20.0: 1.50 times as many" in said
    assert (
        "Of all factors the factor of the region R07 moved most: it rose from 0.20 to "
        f"1.40 standard deviations (90 %: {low:.2f} to {high:.2f}). That is above what "
        f"the PDs account for, {words}." in said
    )
    assert "Of 400 borrowers with an index a month ago, 12 are riskier" in said


def test_a_factor_below_nought_is_told_as_below() -> None:
    values = {**JOINT, "factor_now": -1.2, "factor_low": -2.0, "factor_high": -0.4}
    notes = {"factor_now": "the national factor"}
    said = told(month_with("joint_risk", values, notes), "joint_risk")
    assert "it fell from 0.20 to -1.20 standard deviations" in said
    assert "That is below what the PDs account for, which is beyond doubt." in said


def test_drifted_stages_are_counted_among_those_judged() -> None:
    values = {
        "judged_policy": 4.0, "drift_policy": 3.0,
        "judged_performance": 0.0, "drift_performance": 0.0,
    }  # fmt: skip
    notes = {"drift_policy": "credit applied, disbursed"}
    assert told(month_with("drift", values, notes), "drift") == (
        "3 of 4 stages of the cohort of June 2024 drifted, judged by the policy label "
        "(credit applied, disbursed). No stage with a cohort old enough could be judged "
        "by what became of loans."
    )


def test_defaults_without_links_are_told_as_such() -> None:
    said = told(month_with("response", {"answered": 1.0, "linked": 0.0}), "response")
    assert said.startswith("1 default was answered. Nobody linked to them")


def test_what_waits_is_counted_and_agrees_in_number() -> None:
    values = {"freezes_waiting": 12.0, "strategies_waiting": 0.0, "reviews_waiting": 1.0}
    assert list(waiting(month_with("response", values))) == [
        "12 freezes wait for approval.",
        "1 application waits for a review.",
    ]


def test_nothing_that_waits_is_said_too() -> None:
    assert list(waiting(month_with("response", {}))) == ["Nothing waits for a person."]


def test_every_number_of_the_words_is_one_of_the_figures(settings: Settings) -> None:
    publish_tables(settings, made_tables())
    with connect_serving(settings) as connection:
        month = read_month(connection, MONTH.date())
    known = {
        replace(one, now=value).text.removesuffix(" %")
        for one in month.found.values()
        for value in (one.now, one.before)
    }
    known |= {"2024", "95", "90", "99.9"}
    ratios = {
        f"{month.now(a) / month.now(b):.2f}"  # type: ignore[operator]
        for a, b in (("joint_expected", "alone_expected"), ("loss_var", "loss_var_alone"))
    }
    said = " ".join([*summary(month), *waiting(month)])
    # Names of regions hold digits, too.
    numbers = set(re.findall(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?", said))
    assert numbers <= known | ratios
    assert ratios <= numbers
