import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from comove.cli import app

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMOVE_HOME", str(tmp_path))
    monkeypatch.setenv("COMOVE_PORTFOLIO", "contract")
    return tmp_path


def test_simulating_another_lender_in_the_same_home_is_refused_in_a_sentence() -> None:
    assert runner.invoke(app, ["simulate", "--borrowers=50", "--months=3"]).exit_code == 0
    answer = runner.invoke(app, ["simulate", "--borrowers=60", "--months=3"])
    assert answer.exit_code == 1
    assert "already holds files of another lender" in answer.output
    assert "Traceback" not in answer.output


def test_landing_tells_the_rows_of_each_entity_as_json(home: Path) -> None:
    file = home / "landing" / "borrowers" / "one.csv"
    file.parent.mkdir(parents=True)
    file.write_text("borrower_id,kind\nB1,person\nB2,company\n")
    answer = runner.invoke(app, ["land", "--json"])
    assert json.loads(answer.stdout)["entities"]["borrowers"]["rows_landed"] == 2


@pytest.mark.parametrize("command", ["status", "docs"])
def test_asking_before_the_first_run_says_what_to_do(command: str) -> None:
    answer = runner.invoke(app, [command])
    assert answer.exit_code == 1
    assert "make run" in answer.output


def test_a_wrong_option_exits_with_2() -> None:
    assert runner.invoke(app, ["simulate", "--borrowers=none"]).exit_code == 2
