"""The warehouse: opening, building with dbt, publishing."""

from comove.connection import connect, connect_serving
from comove.warehouse.build import (
    BuildReport,
    build,
    build_cells,
    build_decision,
    build_decision_cases,
    build_features,
    build_joint_risk,
    build_overdue_cases,
    build_overdue_grade,
    build_risk,
    build_score_cells,
    build_score_drift,
    document,
    load_score_strategies,
    load_strategies,
    run_dbt,
)
from comove.warehouse.publish import PublishReport, publish, refresh_published_audit
from comove.warehouse.readiness import require_built, require_published_marts

__all__ = [
    "BuildReport",
    "PublishReport",
    "build",
    "build_cells",
    "build_decision",
    "build_decision_cases",
    "build_features",
    "build_joint_risk",
    "build_overdue_cases",
    "build_overdue_grade",
    "build_risk",
    "build_score_cells",
    "build_score_drift",
    "connect",
    "connect_serving",
    "document",
    "load_score_strategies",
    "load_strategies",
    "publish",
    "refresh_published_audit",
    "require_built",
    "require_published_marts",
    "run_dbt",
]
