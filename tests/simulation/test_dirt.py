"""Dirt is where the record says, and takes nothing away from what was simulated."""

import csv
import gzip
from pathlib import Path

import duckdb
import pytest

from comove.settings import Settings
from comove.simulation import simulate
from comove.simulation.delivery import entity
from comove.simulation.text_files import STYLES

SOILED = sorted(STYLES)


def text_lines(home: Path, name: str) -> list[bytes]:
    file = home / "landing" / name / STYLES[name].file
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()


@pytest.mark.parametrize("name", SOILED)
def test_accepted_rows_are_what_was_simulated(
    dirty_home: Path,
    dirty: duckdb.DuckDBPyConnection,
    clean_home: Path,
    name: str,
) -> None:
    """Good typed rows and rows written as text together: each key once, none else."""
    key = ", ".join(f"cast({column} as varchar)" for column in entity(name).key)
    typed, by_hand, wanted, missing = dirty.sql(f"""
        with delivered as (
            select concat_ws('|', {key}) as key, * exclude (filename),
                parse_path(filename)[-2] || '/' || parse_path(filename)[-1] as file,
                file_row_number + 1 as row_number
            from read_parquet('{dirty_home}/landing/{name}/*.parquet',
                filename=true, file_row_number=true)
        ),
        accepted as (
            select * exclude (file, row_number) from delivered anti join true_dirty_rows
            using (file, row_number)
        ),
        by_hand as (
            select key from true_dirty_rows
            where entity = '{name}' and expected = 'accepted'
        ),
        wanted as (
            select concat_ws('|', {key}) as key, *
            from read_parquet('{clean_home}/landing/{name}/*.parquet')
        )
        select
            (select count(*) from accepted), (select count(*) from by_hand),
            (select count(*) from wanted),
            (select count(*) from (
                select columns(* exclude (file_row_number)) from accepted
                except select * from wanted
            )) + (select count(*) from wanted where key not in (
                select key from accepted union all select key from by_hand
            ))
    """).fetchall()[0]

    assert missing == 0
    assert typed + by_hand == wanted


def test_dirt_touches_less_than_half_a_percent(
    dirty_home: Path, dirty: duckdb.DuckDBPyConnection
) -> None:
    share = dirty.sql(f"""
        select
            (select count(*) from true_dirty_rows where expected <> 'accepted')
            / (select count(*) from read_parquet('{dirty_home}/landing/*/*.parquet',
                union_by_name=true))
    """).fetchall()[0][0]

    assert 0.001 < share < 0.005


@pytest.mark.parametrize(
    "kind",
    [
        "duplicate_key",
        "future_date",
        "negative_money",
        "repeated_delivery",
        "corrected_delivery",
        "orphan",
        "unknown_value",
        "too_many_fields",
        "too_few_fields",
        "unreadable_number",
        "unreadable_date",
        "written_as_text",
        "latin_1_line",
    ],
)
def test_every_kind_of_dirt_is_delivered(
    dirty: duckdb.DuckDBPyConnection, kind: str
) -> None:
    found = dirty.execute("select count(*) from true_dirty_rows where kind = ?", [kind])

    assert found.fetchall()[0][0] > 0


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("future_date", "paid_on = date '2098-01-15'"),
        ("negative_money", "paid_amount < 0"),
        ("orphan", "loan_id = 'L99000000'"),
    ],
)
def test_recorded_rows_have_the_defect(
    dirty_home: Path, dirty: duckdb.DuckDBPyConnection, kind: str, condition: str
) -> None:
    recorded, found, elsewhere = dirty.sql(f"""
        with rows as (
            select *, file_row_number + 1 as row_number
            from read_parquet('{dirty_home}/landing/repayments/part-00000.parquet',
                file_row_number=true)
        ),
        planted as (
            select row_number from true_dirty_rows
            where entity = 'repayments' and kind = '{kind}'
        )
        select
            (select count(*) from planted),
            count(*) filter ({condition} and row_number in (from planted)),
            count(*) filter ({condition} and row_number not in (from planted))
        from rows
    """).fetchall()[0]

    assert recorded > 0
    assert (found, elsewhere) == (recorded, 0)


@pytest.mark.parametrize("name", SOILED)
def test_unreadable_lines_stand_where_the_record_says(
    dirty_home: Path, dirty: duckdb.DuckDBPyConnection, name: str
) -> None:
    lines = text_lines(dirty_home, name)
    fields = len(next(csv.reader([lines[0].decode()], delimiter=STYLES[name].delimiter)))
    rows = dict(
        dirty.execute(
            "select kind, row_number from true_dirty_rows where file = ?",
            [f"{name}/{STYLES[name].file}"],
        ).fetchall()
    )

    def fields_of(kind: str) -> int:
        line = lines[rows[kind]].decode("utf-8", "replace")
        return len(next(csv.reader([line], delimiter=STYLES[name].delimiter)))

    assert fields_of("too_many_fields") == fields + 2
    assert fields_of("too_few_fields") == fields - 2
    assert b"about 12k" in lines[rows["unreadable_number"]]
    assert b"31/31/2023" in lines[rows["unreadable_date"]]


def test_one_line_of_borrowers_is_latin_1_among_utf_8(dirty_home: Path) -> None:
    lines = text_lines(dirty_home, "borrowers")

    latin = [line for line in lines if "Zoë".encode("latin-1") in line]
    assert len(latin) == 1
    assert any("Zoë".encode() in line for line in lines)


def test_one_text_file_starts_with_a_byte_order_mark(dirty_home: Path) -> None:
    assert text_lines(dirty_home, "repayments")[0].startswith(b"\xef\xbb\xbfloan_id")


def test_broken_files_come_only_when_asked_for(tmp_path: Path) -> None:
    simulate(Settings(home=tmp_path / "with"), borrowers=50, months=4, broken_files=True)
    simulate(Settings(home=tmp_path / "without"), borrowers=50, months=4)

    files = tmp_path / "with/truth/broken_files.parquet"
    recorded = duckdb.sql(f"select file, kind from '{files}'").fetchall()

    assert {kind for _, kind in recorded} == {
        "truncated_gz",
        "not_csv",
        "missing_column",
        "empty_file",
        "broken_parquet",
    }
    for file, _ in recorded:
        assert (tmp_path / "with/landing" / file).is_file()
        assert not (tmp_path / "without/landing" / file).exists()
