"""The warehouse: opening, building with dbt, publishing."""

from comove.connection import connect, connect_serving
from comove.warehouse.build import (
    BuildReport,
    Part,
    build,
    build_part,
    document,
    run_dbt,
)
from comove.warehouse.publish import PublishReport, publish, refresh_published_audit
from comove.warehouse.readiness import require_built, require_published_marts

__all__ = [
    "BuildReport",
    "Part",
    "PublishReport",
    "build",
    "build_part",
    "connect",
    "connect_serving",
    "document",
    "publish",
    "refresh_published_audit",
    "require_built",
    "require_published_marts",
    "run_dbt",
]
