"""What the DAGs hand on to each other, month by month."""

from airflow.sdk import Asset

MARTS = Asset(name="comove_marts", uri="comove://marts", group="comove")
RISK = Asset(name="comove_risk", uri="comove://risk", group="comove")
JOINT_RISK = Asset(name="comove_joint_risk", uri="comove://joint_risk", group="comove")
# A month's response to defaults has been published, or there is none for it.
RESPONSE = Asset(name="comove_response", uri="comove://response", group="comove")
DRIFT = Asset(name="comove_drift", uri="comove://drift", group="comove")
OVERDUE = Asset(name="comove_overdue", uri="comove://overdue", group="comove")
DECISIONS = Asset(name="comove_decisions", uri="comove://decisions", group="comove")
# Only updated where a drift was found that nobody has looked into yet.
NEW_DRIFT = Asset(name="comove_new_drift", uri="comove://new_drift", group="comove")
