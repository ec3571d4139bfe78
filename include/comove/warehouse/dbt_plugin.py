"""dbt-duckdb plugin that hands the key of the id hashes to every cursor.

The macro ``keyed_hash`` reads two session variables, the key padded as RFC 2104 says.
Session variables end with the connection and stand in no SQL text that dbt keeps.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from comove.home import Home

KEY_VARIABLE = "COMOVE_ID_KEY"
_BLOCK_BYTES = hashlib.sha256().block_size


def id_key(warehouse: str) -> bytes:
    """Key of the id hashes of one warehouse.

    Parameters
    ----------
    warehouse : str
        Path of the DuckDB file; ``<home>/warehouse/comove.duckdb``.

    Returns
    -------
    bytes
        What ``COMOVE_ID_KEY`` says, else the secret ``id_key`` of the home; a new
        random key for a warehouse in memory, which nobody reads later.
    """
    if given := os.environ.get(KEY_VARIABLE):
        return given.encode()
    if warehouse == ":memory:":
        return secrets.token_bytes(_BLOCK_BYTES)
    return Home(Path(warehouse).resolve().parents[1]).secret("id_key").encode()


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Inner and outer pad of HMAC-SHA256 (RFC 2104).

    Returns
    -------
    tuple of bytes
        64 bytes each: HMAC(x) = sha256(outer + sha256(inner + x)).
    """
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


class Plugin(BasePlugin):
    """Sets the pads; dbt-duckdb finds it by this name."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Read the key of this warehouse.

        Parameters
        ----------
        plugin_config : dict
            Not used: the key is in no profile.
        """
        path = self.creds.path if self.creds else ":memory:"
        self._inner, self._outer = hmac_pads(id_key(path))

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Set the pads on a cursor, which shares no variables with its parent."""
        cursor.execute("set variable comove_inner_pad = ?", [self._inner])
        cursor.execute("set variable comove_outer_pad = ?", [self._outer])
