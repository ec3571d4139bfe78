import datetime as dt
import json
from dataclasses import replace

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.home import Home
from comove.risk_model import artifact
from comove.risk_model.artifact import (
    DECISIVE_FILES,
    ArtifactError,
    ModelRecord,
    input_hash,
    library_versions,
    model_folder,
    new_artifact,
    read_record,
    recipe_hash,
    relation_hash,
    version_name,
    write_record,
)

RECORD = ModelRecord(
    model_version="pd-logit-2026-07-0a1b2c3d",
    purpose="pd",
    algorithm="logit",
    data_hash="d" * 64,
    settings_hash="s" * 64,
    seed=7,
    features=("exposure", "region"),
    library_versions={"numpy": "2.5.5"},
    metrics={"auc": 0.71, "by_month": {"2026-01": 0.7}},
    trained_from=dt.date(2023, 6, 1),
    trained_to=dt.date(2026, 5, 1),
    first_month_predicted=dt.date(2026, 7, 1),
    rows_trained=1000,
    events_trained=60,
    parameters={"max_depth": 4},
)

VALUES = st.one_of(st.none(), st.floats(), st.floats(allow_nan=False))
ROWS = st.lists(st.tuples(VALUES, st.one_of(st.none(), st.text(max_size=3))), max_size=8)


def hash_of(rows, columns="a double, b varchar"):
    with duckdb.connect() as connection:
        connection.execute(f"create table t ({columns})")
        if rows:
            connection.executemany("insert into t values (?, ?)", rows)
        return relation_hash(connection, "t")


# Records


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD


def test_a_record_without_training_months_is_read_as_it_was_written(tmp_path):
    lender = replace(RECORD, trained_from=None, trained_to=None)
    write_record(tmp_path, lender)
    assert read_record(tmp_path) == lender


def test_a_folder_without_a_record_says_what_to_do(tmp_path):
    with pytest.raises(ArtifactError, match=r"holds no record.*it refits"):
        read_record(tmp_path)


def test_a_damaged_record_names_its_file(tmp_path):
    (tmp_path / "record.json").write_text('{"purpose": "pd"')
    with pytest.raises(ArtifactError, match=r"record\.json: it is not a model's record"):
        read_record(tmp_path)


def test_models_stand_under_purpose_and_version(tmp_path):
    folder = model_folder(Home(tmp_path), "pd", RECORD.model_version)
    assert folder == tmp_path / "artifacts/models/pd" / RECORD.model_version


# Whole or not at all


def test_an_artifact_appears_whole(tmp_path):
    with new_artifact(tmp_path / "pd" / "v1") as draft:
        (draft / "bins.json").write_text("{}")
        write_record(draft, RECORD)
        assert not (tmp_path / "pd" / "v1").exists()
    assert read_record(tmp_path / "pd" / "v1") == RECORD
    assert [file.name for file in (tmp_path / "pd").iterdir()] == ["v1"]


def fail_while_writing(folder):
    with new_artifact(folder) as draft:
        write_record(draft, RECORD)
        raise KeyboardInterrupt


def test_an_interrupted_artifact_leaves_the_one_before(tmp_path):
    with new_artifact(tmp_path / "v1") as draft:
        write_record(draft, RECORD)
        (draft / "whole").touch()
    with pytest.raises(KeyboardInterrupt):
        fail_while_writing(tmp_path / "v1")
    assert (tmp_path / "v1" / "whole").is_file()
    assert [file.name for file in tmp_path.iterdir()] == ["v1"]


def test_an_artifact_written_again_replaces_the_old_one(tmp_path):
    for member in ("old", "new"):
        with new_artifact(tmp_path / "v1") as draft:
            (draft / member).touch()
            write_record(draft, RECORD)
    assert (tmp_path / "v1" / "new").is_file()
    assert not (tmp_path / "v1" / "old").exists()


def test_an_artifact_without_a_record_is_refused(tmp_path):
    with (
        pytest.raises(ArtifactError, match="holds no record"),
        new_artifact(tmp_path / "v1"),
    ):
        pass
    assert not (tmp_path / "v1").exists()


# Hashes of rows


@given(rows=ROWS, data=st.data())
def test_the_hash_of_rows_does_not_depend_on_their_order(rows, data):
    assert hash_of(data.draw(st.permutations(rows))) == hash_of(rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(1.0, None)], [(None, "1.0")]),
        ([(None, "a")], [(float("nan"), "a")]),
        ([(1.0, "a")], [(1.0, "a"), (1.0, "a")]),
        ([(1.0, "a")] * 2, [(1.0, "a")] * 4),
        ([(1.0, "a"), (2.0, "b")], [(1.0, "b"), (2.0, "a")]),
        ([], [(0.0, None)]),
        ([(1.0, "a")], [(1.0 + 2**-52, "a")]),
    ],
)
def test_other_rows_have_another_hash(one, other):
    assert hash_of(one) != hash_of(other)


def test_other_columns_have_another_hash():
    assert hash_of([]) != hash_of([], columns="a double, c varchar")
    assert hash_of([(1, "a")]) != hash_of([(1, "a")], columns="a bigint, b varchar")


def test_the_hash_is_the_same_in_another_process_with_other_threads():
    query = "select range::double as x, range % 3 = 0 as y from range(300000)"
    hashes = set()
    for threads in (1, 2):
        with duckdb.connect(config={"threads": threads}) as connection:
            hashes.add(relation_hash(connection, query))
    # Made once with DuckDB 2.0.0; another version may well give another hash, and then
    # models are fitted anew.
    assert len(hashes) == 1


# Hashes of all inputs


def test_whatever_decides_a_model_changes_its_hash(monkeypatch):
    given = {"data_hash": "d", "settings_hash": "s", "seed": 7, "algorithm": "logit"}
    plain = input_hash(**given)
    assert input_hash(**given) == plain
    for name in given:
        assert input_hash(**(given | {name: 8})) != plain
    monkeypatch.setattr(artifact, "recipe_hash", lambda: "another recipe")
    assert input_hash(**given) != plain


def test_the_recipe_is_the_code_that_decides_numbers(tmp_path, monkeypatch):
    for name in (*DECISIVE_FILES, "report.py"):
        (tmp_path / name).write_text("a = 1")
    monkeypatch.setattr(artifact, "__file__", str(tmp_path / "artifact.py"))
    before = recipe_hash()
    (tmp_path / "report.py").write_text("a = 2")
    assert recipe_hash() == before
    (tmp_path / "woe.py").write_text("a = 2")
    assert recipe_hash() != before


def test_every_decisive_package_that_is_installed_is_named():
    assert {"xgboost-cpu", "scikit-learn", "numpy", "duckdb"} <= set(library_versions())
    json.dumps(library_versions())


def test_a_version_is_named_by_what_it_is_made_of():
    name = version_name("application", "blend", dt.date(2026, 7, 1), "0a1b2c3d4e5f")
    assert name == "application-blend-2026-07-0a1b2c3d"
