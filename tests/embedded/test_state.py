"""What is noted about a running Airflow, and the locks around it."""

from comove.embedded.processes import ProcessMark
from comove.embedded.state import (
    Running,
    forget_state,
    read_state,
    state_file,
    users_lock,
    write_state,
)
from comove.settings import Settings

RUNNING = Running(
    keeper=ProcessMark(10, 1.5),
    owner=ProcessMark(9, 1.0),
    mode="run",
    port=1234,
    settings_hash="abc",
    began="2026-11-22T00:00:00+00:00",
)


def test_what_is_noted_is_read_back(settings: Settings) -> None:
    settings.places.make()
    write_state(settings.places, RUNNING)
    assert read_state(settings.places) == RUNNING
    forget_state(settings.places)
    assert read_state(settings.places) is None


def test_a_torn_note_counts_as_none(settings: Settings) -> None:
    settings.places.make()
    state_file(settings.places).write_text('{"keeper": {"pid"')
    assert read_state(settings.places) is None


def test_users_share_an_airflow_and_a_stop_waits_for_them(settings: Settings) -> None:
    first, second = users_lock(settings.places), users_lock(settings.places)
    assert first.take(shared=True, wait=False)
    assert second.take(shared=True, wait=False)
    assert not first.take(wait=False)
    second.close()
    assert first.take(wait=False)
    first.close()
