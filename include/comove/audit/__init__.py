"""The audit trail: runs, deliveries, gate results, stage times."""

from comove.audit.runs import close_run, last_success, note_unavailable, open_run
from comove.audit.tables import ensure_tables

__all__ = ["close_run", "ensure_tables", "last_success", "note_unavailable", "open_run"]
