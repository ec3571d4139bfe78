"""What is said about a failed task."""

from comove.embedded.failure import last_lines, reason

STACK = [
    {"exc_type": "AirflowFailException", "exc_value": "month: too late. Use 2026-10."}
]


def test_the_reason_is_the_message_without_its_stack() -> None:
    events = [{"event": "Task failed with exception", "error_detail": STACK}]
    assert reason(events) == "month: too late. Use 2026-10."


def test_a_task_that_was_killed_has_a_reason_too() -> None:
    assert "ended from outside" in reason([{"event": "Filling up the DagBag"}])


def test_only_the_last_lines_are_shown_one_per_event() -> None:
    events = [{"event": f"line {number}\nstack"} for number in range(30)]
    shown = last_lines([{"event": "::group::Pre"}, *events])
    assert len(shown) == 12
    assert shown[-1] == "line 29"
