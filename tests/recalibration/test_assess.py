"""An assessment from end to end on the small lender: what is written and proposed."""

import datetime as dt
from typing import Any

import pytest
from tests.recalibration.small_lender import MONTH, change, rows

from comove.recalibration.approval import decide
from comove.recalibration.assess import AssessReport, assess
from comove.recalibration.request import Wish
from comove.recalibration.strategy import RecalibrationError
from comove.recalibration.versions import Answer
from comove.settings import Settings

WISH = Wish(MONTH, asked_by="ada")
NO_DRIFT = "update risk.score_drift set is_drift = false"


def assessed(settings: Settings, run_id: str = "run") -> AssessReport:
    return assess(settings, run_id=run_id, wish=WISH)


def one_row(settings: Settings, query: str) -> tuple[Any, ...]:
    (row,) = rows(settings, query)
    return row


def test_a_drift_calls_for_a_change_and_the_best_candidates_are_proposed(
    lender: Settings,
) -> None:
    report = assessed(lender)
    assert (report.main_factor, report.calls, report.proposals_waiting) == (
        "policy",
        1,
        1,
    )
    found = rows(
        lender,
        """
        select kind, status, version, main_factor from risk.recalibration
        where is_selected order by kind
        """,
    )
    assert found == [
        ("bands", "proposed", 2, "policy"),
        ("cutoff", "proposed", 2, "policy"),
    ]


def test_the_effect_of_the_best_cutoff_can_be_worked_out_by_hand(
    lender: Settings,
) -> None:
    # Ten loans a score, of which i < 10 * 0.5 * 0.93^s - 0.5 are bad. Loans from 450 to
    # 569 earn 0.05 a good and lose 0.45 a bad one; refusing them saves their sum.
    assessed(lender)
    bad = [sum((i + 0.5) / 10 < 0.5 * 0.93**s for i in range(10)) for s in range(40)]
    saved = -sum(0.05 * (10 - bad[s]) - 0.45 * bad[s] for s in range(5, 17)) / 400
    threshold, effect = one_row(
        lender,
        "select threshold, effect from risk.recalibration "
        "where is_selected and kind = 'cutoff'",
    )
    assert (threshold, effect) == (570, pytest.approx(saved, abs=1e-12))


def test_a_matrix_with_cuts_counts_every_loan_once(lender: Settings) -> None:
    # The small lender's is cut by channel: the loans stand there twice.
    assessed(lender)
    tried = rows(
        lender, "select distinct loans from risk.recalibration where kind = 'cutoff'"
    )
    assert (
        tried
        == rows(lender, "select loans from risk.score_performance where span = 'window'")
        == [(4800,)]
    )
    exposed = "select sum(exposed_applications) from risk.recalibration_factor"
    with_cut = one_row(lender, exposed)
    change(lender, "delete from risk.score_histogram where cut_by <> 'all'")
    assessed(lender, "again")
    assert one_row(lender, exposed) == with_cut


OF_OUTCOMES = """
    update risk.score_drift
    set is_drift = true, drift_change = -0.3, drift_change_low = -0.34,
        drift_change_high = -0.26
    where label = 'performance' and cohort_month = '2023-10-01'
"""


def test_a_drift_of_outcomes_calls_beside_a_newer_one_of_policy(lender: Settings) -> None:
    change(lender, OF_OUTCOMES)
    report = assessed(lender)
    assert report.calls == 2
    (calls,) = one_row(lender, "select calls from risk.score_assessment")
    assert "credit_approved (policy label), cohorts 2024-04 to 2024-05" in calls
    assert "disbursed (performance label), cohorts 2023-10:" in calls


@pytest.mark.parametrize("is_approved", [True, False])
def test_a_drift_that_was_answered_calls_no_more(
    lender: Settings, *, is_approved: bool
) -> None:
    report = assessed(lender)
    assert report.version is not None
    assert report.content_hash is not None
    noon = dt.datetime(2024, 7, 3, 12, 0)
    answer = Answer(report.version, report.content_hash, is_approved, "ada", noon, None)
    decide(lender, run_id="run", answer=answer)
    # Whatever the newest loans would rather have.
    change(lender, "update risk.score_histogram set n_bad = 9 where score = 640")
    again = assessed(lender, "again")
    assert (again.calls, again.proposals_waiting) == (0, 0)
    change(lender, OF_OUTCOMES)
    assert assessed(lender, "third").calls == 1


def test_the_adjustment_of_the_drift_is_the_main_factor(lender: Settings) -> None:
    assessed(lender)
    found = rows(
        lender,
        """
        select factor, adjustments, magnitude, is_main, stage, label, drift_from,
            drift_to, after_month
        from risk.recalibration_factor order by weighted_gap desc
        """,
    )
    drift = ("credit_approved", "policy", dt.date(2024, 4, 1), dt.date(2024, 5, 1))
    # The one of June lies after the drift.
    assert found == [
        ("policy", 1, 0.7, True, *drift, dt.date(2022, 12, 1)),
        ("competition", 1, 0.1, False, *drift, dt.date(2022, 12, 1)),
        ("management", 1, 0.1, False, *drift, dt.date(2022, 12, 1)),
    ]


def test_the_version_in_force_stays_until_a_person_has_approved(lender: Settings) -> None:
    assessed(lender)
    found = rows(
        lender,
        "select version, status, origin, based_on, proposed_by from risk.strategy_version"
        " order by version",
    )
    assert found == [
        (1, "in force", "seed", None, "seed"),
        (2, "proposed", "recalibration", 1, "ada"),
    ]


def test_the_evidence_says_why_what_changes_and_names_nobody(lender: Settings) -> None:
    text = assessed(lender).evidence
    assert "drifted at the stage credit_approved (policy label), cohorts 2024-04" in text
    assert "Main factor: **policy**" in text
    assert "| cutoff 570.00 | +2.12 % of what was lent |" in text
    assert "| 450 to below 550 | watched | review | 0.5 |" in text
    assert "| lowest to below 570 | refused | refuse | 0 |" in text
    assert (
        "Tried on 4,800 mature loans (792 bad) of the cohorts 2023-01 to 2023-12" in text
    )


def test_where_nothing_calls_for_a_change_nothing_is_proposed(lender: Settings) -> None:
    change(lender, NO_DRIFT)
    report = assessed(lender)
    assert (report.calls, report.proposals_waiting, report.version) == (0, 0, None)
    assert (report.main_factor, report.evidence) == ("no drift", "")
    found = rows(lender, "select status from risk.recalibration where is_selected")
    assert found == [("not needed",), ("not needed",)]
    assert rows(lender, "select version from risk.strategy_version") == [(1,)]


def test_a_score_that_does_not_hold_calls_for_a_change_without_a_drift(
    lender: Settings,
) -> None:
    change(lender, NO_DRIFT, "update risk.score set pd = pd / 3")
    assert assessed(lender).proposals_waiting == 1


def test_a_score_that_turned_round_does_not_hold(lender: Settings) -> None:
    """Its KS is as large as before."""
    change(
        lender,
        NO_DRIFT,
        "update risk.score_histogram set score = 1190 - score "
        "where label = 'performance'",
    )
    assessed(lender)
    (calls,) = one_row(lender, "select calls from risk.score_assessment")
    assert "the wrong way round: bad loans score higher than good ones" in calls
    found = one_row(
        lender,
        "select ks > 0.2, ks_band, is_band_sure from risk.score_performance "
        "where span = 'window'",
    )
    assert found == (True, "below", True)


def test_where_nothing_is_better_what_is_in_force_is_kept(lender: Settings) -> None:
    change(
        lender,
        """
        update risk.score_strategies
        set score_to = if(band = 'refused', 570, score_to),
            score_from = if(band = 'watched', 570, score_from)
        """,
        "delete from risk.score_strategies where band in ('standard', 'preferred')",
        "update risk.score_strategies set score_to = null where band = 'watched'",
        "update risk.score_histogram set n_good = 9, n_bad = 1 where score >= 570",
    )
    report = assessed(lender)
    assert (report.calls, report.proposals_waiting) == (1, 0)
    found = rows(lender, "select status from risk.recalibration where is_selected")
    assert found == [("kept",), ("kept",)]


def test_with_too_few_bad_loans_nothing_is_tried_and_it_says_why(
    lender: Settings,
) -> None:
    change(
        lender,
        "update risk.score_histogram set n_bad = 0 where score > 410 "
        "or cohort_month > '2023-02-01'",
    )
    report = assessed(lender)
    assert report.candidates == 0
    assert report.why_none is not None
    assert "candidates need 30 of either" in report.why_none


def test_without_a_loan_above_the_cutoff_it_says_that_no_bands_were_tried(
    lender: Settings,
) -> None:
    # Nobody above 440 has borrowed, and lending to the rest loses money.
    change(lender, "delete from risk.score_histogram where score > 440")
    report = assessed(lender)
    assert report.proposals_waiting == 0
    assert "no mature loan scores 450 or more" in str(report.why_none)
    assert rows(lender, "select distinct kind from risk.recalibration") == [("cutoff",)]


def test_a_strategy_that_refuses_everybody_has_no_cutoff_to_move(
    lender: Settings,
) -> None:
    change(
        lender,
        "delete from risk.score_strategies where action <> 'refuse'",
        "update risk.score_strategies set score_to = null",
    )
    assert "refuses everybody" in str(assessed(lender).why_none)


def test_without_mature_loans_the_drift_is_still_explained(lender: Settings) -> None:
    change(
        lender,
        "update risk.application_label set performance_label = null",
        "delete from risk.score_histogram where label = 'performance'",
    )
    report = assessed(lender)
    assert (report.main_factor, report.candidates) == ("policy", 0)


def test_without_adjustments_the_drift_is_unexplained(lender: Settings) -> None:
    change(lender, "delete from marts.fct_business_adjustment")
    assert assessed(lender).main_factor == "unexplained"


def test_a_portfolio_that_delivers_no_adjustments_says_so(lender: Settings) -> None:
    other = lender.model_copy(update={"portfolio": "xente"})
    change(lender, "delete from marts.fct_business_adjustment")
    assert assessed(other).main_factor == "not available"


def test_nothing_after_the_month_is_looked_at(lender: Settings) -> None:
    change(lender, "update risk.score_drift set as_of_month = '2024-03-01'")
    report = assess(lender, run_id="run", wish=Wish(dt.date(2024, 3, 1)))
    assert report.main_factor == "no drift"
    change(lender, "update risk.score_drift set as_of_month = '2023-06-01'")
    assess(lender, run_id="run", wish=Wish(dt.date(2023, 6, 1)))
    found = one_row(
        lender,
        "select max(cohort_to) from risk.score_performance where month = '2023-06-01'",
    )
    assert found == (dt.date(2023, 6, 1),)


def test_a_month_is_not_assessed_on_what_was_known_in_another(lender: Settings) -> None:
    with pytest.raises(RecalibrationError, match=r"that of 2024-06.*for 2024-03 to its"):
        assess(lender, run_id="run", wish=Wish(dt.date(2024, 3, 1)))


def of_lender(settings: Settings) -> Settings:
    """Matrix and setting both of the lender's score."""
    change(
        settings,
        "update risk.score_drift set score_kind = 'lender'",
        "update risk.application_label set score_kind = 'lender'",
    )
    return settings.model_copy(update={"drift_score": "lender"})


def test_a_matrix_of_another_score_proposes_nothing(lender: Settings) -> None:
    """Points of the lender's score are no cut-off of ours."""
    of_lender(lender)
    with pytest.raises(RecalibrationError, match="is that of the score 'lender'"):
        assessed(lender)
    assert rows(lender, "from risk.strategy_version") == []


def test_points_of_one_score_are_not_held_against_those_of_another(
    lender: Settings,
) -> None:
    assessed(lender)
    other = of_lender(lender)
    with pytest.raises(RecalibrationError, match="points of the score 'own'") as refused:
        assessed(other)
    assert "into the seed score_strategies" in str(refused.value)
    change(
        lender,
        "update risk.score_strategies set limit_factor = 0.9 where band = 'standard'",
    )
    with pytest.raises(RecalibrationError, match="restore set to 3"):
        assessed(other)
    report = assess(other, run_id="back", wish=Wish(MONTH, restore=3))
    assert "**the lender's score**" in report.evidence


def test_the_lenders_score_foretells_no_bad_loans(lender: Settings) -> None:
    report = assessed(of_lender(lender))
    assert "Points are those of **the lender's score**:" in report.evidence
    assert rows(
        lender, "select distinct predicted_bad, bad_ratio from risk.score_performance"
    ) == [(None, None)]
    for table in ("strategy_version", "score_assessment", "recalibration"):
        kinds = rows(lender, f"select distinct score_kind from risk.{table}")
        assert kinds == [("lender",)]


def everything(settings: Settings) -> list[list[tuple[Any, ...]]]:
    return [
        rows(
            settings,
            f"select columns(lambda c: c <> 'run_id') from risk.{table} order by all",
        )
        for table in ("recalibration_factor", "score_performance", "strategy_band")
    ]


def test_a_month_assessed_twice_has_the_rows_of_the_second_run(lender: Settings) -> None:
    assessed(lender)
    before = everything(lender)
    report = assessed(lender, "again")
    assert everything(lender) == before
    assert report.version == 2
    assert rows(lender, "select distinct run_id from risk.recalibration") == [("again",)]


def test_another_proposal_withdraws_the_one_that_waited(lender: Settings) -> None:
    assessed(lender)
    change(lender, "update risk.score_histogram set n_bad = 0 where score = 570")
    assert assessed(lender, "again").version == 3
    found = rows(lender, "select version, status, reason from risk.strategy_version")
    assert (2, "withdrawn", "Replaced by the proposal of again.") in found
    change(lender, NO_DRIFT)
    assessed(lender, "third")
    assert rows(
        lender, "select status, reason from risk.strategy_version where version = 3"
    ) == [("withdrawn", "third found nothing to change.")]


def test_a_seed_changed_later_is_kept_to_be_restored(lender: Settings) -> None:
    change(lender, NO_DRIFT)
    assessed(lender)
    change(
        lender,
        "update risk.score_strategies set limit_factor = 0.9 where band = 'standard'",
    )
    assessed(lender)
    assessed(lender)
    found = rows(lender, "select version, status, origin from risk.strategy_version")
    assert found == [(1, "in force", "seed"), (2, "shelved", "seed")]


def test_without_a_score_drift_the_message_names_the_dag_to_run(lender: Settings) -> None:
    change(lender, "drop table risk.score_drift")
    with pytest.raises(RecalibrationError, match="Run the DAG `score_drift`"):
        assessed(lender)
    assert rows(lender, "select version from risk.strategy_version") == []
