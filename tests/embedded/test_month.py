"""Which month `make run` asks for, and when it simulates."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import comove.simulation
from comove.connection import connect
from comove.embedded.month import ensure_simulated, month_to_run
from comove.errors import ComoveError
from comove.portfolio import load_portfolio
from comove.settings import Settings

Make = Callable[..., Settings]


def simulated(settings: Settings, **said: Any) -> None:
    settings.places.root.mkdir(parents=True)
    (settings.places.root / "simulation.json").write_text(json.dumps(said))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []

    def simulate(_settings: Settings, **given: Any) -> SimpleNamespace:
        there = len(made) > 0
        made.append({name: given[name] for name in ("borrowers", "months")})
        return SimpleNamespace(already_there=there)

    monkeypatch.setattr(comove.simulation, "simulate", simulate)
    return made


def test_the_month_asked_for_is_run(settings: Settings) -> None:
    assert month_to_run(settings, "2026-09") == "2026-09"


@pytest.mark.parametrize(
    "written", ["2024-13", "2024-1", "2024", "march", "2024-03-01", "0000-05"]
)
def test_what_is_no_month_is_refused_before_airflow_starts(
    settings: Settings, written: str
) -> None:
    with pytest.raises(ComoveError, match=f"MONTH: '{written}' is not a month"):
        month_to_run(settings, written)


def test_a_real_portfolio_says_its_last_month(make_settings: Make) -> None:
    last = load_portfolio("sba_7a").last_month
    assert month_to_run(make_settings(portfolio="sba_7a"), None) == f"{last:%Y-%m}"


def test_a_simulated_lender_says_its_last_month(make_settings: Make) -> None:
    settings = make_settings(portfolio="simulated")
    simulated(settings, last_month="2025-12-01")
    assert month_to_run(settings, None) == "2025-12"


def test_for_a_lenders_own_files_the_month_must_be_named(settings: Settings) -> None:
    with pytest.raises(ComoveError, match="MONTH=2026-09"):
        month_to_run(settings, None)


def test_a_lender_is_simulated_in_the_size_asked_for(
    make_settings: Make, calls: list[dict[str, Any]]
) -> None:
    ensure_simulated(make_settings(portfolio="simulated"), 300, 12, Console())
    assert calls == [{"borrowers": 300, "months": 12}]


def test_another_lender_gets_a_new_warehouse_and_the_same_one_keeps_it(
    make_settings: Make, calls: list[dict[str, Any]]
) -> None:
    settings = make_settings(portfolio="simulated")
    with connect(settings) as connection:
        connection.execute("create table of_the_lender_before as select 1 as one")
    ensure_simulated(settings, 300, 12, Console())
    assert not settings.places.warehouse.exists()
    with connect(settings):
        pass
    ensure_simulated(settings, 300, 12, Console())
    assert settings.places.warehouse.exists()


def test_real_portfolios_are_never_simulated(
    settings: Settings, calls: list[dict[str, Any]]
) -> None:
    ensure_simulated(settings, 300, 12, Console())
    assert calls == []
