"""The environment embedded Airflow runs in: everything by variables, no file to edit."""

import json
import os
import secrets
import socket
import sys
from pathlib import Path

from comove.home import Home, project_root, write_secret
from comove.settings import Settings

# Name of a user and its role.
USERS = {"admin": "admin", "op": "op", "user": "user", "viewer": "viewer"}
POOL = "duckdb_writer"
LOOPBACK = "127.0.0.1"


def airflow_environment(settings: Settings, port: int) -> dict[str, str]:
    """Environment variables for every Airflow process of a home.

    Parameters
    ----------
    settings : Settings
        Say which home and portfolio; handed on to the tasks.
    port : int
        Where the API server listens on 127.0.0.1.

    Returns
    -------
    dict of str to str
        The present environment, without other Airflow settings, with ours.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")}
    home = settings.places
    return inherited | _comove(settings) | _quiet() | _core(home) | _api(home, port)


def free_port(preferred: int | None = None) -> int:
    """Give a port nobody listens on, the preferred one if it is free."""
    for wanted in (preferred, 0):
        if wanted is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


def passwords(home: Home) -> dict[str, str]:
    """Passwords of the users of a home's Airflow, made on first use.

    They stand in ``secrets/airflow_passwords.json`` with mode 0600.
    """
    file = passwords_file(home)
    if not file.is_file():
        made = {name: secrets.token_urlsafe(12) for name in USERS}
        write_secret(file, json.dumps(made))
    return dict(json.loads(file.read_text()))


def airflow_command(*words: str) -> list[str]:
    """Command line of Airflow's own program, in the environment of this Python."""
    return [sys.executable, "-m", "airflow", *words]


def passwords_file(home: Home) -> Path:
    """Where the passwords of a home's Airflow stand."""
    return home.root / "secrets" / "airflow_passwords.json"


def _comove(settings: Settings) -> dict[str, str]:
    given = {
        "COMOVE_PORTFOLIO": settings.portfolio,
        "COMOVE_HOME": str(settings.places.root),
        "COMOVE_SEED": str(settings.seed),
    }
    if settings.data:
        given["COMOVE_DATA"] = str(settings.data_folder)
    return given


def _quiet() -> dict[str, str]:
    return {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "NO_COLOR": "1",
        "PYTHONWARNINGS": "ignore",
    }


def _core(home: Home) -> dict[str, str]:
    folder = home.airflow
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__CORE__EXECUTOR": "comove_airflow.executor.OrderlyExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(project_root() / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project_root() / "plugins"),
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
        # A supervisor that was killed sends no more heartbeats; its task is tried again
        # after this, instead of after five minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    }


def _api(home: Home, port: int) -> dict[str, str]:
    url = f"http://{LOOPBACK}:{port}"
    return {
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": home.secret("airflow_api_key"),
        "AIRFLOW__API_AUTH__JWT_SECRET": home.secret("airflow_jwt_key"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{name}:{role}" for name, role in USERS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(home)),
    }
