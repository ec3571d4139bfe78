"""Which models a run trains, and what a person may decide."""

from typing import Any

import pytest

from comove.errors import SettingsError
from comove.settings import Settings
from comove_airflow.risk_request import ModelRequest, model_request

SETTINGS = Settings(portfolio="xente")


def asked(**fields: Any) -> ModelRequest:
    return model_request(SETTINGS, fields)


def test_an_empty_form_trains_everything_and_decides_nothing() -> None:
    assert asked() == ModelRequest(
        purposes=("pd", "application"),
        algorithms=("xgboost", "logit", "blend"),
        promote=None,
        reason=None,
    )


def test_choices_are_kept_in_one_order_and_once() -> None:
    request = asked(algorithms=["logit", "xgboost", "logit"], purposes=["pd"])
    assert request.algorithms == ("xgboost", "logit")
    assert request.purposes == ("pd",)


def test_a_decision_comes_with_its_reason() -> None:
    request = asked(promote="logit", promote_reason=" easier to explain ")
    assert (request.promote, request.reason) == ("logit", "easier to explain")


def test_the_algorithms_of_the_form_are_those_of_the_pd() -> None:
    decided = {"promote": "xgboost", "promote_reason": "a", "algorithms": ["logit"]}
    assert asked(**decided, purposes=["application"]).promote == "xgboost"


@pytest.mark.parametrize("decision", ["by rule", "keep champion"])
def test_the_rule_and_the_champion_may_be_decided_for(decision: str) -> None:
    assert asked(promote=decision, promote_reason="so we said").promote == decision


def test_the_portfolio_of_this_airflow_may_be_named() -> None:
    assert asked(portfolio="xente") == asked(portfolio="") == asked(portfolio=None)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"portfolio": "sba_7a"}, "works for the portfolio 'xente', not for 'sba_7a'"),
        ({"algorithms": []}, "is no choice of xgboost, logit, blend"),
        ({"algorithms": ["forest"]}, "is no choice of xgboost, logit, blend"),
        ({"algorithms": "logit"}, "'logit' is no choice"),
        ({"algorithms": ["blend", "logit"]}, "xgboost is not chosen"),
        ({"purposes": ["lgd"]}, "is no choice of pd, application"),
        ({"promote": "forest", "promote_reason": "tall"}, "'forest' cannot be promoted"),
        ({"promote": "logit"}, "gives no reason"),
        ({"promote": "logit", "promote_reason": "  "}, "gives no reason"),
        ({"promote_reason": "because"}, "nothing is promoted"),
        (
            {"promote": "xgboost", "promote_reason": "a", "algorithms": ["logit"]},
            "xgboost is to be champion and is not trained",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        asked(**fields)
