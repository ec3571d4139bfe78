"""Ending exactly the processes that were started, whatever became of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from comove.embedded.processes import ProcessMark, end_session, mark_of, session_members

# A leader whose child has a process group of its own, as Airflow gives its tasks; the
# child's id is printed once both are ready.
FAMILY = """
import os, signal, subprocess, sys, time
{prelude}
child = subprocess.Popen(
    [sys.executable, "-c", "import signal, time; {prelude}; print(1); time.sleep(600)"],
    process_group=0, stdout=subprocess.PIPE,
)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
OBEDIENT = "pass"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"

Family = tuple[subprocess.Popen[str], ProcessMark, ProcessMark]
MakeFamily = Callable[[str], Family]


@pytest.fixture
def family() -> Iterator[MakeFamily]:
    made: list[subprocess.Popen[str]] = []

    def make(prelude: str) -> Family:
        leader = subprocess.Popen(
            [sys.executable, "-c", FAMILY.format(prelude=prelude)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        made.append(leader)
        assert leader.stdout
        child = mark_of(int(leader.stdout.readline()))
        mark = mark_of(leader.pid)
        assert child
        assert mark
        return leader, mark, child

    yield make
    for leader in made:
        leader.kill()
        leader.wait()
        assert leader.stdout
        leader.stdout.close()


def test_a_process_is_recognised(family: MakeFamily) -> None:
    _, mark, _ = family(OBEDIENT)
    assert mark.is_alive


def test_a_later_process_of_the_same_id_is_another(family: MakeFamily) -> None:
    _, mark, _ = family(OBEDIENT)
    assert not ProcessMark(mark.pid, mark.started - 1000).is_alive


def test_a_session_holds_children_with_a_group_of_their_own(family: MakeFamily) -> None:
    _, mark, child = family(OBEDIENT)
    assert set(session_members(mark)) == {mark, child}


def test_a_whole_session_is_ended(family: MakeFamily) -> None:
    _, mark, child = family(OBEDIENT)
    assert end_session(mark, patience_seconds=10) == 2
    assert not mark.is_alive
    assert not child.is_alive


def test_who_does_not_end_when_asked_is_killed(family: MakeFamily) -> None:
    _, mark, child = family(STUBBORN)
    begun = time.monotonic()
    assert end_session(mark, patience_seconds=0.3) == 2
    assert time.monotonic() - begun < 5
    assert not child.is_alive


def test_children_of_a_killed_leader_are_found_and_ended(family: MakeFamily) -> None:
    leader, mark, child = family(OBEDIENT)
    leader.kill()
    leader.wait()
    assert child.is_alive
    assert end_session(mark, patience_seconds=10) == 1
    assert not child.is_alive


def test_a_session_that_took_over_the_id_is_left_alone(family: MakeFamily) -> None:
    _, mark, child = family(OBEDIENT)
    before = ProcessMark(mark.pid, mark.started - 1000)
    assert end_session(before, patience_seconds=0) == 0
    assert mark.is_alive
    assert child.is_alive


def test_a_process_that_has_ended_is_not_alive() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    mark = ProcessMark(ended.pid, 0)
    ended.wait()
    assert not mark.is_alive


def test_a_zombie_is_not_alive() -> None:
    killed = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    mark = mark_of(killed.pid)
    assert mark
    os.kill(killed.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while mark.is_alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not mark.is_alive
    killed.wait()
