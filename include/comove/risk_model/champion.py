"""Which algorithm is champion now, for a person who wants to keep it."""

from comove.connection import connect
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings


def champion_algorithm(settings: Settings, *, purpose: str) -> str | None:
    """Name the algorithm of the champion of a purpose.

    Parameters
    ----------
    settings : Settings
        Say which warehouse.
    purpose : str
        ``pd`` or ``application``.

    Returns
    -------
    str or None
        Of the champion that predicts the newest months; None while there is none.
    """
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        row = connection.execute(
            """
            select algorithm from audit.model_registry
            where purpose = ? and is_champion
            order by first_month_predicted desc, registered_at desc, model_version
            limit 1
            """,
            [purpose],
        ).fetchone()
    return str(row[0]) if row else None
