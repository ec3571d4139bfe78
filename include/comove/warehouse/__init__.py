"""The warehouse: opening, building with dbt, publishing."""

from comove.connection import connect, connect_serving
from comove.warehouse.publish import PublishReport, publish, refresh_published_audit

__all__ = [
    "PublishReport",
    "connect",
    "connect_serving",
    "publish",
    "refresh_published_audit",
]
