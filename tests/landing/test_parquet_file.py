"""Parquet lands typed where its types are the contract's, else as text, losslessly."""

import datetime as dt
from decimal import Decimal

import duckdb
import pytest

TYPED = """
    select 'l' || (range + 1) as loan_id, 'a' as application_id, 'b1' as borrower_id,
        100::decimal(18,2) as principal, 0.2::double as annual_rate, 12::integer as
        term_months, date '2024-02-01' as disbursed_on, 30::integer as cycle_days
    from range(3)
"""
REQUIRED = (
    "'l1' as loan_id, 'b1' as borrower_id, 1 as principal, '2024-01-31' as disbursed_on"
)


def test_files_with_the_types_of_the_contract_keep_them(lender):
    lender.parquet("loans/a.parquet", TYPED)
    lender.land()
    assert lender.landed() == []
    assert lender.query(
        "select loan_id, principal, disbursed_on, _file, _row from raw.contract__loans "
        "order by _row"
    ) == [
        (f"l{n}", Decimal("100.00"), dt.date(2024, 2, 1), "loans/a.parquet", n)
        for n in (1, 2, 3)
    ]


def test_many_files_of_one_shape_land_with_their_own_numbers(lender):
    for name in ("a", "b", "x/y [1]*"):
        lender.parquet(f"loans/{name}.parquet", TYPED)
    lender.land()
    assert lender.query(
        "select _file, list(_row order by _row) from raw.contract__loans "
        "group by all order by all"
    ) == [(f"loans/{name}.parquet", [1, 2, 3]) for name in ("a", "b", "x/y [1]*")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.1::double + 0.2", "0.30000000000000004"),
        ("9007199254740993::bigint", "9007199254740993"),
        ("1.50::decimal(9,4)", "1.5000"),
        ("0.1::float", "0.1"),
        ("true", "true"),
        ("timestamptz '2024-01-31 23:00:00+02'", "2024-01-31 21:00:00+00"),
        ("timestamp_ns '2024-01-31 00:00:00.123456789'", "2024-01-31 00:00:00.123456789"),
        ("{'a': [1, null], 'b': 'ë'}", '{"a":[1,null],"b":"ë"}'),
        ("[1, 2]", "[1,2]"),
        ("map {'k': 1}", '{"k":1}'),
        ("null::integer", None),
    ],
)
def test_other_types_land_as_text_without_loss(lender, value, text):
    lender.parquet("loans/a.parquet", f"select {REQUIRED}, {value} as annual_rate")
    lender.land()
    assert lender.landed("annual_rate, principal") == [(text, "1")]
    assert lender.query("from raw.contract__loans") == []


def test_unknown_columns_are_kept_as_json_and_missing_ones_are_empty(lender):
    lender.parquet(
        "loans/a.parquet",
        "select 'l1' as loan_id, 'b1' as borrower_id, 1::decimal(18,2) as principal, "
        "date '2024-01-31' as disbursed_on, {'a': null, 'b': 1} as more, "
        "null::integer as none",
    )
    report = lender.land()
    assert lender.query("select _extra, term_months from raw.contract__loans") == [
        ('{"more":{"a":null,"b":1}}', None)
    ]
    assert lender.delivery("missing_columns, unknown_columns") == (
        "application_id, annual_rate, term_months, cycle_days",
        "more, none",
    )
    assert len(report.warnings) == 2


def test_a_missing_required_column_refuses_the_file(lender):
    lender.parquet("loans/a.parquet", "select 'l1' as loan_id")
    lender.land()
    assert lender.delivery("status, rule") == ("refused", "missing_column")


def test_a_file_cut_short_is_refused_and_the_others_land(lender):
    lender.parquet("loans/a.parquet", TYPED)
    whole = lender.parquet("loans/b.parquet", TYPED).read_bytes()
    lender.write("loans/b.parquet", whole[:-20])
    report = lender.land()
    assert report.entities["loans"].files_refused == 1
    assert lender.query("select distinct _file from raw.contract__loans") == [
        ("loans/a.parquet",)
    ]
    ((reason, row),) = lender.query("select reason, row_number from audit.unreadable_row")
    assert row is None
    assert reason.startswith("loans/b.parquet: the Parquet file is broken or cut short")
    assert reason.endswith("Write it anew and deliver it again.")


def test_a_file_damaged_in_its_pages_is_refused_and_the_others_land(lender):
    lender.parquet("loans/a.parquet", TYPED)
    path = lender.parquet("loans/b.parquet", TYPED)
    damaged = bytearray(path.read_bytes())
    damaged[4:60] = b"\xff" * 56
    path.write_bytes(damaged)
    lender.land()
    assert lender.query("select file, rule from audit.delivery order by all") == [
        ("loans/a.parquet", None),
        ("loans/b.parquet", "broken_parquet"),
    ]
    assert lender.query("select count(*) from raw.contract__loans") == [(3,)]


@pytest.mark.parametrize("content", [b"loan_id\nl1\n", b"PAR1", b"\0" * 500])
def test_a_file_that_is_no_parquet_is_refused(lender, content):
    lender.write("loans/a.parquet", content)
    lender.land()
    assert lender.delivery("status, rule") == ("refused", "broken_parquet")


def test_a_file_of_no_bytes_is_empty(lender):
    lender.write("loans/a.parquet", b"")
    lender.land()
    assert lender.delivery("status, rule") == ("empty", "empty_file")


def test_a_file_without_rows_lands(lender):
    lender.parquet("loans/a.parquet", f"{TYPED} limit 0")
    lender.land()
    assert lender.delivery("status, rows_landed") == ("landed", 0)


def test_a_portfolio_of_text_columns_has_one_raw_table(make_lender):
    lender = make_lender(portfolio="xente")
    names = lender_columns("xente", "payment_transactions")
    values = ", ".join(f"1 as {name}" for name in names)
    lender.parquet("payment_transactions.parquet", f"select {values}")
    lender.write(
        "payment_transactions.csv.gz", ",".join(names) + "\n" + "2," * len(names)
    )
    lender.land()
    tables = lender.query(
        "select table_name from duckdb_tables() where schema_name = 'raw'"
    )
    assert ("xente__payment_transactions__text",) not in tables
    assert lender.query(
        "select distinct Amount from raw.xente__payment_transactions"
    ) == [("2",)]


def lender_columns(source: str, entity: str) -> tuple[str, ...]:
    from comove.contract import load_source

    return next(t.column_names for t in load_source(source) if t.name == entity)


def test_the_types_of_a_test_file_are_those_of_the_contract():
    types = duckdb.connect().sql(TYPED).types
    assert [str(kind) for kind in types] == [
        "VARCHAR",
        "VARCHAR",
        "VARCHAR",
        "DECIMAL(18,2)",
        "DOUBLE",
        "INTEGER",
        "DATE",
        "INTEGER",
    ]
