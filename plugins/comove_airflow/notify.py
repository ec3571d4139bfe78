"""Which task tells people what: failures, what a run published, questions to a person."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from comove.errors import ComoveError
from comove.settings import Settings
from comove_airflow.stage import FailedBeforeError, month_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.notify import Run

log = logging.getLogger(__name__)


class Notifier(BaseNotifier):
    """Tell people something of a task, where the setting `notify_urls` names any.

    Airflow calls it once the task has ended, or once a question is asked; whatever goes
    wrong then is a warning and changes nothing.

    Parameters
    ----------
    tell : callable
        Takes settings and Airflow's context.
    """

    def __init__(self, tell: Callable[[Settings, Context], Any]) -> None:
        super().__init__()
        self.tell = tell

    def notify(self, context: Context) -> None:
        """Tell it."""
        try:
            settings = Settings()
            if settings.notify_urls.get_secret_value().strip():
                self.tell(settings, context)
        except Exception as error:
            # No more than its kind: it may quote an address or an id.
            log.warning("telling people failed: %s", type(error).__name__)


def run_of(settings: Settings, context: Context) -> Run:
    """Say which run a task belongs to, and where Airflow's UI is."""
    from airflow.configuration import conf

    from comove.notify import Run

    run = context["dag_run"]
    try:
        month = month_of(context)
    except ComoveError:
        # What failed may be the month itself.
        month = None
    ui = settings.notify_ui_url or conf.get("api", "base_url", fallback="")
    return Run(run.dag_id, run.run_id, month, ui)


def tell_failure(settings: Settings, context: Context) -> None:
    """Tell of a task that has failed for good; of a gate, which checks did not pass."""
    from comove.notify import send
    from comove.notify.failure import run_failed, task_failed

    run, error = run_of(settings, context), context.get("exception")
    if isinstance(error, FailedBeforeError):
        # Those whose process was killed had no time to tell it themselves.
        message = run_failed(settings, run, tasks=error.tasks)
    else:
        # A stage raises what Airflow does not try again in place of comove's own error.
        cause = error.__context__ if isinstance(error, BaseException) else None
        task_id = context["ti"].task_id
        message = task_failed(settings, run, task_id=task_id, error=cause)
    log.info("told of the failure: %s", send(settings, message))


def tell_success(settings: Settings, context: Context) -> None:
    """Tell what was published; forget what failed once the run has come to its end."""
    after = {"publish": _tell_news, "close_run": _forget_failures}
    if tell := after.get(context["ti"].task_id):
        tell(settings, run_of(settings, context))


def tell_approval(settings: Settings, context: Context) -> None:
    """Tell that a question waits for a person."""
    from comove.notify import send
    from comove.notify.approval import waits_for_approval

    task: Any = context["task"]
    message = waits_for_approval(
        settings,
        run_of(settings, context),
        task_id=task.task_id,
        subject=task.subject_asked,
        waiting=task.waiting,
        waiting_id=task.waiting_id,
    )
    log.info("told of the question: %s", send(settings, message))


def _tell_news(settings: Settings, run: Run) -> None:
    from comove.notify import send
    from comove.notify.news import news

    for message in news(settings, run):
        log.info("told %s: %s", ", ".join(sorted(message.kinds)), send(settings, message))


def _forget_failures(settings: Settings, run: Run) -> None:
    from comove.notify.failure import forget_failures

    forget_failures(settings, run)


FAILURE = Notifier(tell_failure)
SUCCESS = Notifier(tell_success)
APPROVAL = Notifier(tell_approval)
