"""The environment embedded Airflow runs in."""

import socket
import stat
from pathlib import Path

import pytest

from comove.embedded.environment import (
    USERS,
    airflow_environment,
    free_port,
    passwords,
    passwords_file,
)
from comove.settings import Settings


def test_passwords_are_made_once_and_only_their_owner_reads_them(
    settings: Settings,
) -> None:
    made = passwords(settings.places)
    assert made.keys() == USERS.keys()
    assert len(set(made.values())) == len(USERS)
    assert passwords(settings.places) == made
    mode = passwords_file(settings.places).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_server_listens_on_this_machine_only(settings: Settings) -> None:
    environment = airflow_environment(settings, 12345)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__PORT"] == "12345"


def test_nothing_is_told_to_anybody(settings: Settings) -> None:
    environment = airflow_environment(settings, 1)
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["GX_ANALYTICS_ENABLED"] == "False"
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_airflow_settings_of_the_caller_do_not_leak_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    monkeypatch.setenv("AIRFLOW__SMTP__SMTP_HOST", "elsewhere")
    environment = airflow_environment(settings, 1)
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert "AIRFLOW__SMTP__SMTP_HOST" not in environment


def test_tasks_work_on_the_same_home_and_files(tmp_path: Path) -> None:
    settings = Settings(portfolio="xente", home=tmp_path / "home", data=tmp_path)
    environment = airflow_environment(settings, 1)
    assert environment["COMOVE_PORTFOLIO"] == "xente"
    assert environment["COMOVE_HOME"] == str(tmp_path / "home")
    assert environment["COMOVE_DATA"] == str(tmp_path)


def test_a_taken_port_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
