"""The warehouse: opening, building with dbt, publishing."""

from comove.connection import connect, connect_serving
from comove.warehouse.build import BuildReport, build, document, run_dbt
from comove.warehouse.publish import PublishReport, publish, refresh_published_audit

__all__ = [
    "BuildReport",
    "PublishReport",
    "build",
    "connect",
    "connect_serving",
    "document",
    "publish",
    "refresh_published_audit",
    "run_dbt",
]
