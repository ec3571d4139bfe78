"""Months trained in one order or another: the risk tables are the same, row for row."""

import datetime as dt
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.end_to_end.tables import Contents, content, contents

from comove.connection import connect
from comove.landing import land
from comove.risk_model.application import train_application
from comove.risk_model.export import export_features
from comove.risk_model.request import request_for, write_request
from comove.risk_model.store import record_checks, store_training
from comove.risk_model.train import train
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import Part, build, build_part, publish

# Nine trainings: with the long checks.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

BORROWERS, MONTHS = 600, 20
# Small enough to train in seconds; the folds, gates and decisions are those of any run.
SMALL = {
    "pd_search_trials": 2,
    "pd_max_rounds": 20,
    "pd_min_train_months": 8,
    "pd_min_events": 10,
}


def settings_at(home: Path) -> Settings:
    return Settings(portfolio="simulated", home=home, **SMALL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dt.date]]:
    """A home with published marts; its last three months."""
    settings = settings_at(tmp_path_factory.mktemp("built"))
    simulate(settings, borrowers=BORROWERS, months=MONTHS)
    told = json.loads((settings.places.root / "simulation.json").read_text())
    last = dt.date.fromisoformat(told["last_month"])
    land(settings, run_id="warehouse")
    build(settings, run_id="warehouse", month=last)
    publish(settings, run_id="warehouse", month=last)
    before = (last - dt.timedelta(days=1)).replace(day=1)
    return settings.places.root, [
        (before - dt.timedelta(days=1)).replace(day=1),
        before,
        last,
    ]


def train_months(home: Path, months: Sequence[dt.date]) -> Settings:
    """Do what the DAG `risk_model` does, month after month."""
    settings = settings_at(home)
    for month in months:
        run_id = f"risk {month}"
        build_part(Part.FEATURES, settings, run_id=run_id, month=month)
        exported = export_features(settings, run_id=run_id, month=month)
        write_request(exported.folder, request_for(settings, month))
        train(settings, run_id=run_id, month=month)
        train_application(settings, run_id=run_id, month=month, tell=print)
        record_checks(settings, run_id=run_id)
        store_training(settings, run_id=run_id)
        build_part(Part.RISK, settings, run_id=run_id)
        publish(settings, run_id=run_id, month=month, schemas=("risk", "audit"))
    return settings


def risk_tables(settings: Settings) -> Contents:
    """All of schema risk; of the audit trail what is known, not which run wrote it."""
    with connect(settings) as connection:
        connection.execute(
            """
            create or replace view registered as
            select * exclude (run_id, registered_at) from audit.model_registry
            """
        )
        audit = {
            name: content(connection, name)
            for name in ("registered", "audit.risk_request", "audit.model_promotion")
        }
        return contents(connection, "risk") | audit


@pytest.fixture(scope="module")
def in_order(built: tuple[Path, list[dt.date]]) -> Contents:
    home, months = built
    copy = home.with_name("in_order")
    shutil.copytree(home, copy)
    return risk_tables(train_months(copy, months))


def test_predictions_residuals_and_scores_are_made(
    in_order: Contents,
) -> None:
    for table in ("pd_candidate", "pd_prediction", "pd_forecast", "residual", "score"):
        assert in_order[f"risk.{table}"][0] > 0, table


def test_every_prediction_and_score_names_a_registered_model(
    built: tuple[Path, list[dt.date]],
    in_order: Contents,
) -> None:
    assert in_order
    with connect(settings_at(built[0].with_name("in_order"))) as connection:
        unknown = connection.execute(
            """
            select count(*) from (
                select model_version from risk.pd_prediction
                union all select model_version from risk.pd_forecast
                union all select model_version from risk.score where pd is not null
            )
            where model_version not in (select model_version from audit.model_registry)
            """
        ).fetchall()
        scored = connection.execute("select count(score) from risk.score").fetchall()
    assert unknown == [(0,)]
    assert scored > [(0,)]


def test_months_trained_the_other_way_round_give_the_same_tables(
    built: tuple[Path, list[dt.date]], in_order: Contents
) -> None:
    home, months = built
    copy = home.with_name("backwards")
    shutil.copytree(home, copy)
    backwards = train_months(copy, [months[2], months[0], months[1]])
    assert risk_tables(backwards) == in_order


def test_a_month_trained_again_changes_nothing(
    built: tuple[Path, list[dt.date]], in_order: Contents
) -> None:
    again = train_months(built[0].with_name("in_order"), built[1][-1:])
    assert risk_tables(again) == in_order
