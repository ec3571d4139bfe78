"""The labels of applications, put beside their scores."""

from comove.connection import connect
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

LABELS = ("first_label", "second_label", "policy_label")


def fill_labels(settings: Settings) -> int:
    """Write first, second and policy label into `risk.score`.

    Labels of applications later than the run's month are left as they were.

    Parameters
    ----------
    settings : Settings
        Say which home; `risk.application_label` has been built.

    Returns
    -------
    int
        Scored applications that have a policy label now.
    """
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        connection.execute("begin")
        for label in LABELS:
            connection.execute(
                f"alter table risk.score add column if not exists {label} varchar"
            )
        connection.execute(
            """
            update risk.score set
                first_label = labels.first_label,
                second_label = labels.second_label,
                policy_label = labels.policy_label
            from risk.application_label as labels
            where score.application_key = labels.application_key
            """
        )
        connection.execute("commit")
        row = connection.execute("select count(policy_label) from risk.score").fetchone()
    return int(row[0]) if row else 0
