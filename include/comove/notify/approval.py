"""The message about what waits for a person's answer."""

from comove.notify.message import Entry, Message, Run
from comove.settings import Settings


def waits_for_approval(
    settings: Settings,
    run: Run,
    *,
    task_id: str,
    subject: str,
    waiting: int,
    waiting_id: str,
) -> Message:
    """Write what is told of a question to a person.

    Parameters
    ----------
    settings : Settings
        Name the portfolio.
    run : Run
        That asks.
    task_id : str
        The task that waits; the link leads to its form.
    subject : str
        What is asked, in one line.
    waiting : int
        How many freezes, versions or decisions wait.
    waiting_id : str
        Hash of them: others are news, though they be as many.
    """
    return Message(
        kinds=frozenset({"approval"}),
        title=f"comove {settings.portfolio}: {run.what} waits for an approval",
        entries=(
            Entry(
                task_id,
                f"{subject}: {waiting:,} waiting. Answer under Required Actions.",
                detail=waiting_id,
            ),
        ),
        group=run.group("approval"),
        link=run.required_actions(task_id),
    )
