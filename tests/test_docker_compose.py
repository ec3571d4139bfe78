"""The Celery profile, as far as it can be checked without a container engine."""

from typing import Any

import pytest
import yaml

from comove.home import project_root

COMPOSE: dict[str, Any] = yaml.safe_load(
    (project_root() / "docker-compose.yaml").read_text()
)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_it_has_a_database_a_queue_and_several_workers() -> None:
    workers = [
        name
        for name, service in SERVICES.items()
        if service.get("command") == ["airflow", "celery", "worker"]
    ]
    assert len(workers) >= 2
    assert {"postgres", "redis", "scheduler", "dag-processor"} <= SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_there_are(name: str) -> None:
    assert SERVICES[name].get("depends_on", {}).keys() <= SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_named_volumes_are_declared(name: str) -> None:
    sources = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])]
    named = {source for source in sources if source.isidentifier()}
    assert named <= COMPOSE["volumes"].keys()


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("PASSWORD", "_KEY", "SECRET")):
                assert str(value).startswith("${"), name
