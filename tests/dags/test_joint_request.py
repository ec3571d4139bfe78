"""What a run of the joint-risk stage fits, as its form says it."""

from typing import Any

import pytest

from comove.errors import SettingsError
from comove.joint_risk.request import FitRequest
from comove.settings import Settings
from comove_airflow.joint_request import fit_request

SETTINGS = Settings(portfolio="sba_7a", joint_draws=700, joint_copula="student_t")


def asked(**fields: Any) -> FitRequest:
    return fit_request(SETTINGS, fields)


def test_an_empty_form_fits_what_the_settings_say() -> None:
    empty = {"draws": None, "copula": None, "factors": None, "portfolio": ""}
    assert asked() == asked(**empty)
    assert asked() == FitRequest(draws=700, copula="student_t", factors="multi")


def test_what_is_filled_in_goes_before_the_settings() -> None:
    found = asked(draws=2000, copula="gaussian", factors="single", portfolio="sba_7a")
    assert found == FitRequest(draws=2000, copula="gaussian", factors="single")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"portfolio": "xente"}, "works for the portfolio 'sba_7a', not for 'xente'"),
        ({"draws": 99}, "99 draws cannot be kept.*at least 100"),
        ({"draws": "many"}, "'many' draws cannot be kept"),
        ({"draws": True}, "True draws cannot be kept"),
        ({"copula": "clayton"}, "'clayton' is none of gaussian, student_t"),
        ({"factors": "two"}, "'two' is none of multi, single"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_a_sentence(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        asked(**fields)
