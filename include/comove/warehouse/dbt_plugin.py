"""dbt-duckdb plugin that hands the key of the id hashes to every cursor.

The macro ``keyed_hash`` reads two session variables, the key padded as RFC 2104 says.
Session variables end with the connection and stand in no SQL text that dbt keeps.
"""

import hashlib
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from comove.warehouse.id_key import BLOCK_BYTES, id_key


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Inner and outer pad of HMAC-SHA256 (RFC 2104).

    Returns
    -------
    tuple of bytes
        64 bytes each: HMAC(x) = sha256(outer + sha256(inner + x)).
    """
    if len(key) > BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    padded = key.ljust(BLOCK_BYTES, b"\0")
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
