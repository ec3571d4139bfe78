"""What every DAG file promises: owner, tags, documentation, pools, quick parsing."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, BaseOperator

from comove.home import project_root

DAG_FILES = sorted((project_root() / "dags").glob("*.py"))
# Each of them costs seconds or hundreds of megabytes in every parsing process.
HEAVY = ("dbt", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "pymc")
HEAVY += ("sklearn", "xgboost")
OUTSIDE_THE_WAREHOUSE = {("warehouse", "docs")}


def dags() -> list[DAG]:
    found = (vars_ for file in DAG_FILES for vars_ in runpy.run_path(str(file)).values())
    return [value for value in found if isinstance(value, DAG)]


DAGS = dags()
TASKS = [task for dag in DAGS for task in dag.tasks]


def test_every_dag_file_holds_the_dag_of_its_name() -> None:
    assert sorted(dag.dag_id for dag in DAGS) == [file.stem for file in DAG_FILES]


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
def test_every_dag_has_tags_and_documentation(dag: DAG) -> None:
    assert "comove" in dag.tags
    assert dag.doc_md
    missing = [task.task_id for task in dag.tasks if task.task_id not in dag.doc_md]
    assert missing == []


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
def test_a_dag_builds_one_month_at_a_time(dag: DAG) -> None:
    assert dag.max_active_runs == 1


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_id)
def test_every_task_has_an_owner_documentation_and_retries(task: BaseOperator) -> None:
    assert task.owner == "comove"
    assert task.doc_md
    assert task.retries == 2


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_id)
def test_what_opens_the_warehouse_waits_for_the_only_writer(task: BaseOperator) -> None:
    outside = (task.dag_id, task.task_id) in OUTSIDE_THE_WAREHOUSE
    assert task.pool == ("default_pool" if outside else "duckdb_writer")


def test_publishing_waits_for_the_gates_and_not_for_the_documentation() -> None:
    (dag,) = (dag for dag in DAGS if dag.dag_id == "warehouse")
    before = dag.get_task("publish").get_flat_relative_ids(upstream=True)
    assert before == {"open_run", "land", "gate_landed", "build", "gate_tables"}


def test_the_run_is_closed_whatever_happened() -> None:
    (dag,) = (dag for dag in DAGS if dag.dag_id == "warehouse")
    closing = dag.get_task("close_run")
    assert closing.trigger_rule == "all_done"
    assert dag.leaves == [closing]


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.stem)
def test_reading_a_dag_file_imports_nothing_heavy(file: Path) -> None:
    program = (
        "import json, runpy, sys; runpy.run_path(sys.argv[1]);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        env=os.environ | {"PYTHONPATH": str(project_root() / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in HEAVY if name in imported] == []
