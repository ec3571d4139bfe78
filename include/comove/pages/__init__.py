"""Web pages of what has been published: read-only, free of Airflow, guarded by it."""
