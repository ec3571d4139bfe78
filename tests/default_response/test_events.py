"""Which events a run responds to, and what it refuses in a sentence."""

import hmac
import logging
import os
from typing import Any

import pandas as pd
import pytest
from tests.default_response.conftest import find
from tests.default_response.small_bank import AHEAD, change, open_bank, rows

from comove.default_response.scratch import ResponseError, read_posteriors, run_folder
from comove.settings import Settings
from comove.warehouse.id_key import KEY_VARIABLE


def written(settings: Settings, name: str = "events") -> pd.DataFrame:
    return pd.read_parquet(run_folder(settings, "run") / f"{name}.parquet")


def test_the_events_of_the_month_are_found_with_their_cells(bank: Settings) -> None:
    report = find(bank)
    assert (report.events, report.known_events, report.debtors) == (4, 0, 20)
    found = written(bank).set_index("borrower_key")
    assert found.loc["fallen2", ["region", "industry"]].tolist() == ["south", "retail"]
    assert (found.origin == "detected").all()


def test_the_links_are_to_come_from_the_posteriors_of_two_months(bank: Settings) -> None:
    find(bank)
    found = read_posteriors(run_folder(bank, "run"))
    assert found is not None
    assert (found.version, found.previous_version) == (
        "posterior-2024-03",
        "posterior-2024-02",
    )
    assert f"{found.forecast_month}" == "2024-04-01"


def test_a_borrower_that_was_never_predicted_stands_for_its_cell(bank: Settings) -> None:
    report = find(bank)
    assert report.without_pd == 1
    found = written(bank).set_index("borrower_key")
    assert found.loc["fallen3", "pd_source"] == "cell"
    assert found.loc["fallen3", "pd_star"] == pytest.approx(0.025)


def test_an_event_responded_to_before_is_not_found_again(bank: Settings) -> None:
    find(bank)
    known = written(bank).event_id.iloc[0]
    change(
        bank,
        f"""
        insert into risk.default_event by name
        select '{known}' as event_id, 'x' as borrower_key, date '2024-03-01' as month,
            date '2024-03-01' as as_of_month, date '2024-04-01' as forecast_month,
            'n' as region, 'r' as industry, 0.1 as pd_star, 'borrower' as pd_source,
            'detected' as origin, 'comove' as detected_by, 0 as initial_links,
            0 as linked_debtors,
            'v' as model_version, 'w' as previous_version, 'r0' as run_id,
            now()::timestamp as detected_at
        """,
    )
    report = find(bank)
    assert (report.events, report.known_events) == (3, 1)


def test_a_month_without_defaults_says_so(bank: Settings) -> None:
    change(bank, "update marts.fct_borrower_month set is_event = false")
    report = find(bank)
    assert (report.events, report.why_none) == (
        0,
        "Nobody has defaulted from 2024-01 to 2024-03.",
    )
    assert report.is_available


def test_a_borrower_with_a_month_has_its_event_of_that_month(bank: Settings) -> None:
    report = find(bank, borrower="fallen1", is_month_given=True, given_by="ada")
    assert report.events == 1
    (event,) = written(bank).to_dict("records")
    assert (event["borrower_key"], event["detected_by"]) == ("fallen1", "ada")


def test_a_borrower_may_be_named_by_the_lenders_id(
    bank: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a key")
    key = hmac.new(b"a key", b"B0000716", "sha256").hexdigest()[:32]
    for table in ("marts.dim_borrower", "marts.fct_borrower_month", "risk.residual"):
        change(
            bank,
            f"update {table} set borrower_key = '{key}' where borrower_key = 'fallen1'",
        )
    assert find(bank, borrower=" B0000716 ").events == 1
    assert written(bank).borrower_key.tolist() == [key]


def test_a_borrower_who_fell_in_the_last_month_is_taken_there(bank: Settings) -> None:
    assert find(bank, borrower="fallen0").events == 1
    assert str(written(bank).month.iloc[0])[:7] == "2024-03"


def test_a_default_the_data_cannot_know_yet_is_reported(bank: Settings) -> None:
    report = find(bank, borrower="standing7", given_by="ada")
    (event,) = written(bank).to_dict("records")
    assert (event["origin"], str(event["month"])[:7]) == ("reported", "2024-04")
    assert event["pd_source"] == "borrower"
    # He is no debtor of anybody's default any more.
    assert "standing7" not in set(written(bank, "debtors").borrower_key)
    assert report.debtors == 19


def test_a_default_of_today_is_never_taken_for_an_old_one(bank: Settings) -> None:
    # April is complete, its posterior not yet there; he fell in March, and again now.
    change(
        bank,
        "update marts.fct_borrower_month set is_event = true "
        "where borrower_key = 'standing7' and month = '2024-03-01'",
    )
    with pytest.raises(ResponseError, match=r"that knows 2024-04.*write its"):
        find(bank, month=AHEAD, borrower="standing7")
    assert find(bank, borrower="standing7", is_month_given=True).events == 1


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"borrower": "nobody"}, "no borrower with this id or key"),
        ({"borrower": "paid"}, "has had no default event, and is not at risk in 2024-04"),
        (
            {"borrower": "standing3", "is_month_given": True},
            "had no default event in 2024-03. There never was one",
        ),
        (
            {"borrower": "cured", "is_month_given": True},
            "not at risk in 2024-03. The last event was in 2023-12: ask for that month",
        ),
        ({"borrower": "paid", "is_month_given": True}, "no open loan in 2024-03"),
        (
            {"borrower": "cured"},
            "not at risk in 2024-04; its last default event was in 2023-12",
        ),
    ],
)
def test_what_cannot_be_responded_to_is_refused(
    bank: Settings, wish: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ResponseError, match=sentence):
        find(bank, **wish)


def test_a_refusal_repeats_no_id(
    bank: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ResponseError) as refused:
        find(bank, borrower="Maria Oliveira 1991")
    assert "Maria" not in str(refused.value) + caplog.text


def test_a_month_without_a_posterior_is_refused_where_a_person_asks(
    bank: Settings,
) -> None:
    change(bank, "update risk.joint_risk_index set as_of_month = '2023-12-01'")
    with pytest.raises(ResponseError, match="no posterior that knows 2024-03"):
        find(bank, is_month_given=True)
    assert not find(bank).is_available


def test_a_month_whose_forerunner_has_no_posterior_is_refused(bank: Settings) -> None:
    change(bank, "delete from audit.posterior where as_of_month = '2024-02-01'")
    with pytest.raises(ResponseError, match=r"posterior of 2024-02 to compare.*DRAWS"):
        find(bank, is_month_given=True)


def test_where_nobody_asked_a_missing_forerunner_is_no_failure(bank: Settings) -> None:
    change(bank, "delete from audit.posterior where as_of_month = '2024-02-01'")
    report = find(bank)
    assert not report.is_available
    assert "run the DAG `joint_risk` for 2024-03 again" in (report.why_none or "")


def test_a_posterior_that_was_not_accepted_is_not_compared_with(bank: Settings) -> None:
    change(bank, "update audit.posterior set accepted = (as_of_month = '2024-03-01')")
    with pytest.raises(ResponseError, match="no accepted posterior of 2024-02"):
        find(bank, is_month_given=True)


def test_an_older_accepted_posterior_stands_for_one_that_was_refused(
    bank: Settings,
) -> None:
    change(
        bank,
        "update audit.posterior set accepted = (as_of_month = '2024-03-01')",
        """
        insert into audit.posterior
        select * replace (
            'older' as model_version, date '2024-01-01' as as_of_month, true as accepted
        )
        from audit.posterior where as_of_month = '2024-02-01'
        """,
    )
    find(bank)
    found = read_posteriors(run_folder(bank, "run"))
    assert found is not None
    assert found.previous_version == "older"


def test_a_posterior_of_other_settings_is_not_compared_with(bank: Settings) -> None:
    # Fitted with settings A, tried with B, and gone back to A, whose fit is kept.
    change(
        bank,
        """
        insert into audit.posterior
        select * replace (
            'tried' as model_version, 'other' as settings_hash,
            fitted_at + interval 1 day as fitted_at
        )
        from audit.posterior where as_of_month = '2024-02-01'
        """,
    )
    find(bank)
    found = read_posteriors(run_folder(bank, "run"))
    assert found is not None
    assert found.previous_version == "posterior-2024-02"
    change(bank, "delete from audit.posterior where model_version = 'posterior-2024-02'")
    with pytest.raises(ResponseError, match="of 2024-02 to compare"):
        find(bank, is_month_given=True)


LATE = """
    update marts.fct_borrower_month set is_event = true
    where borrower_key = 'standing0' and month = '2024-02-01'
"""


def test_a_default_that_arrives_late_is_found_by_the_next_run(bank: Settings) -> None:
    change(bank, LATE)
    assert find(bank).events == 5
    event = written(bank).set_index("borrower_key").loc["standing0"]
    assert (str(event.month)[:7], str(event.as_of_month)[:7]) == ("2024-02", "2024-03")


def test_a_month_a_person_names_is_that_month_alone(bank: Settings) -> None:
    change(bank, LATE)
    assert find(bank, is_month_given=True).events == 4


def test_how_far_is_looked_back_is_a_setting(bank: Settings) -> None:
    change(bank, LATE)
    near = bank.model_copy(update={"response_lookback_months": 1})
    assert find(near).events == 4
    far = bank.model_copy(update={"response_lookback_months": 4})
    assert find(far).events == 6


def test_a_month_without_its_own_posterior_is_answered_with_the_last_good_one(
    bank: Settings,
) -> None:
    # March's fit was refused; a person asks for its defaults all the same, in April.
    change(
        bank,
        "update marts.fct_borrower_month set month = month + interval 1 month",
        "update risk.residual set month = month + interval 1 month",
    )
    assert find(bank, month=AHEAD, is_month_given=True).events == 4
    found = read_posteriors(run_folder(bank, "run"))
    assert found is not None
    assert (found.version, f"{found.acts_from}") == ("posterior-2024-03", "2024-05-01")


def test_a_portfolio_without_joint_risk_is_not_available(settings: Settings) -> None:
    open_bank(settings, joint_risk="select 1")
    report = find(settings, is_month_given=True)
    assert not report.is_available
    assert report.why_none == "Not available for this portfolio: it has no joint risk."


def test_without_joint_risk_no_borrower_can_be_given(settings: Settings) -> None:
    open_bank(settings, joint_risk="select 1")
    with pytest.raises(ResponseError, match="it has no joint risk"):
        find(settings, borrower="standing0")


def test_groups_that_were_merged_are_those_of_the_posterior(bank: Settings) -> None:
    change(bank, "update risk.joint_risk_index set region = 'other'")
    find(bank)
    assert set(written(bank).region) == {"other"}
    assert set(written(bank).own_region) == {"north", "south"}


def test_one_effect_only_is_named_all(settings: Settings) -> None:
    one = settings.model_copy(update={"joint_industry_attribute": "none"})
    open_bank(one, "update risk.joint_risk_index set industry = 'all'")
    find(one)
    assert set(written(one).industry) == {"all"}


def test_nothing_of_the_bank_is_changed_by_looking(bank: Settings) -> None:
    find(bank)
    assert rows(bank, "select count(*) from risk.default_event") == [(0,)]


def test_a_run_leaves_the_files_of_those_that_are_open_beside_it(bank: Settings) -> None:
    for run_id in ("run", "second", "third", "fourth"):
        find(bank, run_id)
    assert len(written(bank)) == 4
    day_before = run_folder(bank, "run").stat().st_mtime - 25 * 3600
    os.utime(run_folder(bank, "run"), (day_before, day_before))
    find(bank, "fifth")
    assert not run_folder(bank, "run").exists()
