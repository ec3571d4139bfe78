"""Sending a message to every address that is told its kind."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from comove.notify.addresses import Address, addresses
from comove.notify.memory import Memory
from comove.notify.message import Entry, Message
from comove.settings import Settings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """How the telling went.

    Parameters
    ----------
    told, repeated : int
        Addresses that took the message, and those that had been told all of it before.
    failed : tuple of int
        Numbers of those that did not take it.
    """

    told: int
    repeated: int
    failed: tuple[int, ...]


def send(settings: Settings, message: Message) -> Delivery:
    """Tell every address what it has not been told yet.

    An address that fails is a warning in the log, by its number, and is tried again the
    next time: the address itself may hold a password.

    Parameters
    ----------
    settings : Settings
        Name the addresses, and the home that keeps what was told.
    message : Message
        Without personal data.

    Returns
    -------
    Delivery
        Counts. Nothing is ever raised: a message that is lost must not stop a run.
    """
    asked = [one for one in addresses(settings) if one.fault or one.kinds & message.kinds]
    outcomes = {one.number: _told(settings, one, message) for one in asked}
    names = list(outcomes.values())
    failed = tuple(number for number, name in outcomes.items() if name == "failed")
    return Delivery(names.count("told"), names.count("repeated"), failed)


def _told(settings: Settings, address: Address, message: Message) -> str:
    if address.fault:
        LOG.warning("address %d of notify_urls: %s", address.number, address.fault)
        return "failed"
    try:
        memory = Memory(settings.places)
        fresh = _fresh(memory, address, message)
        if not fresh:
            return "repeated"
        if not _is_taken(address.url, message.title, message.body(fresh)):
            LOG.warning(
                "address %d of notify_urls did not take the message", address.number
            )
            return "failed"
        for entry in fresh:
            memory.keep(message.group, address, entry)
    except OSError as error:
        LOG.warning("what was told could not be read or kept: %s", error.strerror)
        return "failed"
    return "told"


def _fresh(memory: Memory, address: Address, message: Message) -> tuple[Entry, ...]:
    return tuple(
        entry
        for entry in message.entries
        if not memory.is_told(message.group, address, entry)
    )


def _is_taken(url: str, title: str, body: str) -> bool:
    import apprise

    try:
        with _unheard():
            messenger = apprise.Apprise()
            if not messenger.add(url):
                return False
            return bool(messenger.notify(body=body, title=title, body_format="text"))
    except Exception as error:
        # Whatever a service's plugin raises: no more than its kind, it may quote the URL.
        LOG.warning("telling failed: %s", type(error).__name__)
        return False


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep every library from logging: Apprise and urllib3 quote addresses."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
