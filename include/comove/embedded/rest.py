"""What embedded Airflow is asked over its REST interface."""

import datetime as dt
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from comove.errors import ComoveError


class AirflowError(ComoveError):
    """Embedded Airflow did not start, did not answer, or refused."""


@dataclass(frozen=True)
class TaskState:
    """One task of a run.

    Parameters
    ----------
    task_id : str
        Its name.
    state : str
        As Airflow names it; ``none`` before it is due.
    try_number : int
        1 for the first try.
    seconds : float or None
        How long it ran, or has run.
    pid : int or None
        Its process on this machine, once it has one.
    dag_id : str
        Name of its DAG.
    ended_at : str or None
        When it ended, as ISO 8601.
    """

    task_id: str
    state: str
    try_number: int
    seconds: float | None
    pid: int | None = None
    dag_id: str = ""
    ended_at: str | None = None


class AirflowClient:
    """A logged-in client.

    Parameters
    ----------
    url : str
        Address of the API server.
    username, password : str
        Of one of its users.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._login = {"username": username, "password": password}

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def health(self) -> dict[str, str | None]:
        """Status of each part by name; empty while the server does not answer."""
        try:
            answer = self._http.get("/api/v2/monitor/health", timeout=5)
        except httpx.TransportError:
            return {}
        if answer.status_code != httpx.codes.OK:
            return {}
        return {name: part.get("status") for name, part in answer.json().items()}

    def warm_up(self) -> None:
        """Let the server build what it otherwise builds for the first task (3 s)."""
        with suppress(httpx.TransportError):
            self._http.get("/execution/health/ping", timeout=60)

    def dag_parsed_after(self, dag_id: str, moment: dt.datetime) -> bool:
        """Whether a DAG is known and was read from its file since a moment."""
        answer = self._ask("GET", f"/dags/{dag_id}", accept=(200, 404))
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        parsed = answer.json().get("last_parsed_time")
        return parsed is not None and dt.datetime.fromisoformat(parsed) >= moment

    def import_errors(self) -> list[str]:
        """Why DAG files could not be read, one text per file."""
        found = self._ask("GET", "/importErrors").json()["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def is_paused(self, dag_id: str) -> bool:
        """Whether a DAG's runs have to wait."""
        return bool(self._ask("GET", f"/dags/{dag_id}").json()["is_paused"])

    def runs_at_once(self, dag_id: str) -> int:
        """How many runs of a DAG may be open side by side."""
        return int(self._ask("GET", f"/dags/{dag_id}").json()["max_active_runs"])

    def pause(self, dag_id: str, *, is_paused: bool) -> None:
        """Let a DAG's runs wait, or start."""
        self._ask("PATCH", f"/dags/{dag_id}", body={"is_paused": is_paused})

    def trigger(
        self, dag_id: str, run_id: str, conf: Mapping[str, Any], partition: str | None
    ) -> None:
        """Ask for a run.

        Parameters
        ----------
        dag_id, run_id : str
            Of the run.
        conf : mapping
            The fields of its form.
        partition : str or None
            Its partition key.

        Raises
        ------
        AirflowError
            When Airflow refuses, with the reason it gives.
        """
        body = {
            "dag_run_id": run_id,
            "logical_date": None,
            "conf": dict(conf),
            "partition_key": partition,
        }
        self._ask("POST", f"/dags/{dag_id}/dagRuns", body=body)

    def unfinished_runs(self, dag_id: str) -> list[str]:
        """Ids of a DAG's runs that are queued or running, oldest first."""
        found = self._ask(
            "GET",
            f"/dags/{dag_id}/dagRuns",
            query={"state": ["queued", "running"], "order_by": "run_after"},
        )
        return [run["dag_run_id"] for run in found.json()["dag_runs"]]

    def following_run(self, dag_id: str, partition: str, since: str) -> str | None:
        """Id of the first run of a DAG that an asset update has made since a moment.

        Parameters
        ----------
        dag_id : str
            Whose runs.
        partition : str
            Partition key of the update.
        since : str
            When what updates the asset ended, as ISO 8601.
        """
        query = {
            "run_type": "asset_triggered",
            "run_after_gte": since,
            "order_by": "run_after",
        }
        found = self._ask("GET", f"/dags/{dag_id}/dagRuns", query=query).json()
        runs = [r for r in found["dag_runs"] if r["partition_key"] == partition]
        return str(runs[0]["dag_run_id"]) if runs else None

    def causes(self, dag_id: str, run_id: str) -> list[tuple[str, str]]:
        """DAG and id of the runs whose asset updates caused a run, as far as known.

        Airflow 3.3 cannot tell (status 500) before the run has started.
        """
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/upstreamAssetEvents"
        answer = self._ask("GET", path, accept=(200, 500), tries=1)
        if answer.status_code != httpx.codes.OK:
            return []
        return [
            (event["source_dag_id"] or "", event["source_run_id"] or "")
            for event in answer.json()["asset_events"]
        ]

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        """Mark a run failed, saying why."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        self._ask("PATCH", path, body={"state": "failed", "note": note})

    def run_state(self, dag_id: str, run_id: str) -> str:
        """State of a run, as Airflow names it."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"
        return str(self._ask("GET", path).json()["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Tasks of a run, in the order they were started."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        found = self._ask("GET", path).json()["task_instances"]
        return [_task_state(entry) for entry in found]

    def log_events(
        self, dag_id: str, run_id: str, task: TaskState
    ) -> list[dict[str, Any]]:
        """Log of a task's last try, an event per entry."""
        path = (
            f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/"
            f"{task.task_id}/logs/{task.try_number}"
        )
        found = self._ask("GET", path, query={"full_content": "true"})
        content = found.json()["content"]
        return [entry for entry in content if isinstance(entry, dict)]

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (200, 201),
        tries: int = 5,
    ) -> httpx.Response:
        answer = self._send(method, path, body, query, tries)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._send(method, path, body, query, tries)
        if answer.status_code not in accept:
            raise AirflowError(
                f"Airflow refused: {_reason(answer)}.",
                where=f"{method} {path}",
                remedy="Correct what it names, and run again.",
            )
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, Any] | None,
        tries: int,
    ) -> httpx.Response:
        for left in range(tries - 1, -1, -1):
            try:
                answer = self._http.request(
                    method, f"/api/v2{path}", json=body, params=query
                )
            except httpx.TransportError as error:
                if not left:
                    raise _no_answer(str(self._http.base_url), error) from error
            else:
                # SQLite answers "locked" now and then while tasks write their states.
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR or not left:
                    return answer
            time.sleep(1)
        raise AssertionError("unreachable")

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._login)
        if answer.status_code not in (200, 201):
            raise AirflowError(
                "Airflow did not accept its own password.",
                where="secrets/airflow_passwords.json",
                remedy="Run `make down`, then again.",
            )
        token = answer.json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"


def _task_state(entry: Mapping[str, Any]) -> TaskState:
    return TaskState(
        task_id=entry["task_id"],
        state=entry["state"] or "none",
        try_number=entry["try_number"],
        seconds=entry["duration"],
        pid=entry["pid"],
        dag_id=entry["dag_id"],
        ended_at=entry["end_date"],
    )


def _reason(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
    return detail if isinstance(detail, str) else str(detail)


def _no_answer(url: str, error: Exception) -> AirflowError:
    return AirflowError(
        f"Airflow does not answer ({error}).",
        where=url,
        remedy="If `make down` stopped it, run again; else look into its logs.",
    )
