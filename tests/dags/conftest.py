"""Airflow's own home for tests that import Airflow; the glue on the path."""

import os
import sys
import tempfile

from comove.home import project_root

# Airflow reads these when it is imported and never again.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="comove-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(project_root() / "plugins")
sys.path.insert(0, str(project_root() / "plugins"))
