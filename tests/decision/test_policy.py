"""Bands of the score that a person approved decide, from then on and nothing before."""

import datetime as dt
from dataclasses import replace

import pytest
from tests.decision.cases import POLICY
from tests.decision.small_lender import CASES, JUNE, change, publish, rows

from comove.connection import connect, utc_now
from comove.decision.decide import decide
from comove.decision.policy import Policy
from comove.decision.request import Wish
from comove.decision.trail import decide_dry, replay_published
from comove.decision.trail_text import lines
from comove.recalibration.strategy import Band, Strategy
from comove.recalibration.tables import ensure_recalibration_tables
from comove.recalibration.versions import (
    Answer,
    Origin,
    decide_version,
    keep_seed,
    propose,
)
from comove.settings import Settings

# Version 1 would halve every limit; version 2 has a band of its own above 551 points.
SEED = Strategy((Band("all", None, None, "review", 0.5),))
CHANGED = Strategy(
    (
        Band("all", None, 551.0, "review", 0.5),
        Band("better", 551.0, None, "approve", 1.0),
    )
)
OF_JUNE = f"from risk.credit_decision where cohort_month = '{JUNE}' "
ANSWERS = (
    "select application_key, proposed_decision, credit_limit, reason_codes, score "
    + OF_JUNE
)


def load_seed(lender: Settings) -> None:
    with connect(lender) as connection:
        ensure_recalibration_tables(connection)
        keep_seed(connection, SEED, run_id="seed")


def answer_change(
    lender: Settings, *, is_approved: bool = True, score_kind: str = "own"
) -> None:
    origin = Origin(
        "recalibration",
        "KS fell",
        "change",
        "recalibration",
        based_on=1,
        score_kind=score_kind,
    )
    with connect(lender) as connection:
        version = propose(connection, CHANGED, origin)
        answer = Answer(
            version, CHANGED.content_hash, is_approved, "ada", utc_now(), None
        )
        decide_version(connection, answer, run_id="change")


def decide_june_anew(lender: Settings) -> dict[str, tuple[object, ...]]:
    """Forget what was decided of June, and decide it again from what models said."""
    change(lender, "delete " + OF_JUNE)
    decide(lender, run_id="run", wish=Wish(JUNE))
    return {key: tuple(row) for key, *row in rows(lender, ANSWERS)}


def bands_read(lender: Settings, moment: dt.datetime | None = None) -> int | None:
    with connect(lender) as connection:
        return Policy.read(connection, lender, moment).bands_version


def test_an_approved_version_changes_the_applications_in_the_changed_band_alone(
    lender: Settings,
) -> None:
    as_ever = {key: tuple(row) for key, *row in rows(lender, ANSWERS)}
    load_seed(lender)
    assert decide_june_anew(lender) == as_ever
    answer_change(lender)
    changed = {
        key: row for key, row in decide_june_anew(lender).items() if row != as_ever[key]
    }
    meant = {
        key
        for key, (proposed, *_, score) in as_ever.items()
        if proposed == "admit" and float(str(score)) < 551
    }
    assert set(changed) == meant
    assert 0 < len(meant) < len(as_ever)
    assert all("(band all, version 2)" in str(row[2]) for row in changed.values())
    # Those of before are made again as they were, those of since by the new version.
    publish(lender)
    counts = replay_published(lender)
    assert (counts["decisions"], counts["changed"]) == (CASES, 0)


def test_a_decision_made_again_as_of_before_the_approval_has_the_old_answer(
    lender: Settings,
) -> None:
    (key, day, limit), *_ = rows(
        lender,
        "select application_key, decided_as_of, credit_limit "
        + OF_JUNE
        + "and score < 551 and refused_at is null order by 1",
    )
    load_seed(lender)
    answer_change(lender)
    publish(lender)
    assert decide_dry(lender, key).differs == ()
    before = decide_dry(lender, key, as_of=day).decision
    trail = decide_dry(lender, key, as_of=dt.date(2099, 1, 1))
    assert "band        all of version 2: limits times 0.5" in lines(trail)
    since = trail.decision
    assert (before["credit_limit"], before["score_band_version"]) == (limit, None)
    assert since["limit_before_control"] < limit
    assert since["score_band_version"] == 2


def test_the_version_is_that_in_force_at_the_moment(lender: Settings) -> None:
    assert bands_read(lender) is None
    load_seed(lender)
    # In force, but nobody approved it.
    assert bands_read(lender) is None
    answer_change(lender)
    (first,), (second,) = rows(
        lender, "select effective_from from risk.strategy_version order by version"
    )
    instant = dt.timedelta(microseconds=1)
    moments = (first - instant, first, second - instant, second)
    assert [bands_read(lender, moment) for moment in moments] == [None, None, None, 2]


def test_a_rejected_version_decides_nothing(lender: Settings) -> None:
    load_seed(lender)
    answer_change(lender, is_approved=False)
    assert bands_read(lender) is None


def test_bands_in_the_points_of_the_lenders_score_are_not_held_against_ours(
    lender: Settings,
) -> None:
    load_seed(lender)
    answer_change(lender, score_kind="lender")
    assert bands_read(lender) is None


@pytest.mark.parametrize("bands", [(), (("all", None, None, "approve", 1.0),)])
def test_a_kept_policy_is_read_as_it_was_written(
    bands: tuple[tuple[object, ...], ...],
) -> None:
    policy = replace(POLICY, bands=bands, bands_version=1 if bands else None)
    assert Policy.from_json(policy.content) == policy


def test_a_policy_kept_before_bands_were_followed_has_none() -> None:
    old = POLICY.content.replace('"bands": [], "bands_version": null, ', "")
    assert "bands" not in old
    assert Policy.from_json(old) == POLICY
