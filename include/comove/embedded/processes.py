"""Which processes belong to an embedded Airflow, and ending exactly those."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

# A process id may be reused; together with when it began it names one process for ever.
# Seconds between two readings of the same start time, when the clock was set meanwhile.
START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessMark:
    """One process, recognisable after its id has been reused.

    Parameters
    ----------
    pid : int
        Process id.
    started : float
        When it began: clock ticks since the machine started where the system tells,
        else seconds since 1970.
    """

    pid: int
    started: float

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        now = mark_of(self.pid)
        return now is not None and abs(now.started - self.started) < _tolerance()


def mark_of(pid: int) -> ProcessMark | None:
    """Mark of a running process; None when there is none of that id."""
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessMark(pid, _started(pid))
    except (psutil.Error, OSError):
        return None


def session_members(leader: ProcessMark) -> list[ProcessMark]:
    """Every live process of the session a process leads or led.

    Parameters
    ----------
    leader : ProcessMark
        The session's first process; it may be dead.

    Returns
    -------
    list of ProcessMark
        Empty when its id now belongs to someone else's session: a session keeps its id
        from being given away for as long as it has members.
    """
    holder = mark_of(leader.pid)
    if holder is not None and not leader.is_alive:
        return []
    marks = (mark_of(pid) for pid in psutil.pids() if _session(pid) == leader.pid)
    return [
        mark
        for mark in marks
        if mark is not None and mark.started >= leader.started - _tolerance()
    ]


def end_session(leader: ProcessMark, *, patience_seconds: float) -> int:
    """End every process of a session: asked first, killed after some time.

    Parameters
    ----------
    leader : ProcessMark
        The session's first process.
    patience_seconds : float
        How long they may take to end by themselves.

    Returns
    -------
    int
        How many processes were ended.
    """
    seen = set(session_members(leader))
    _send(seen, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while (left := session_members(leader)) and time.monotonic() < deadline:
        seen.update(left)
        time.sleep(0.05)
    while left := session_members(leader):
        seen.update(left)
        _send(left, signal.SIGKILL)
        time.sleep(0.02)
    return len(seen)


def _send(marks: Iterable[ProcessMark], number: signal.Signals) -> None:
    for mark in marks:
        if mark.is_alive:
            try:
                os.kill(mark.pid, number)
            except ProcessLookupError:
                continue


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _started(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            # The name in brackets may hold spaces; the start time is the 20th field
            # after it, in clock ticks since boot, which setting the clock cannot move.
            return float(stream.read().rpartition(b")")[2].split()[19])
    except FileNotFoundError:
        return float(psutil.Process(pid).create_time())


def _tolerance() -> float:
    return 0.5 if os.path.exists("/proc/self/stat") else START_TOLERANCE_SECONDS
