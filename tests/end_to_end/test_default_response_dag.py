"""A default through a real Airflow: links, actions, an answer, and no second time.

The joint risk is made up (one posterior a month, the later one far worse), so that there
are freezes to decide on; what is under test is what follows from it.
"""

import dataclasses
import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest
import xarray as xr
from tests.end_to_end.tables import Contents, contents
from tests.joint_risk.made_draws import made_draws
from tests.notify.receiver import Receiver, listening

from comove.connection import connect, connect_serving
from comove.embedded.environment import passwords_file
from comove.embedded.server import ensure_running, stop
from comove.joint_risk.posterior import write_posterior
from comove.joint_risk.sampler import Posterior, Quality
from comove.joint_risk.tables import ensure_joint_tables
from comove.landing import land
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import build, publish

pytestmark = pytest.mark.timeout(1500)

DAG = "default_response"
QUALITY = Quality(1.0, 900.0, 900.0, 0, 0.9, 15.0, 1.0, 0.0)
# Everybody at risk in the last month is in the month to come too, unless he has fallen.
JOINT_RISK = """
    create or replace table risk.residual as
    select borrower_key, month, 0.05 as pd, 0.05 as pd_star from marts.fct_borrower_month;
    insert into risk.joint_risk_index by name
    select
        borrower_key, (month + interval 1 month)::date as month, month as as_of_month,
        region, industry, exposure::double as exposure, 0.05 as pd, 0.05 as pd_star,
        0.05 as joint_probability, 0.04 as probability_q05, 0.06 as probability_q95,
        1 as joint_risk_index, 0.8 as q05, 1.2 as q95,
        strftime(month, '%Y-%m') as model_version
    from marts.fct_borrower_month
    inner join marts.dim_borrower using (borrower_key)
    where month = getvariable('last') and is_at_risk and not is_event;
    insert into audit.posterior by name
    select
        strftime(month, '%Y-%m') as model_version, month as as_of_month,
        'gaussian' as copula, 'multi' as factors, true as accepted, 'd' as data_hash,
        's' as settings_hash,
        'artifacts/posteriors/' || strftime(month, '%Y-%m') as artifact_path,
        'made up' as run_id, now()::timestamp as fitted_at
    from (values (getvariable('last')), (getvariable('last') - interval 1 month))
        as fits (month)
"""


@dataclass
class Lender:
    """A home with a running Airflow, and how to ask it."""

    settings: Settings
    http: httpx.Client
    told: Receiver

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.request(method, f"/api/v2/dags/{DAG}{path}", json=body or None)
        answer.raise_for_status()
        return dict(answer.json())

    def trigger(self, run_id: str, **form: str) -> None:
        self.ask("POST", "/dagRuns", dag_run_id=run_id, logical_date=None, conf=form)

    def states(self, run_id: str) -> dict[str, str]:
        found = self.ask("GET", f"/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def wait(self, run_id: str) -> str:
        """Wait until the run has ended or asks a person; its state, or ``asks``."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            state = self.ask("GET", f"/dagRuns/{run_id}")["state"]
            if state in ("success", "failed"):
                return str(state)
            if self.states(run_id).get("approve") == "awaiting_input":
                # An answer in the very moment of asking may be lost.
                time.sleep(3)
                return "asks"
            time.sleep(0.5)
        raise TimeoutError(self.states(run_id))

    def answer(self, run_id: str, option: str, reason: str) -> str:
        path = f"/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
        params = {"reason": reason}
        self.ask("PATCH", path, chosen_options=[option], params_input=params)
        return self.wait(run_id)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect_serving(self.settings) as connection:
            return connection.execute(query).fetchall()

    def response(self) -> Contents:
        with connect(self.settings) as connection:
            found = contents(connection, "risk")
        names = ("default_event", "linked_debtor", "strategy_action", "lending_control")
        return {name: found[name] for name in (f"risk.{name}" for name in names)}


def build_lender(settings: Settings) -> None:
    """Build marts of a simulated lender, and make up its joint risk."""
    simulate(settings, borrowers=600, months=20)
    told = json.loads((settings.places.root / "simulation.json").read_text())
    last = dt.date.fromisoformat(told["last_month"])
    land(settings, run_id="warehouse")
    build(settings, run_id="warehouse", month=last)
    with connect(settings) as connection:
        ensure_joint_tables(connection)
        connection.execute("set variable last = ?::date", [last])
        connection.execute(JOINT_RISK)
        groups = [
            tuple(name for (name,) in connection.execute(f"from {query}").fetchall())
            for query in (
                "(select distinct region from risk.joint_risk_index order by 1)",
                "(select distinct industry from risk.joint_risk_index order by 1)",
            )
        ]
    publish(settings, run_id="warehouse", month=last)
    before = (last - dt.timedelta(days=1)).replace(day=1)
    for month, shift in ((last, 0.0), (before, 3.0)):
        keep_posterior(settings, month, groups[0], groups[1], shift)


def keep_posterior(
    settings: Settings,
    month: dt.date,
    regions: tuple[str, ...],
    industries: tuple[str, ...],
    shift: float,
) -> None:
    made = made_draws(regions=len(regions), industries=len(industries))
    draws = dataclasses.replace(
        made, regions=regions, industries=industries, national=made.national - shift
    )
    empty = xr.Dataset({n: 0.0 for n in ("level", "region_effect", "industry_effect")})
    posterior = Posterior(draws, 2, empty, np.zeros((2, 100)), QUALITY)
    folder = settings.places.artifacts / "posteriors" / f"{month:%Y-%m}"
    write_posterior(folder, posterior, {})


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    """The lender, its Airflow up and the DAG switched on, and somebody who is told."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(portfolio="simulated", home=home)
    build_lender(settings)
    with listening() as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMOVE_NOTIFY_URLS", f"all={receiver.address()}")
        yield from _up(settings, receiver)


def _up(settings: Settings, receiver: Receiver) -> Iterator[Lender]:
    try:
        running = ensure_running(settings, "up", say=print)
        password = json.loads(passwords_file(settings.places).read_text())["op"]
        http = httpx.Client(base_url=running.url, timeout=30, trust_env=False)
        login = {"username": "op", "password": password}
        token = http.post("/auth/token", json=login).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        found = Lender(settings, http, receiver)
        found.ask("PATCH", "", is_paused=False)
        yield found
    finally:
        stop(settings.places, patience_seconds=1)


def test_defaults_of_the_month_wait_for_an_answer_and_obey_it(lender: Lender) -> None:
    lender.trigger("first")
    assert lender.wait("first") == "asks"
    # What needs no approval is published before anybody answers.
    events = lender.rows("select count(*), min(origin) from risk.default_event")
    assert events[0][0] > 0
    assert events[0][1] == "detected"
    waiting = lender.rows(
        "select distinct status from risk.strategy_action where strategy = 'freeze'"
    )
    assert waiting == [("proposed",)]

    # Another default does not wait for the answer.
    ((borrower,),) = lender.rows(
        "select borrower_key from risk.joint_risk_index order by 1 desc limit 1"
    )
    lender.trigger("meanwhile", borrower=borrower)
    assert lender.wait("meanwhile") == "asks"
    reported = "select count(*) from risk.default_event where origin = 'reported'"
    assert lender.rows(reported) == [(1,)]

    assert lender.answer("first", "Reject", "I know them") == "success"
    assert lender.answer("meanwhile", "Reject", "I know them") == "success"
    decided = lender.rows(
        "select distinct status, decided_by, reason from risk.strategy_action "
        "where strategy = 'freeze'"
    )
    assert decided == [("rejected", "op", "I know them")]
    assert lender.rows(
        "select count(*) from risk.lending_control where caused_by = 'freeze'"
    ) == [(0,)]
    assert list(lender.settings.places.reports.glob("default_response/*/*.csv"))


def test_a_second_run_for_the_same_defaults_adds_nothing(lender: Lender) -> None:
    before = lender.response()
    lender.trigger("second")
    assert lender.wait("second") == "success"
    assert lender.states("second")["approve"] == "skipped"
    assert lender.response() == before


def test_a_default_reported_by_hand_is_approved(lender: Lender) -> None:
    ((borrower,),) = lender.rows(
        "select borrower_key from risk.joint_risk_index order by 1 limit 1"
    )
    lender.trigger("third", borrower=borrower)
    assert lender.wait("third") == "asks"
    assert lender.answer("third", "Approve", "") == "success"
    approved = lender.rows(
        "select distinct event.origin, event.detected_by, action.decided_by "
        "from risk.strategy_action as action "
        "inner join risk.default_event as event using (event_id) "
        "where action.status = 'approved'"
    )
    assert approved == [("reported", "op", "op")]


def test_an_unknown_borrower_fails_in_a_sentence_that_names_nobody(
    lender: Lender,
) -> None:
    before = lender.response()
    lender.trigger("fourth", borrower="no such id")
    assert lender.wait("fourth") == "failed"
    logs = lender.settings.places.airflow.glob("logs/**/*fourth*/**/*.log")
    told = "".join(log.read_text() for log in logs)
    assert "there is no borrower with this id or key" in told
    assert "no such id" not in told
    assert lender.response() == before


def test_people_were_told_of_responses_questions_and_the_failure_once_each(
    lender: Lender,
) -> None:
    # A task tells of its failure after the run has gone on.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any("failed" in body for body in lender.told.bodies):
            break
        time.sleep(0.2)
    bodies = [body for body in lender.told.bodies if "warnings" not in body]
    assert sum("new default events" in body for body in bodies) == 3
    asked = [body for body in bodies if "Required Actions" in body]
    assert [body.rpartition("/runs/")[2] for body in asked] == [
        f"{run}/tasks/approve/required_actions" for run in ("first", "meanwhile", "third")
    ]
    (failed,) = (body for body in bodies if "failed" in body)
    assert failed.startswith("The task find_events failed.\n\nhttp://127.0.0.1:")
    assert failed.endswith(f"/dags/{DAG}/runs/fourth")
    assert "no such id" not in str(lender.told.posts)
