"""Answers that are worked out once for all readers, until there is another copy."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any

# A page of rows is a few tens of kilobytes.
MOST_ANSWERS = 500


class Remembered:
    """Answers by question; those to the oldest questions are forgotten first.

    Parameters
    ----------
    most : int
        Answers kept.
    """

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Future[Any]] = OrderedDict()

    def ask[T](self, question: Hashable, work: Callable[[], T]) -> T:
        """Give an answer, working it out if nobody has asked before.

        Parameters
        ----------
        question : hashable
            With all the answer depends on, the copy that is read included.
        work : callable
            Works it out; while it does, whoever asks the same waits for it.

        Raises
        ------
        Exception
            What `work` raises; it is not remembered.
        """
        with self._lock:
            known = self._answers.get(question)
            mine: Future[Any] = known or Future()
            self._answers[question] = mine
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        if known is None:
            self._work_out(question, mine, work)
        found: T = mine.result()
        return found

    def _work_out(
        self, question: Hashable, answer: Future[Any], work: Callable[[], Any]
    ) -> None:
        try:
            answer.set_result(work())
        except BaseException as error:
            with self._lock:
                self._answers.pop(question, None)
            answer.set_exception(error)
