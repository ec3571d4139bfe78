"""Which month `make run` asks for, and when it simulates."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import comove.simulation
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
    monkeypatch.setattr(
        comove.simulation, "simulate", lambda _settings, **given: made.append(given)
    )
    return made


def test_the_month_asked_for_is_run(settings: Settings) -> None:
    assert month_to_run(settings, "2026-09") == "2026-09"


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


def test_a_lender_is_simulated_when_there_is_none(
    make_settings: Make, calls: list[dict[str, Any]]
) -> None:
    ensure_simulated(make_settings(portfolio="simulated"), 300, 12, say=print)
    assert calls == [{"borrowers": 300, "months": 12}]


@pytest.mark.parametrize(("borrowers", "again"), [(300, 0), (400, 1)])
def test_a_lender_is_simulated_again_only_with_other_parameters(
    make_settings: Make, calls: list[dict[str, Any]], borrowers: int, again: int
) -> None:
    settings = make_settings(portfolio="simulated")
    simulated(settings, borrowers=300, months=12, seed=settings.seed)
    ensure_simulated(settings, borrowers, 12, say=print)
    assert len(calls) == again


def test_real_portfolios_are_never_simulated(
    settings: Settings, calls: list[dict[str, Any]]
) -> None:
    ensure_simulated(settings, 300, 12, say=print)
    assert calls == []
