"""Models of admission and limit are judged before they judge anybody."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from tests.decision.small_lender import open_lender, planted_cases, rows, run

from comove.decision.train import Trainer
from comove.settings import Settings

OCTOBER, JANUARY = dt.date(2023, 10, 1), dt.date(2024, 1, 1)


def trainer(settings: Settings, cases: pd.DataFrame) -> Trainer:
    """A trainer on cases that stand as dbt leaves them."""
    open_lender(settings, cases)
    connection = duckdb.connect()
    connection.execute(f"attach '{settings.places.warehouse}' as home (read_only)")
    connection.execute(
        "create table case_row as select *, applied_on as as_of "
        "from home.risk.decision_case"
    )
    connection.execute("detach home")
    return Trainer(settings, connection, lambda _: None)


def contrary(cases: pd.DataFrame) -> pd.DataFrame:
    """What the files say from July 2023 on is mixed up: nothing tells who repays.

    Outcomes become known 120 days later, from November on.
    """
    draw = np.random.default_rng(1)
    later = cases["applied_on"] >= "2023-07-01"
    known = later & cases["is_bad"].notna()
    cases.loc[known, "worst_dpd_12m"] = np.nan
    cases.loc[later, "score_log_odds"] = np.nan
    cases.loc[known, "is_bad"] = (draw.random(int(known.sum())) < 0.6).astype(object)
    return cases


def test_a_model_that_fails_its_gate_judges_nobody_and_the_one_before_goes_on(
    settings: Settings,
) -> None:
    found = trainer(settings, contrary(planted_cases()))
    before, after = found.judges(OCTOBER), found.judges(JANUARY)
    assert before.everyone is not None
    assert after.everyone is not None
    assert after.everyone.version == before.everyone.version
    refused = [one for one in found.models if one.get("status") == "refused"]
    names = {one["model_version"] for one in refused}
    assert any(name.startswith("admission-line-everyone-2024-01") for name in names)
    assert "missing" in " ".join(str(one["refused_because"]) for one in refused)
    assert not names & {
        one["model_version"] for one in found.models if one.get("status") != "refused"
    }


def test_a_model_found_refused_is_refused_again_without_being_fitted(
    settings: Settings,
) -> None:
    cases = contrary(planted_cases())
    first = trainer(settings, cases)
    first.judges(JANUARY)
    told: list[str] = []
    again = Trainer(settings, first._everyone.connection, told.append)
    again.judges(JANUARY)
    assert not [sentence for sentence in told if sentence.startswith("fitting")]
    assert {one["model_version"] for one in again.models} <= {
        one["model_version"] for one in first.models
    }


def test_which_months_were_asked_for_before_changes_no_model(
    settings: Settings, tmp_path: Path
) -> None:
    other = Settings(portfolio="contract", home=tmp_path / "other")
    at_once, one_by_one = (
        trainer(settings, planted_cases()),
        trainer(other, planted_cases()),
    )
    one_by_one.judges(OCTOBER)
    named = [
        [one.version for one in (j.existing, j.everyone, j.limit) if one]
        for j in (at_once.judges(JANUARY), one_by_one.judges(JANUARY))
    ]
    assert named[0] == named[1]
    assert len(named[0]) == 2


def test_refused_models_are_registered_as_refused(settings: Settings) -> None:
    open_lender(settings, contrary(planted_cases()))
    run(settings)
    found = rows(
        settings,
        "select count(*), count(refused_because) from audit.model_registry "
        "where status = 'refused' and purpose = 'admission'",
    )
    assert found[0][0] == found[0][1] > 0
    judged_by_them = """
        select count(*) from risk.decision_input
        inner join audit.model_registry as models
            on list_contains(
                string_split(decision_input.model_version, ' + '), models.model_version
            )
        where models.refused_because is not null
    """
    assert rows(settings, judged_by_them) == [(0,)]
