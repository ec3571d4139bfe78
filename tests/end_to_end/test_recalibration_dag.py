"""A recalibration through a real Airflow: an answer given at once, and a way back.

The score drift is made up (`tests.recalibration.small_lender`); what is under test is
that the question is asked, that an answer in the very moment of asking is not lost for
good, and that nothing comes into force without one.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.recalibration.small_lender import MONTH, change, open_lender

from comove.connection import connect_serving
from comove.embedded.environment import passwords_file
from comove.embedded.server import ensure_running, stop
from comove.settings import Settings

# Two runs of Airflow: with the long checks.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

DAG = "recalibration"
BUILT = f"""
    create table audit.build_request as
    select
        date '{MONTH}' as month, date '{MONTH}' as horizon, null::date as build_from,
        true as is_built
"""


@dataclass
class Lender:
    """A home with a running Airflow, and how to ask it."""

    settings: Settings
    http: httpx.Client

    def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.request(method, f"/api/v2/dags/{DAG}{path}", json=body or None)
        answer.raise_for_status()
        return dict(answer.json())

    def trigger(self, run_id: str, **form: Any) -> None:
        conf = {"month": f"{MONTH:%Y-%m}", **form}
        self.ask("POST", "/dagRuns", dag_run_id=run_id, logical_date=None, conf=conf)

    def state(self, run_id: str, task: str) -> str:
        found = self.ask("GET", f"/dagRuns/{run_id}/taskInstances")["task_instances"]
        states = {one["task_id"]: one["state"] for one in found}
        return str(states.get(task))

    def answered(self, run_id: str, option: str) -> str:
        """Answer whenever it asks, as quickly as it can be done; how the run ended."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            state = self.ask("GET", f"/dagRuns/{run_id}")["state"]
            if state in ("success", "failed"):
                return str(state)
            if self.state(run_id, "approve") == "awaiting_input":
                self._answer(run_id, option)
            time.sleep(0.05)
        raise TimeoutError(run_id)

    def _answer(self, run_id: str, option: str) -> None:
        path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
        said = {"chosen_options": [option], "params_input": {"reason": "Agreed"}}
        answer = self.http.patch(path, json=said)
        # Told twice, the second time is refused.
        assert answer.status_code in (200, 409), answer.text

    def versions(self) -> list[tuple[Any, ...]]:
        with connect_serving(self.settings) as connection:
            return connection.execute(
                "select version, status, origin, decided_by, reason "
                "from risk.strategy_version order by version"
            ).fetchall()


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    """The lender, its Airflow up and the DAG switched on."""
    settings = Settings(portfolio="contract", home=tmp_path_factory.mktemp("home"))
    change(open_lender(settings), BUILT)
    try:
        running = ensure_running(settings, "up", say=print)
        password = json.loads(passwords_file(settings.places).read_text())["op"]
        http = httpx.Client(base_url=running.url, timeout=30, trust_env=False)
        login = {"username": "op", "password": password}
        token = http.post("/auth/token", json=login).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        found = Lender(settings, http)
        found.ask("PATCH", "", is_paused=False)
        yield found
    finally:
        stop(settings.places, patience_seconds=1)


def test_an_approval_given_at_once_brings_the_version_into_force(lender: Lender) -> None:
    lender.trigger("first")
    assert lender.answered("first", "Approve") == "success"
    assert lender.versions() == [
        (1, "retired", "seed", None, None),
        (2, "in force", "recalibration", "op", "Agreed"),
    ]
    assert list(lender.settings.places.reports.glob("recalibration/2024-06/index.html"))


def test_an_old_version_is_restored_by_the_form_and_an_approval(lender: Lender) -> None:
    lender.trigger("back", restore=1)
    assert lender.answered("back", "Approve") == "success"
    assert lender.versions()[1:] == [
        (2, "retired", "recalibration", "op", "Agreed"),
        (3, "in force", "restored", "op", "Agreed"),
    ]
