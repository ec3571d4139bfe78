import pandas as pd
import pytest

from comove.quality.frames import Frame
from comove.quality.judge import judge
from comove.quality.suite import Check, Suite, SuiteError, load_suite

# Expectation, arguments (with the measure as column), frame that passes, that fails.
KINDS = [
    (
        "expect_column_values_to_be_between",
        {"column": "share", "max_value": 0.1},
        {"share": [0.0, 0.1, None]},
        {"share": [0.0, 0.2, None]},
    ),
    (
        "expect_column_max_to_be_between",
        {"column": "share", "min_value": 0.1, "max_value": 0.2},
        {"share": [0.15]},
        {"share": [0.05]},
    ),
    (
        "expect_column_min_to_be_between",
        {"column": "rows", "min_value": 1},
        {"rows": [1, 5]},
        {"rows": [0, 5]},
    ),
    (
        "expect_column_sum_to_be_between",
        {"column": "rows", "min_value": 5, "max_value": 6},
        {"rows": [1, 5]},
        {"rows": [1, 6]},
    ),
    (
        "expect_column_mean_to_be_between",
        {"column": "rows", "max_value": 3},
        {"rows": [1, 5]},
        {"rows": [1, 6]},
    ),
    (
        "expect_column_values_to_be_null",
        {"column": "refusal"},
        {"refusal": [None, None]},
        {"refusal": [None, "truncated"]},
    ),
    (
        "expect_column_values_to_not_be_null",
        {"column": "reason"},
        {"reason": ["a", "b"]},
        {"reason": [None, None]},
    ),
    (
        "expect_column_values_to_be_in_set",
        {"column": "kind", "value_set": ["person", "company"]},
        {"kind": ["person", "person"]},
        {"kind": ["person", "robot"]},
    ),
    (
        "expect_column_values_to_be_unique",
        {"column": "month"},
        {"month": ["2025-01", "2025-02"]},
        {"month": ["2025-01", "2025-01"]},
    ),
    (
        "expect_column_values_to_be_increasing",
        {"column": "rows"},
        {"rows": [1, 2, 3]},
        {"rows": [1, 3, 2]},
    ),
    (
        "expect_column_pair_values_to_be_equal",
        {"column_A": "landed", "column_B": "kept"},
        {"landed": [5, 6], "kept": [5, 6]},
        {"landed": [5, 6], "kept": [5, 7]},
    ),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "now", "column_B": "before", "or_equal": True},
        {"now": [5, 6], "before": [5, 5]},
        {"now": [5, 6], "before": [5, 7]},
    ),
    (
        "expect_table_row_count_to_be_between",
        {"min_value": 2},
        {"rows": [1, 2]},
        {"rows": [1]},
    ),
    (
        "expect_table_columns_to_match_set",
        {"column_set": ["a", "b"]},
        {"a": [1], "b": [2]},
        {"a": [1], "c": [2]},
    ),
]


def judge_one(expectation, arguments, data, severity="critical", labels=()):
    check = Check(
        name="All is well",
        table="things",
        expectation=expectation,
        arguments=arguments,
        severity=severity,
        why="It should be.",
        remedy="Make it so.",
    )
    suite = Suite(stage="marts", about="A test.", checks=(check,))
    return judge(suite, {"things": Frame(pd.DataFrame(data), labels)}, "marts.yml")


@pytest.mark.parametrize(
    ("expectation", "arguments", "good", "bad"), KINDS, ids=[kind[0] for kind in KINDS]
)
def test_each_kind_passes_what_is_right_and_fails_what_is_wrong(
    expectation, arguments, good, bad
):
    assert judge_one(expectation, arguments, good).verdicts[0].success
    assert not judge_one(expectation, arguments, bad).verdicts[0].success


@pytest.mark.parametrize("stage", ["landed", "staging", "marts"])
def test_no_suite_uses_a_kind_without_an_example_here(stage):
    used = {check.expectation for check in load_suite(stage).checks}
    assert used <= {kind[0] for kind in KINDS}


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_the_worst_failure_has_the_severity_of_its_check(severity):
    kind, arguments, _, bad = KINDS[0]
    found = judge_one(kind, arguments, bad, severity)
    assert found.worst == severity
    assert found.verdicts[0].blocks == (severity == "critical")


def test_nothing_failed_has_no_severity():
    kind, arguments, good, _ = KINDS[0]
    assert judge_one(kind, arguments, good).worst is None


def test_rows_that_fail_are_named_by_their_labels():
    data = {"table": ["loans", "loans"], "share": [0.05, 0.25], "column": ["a", "b"]}
    kind, arguments = KINDS[0][:2]
    found = judge_one(kind, arguments, data, labels=("table", "column")).verdicts[0]
    assert found.observed == "loans.b: 0.25 (1 of 2 rows)"


def test_many_rows_that_fail_are_counted_not_listed():
    data = {"share": [1.0] * 20}
    kind, arguments = KINDS[0][:2]
    observed = judge_one(kind, arguments, data).verdicts[0].observed
    assert observed.endswith("; and 12 more (20 of 20 rows)")


def test_an_expectation_that_does_not_suit_its_measure_is_named():
    arguments = {"column": "kind", "max_value": 1}
    with pytest.raises(SuiteError, match="'All is well' could not be judged"):
        judge_one(
            "expect_column_mean_to_be_between", arguments, {"kind": ["person", "robot"]}
        )
