"""What every DAG file promises: owner, tags, documentation, pools, quick parsing."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, BaseOperator, PartitionedAssetTimetable

from comove.home import project_root
from comove.pages.catalogue import PAGES
from comove.settings import Settings

DAG_FILES = sorted((project_root() / "dags").glob("*.py"))
# Each of them costs seconds or hundreds of megabytes in every parsing process.
HEAVY = ("dbt", "duckdb", "great_expectations", "numpy", "pandas", "pyarrow", "pymc")
HEAVY += ("sklearn", "xgboost")
HEAVY += ("matplotlib", "optbinning", "optuna", "shap", "skops")
HEAVY += ("arviz", "numba", "nutpie", "pytensor", "xarray")
OUTSIDE_THE_WAREHOUSE = {
    ("warehouse", "docs"),
    ("risk_model", "train"),
    ("risk_model", "train_application"),
    ("risk_model", "report"),
    ("joint_risk", "fit"),
    ("joint_risk", "derive"),
    ("joint_risk", "report"),
    ("joint_risk", "tell_unavailable"),
    ("default_response", "link"),
    ("default_response", "export"),
    ("default_response", "announce"),
    ("default_response", "approve"),
    ("default_response", "export_decision"),
    ("score_drift", "report"),
    ("overdue_assessment", "train"),
    ("overdue_assessment", "report"),
    ("overdue_assessment", "report_grades"),
    ("recalibration", "report"),
    ("recalibration", "approve"),
    ("credit_decision", "estimate"),
    ("credit_decision", "report"),
    ("credit_decision", "approve"),
    ("monthly_report", "report"),
}
# An answer lost in the moment of asking is asked for once more, and then never again.
ASKS_A_PERSON = {
    ("default_response", "approve"),
    ("recalibration", "approve"),
    ("credit_decision", "approve"),
}


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
    # A default must not wait for the days a person takes to answer on another, nor an
    # application for the answer on another.
    asks = dag.dag_id in {"default_response", "credit_decision"}
    assert dag.max_active_runs == (16 if asks else 1)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_id)
def test_every_task_has_an_owner_documentation_and_retries(task: BaseOperator) -> None:
    assert task.owner == "comove"
    assert task.doc_md
    asks = (task.dag_id, task.task_id) in ASKS_A_PERSON
    assert task.retries == 1 if asks else task.retries >= 2


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_id)
def test_what_opens_the_warehouse_waits_for_the_only_writer(task: BaseOperator) -> None:
    outside = (task.dag_id, task.task_id) in OUTSIDE_THE_WAREHOUSE
    assert task.pool == ("default_pool" if outside else "duckdb_writer")


def dag_of(name: str) -> DAG:
    (found,) = (dag for dag in DAGS if dag.dag_id == name)
    return found


def test_publishing_waits_for_the_gates_and_not_for_the_documentation() -> None:
    before = dag_of("warehouse").get_task("publish").get_flat_relative_ids(upstream=True)
    assert before == {"open_run", "land", "gate_landed", "build", "gate_tables"}


def test_only_a_published_run_is_documented() -> None:
    docs = dag_of("warehouse").get_task("docs")
    assert docs.upstream_task_ids == {"publish"}


def test_risk_tables_are_published_after_both_gates_and_before_the_report() -> None:
    publish = dag_of("risk_model").get_task("publish")
    assert {"gate_models", "gate_risk"} <= publish.get_flat_relative_ids(upstream=True)
    assert publish.get_flat_relative_ids(upstream=False) == {"report", "close_run"}


def test_both_trainings_begin_at_once_and_one_is_enough_to_go_on() -> None:
    features = dag_of("risk_model").get_task("build_features")
    assert features.downstream_task_ids == {"train", "train_application"}
    gate = dag_of("risk_model").get_task("gate_models")
    assert gate.trigger_rule == "none_failed_min_one_success"


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
def test_the_run_is_closed_whatever_happened(dag: DAG) -> None:
    closing = dag.get_task("close_run")
    assert closing.trigger_rule == "all_done"
    assert dag.leaves == [closing]


def test_the_models_wait_for_the_marts_of_their_month() -> None:
    timetable = dag_of("risk_model").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    publish = dag_of("warehouse").get_task("publish")
    assert [timetable.asset_condition] == publish.outlets


def test_the_joint_model_waits_for_the_risk_tables_of_its_month() -> None:
    timetable = dag_of("joint_risk").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    publish = dag_of("risk_model").get_task("publish")
    assert [timetable.asset_condition] == publish.outlets


def test_a_posterior_is_judged_before_anything_is_derived_from_it() -> None:
    gate = dag_of("joint_risk").get_task("gate_fit")
    assert gate.upstream_task_ids == {"fit"}
    assert gate.downstream_task_ids == {"derive"}


def test_joint_risk_is_published_after_both_gates_and_before_the_report() -> None:
    publish = dag_of("joint_risk").get_task("publish")
    assert {"gate_fit", "gate_joint_risk"} <= publish.get_flat_relative_ids(upstream=True)
    after = {"report", "tell_unavailable", "close_run"}
    assert publish.get_flat_relative_ids(upstream=False) == after


def test_the_report_waits_for_every_last_stage_of_the_month() -> None:
    timetable = dag_of("monthly_report").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    waited_for = {asset.uri for asset in timetable.asset_condition.objects}
    told = {
        outlet.uri
        for name in (
            "default_response", "score_drift", "overdue_assessment", "credit_decision"
        )
        for outlet in dag_of(name).get_task("publish").outlets
    }  # fmt: skip
    assert waited_for == told


def test_without_joint_risk_the_report_does_not_wait_for_a_response() -> None:
    told = dag_of("joint_risk").get_task("tell_unavailable")
    assert told.trigger_rule == "all_skipped"
    assert told.outlets == dag_of("default_response").get_task("publish").outlets


def test_the_response_waits_for_the_joint_risk_of_its_month() -> None:
    timetable = dag_of("default_response").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    publish = dag_of("joint_risk").get_task("publish")
    assert [timetable.asset_condition] == publish.outlets


def test_what_needs_no_approval_is_published_before_anybody_is_asked() -> None:
    dag = dag_of("default_response")
    assert "publish" in dag.get_task("approve").get_flat_relative_ids(upstream=True)
    judged = dag.get_task("publish").get_flat_relative_ids(upstream=True)
    assert {"respond", "gate_response"} <= judged


def test_an_answer_is_recorded_published_and_exported() -> None:
    approve = dag_of("default_response").get_task("approve")
    after = approve.get_flat_relative_ids(upstream=False)
    assert after == {"decide", "publish_decision", "export_decision", "close_run"}


def test_waiting_for_a_person_ends_by_the_setting() -> None:
    approve = dag_of("default_response").get_task("approve")
    assert approve.response_timeout.days == Settings().response_approval_days
    assert approve.execution_timeout is None


def test_without_new_events_the_freezes_that_wait_are_still_asked_about() -> None:
    respond = dag_of("default_response").get_task("respond")
    assert respond.trigger_rule == "none_failed"


def test_score_drift_waits_for_the_scores_of_its_month() -> None:
    timetable = dag_of("score_drift").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    publish = dag_of("risk_model").get_task("publish")
    assert [timetable.asset_condition] == publish.outlets


def test_the_matrix_is_published_after_its_gate_and_before_report_and_news() -> None:
    publish = dag_of("score_drift").get_task("publish")
    before = publish.get_flat_relative_ids(upstream=True)
    assert before == {"open_run", "build_drift", "gate_drift"}
    assert publish.downstream_task_ids == {"report", "tell_drift"}


def test_recalibration_waits_for_news_of_a_drift_and_not_for_every_month() -> None:
    timetable = dag_of("recalibration").timetable
    assert isinstance(timetable, PartitionedAssetTimetable)
    told = dag_of("score_drift").get_task("tell_drift")
    assert [timetable.asset_condition] == told.outlets
    publish = dag_of("score_drift").get_task("publish")
    assert timetable.asset_condition not in publish.outlets


def test_nobody_is_asked_about_a_strategy_before_the_gate_and_publishing() -> None:
    approve = dag_of("recalibration").get_task("approve")
    before = approve.get_flat_relative_ids(upstream=True)
    assert {"assess", "gate_recalibration", "publish"} <= before
    after = approve.get_flat_relative_ids(upstream=False)
    assert after == {"decide", "publish_decision", "close_run"}
    assert approve.response_timeout.days == Settings().recalibration_approval_days
    assert approve.execution_timeout is None


@pytest.mark.parametrize(
    "task", [task for task in TASKS if task.task_id == "approve"], ids=lambda t: t.dag_id
)
def test_a_question_leads_to_the_page_that_shows_what_it_is_about(
    task: BaseOperator,
) -> None:
    pages = re.findall(r"\]\(/comove/([a-z-]+)\)", task.body)
    assert pages
    assert set(pages) <= {page.slug for page in PAGES}


@pytest.mark.parametrize("dag", DAGS, ids=lambda dag: dag.dag_id)
def test_every_field_of_a_form_is_typed_titled_and_described(dag: DAG) -> None:
    for name in dag.params:
        schema = dag.params.get_param(name).schema
        # An object breaks the form of Airflow 3.3.
        assert "object" not in schema["type"]
        assert schema["title"]
        assert dag.params.get_param(name).description


@pytest.mark.parametrize("field", ["purposes", "algorithms"])
def test_a_choice_of_several_offers_them_all_and_begins_with_them_all(field: str) -> None:
    param = dag_of("risk_model").params.get_param(field)
    # The form makes a list to pick from of an array of strings with examples.
    assert param.schema["type"] == "array"
    assert param.schema["items"] == {"type": "string"}
    assert param.schema["examples"] == param.value


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
