"""What was told to whom, so that the same is not told twice."""

import hashlib
import hmac
import json
import os
import shutil
from pathlib import Path

from comove.home import Home
from comove.notify.addresses import Address
from comove.notify.message import Entry


class Memory:
    """Files below ``<home>/notified``: a folder for each group, a file for each entry.

    A file holds a keyed hash of what was last told; its name is one of address and
    entry, so that neither a password nor a figure can be read from either. Many tasks
    may write at once: each file is replaced whole.

    Parameters
    ----------
    home : Home
        Of the portfolio.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.notified
        self._key = home.secret("notify_key").encode()

    def is_told(self, group: str, address: Address, entry: Entry) -> bool:
        """Whether an address has been told an entry, with these figures."""
        file = self._file(group, address, entry)
        if not file.is_file():
            return False
        return entry.is_told_once or file.read_text() == self._figures(entry)

    def keep(self, group: str, address: Address, entry: Entry) -> None:
        """Remember that an address has been told an entry."""
        file = self._file(group, address, entry)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f"{file.name}.{os.getpid()}.fresh")
        fresh.write_text(self._figures(entry))
        fresh.replace(file)

    def forget(self, group: str) -> None:
        """Forget a group: what it told is over, and is news if it comes again."""
        shutil.rmtree(self._folder / group, ignore_errors=True)

    def _file(self, group: str, address: Address, entry: Entry) -> Path:
        return self._folder / group / self._hash(address.url, entry.about)

    def _figures(self, entry: Entry) -> str:
        return self._hash(entry.line, entry.detail)

    def _hash(self, *texts: str) -> str:
        said = json.dumps(texts).encode()
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()[:32]
