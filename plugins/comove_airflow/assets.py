"""What the DAGs hand on to each other, month by month."""

from airflow.sdk import Asset

MARTS = Asset(name="comove_marts", uri="comove://marts", group="comove")
RISK = Asset(name="comove_risk", uri="comove://risk", group="comove")
JOINT_RISK = Asset(name="comove_joint_risk", uri="comove://joint_risk", group="comove")
# Only updated where a drift was found that nobody has looked into yet.
NEW_DRIFT = Asset(name="comove_new_drift", uri="comove://new_drift", group="comove")
