"""Which borrower a person means: the lender's own id, or the key it was made into."""

import hmac

import duckdb

from comove.default_response.scratch import ResponseError
from comove.settings import Settings
from comove.warehouse.id_key import id_key

# As the macro keyed_hash keeps of the hash.
KEY_DIGITS = 32


def borrower_key(
    connection: duckdb.DuckDBPyConnection, settings: Settings, given: str
) -> str:
    """Find the key of a borrower.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse.
    settings : Settings
        Say which home, and so which key hashes ids.
    given : str
        A borrower key, or the id the lender's files have; blanks around it are left out,
        as they are of ids that land.

    Returns
    -------
    str
        32 hexadecimal digits, of a borrower in `marts.dim_borrower`.

    Raises
    ------
    ResponseError
        When there is no such borrower. It does not repeat what was given: an id belongs
        in no log.
    """
    candidates = [given.strip().lower(), hashed(settings, given.strip())]
    for candidate in candidates:
        found = connection.execute(
            "select 1 from marts.dim_borrower where borrower_key = ?", [candidate]
        ).fetchone()
        if found:
            return candidate
    raise ResponseError(
        "there is no borrower with this id or key.",
        where="borrower",
        remedy="Write the borrower_id as in the lender's files (capitals count), or the "
        "borrower_key of marts.dim_borrower.",
    )


def hashed(settings: Settings, borrower_id: str) -> str:
    """Hash an id as the macro ``keyed_hash`` does: HMAC-SHA256, its first 32 digits.

    Parameters
    ----------
    settings : Settings
        Say which home, and so which key.
    borrower_id : str
        As the lender writes it.
    """
    key = id_key(str(settings.places.warehouse))
    return hmac.new(key, borrower_id.encode(), "sha256").hexdigest()[:KEY_DIGITS]
