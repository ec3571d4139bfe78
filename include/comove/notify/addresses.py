"""Who is told what: the addresses of the setting ``notify_urls``."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from comove.settings import Settings

Kind = Literal[
    "failure", "gate", "warning", "drift", "index", "approval", "response", "test"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Warnings are for whoever chooses them: there are some in nearly every month.
BY_DEFAULT = frozenset(KINDS) - {"warning"}
# A URL has its first colon before any equals sign, so that kinds cannot be part of it.
_WITH_KINDS = re.compile(r"(?P<kinds>[a-z]+(?:,[a-z]+)*)=(?P<url>.*)", re.DOTALL)


@dataclass(frozen=True)
class Address:
    """One address, by its number: the address itself may hold a password.

    Parameters
    ----------
    number : int
        Its place in ``notify_urls``, from 1.
    url : str
        As Apprise takes it; never shown.
    kinds : frozenset of str
        What it is told.
    fault : str or None
        Why it cannot be used, without the address: `asks for …`.
    """

    number: int
    url: str = field(repr=False)
    kinds: frozenset[str]
    fault: str | None = None


def addresses(settings: Settings) -> tuple[Address, ...]:
    """Read the addresses of a setting such as ``mailto://… gate,failure=slack://…``.

    Parameters
    ----------
    settings : Settings
        Name them, separated by blanks; kinds before an equals sign limit what an address
        is told, ``all`` stands for every kind.

    Returns
    -------
    tuple of Address
        In their order; none when nobody is to be told.
    """
    named = settings.notify_urls.get_secret_value().split()
    return tuple(_address(number, text) for number, text in enumerate(named, start=1))


def _address(number: int, text: str) -> Address:
    found = _WITH_KINDS.fullmatch(text)
    if found is None:
        return Address(number, text, BY_DEFAULT)
    kinds = frozenset(found["kinds"].split(","))
    if "all" in kinds:
        kinds = (kinds - {"all"}) | frozenset(KINDS)
    fault = None
    if not kinds <= frozenset(KINDS):
        fault = f"asks for a kind that is none of {', '.join(KINDS)} and all"
    return Address(number, found["url"], kinds | {"test"}, fault)
