#!/bin/sh
# Once per start: Airflow's tables, the pool with one writer, the password of admin.
set -eu
airflow db migrate
airflow pools set duckdb_writer 1 "One writer at a time: DuckDB has no more"
umask 077
python - <<'PYTHON'
import json
import os
from pathlib import Path

file = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
file.write_text(json.dumps({"admin": os.environ["COMOVE_ADMIN_PASSWORD"]}))
PYTHON
