import duckdb
import pytest

from comove.quality import profile as module
from comove.quality.profile import Comparison, Subject, profile


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        yield made


def profile_of(connection, sql, key=("id",), **given):
    connection.execute(f"create table things as {sql}")
    described = connection.execute("describe things").fetchall()
    columns = {row[0]: row[1] for row in described}
    return profile(connection, Subject("things", "things", columns, key, **given))


def column_of(made, name):
    return made.columns.set_index("column_name").loc[name]


def test_shares_count_all_rows(connection):
    made = profile_of(
        connection, "from (values (1, -1.0), (2, 0), (3, 4), (4, null)) t(id, amount)"
    )
    amount = column_of(made, "amount")
    assert (amount["null_share"], amount["negative_share"]) == (0.25, 0.25)
    assert (amount["zero_share"], amount["minimum"], amount["maximum"]) == (0.25, -1, 4)
    assert amount["mean"] == 1


def test_unknown_is_a_share_of_text_columns(connection):
    made = profile_of(connection, "from (values (1, 'unknown'), (2, 'north')) t(id, r)")
    assert column_of(made, "r")["unknown_share"] == 0.5


def test_the_mean_of_a_boolean_is_its_share_of_true(connection):
    made = profile_of(connection, "from (values (1, true), (2, false)) t(id, is_event)")
    assert column_of(made, "is_event")["mean"] == 0.5


def test_quantiles_are_exact_for_small_tables(connection):
    made = profile_of(connection, "select i as id, i::double as x from range(101) t(i)")
    x = column_of(made, "x")
    assert (x["q05"], x["median"], x["q95"]) == (5, 50, 95)


def test_quantiles_of_large_tables_come_from_a_fair_sample(connection):
    made = profile_of(
        connection, "select i as id, i::double as x from range(1_000_000) t(i)"
    )
    # 100,000 of 1,000,000: the standard error of a sampled median is 0.16 %.
    assert column_of(made, "x")["median"] == pytest.approx(500_000, rel=0.01)


def test_rows_beyond_the_first_of_their_key_are_counted(connection):
    made = profile_of(connection, "from (values (1), (1), (1), (2)) t(id)")
    assert made.duplicate_keys == 2


def test_a_key_may_span_columns(connection):
    made = profile_of(
        connection, "from (values (1, 1), (1, 2), (1, 2)) t(id, n)", key=("id", "n")
    )
    assert made.duplicate_keys == 1


def test_a_table_doubled_is_noticed_also_when_keys_are_sampled(connection, monkeypatch):
    monkeypatch.setattr(module, "ALL_KEYS_ROWS", 1_000)
    made = profile_of(connection, "select i // 2 as id from range(20_000) t(i)")
    assert made.duplicate_keys == pytest.approx(10_000 / module.KEY_SHARE, rel=0.1)


def test_measures_are_sql_of_the_suite(connection):
    made = profile_of(
        connection, "from (values (1), (3)) t(id)", measures={"odd": "avg(id % 2)"}
    )
    assert made.measures == {"odd": 1}


def test_an_empty_table_has_no_figures(connection):
    made = profile_of(
        connection, "select 1 as id where false", measures={"one": "max(id)"}
    )
    assert (made.rows, made.measures, len(made.columns)) == (0, {"one": None}, 0)


def shifted(connection, now, before, kind="double"):
    groups = Comparison("things", {"x": kind}, now="batch = 2", before="batch = 1")
    made = profile_of(
        connection,
        f"""
        select row_number() over () as id, * from (
            select 1 as batch, {before} as x from range(5_000) t(i)
            union all select 2, {now} from range(5_000) t(i)
        )
        """,
        comparison=groups,
    )
    return column_of(made, "x")["psi"]


def test_equal_numbers_have_not_shifted(connection):
    assert shifted(connection, "(i % 997)::double", "(i % 997)::double") == 0


def test_numbers_moved_by_half_their_range_have_shifted_far(connection):
    assert shifted(connection, "(i % 997 + 500)::double", "(i % 997)::double") > 1


def test_a_constant_column_can_be_compared(connection):
    assert shifted(connection, "1.0::double", "1.0::double") == 0


def test_categories_that_change_places_have_shifted(connection):
    # Shares 0.9 and 0.1 against 0.1 and 0.9: 2 * 0.8 * ln 9.
    index = shifted(
        connection,
        "if(i % 10 = 0, 'a', 'b')",
        "if(i % 10 = 0, 'b', 'a')",
        kind="VARCHAR",
    )
    assert index == pytest.approx(3.5156, abs=1e-4)


def test_a_category_never_seen_before_has_shifted_far(connection):
    assert shifted(connection, "'new'", "'old'", kind="VARCHAR") > 5


def test_text_with_quotes_can_be_compared(connection):
    assert shifted(connection, "'o''hare'", "'o''hare'", kind="VARCHAR") == 0


def test_without_earlier_rows_there_is_no_index(connection):
    groups = Comparison("things", {"x": "DOUBLE"}, now="true", before="false")
    made = profile_of(
        connection,
        "select i as id, 1.0::double as x from range(900) t(i)",
        comparison=groups,
    )
    assert made.columns.set_index("column_name")["psi"].isna().all()
