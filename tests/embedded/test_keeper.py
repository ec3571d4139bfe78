"""The first process of a session starts nothing before it has been noted."""

import subprocess
import sys
from pathlib import Path

import pytest

from comove.embedded import keeper
from comove.embedded.keeper import Part


def test_it_ends_when_nobody_noted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "NOTE_SECONDS", 0.05)
    words = ["keeper", str(tmp_path / "none.json"), str(tmp_path), "scheduler"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match="Nobody noted"):
        keeper.main()
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_dies_is_started_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(keeper.PARTS, "mortal", ("this_is_no_module",))
    part = Part("mortal", tmp_path)
    for _ in range(8):
        part.keep()
        assert isinstance(part.process, subprocess.Popen)
        part.process.wait()
    assert part.starts == keeper.MOST_STARTS
    assert "this_is_no_module" in (tmp_path / "mortal.log").read_text()
