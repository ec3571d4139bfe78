import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from comove.errors import ModelError
from comove.risk_model.features import Feature
from comove.risk_model.matrix import (
    Encoding,
    learn_encoding,
    quantile_matrix,
    read_batches,
    read_matrix,
    score_batches,
)

AGE = Feature("age", "number", 0, "")
OWED = Feature("owed", "number", 1, "")
IS_NEW = Feature("is_new", "number", 0, "")
REGION = Feature("region", "category", 0, "")
LOANS = "select * from loan order by id"
# Rows of three DuckDB row groups, more than fit in one batch.
MANY = 300_000


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(
            """
            create table loan as
            select * from (values
                (1, 30::smallint, 1.5::decimal(10, 2), true, 'north', false),
                (2, 41, null, false, 'o''hara', true),
                (3, null, 7.25, null, '', false),
                (4, 29, 0, true, null, null)
            ) t (id, age, owed, is_new, region, is_bad)
            """
        )
        yield opened


def many(connection: duckdb.DuckDBPyConnection, rows: int = MANY) -> Encoding:
    """A table with missing values and categories, and a label that depends on both."""
    connection.execute(
        f"""
        create or replace table many as
        select
            i as id,
            case
                when hash(i * 10 + 1) % 10 > 0 then (hash(i * 10 + 2) % 1000)::double
            end as owed,
            (hash(i * 10 + 3) % 60)::integer as age,
            chr((97 + hash(i * 10 + 4) % 5)::integer) as region,
            hash(i * 10 + 5) % 1000 < hash(i * 10 + 2) % 1000 as is_bad
        from range({rows}) t (i)
        """
    )
    return learn_encoding(connection, "from many", (OWED, AGE, REGION))


def test_values_equal_those_of_pandas(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = many(connection, 5_000)

    found = read_matrix(connection, "from many order by id", encoding, label="is_bad")

    frame = connection.execute("from many order by id").df()
    codes = pd.Categorical(frame["region"], categories=sorted(set(frame["region"]))).codes
    expected = np.column_stack([frame["owed"], frame["age"], codes]).astype(np.float32)
    np.testing.assert_array_equal(found.x, expected)
    assert found.y is not None
    np.testing.assert_array_equal(found.y, frame["is_bad"].astype(float))


def test_matrix_is_of_32_bits_in_c_order(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE, OWED, IS_NEW))

    x = read_matrix(connection, LOANS, encoding, label=None).x

    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert x.shape == (4, 3)


def test_booleans_are_0_and_1_and_null_is_missing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = learn_encoding(connection, LOANS, (IS_NEW, AGE, OWED))

    x = read_matrix(connection, LOANS, encoding, label=None).x

    np.testing.assert_array_equal(x[:, 0], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(x[:, 1], [30, 41, np.nan, 29])
    np.testing.assert_array_equal(x[:, 2], [1.5, np.nan, 7.25, 0])


def test_null_label_is_nan(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE,))

    np.testing.assert_array_equal(
        read_matrix(connection, LOANS, encoding, label="is_bad").y, [0, 1, 0, np.nan]
    )
    assert read_matrix(connection, LOANS, encoding, label=None).y is None


def test_codes_count_the_sorted_categories(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (REGION,))

    assert encoding.categories == {"region": ("", "north", "o'hara")}
    x = read_matrix(connection, LOANS, encoding, label=None).x
    np.testing.assert_array_equal(x[:, 0], [1, 2, 0, np.nan])


def test_a_category_not_seen_in_training_is_missing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = learn_encoding(connection, "from loan where id = 1", (REGION,))

    x = read_matrix(connection, LOANS, encoding, label=None).x

    np.testing.assert_array_equal(x[:, 0], [0, np.nan, np.nan, np.nan])


def test_categories_may_be_numbers(connection: duckdb.DuckDBPyConnection) -> None:
    sector = Feature("id", "category", 0, "")

    encoding = learn_encoding(connection, LOANS, (sector,))

    assert encoding.categories == {"id": ("1", "2", "3", "4")}
    x = read_matrix(connection, LOANS, encoding, label=None).x
    np.testing.assert_array_equal(x[:, 0], [0, 1, 2, 3])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_code_of_a_text_is_its_place(texts: list[str]) -> None:
    frame = pd.DataFrame({"region": pd.Series(texts, dtype="object")})
    with duckdb.connect() as connection:
        connection.execute("create table given (place integer, region varchar)")
        if texts:
            rows = [[place, text] for place, text in enumerate(frame["region"])]
            connection.executemany("insert into given values (?, ?)", rows)
        relation = "from given order by place"
        encoding = learn_encoding(connection, relation, (REGION,))

        x = read_matrix(connection, relation, encoding, label=None).x

    assert list(encoding.categories["region"]) == sorted(set(texts))
    assert x[:, 0].tolist() == [sorted(set(texts)).index(text) for text in texts]


def test_a_feature_missing_everywhere_stays(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    relation = "select null as age, null::varchar as region, 1.0 as owed from loan"
    encoding = learn_encoding(connection, relation, (AGE, REGION, OWED))

    x = read_matrix(connection, relation, encoding, label=None).x

    assert encoding.names == ("age", "region", "owed")
    assert np.isnan(x[:, :2]).all()
    assert (x[:, 2] == 1).all()


def test_infinite_values_are_missing_and_counted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    # 1e39 is finite in 64 bits and not in 32.
    relation = """
        select v::double as owed, 1::double as age
        from (values ('inf'), ('-inf'), ('1e39'), ('nan'), (null), ('2')) t (v)
    """
    encoding = learn_encoding(connection, relation, (OWED, AGE))

    found = read_matrix(connection, relation, encoding, label=None)

    assert found.infinite == {"owed": 3}
    np.testing.assert_array_equal(found.x[:, 0], [*[np.nan] * 5, 2])


def test_an_empty_relation_gives_an_empty_matrix(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE, REGION))

    found = read_matrix(connection, "from loan where false", encoding, label="is_bad")

    assert found.x.shape == (0, 2)
    assert found.y is not None
    assert found.y.shape == (0,)


def test_rows_keep_their_order(connection: duckdb.DuckDBPyConnection) -> None:
    many(connection)
    place = Feature("id", "number", 0, "")
    encoding = learn_encoding(connection, "from many", (place,))

    x = read_matrix(connection, "from many", encoding, label=None).x

    np.testing.assert_array_equal(x[:, 0], np.arange(MANY))


def test_encoding_survives_json(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE, REGION))

    again = Encoding.from_json(json.loads(json.dumps(encoding.to_json())))

    assert again == encoding


def test_batches_together_are_the_matrix(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = many(connection)
    whole = read_matrix(connection, "from many", encoding, label="is_bad")

    batches = list(
        read_batches(
            connection,
            "from many",
            encoding,
            keys=["id", "region"],
            label="is_bad",
            rows_per_batch=70_000,
        )
    )

    assert [len(batch.x) for batch in batches] == [70_000] * 4 + [20_000]
    assert batches[0].keys.column_names == ["id", "region"]
    ids = np.concatenate([batch.keys["id"].to_numpy() for batch in batches])
    np.testing.assert_array_equal(ids, np.arange(MANY))
    np.testing.assert_array_equal(np.concatenate([b.x for b in batches]), whole.x)
    labels = [batch.y for batch in batches if batch.y is not None]
    np.testing.assert_array_equal(np.concatenate(labels), whole.y)


def test_few_of_many_rows_come_in_full_batches(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)
    relation = "from many where id % 30000 = 0"

    (batch,) = read_batches(connection, relation, encoding, keys=["id"])

    assert batch.keys["id"].to_pylist() == list(range(0, MANY, 30_000))
    assert batch.y is None


def test_connection_may_write_between_batches(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)
    connection.execute("create table scored (id bigint)")

    for batch in read_batches(connection, "from many", encoding, keys=["id"]):
        connection.execute("insert into scored values (?)", [len(batch.x)])

    assert connection.execute("select sum(id) from scored").fetchone() == (MANY,)


def test_quantile_matrix_equals_one_of_the_arrays(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)
    whole = read_matrix(connection, "from many", encoding, label="is_bad")

    streamed = quantile_matrix(connection, "from many", encoding, "is_bad", 64)

    ready = xgb.QuantileDMatrix(
        whole.x,
        whole.y,
        max_bin=64,
        feature_names=list(encoding.names),
        feature_types=encoding.types,
    )
    assert streamed.num_row() == MANY
    assert streamed.feature_types == ["q", "q", "c"]
    np.testing.assert_array_equal(streamed.get_label(), whole.y)
    predicted = [
        _trained(each, 64).inplace_predict(whole.x) for each in (streamed, ready)
    ]
    # Quantiles of many rows are sketched batch by batch, so that bins differ slightly.
    np.testing.assert_allclose(predicted[0], predicted[1], atol=0.02)
    loss = [log_loss(whole.y, p) for p in predicted]
    assert loss[0] == pytest.approx(loss[1], rel=1e-3)


def test_trees_of_one_batch_are_exactly_those_of_the_arrays(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection, 20_000)
    whole = read_matrix(connection, "from many", encoding, label="is_bad")
    types = encoding.types
    names = list(encoding.names)

    streamed = quantile_matrix(connection, "from many", encoding, "is_bad")

    ready = xgb.QuantileDMatrix(
        whole.x, whole.y, feature_names=names, feature_types=types
    )
    assert _trained(streamed).get_dump() == _trained(ready).get_dump()


def test_validation_rows_take_the_bins_of_training(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection, 20_000)
    train = quantile_matrix(
        connection, "from many where id < 9000", encoding, "is_bad", 16
    )

    later = quantile_matrix(
        connection, "from many where id >= 9000", encoding, "is_bad", 16, ref=train
    )

    cuts = [matrix.get_quantile_cut() for matrix in (train, later)]
    np.testing.assert_array_equal(cuts[0][1], cuts[1][1])
    assert later.num_row() == 11_000


def test_quantile_matrix_leaves_the_connection_free(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)

    quantile_matrix(connection, "from many", encoding, "is_bad")
    connection.execute("create temporary table next_step as select 1")
    with pytest.raises(ModelError, match="no label"):
        quantile_matrix(
            connection,
            "select * replace (nullif(is_bad, id = 5) as is_bad) from many",
            encoding,
            "is_bad",
        )

    assert connection.execute("from next_step").fetchone() == (1,)


def test_rows_in_another_order_each_time_are_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)

    with pytest.raises(ModelError, match="another order"):
        quantile_matrix(connection, "from many order by random()", encoding, "is_bad")


def test_another_sample_each_time_is_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)

    with pytest.raises(ModelError, match="rows were counted"):
        read_matrix(connection, "from many where random() < 0.5", encoding, label=None)


def test_parquet_is_read_like_a_table(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    encoding = many(connection, 20_000)
    connection.execute(f"copy many to '{tmp_path / 'many.parquet'}'")
    relation = f"from '{tmp_path / 'many.parquet'}'"

    np.testing.assert_array_equal(
        read_matrix(connection, relation, encoding, label=None).x,
        read_matrix(connection, "from many", encoding, label=None).x,
    )
    assert quantile_matrix(connection, relation, encoding, "is_bad").num_row() == 20_000


def test_scores_are_the_log_odds_of_native_predictions(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    encoding = many(connection)
    booster = _trained(quantile_matrix(connection, "from many", encoding, "is_bad"))
    whole = read_matrix(connection, "from many", encoding, label=None)

    batches = read_batches(connection, "from many", encoding, keys=["id"])
    scored = list(score_batches(booster, batches))

    margin = np.concatenate([found for _, found in scored])
    native = booster.predict(
        xgb.DMatrix(
            whole.x, feature_names=list(encoding.names), feature_types=encoding.types
        )
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-margin)), native, rtol=1e-5)
    assert [len(keys) for keys, _ in scored] == [len(m) for _, m in scored]


@pytest.mark.parametrize("reader", [read_matrix, quantile_matrix])
def test_a_missing_column_is_named(
    connection: duckdb.DuckDBPyConnection, reader: object
) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE, OWED))

    with pytest.raises(ModelError, match=r"no column owed\."):
        reader(connection, "select age, is_bad from loan", encoding, label="is_bad")  # type: ignore[operator]


def test_a_missing_key_or_label_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE,))

    with pytest.raises(ModelError, match="no column is_worse, loan_key"):
        next(
            read_batches(connection, LOANS, encoding, keys=["loan_key"], label="is_worse")
        )


def test_text_where_a_number_is_described_is_refused(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(ModelError, match=r"region is described as a number .* varchar"):
        learn_encoding(connection, LOANS, (Feature("region", "number", 0, ""),))


@pytest.mark.parametrize("wrong", ["2", "-1", "0.5"])
def test_a_label_neither_0_nor_1_is_named(
    connection: duckdb.DuckDBPyConnection, wrong: str
) -> None:
    relation = f"select *, {wrong} as outcome from loan where id = 1"
    encoding = learn_encoding(connection, relation, (AGE,))

    with pytest.raises(ModelError, match=rf"neither 0 nor 1, the first is {wrong}"):
        read_matrix(connection, relation, encoding, label="outcome")


def test_no_rows_to_learn_from_is_said(connection: duckdb.DuckDBPyConnection) -> None:
    encoding = learn_encoding(connection, LOANS, (AGE,))

    with pytest.raises(ModelError, match="no rows to learn from"):
        quantile_matrix(connection, "from loan where false", encoding, "is_bad")


def _trained(matrix: xgb.QuantileDMatrix, max_bin: int = 256) -> xgb.Booster:
    parameters = {
        "objective": "binary:logistic",
        "max_depth": 3,
        "max_bin": max_bin,
        "nthread": 1,
    }
    return xgb.train(parameters, matrix, 10)
