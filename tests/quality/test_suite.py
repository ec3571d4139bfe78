import pytest

from comove.errors import SettingsError
from comove.quality import run_gate
from comove.quality.suite import SUITES, load_suite

STAGES = ("landed", "staging", "marts")
MAXIMUM = {
    "measure": "a",
    "expectation": "expect_column_max_to_be_between",
    "arguments": {"max_value": 1},
}
LOANS = {"about": "One loan.", "from": "marts.fct_loan", "key": ["loan_key"]}


def message_of(settings, folder) -> str:
    with pytest.raises(SettingsError) as caught:
        run_gate(settings, run_id="run", stage="marts", suites=folder)
    return str(caught.value)


@pytest.mark.parametrize("stage", STAGES)
def test_the_suites_load(stage):
    suite = load_suite(stage)
    assert suite.stage == stage
    assert len(suite.checks) >= 15


@pytest.mark.parametrize("stage", STAGES)
def test_every_suite_has_critical_checks_and_warnings(stage):
    severities = {check.severity for check in load_suite(stage).checks}
    assert {"critical", "warning"} <= severities


@pytest.mark.parametrize("stage", STAGES)
def test_no_table_of_a_suite_is_described_in_vain(stage):
    suite = load_suite(stage)
    read = {check.table for check in suite.checks}
    # Tables with a profile are read through `tables` and `columns` too.
    queries = {name for name, table in suite.tables.items() if table.query}
    assert queries <= read


def test_an_unknown_stage_offers_those_there_are():
    with pytest.raises(SettingsError, match="Use one of landed, staging, marts"):
        load_suite("mart")


def test_a_misspelt_expectation_is_named_with_the_closest(warehouse, write_suite):
    folder = write_suite(**MAXIMUM | {"expectation": "expect_column_max_to_be_betwen"})
    found = message_of(warehouse, folder)
    assert str(folder / "marts.yml") in found
    assert "check 'All is well' names the unknown expectation" in found
    assert "Did you mean 'expect_column_max_to_be_between'?" in found


def test_a_table_without_origin_is_refused(warehouse, write_suite):
    found = message_of(warehouse, write_suite(**MAXIMUM, table={"about": "One loan."}))
    assert "give exactly one of entity, from, query" in found


def test_a_check_about_an_unknown_table_is_named(warehouse, write_suite):
    folder = write_suite(**MAXIMUM)
    file = folder / "marts.yml"
    file.write_text(file.read_text().replace("table: things", "table: thing"))
    found = message_of(warehouse, folder)
    assert "check 'All is well' is about the unknown table 'thing'" in found
    assert "Did you mean 'things'?" in found


def test_a_relation_that_does_not_exist_is_named(warehouse, write_suite):
    table = LOANS | {"from": "marts.fct_loans"}
    found = message_of(warehouse, write_suite(**MAXIMUM, table=table))
    assert "table 'things' reads marts.fct_loans" in found
    assert "Did you mean 'marts.fct_loan'?" in found


def test_a_key_column_that_does_not_exist_is_named(warehouse, write_suite):
    table = LOANS | {"key": ["loan_kye"]}
    found = message_of(warehouse, write_suite(**MAXIMUM, table=table))
    assert "the unknown column 'loan_kye'. Did you mean 'loan_key'?" in found


def test_a_measure_that_does_not_exist_is_named(warehouse, write_suite):
    check = MAXIMUM | {"measure": "exposure.medain"}
    found = message_of(warehouse, write_suite(**check, table=LOANS))
    assert "check 'All is well': table 'things' has no measure" in found
    assert "Did you mean 'exposure.median'?" in found


def test_sql_of_a_measure_that_does_not_work_is_named(warehouse, write_suite):
    table = LOANS | {"measures": {"share": "avg(principle)"}}
    found = message_of(warehouse, write_suite(**MAXIMUM, table=table))
    assert "the SQL of table 'things, measure share' does not work" in found
    assert "principle" in found


def test_sql_of_a_query_that_does_not_work_is_named(warehouse, write_suite):
    table = {"about": "Nothing.", "query": "select a from nowhere"}
    found = message_of(warehouse, write_suite(**MAXIMUM, table=table))
    assert "the SQL of table 'things' does not work" in found


def test_an_unknown_entity_is_named(warehouse, write_suite):
    table = {"about": "One loan.", "entity": "loan"}
    found = message_of(warehouse, write_suite(**MAXIMUM, table=table))
    assert "names the unknown entity 'loan'. Did you mean 'loans'?" in found


def test_an_argument_the_expectation_does_not_take_is_named(warehouse, write_suite):
    folder = write_suite(**MAXIMUM | {"arguments": {"maximum": 1}})
    found = message_of(warehouse, folder)
    assert "check 'All is well': the arguments do not fit" in found
    assert "maximum" in found


def test_an_unknown_severity_is_named(warehouse, write_suite):
    found = message_of(warehouse, write_suite(**MAXIMUM, severity="fatal"))
    assert "check 'All is well', field 'severity'" in found


def test_an_unknown_field_is_named(warehouse, write_suite):
    found = message_of(warehouse, write_suite(**MAXIMUM, because="of that"))
    assert "check 'All is well', field 'because'" in found


def test_broken_yaml_is_named(warehouse, write_suite):
    folder = write_suite(**MAXIMUM)
    (folder / "marts.yml").write_text("checks: [")
    assert "not readable YAML" in message_of(warehouse, folder)


def test_an_empty_suite_file_is_named(warehouse, write_suite):
    folder = write_suite(**MAXIMUM)
    (folder / "marts.yml").write_text("")
    assert str(folder / "marts.yml") in message_of(warehouse, folder)


def test_the_expectation_that_breaks_on_this_numpy_is_refused(warehouse, write_suite):
    check = {"expectation": "expect_column_quantile_values_to_be_between"}
    found = message_of(warehouse, write_suite(**check))
    assert "does not work with this numpy" in found


def test_two_checks_of_one_name_are_refused(tmp_path):
    text = (SUITES / "landed.yml").read_text()
    text += text[text.index("  - name: Something has been delivered") :]
    (tmp_path / "landed.yml").write_text(text)
    with pytest.raises(SettingsError, match="'Something has been delivered' stands"):
        load_suite("landed", tmp_path)
