"""Answers remembered: worked out once, forgotten in order, errors never kept."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from comove.pages.remembered import Remembered


def test_many_who_ask_the_same_wait_for_one_answer() -> None:
    asked: list[int] = []
    begin = threading.Event()

    def work() -> int:
        begin.wait(5)
        asked.append(1)
        return 7

    remembered = Remembered()
    with ThreadPoolExecutor(8) as readers:
        answers = [readers.submit(remembered.ask, "q", work) for _ in range(8)]
        begin.set()
        assert {answer.result() for answer in answers} == {7}
    assert len(asked) == 1


def test_the_oldest_questions_are_forgotten_first() -> None:
    remembered = Remembered(most=2)
    for question in ("a", "b", "a", "c"):
        remembered.ask(question, lambda: 1)
    assert remembered.ask("a", lambda: 2) == 1
    assert remembered.ask("b", lambda: 2) == 2


def test_an_error_is_not_remembered() -> None:
    remembered = Remembered()
    with pytest.raises(ZeroDivisionError):
        remembered.ask("q", lambda: 1 // 0)
    assert remembered.ask("q", lambda: 3) == 3
