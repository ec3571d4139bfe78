"""Homes with an Airflow of their own, and what ended in them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from comove.embedded.server import stop
from comove.settings import Settings

BORROWERS = "600"
MONTHS = "20"
# Models in seconds: few trials, few trees, and few events are enough.
SMALL = {
    "COMOVE_PD_SEARCH_TRIALS": "2",
    "COMOVE_PD_MAX_ROUNDS": "20",
    "COMOVE_PD_MIN_TRAIN_MONTHS": "8",
    "COMOVE_PD_MIN_EVENTS": "10",
    # One shape to compile, and losses in a second.
    "COMOVE_JOINT_VALIDATION_MONTHS": "0",
    "COMOVE_LOSS_SIMULATIONS": "5000",
}
Command = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def make_home(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], Settings]]:
    """Maker of settings with a home; whatever still runs there is ended."""
    made: list[Settings] = []

    def make() -> Settings:
        made.append(Settings(portfolio="simulated", home=tmp_path_factory.mktemp("home")))
        return made[-1]

    yield make
    for settings in made:
        stop(settings.places, patience_seconds=1)


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Starter of what `make run` starts; its output goes to a file."""

    def start(settings: Settings, *words: str, log: Path) -> subprocess.Popen[str]:
        size = ("--borrowers", BORROWERS, "--months", MONTHS)
        with log.open("w") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "comove.embedded", "run", *size, *words],
                env={**_environment(), "COMOVE_HOME": str(settings.places.root)},
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
            )

    return start


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COMOVE_")}
    return kept | SMALL
