"""What the command `comove` answers, on which stream, with which exit code."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from tests.notify.receiver import listening
from typer.testing import CliRunner

from comove import cli
from comove.cli import app
from comove.decision import trail
from comove.home import project_root

runner = CliRunner()
GUIDE = (project_root() / "docs" / "cli.md").read_text()
GROUP: Any = typer.main.get_command(app)
COMMANDS = sorted(GROUP.commands)
WITH_JSON = sorted(set(COMMANDS) - {"dbt"})
SCRIPT = Path(sys.executable).with_name("comove")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COMOVE_HOME", str(tmp_path))
    monkeypatch.setenv("COMOVE_PORTFOLIO", "contract")
    monkeypatch.delenv("COMOVE_NOTIFY_URLS", raising=False)
    return tmp_path


def small_delivery(home: Path) -> None:
    file = home / "landing" / "borrowers" / "one.csv"
    file.parent.mkdir(parents=True)
    file.write_text("borrower_id,kind\nB1,person\nB2,company\n")


def parsed(words: list[str]) -> None:
    """Read a command line as `comove` does, without running it."""
    with GROUP.make_context("comove", words) as context:
        name, command, rest = GROUP.resolve_command(context, context._protected_args)
        command.make_context(name, [*rest, *context.args], parent=context)


def test_the_guide_lists_the_commands_there_are() -> None:
    table = GUIDE.split("## Commands")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.M)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_that_can_be_called(command: str) -> None:
    text = GROUP.commands[command].help
    (example,) = re.findall(r"^Example: comove (.*)$", text, re.M)
    assert command in shlex.split(example)
    parsed(shlex.split(example))
    said = runner.invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert "Example: comove" in said.output


def test_every_example_of_the_guide_can_be_called_and_every_command_has_one() -> None:
    block = GUIDE.split("## Examples")[1].split("```sh\n")[1].split("```")[0]
    lines = [shlex.split(line)[1:] for line in block.splitlines()]
    for words in lines:
        parsed(words)
    assert all(any(command in words for words in lines) for command in COMMANDS)


def test_a_call_that_cannot_be_made_is_told_apart_from_one_that_can() -> None:
    with pytest.raises(typer.TyperException):
        parsed(["grade", "B1", "--on", "June"])


@pytest.mark.parametrize("command", WITH_JSON)
def test_every_command_that_shows_a_result_shows_it_as_json(command: str) -> None:
    options = {word for one in GROUP.commands[command].params for word in one.opts}
    assert "--json" in options


def test_simulating_another_lender_in_the_same_home_is_refused_in_a_sentence() -> None:
    first = runner.invoke(app, ["simulate", "--borrowers=50", "--months=3", "--json"])
    assert first.exit_code == 0
    assert json.loads(first.stdout)["borrowers"] == 50
    answer = runner.invoke(app, ["simulate", "--borrowers=60", "--months=3"])
    assert answer.exit_code == 1
    assert "already holds files of another lender" in answer.stderr
    assert "Traceback" not in answer.output


def test_landing_tells_the_rows_of_each_entity_as_json(home: Path) -> None:
    small_delivery(home)
    answer = runner.invoke(app, ["land", "--json"])
    assert json.loads(answer.stdout)["entities"]["borrowers"]["rows_landed"] == 2


def test_landing_what_is_not_there_leaves_a_run_that_failed(home: Path) -> None:
    assert runner.invoke(app, ["land", "--run-id", "mine"]).exit_code == 1
    import duckdb

    with duckdb.connect(home / "warehouse" / "comove.duckdb") as connection:
        row = connection.execute("select run_id, status from audit.run").fetchall()
    assert row == [("mine", "failed")]


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["docs"],
        ["grade", "B1"],
        ["overdue", "B1"],
        ["decide", "A1"],
        ["replay"],
        ["land"],
        ["notify"],
    ],
    ids=lambda words: words[0],
)
def test_a_refusal_is_one_sentence_on_standard_error_or_one_json_object(
    words: list[str],
) -> None:
    said = runner.invoke(app, words)
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr.startswith("error ")
    assert len(said.stderr.strip().splitlines()) == 1
    as_json = runner.invoke(app, [*words, "--json"])
    assert (as_json.exit_code, as_json.stdout) == (1, "")
    told = json.loads(as_json.stderr)
    assert set(told) == {"error", "found", "where", "remedy", "exit_code"}
    assert told["exit_code"] == 1
    assert f"{told['where']}: {told['found']} {told['remedy']}" in said.stderr


@pytest.mark.parametrize("command", ["status", "docs"])
def test_asking_before_the_first_run_says_what_to_do(command: str) -> None:
    assert "make run" in runner.invoke(app, [command]).stderr


@pytest.mark.parametrize(
    "words",
    [
        ["simulate", "--borrowers=none"],
        ["simulate", "--borrowers=0"],
        ["nothing"],
        ["status", "--nothing"],
        ["grade"],
        ["grade", "B1", "--on", "June"],
        ["overdue", "B1", "--on", "2024-02-30"],
        ["decide", "A1", "--on", "30.6.2024"],
    ],
    ids=" ".join,
)
def test_what_is_called_wrongly_exits_with_2(words: list[str]) -> None:
    said = runner.invoke(app, words)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "Usage" in said.stderr
    as_json = runner.invoke(app, [*words, "--json"])
    assert (as_json.exit_code, as_json.stdout) == (2, "")
    told = json.loads(as_json.stderr)
    assert (told["error"], told["exit_code"]) == ("UsageError", 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("COMOVE_SEED", "hunter2"), ("COMOVE_DRIFT_CUTS", "hunter2")],
)
def test_a_setting_that_is_wrong_is_named_and_its_value_is_not(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    said = runner.invoke(app, ["report"])
    assert said.exit_code == 1
    assert name.removeprefix("COMOVE_").lower() in said.stderr.lower()
    assert "hunter2" not in said.output
    told = json.loads(runner.invoke(app, ["report", "--json"]).stderr)
    assert told["error"] == "SettingsError"


@pytest.mark.parametrize("words", [["replay"], ["replay", "--json"]], ids=" ".join)
def test_an_interruption_exits_with_130(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trail, "replay_published", interrupted)
    assert runner.invoke(app, words).exit_code == 130


def test_decisions_that_come_out_otherwise_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"decisions": 1200, "changed": 3}
    monkeypatch.setattr(trail, "replay_published", lambda _: counts)
    said = runner.invoke(app, ["replay"])
    assert said.exit_code == 1
    assert "3 of 1,200 decisions come out otherwise" in said.stderr
    same = counts | {"changed": 0, "scored_otherwise": 2}
    monkeypatch.setattr(trail, "replay_published", lambda _: same)
    assert json.loads(runner.invoke(app, ["replay", "--json"]).stdout)["changed"] == 0
    assert "Of 2 the score says otherwise now" in runner.invoke(app, ["replay"]).stdout


def test_reports_are_listed_newest_first(home: Path) -> None:
    for age, name in enumerate(("new", "old")):
        page = home / "reports" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.touch()
        os.utime(page, (1000 - age, 1000 - age))
    pages = json.loads(runner.invoke(app, ["report", "--json"]).stdout)
    assert [Path(page).parent.name for page in pages] == ["new", "old"]
    assert runner.invoke(app, ["report"]).stdout.splitlines() == pages


def test_without_reports_the_list_is_empty() -> None:
    assert json.loads(runner.invoke(app, ["report", "--json"]).stdout) == []


def test_the_place_of_the_docs_is_told(home: Path) -> None:
    page = home / "docs" / "index.html"
    page.parent.mkdir()
    page.touch()
    assert json.loads(runner.invoke(app, ["docs", "--json"]).stdout) == {
        "page": str(page)
    }


def test_portfolio_and_home_can_be_named_before_the_command(tmp_path: Path) -> None:
    page = tmp_path / "other" / "docs" / "index.html"
    page.parent.mkdir(parents=True)
    page.touch()
    words = ["--home", str(tmp_path / "other"), "docs"]
    assert runner.invoke(app, words).stdout.strip() == str(page)
    refused = runner.invoke(app, ["--portfolio", "nowhere", "land"])
    assert "no portfolio called 'nowhere'" in refused.stderr


def test_progress_is_shown_on_a_terminal_only_and_never_on_standard_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["simulate", "--borrowers=30", "--months=2"]
    quiet = runner.invoke(app, words)
    assert quiet.stderr == ""
    assert quiet.stdout.startswith("files: ")
    terminal = Console(stderr=True, force_terminal=True, width=80)
    monkeypatch.setattr(cli, "errors", terminal)
    shown = runner.invoke(app, ["simulate", "--borrowers=31", "--months=2", "--replace"])
    assert "simulating borrowers" in shown.stderr
    assert shown.stdout == quiet.stdout


def test_a_test_message_reaches_every_address_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening() as receiver:
        urls = f"{receiver.address('a')} gate={receiver.address('b')}"
        monkeypatch.setenv("COMOVE_NOTIFY_URLS", urls)
        for _ in range(2):
            said = runner.invoke(app, ["notify", "--json"])
            assert json.loads(said.stdout)["told"] == 2
    assert receiver.titles == ["comove contract: test"] * 4


def test_an_address_that_takes_no_message_is_told_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening() as receiver:
        urls = f"{receiver.address()} json://hunter2@127.0.0.1:1/"
        monkeypatch.setenv("COMOVE_NOTIFY_URLS", urls)
        said = runner.invoke(app, ["notify", "--json"])
    assert said.exit_code == 1
    assert "number 2 did not take" in json.loads(said.stderr)["found"]
    assert "hunter2" not in said.output


def test_completion_installed_from_a_shell_completes_commands_and_portfolios(
    tmp_path: Path,
) -> None:
    path = f"{SCRIPT.parent}:{os.environ['PATH']}"
    outside = {"HOME": str(tmp_path), "PATH": path, "SHELL": "/bin/bash"}
    # The shell that calls it is the one it is installed for; `true` keeps it there.
    installed = subprocess.run(
        ["bash", "-c", "comove --install-completion; true"],
        env=outside,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "completion installed" in installed.stdout
    asked = (
        "source ~/.bashrc; "
        "complete -p comove | grep -o '_[a-z_]*completion' > name; "
        "COMP_WORDS=(comove {words}); COMP_CWORD={n}; "
        '"$(cat name)" comove; echo "${{COMPREPLY[@]}}"'
    )
    for words, n, expected in (
        ("de", 1, "decide"),
        ("--portfolio s", 2, "simulated sba_7a superlender"),
    ):
        done = subprocess.run(
            ["bash", "-c", asked.format(words=words, n=n)],
            env=outside,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert sorted(done.stdout.split()) == sorted(expected.split())
