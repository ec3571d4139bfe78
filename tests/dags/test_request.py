"""Which month and folder a run is for."""

import datetime as dt
import json
from pathlib import Path

import pytest

from comove.errors import SettingsError
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove_airflow.request import check_fields, month_for, settings_for

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def month(
    asked: str | None = None,
    partition: str | None = None,
    *,
    portfolio: str = "contract",
    home: Path | None = None,
) -> dt.date:
    settings = Settings(portfolio=portfolio, home=home)
    return month_for(settings, asked=asked, partition=partition, run_after=NOW)


def test_without_a_month_the_last_complete_one_is_built() -> None:
    assert month() == dt.date(2026, 10, 1)


def test_the_month_on_the_form_is_built() -> None:
    assert month("2025-02") == dt.date(2025, 2, 1)


def test_a_scheduled_run_builds_its_partition() -> None:
    assert month(partition="2026-03") == dt.date(2026, 3, 1)


def test_a_scheduled_run_stops_at_the_last_month_of_the_portfolio() -> None:
    last = load_portfolio("superlender").last_month
    assert month(partition="2026-10", portfolio="superlender") == last


def test_a_simulated_lender_says_its_own_last_month(tmp_path: Path) -> None:
    (tmp_path / "simulation.json").write_text(json.dumps({"last_month": "2025-12-01"}))
    found = month(portfolio="simulated", home=tmp_path)
    assert found == dt.date(2025, 12, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-13", "2026-1", "October", "2026-10-01", "", "0000-05", "0001-01",
        "2026-10\n",
        "\N{ARABIC-INDIC DIGIT TWO}026-10",
    ],
)  # fmt: skip
def test_what_is_no_month_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="is not a month"):
        month(wrong)


def test_a_month_that_is_not_over_is_refused() -> None:
    with pytest.raises(SettingsError, match="2026-11 is not over before 2026-11-30"):
        month("2026-11")


def test_a_month_after_the_portfolios_last_is_refused() -> None:
    with pytest.raises(SettingsError, match="2026-01 is after 20"):
        month("2026-01", portfolio="superlender")


def test_a_month_other_than_the_partition_is_refused() -> None:
    with pytest.raises(SettingsError, match="the form says 2026-01"):
        month("2026-01", "2026-02")


def test_a_folder_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError, match="no folder '/nowhere/at/all'"):
        settings_for({"data_folder": "/nowhere/at/all"})


def test_a_folder_on_the_form_replaces_the_one_in_the_settings(tmp_path: Path) -> None:
    assert settings_for({"data_folder": str(tmp_path)}).data_folder == tmp_path


def test_a_misspelt_field_is_refused_instead_of_ignored() -> None:
    with pytest.raises(SettingsError, match=r"no field 'mnoth'.*Use data_folder, month"):
        check_fields(["mnoth"], ["month", "data_folder"])


def test_fields_of_the_form_are_accepted() -> None:
    check_fields(["month"], ["month", "data_folder"])
