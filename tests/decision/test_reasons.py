"""What a refusal by the score and the admission model is explained with."""

from tests.decision.small_lender import rows

from comove.decision.admission import admission_features
from comove.decision.reasons import SCORE_WORDS, explained
from comove.settings import Settings

HIGH = f"{SCORE_WORDS}: high"


def test_the_scores_own_reasons_stand_in_its_place() -> None:
    assert explained(
        ("loans still running, count: high", HIGH, "age: low"),
        '["income: low", "age: low"]',
    ) == ("loans still running, count: high", "income: low", "age: low")


def test_a_score_without_reasons_is_named() -> None:
    assert explained((HIGH,), "[]") == explained((HIGH,), None) == (HIGH,)


def test_without_the_score_reasons_stay_as_they_are() -> None:
    assert explained(("age: low",), '["income: low"]') == ("age: low",)


def test_the_score_is_called_as_the_catalogue_describes_it() -> None:
    (score,) = (one for one in admission_features() if one.name == "score_log_odds")
    assert f"{SCORE_WORDS.capitalize()}." == score.about


def test_nobody_is_refused_because_the_score_is_high(lender: Settings) -> None:
    found = rows(
        lender,
        "select count(*), count(*) filter (contains(reason_codes, 'age: low')) "
        "from risk.credit_decision where refused_at = 'admission' "
        "and admission_source = 'score and admission model'",
    )
    named = rows(
        lender,
        f"select count(*) from risk.credit_decision "
        f"where contains(reason_codes, '{HIGH}')",
    )
    assert found[0][0] > 0
    assert found[0][1] > 0
    assert named == [(0,)]
