"""Telling people, by any means Apprise knows, that there is something to look at."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from comove.settings import Settings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Announcement:
    """How the telling went.

    Parameters
    ----------
    told, failed : int
        Addresses that took the message, and those that did not.
    """

    told: int
    failed: int


def announce(settings: Settings, *, title: str, message: str) -> Announcement:
    """Send a message to every address of the setting ``announce_urls``.

    An address that fails is a warning in the log, by its number: the address itself may
    hold a password.

    Parameters
    ----------
    settings : Settings
        Addresses, separated by blanks; none is told when it is empty.
    title, message : str
        Plain text, without personal data.

    Returns
    -------
    Announcement
        Counts. Nothing is ever raised: a message that is lost must not stop a run.
    """
    urls = settings.announce_urls.get_secret_value().split()
    told = 0
    for number, url in enumerate(urls, start=1):
        if _is_told(url, title, message):
            told += 1
        else:
            LOG.warning("address %d of announce_urls did not take the message", number)
    return Announcement(told, len(urls) - told)


def summary(month: str, counts: Mapping[str, object]) -> tuple[str, str]:
    """Write title and message of a run's response: sums only.

    Parameters
    ----------
    month : str
        Of the run, as ``2026-09``.
    counts : mapping
        Of `ResponseReport`: events, linked_debtors, actions, rules, freezes_waiting.

    Returns
    -------
    tuple of str
        Title and message.
    """
    actions = counts.get("actions")
    named = actions if isinstance(actions, Mapping) else {}
    sentences = [
        f"{_number(counts, 'events')} new default events, "
        f"{_number(counts, 'linked_debtors')} linked debtors.",
        *(f"{name.replace('_', ' ')}: {n:,}." for name, n in sorted(named.items())),
        f"{_number(counts, 'rules')} new rules for applications.",
    ]
    if counts.get("freezes_waiting"):
        waiting = _number(counts, "freezes_waiting")
        sentences.append(f"{waiting} freezes wait for approval in Airflow.")
    return f"comove: default response of {month}", "\n".join(sentences)


def _number(counts: Mapping[str, object], name: str) -> str:
    return f"{int(str(counts.get(name) or 0)):,}"


def _is_told(url: str, title: str, message: str) -> bool:
    try:
        import apprise

        messenger = apprise.Apprise()
        return bool(messenger.add(url) and messenger.notify(body=message, title=title))
    except Exception as error:
        # Whatever a service's plugin raises: no more than its kind, it may quote the URL.
        LOG.warning("announcing failed: %s", type(error).__name__)
        return False
