"""The key of the id hashes, for dbt and for whoever looks up one id without dbt."""

import hashlib
import os
import secrets
from pathlib import Path

from comove.home import Home

KEY_VARIABLE = "COMOVE_ID_KEY"
BLOCK_BYTES = hashlib.sha256().block_size


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
        return secrets.token_bytes(BLOCK_BYTES)
    return Home(Path(warehouse).resolve().parents[1]).secret("id_key").encode()
