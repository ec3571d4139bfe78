"""Sending a message to every address that is told its kind."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from comove.notify.addresses import Address, addresses
from comove.notify.memory import Memory
from comove.notify.message import Entry, Message
from comove.settings import Settings

LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 16


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
    next time: the address itself may hold a password. Should it not be known what was
    told, it is told again.

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
    fresh = {one: _fresh(settings, one, message) for one in asked if not one.fault}
    due = [one for one, entries in fresh.items() if entries]
    faults = {one: one.fault for one in asked if one.fault} | _deliver(
        {one: (message.title, message.body(fresh[one])) for one in due}
    )
    for one, fault in faults.items():
        LOG.warning("address %d of notify_urls %s", one.number, fault)
    told = [one for one in due if one not in faults]
    for one in told:
        _keep(settings, one, message.group, fresh[one])
    failed = tuple(sorted(one.number for one in faults))
    return Delivery(len(told), len(fresh) - len(due), failed)


def _fresh(settings: Settings, address: Address, message: Message) -> tuple[Entry, ...]:
    try:
        memory = Memory(settings.places)
        return tuple(
            entry
            for entry in message.entries
            if not memory.is_told(message.group, address, entry)
        )
    except OSError as error:
        LOG.warning("what was told cannot be read: %s", error.strerror)
        return message.entries


def _keep(
    settings: Settings, address: Address, group: str, entries: tuple[Entry, ...]
) -> None:
    try:
        memory = Memory(settings.places)
        for entry in entries:
            memory.keep(group, address, entry)
    except OSError as error:
        LOG.warning("what was told cannot be kept: %s", error.strerror)


def _deliver(parcels: dict[Address, tuple[str, str]]) -> dict[Address, str]:
    """Send title and body to each address, to all at once; says which took none, why.

    A task that has ended is given 20 s by Airflow, and an address that does not answer
    takes 8 of them.
    """
    if not parcels:
        return {}
    import apprise  # noqa: F401 - seconds of import, once and not in every thread

    with _unheard(), ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        outcomes = pool.map(lambda one: _fault(one.url, *parcels[one]), parcels)
        found = dict(zip(parcels, outcomes, strict=True))
    return {one: fault for one, fault in found.items() if fault}


def _fault(url: str, title: str, body: str) -> str | None:
    import apprise

    refused = "did not take the message"
    try:
        messenger = apprise.Apprise()
        is_told = messenger.add(url) and messenger.notify(
            body=body, title=title, body_format="text"
        )
    except Exception as error:
        # Whatever a service's plugin raises: no more than its kind, it may quote the URL.
        return f"{refused} ({type(error).__name__})"
    return None if is_told else refused


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep every library from logging: Apprise and urllib3 quote addresses."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
