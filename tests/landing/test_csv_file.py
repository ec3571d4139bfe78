"""Readable rows land, unreadable rows are kept with number, reason and remedy."""

import gzip
import random

import pytest

from comove.landing.csv_file import Reject


def test_rows_land_as_text_with_their_provenance(lender):
    lender.loans("l1,b1,100.50,2024-01-31")
    lender.land()
    assert lender.landed("loan_id, principal, annual_rate, _extra, _file, _row") == [
        ("l1", "100.50", None, None, "loans/a.csv", 1)
    ]
    assert lender.query("from raw.contract__loans") == []


def test_batch_and_time_are_those_of_the_delivery(lender):
    lender.loans("l1,b1,1,2024-01-31")
    lender.land()
    assert lender.landed("_batch, _landed_at") == [lender.delivery("batch_id, landed_at")]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_read_from_the_header(lender, delimiter):
    lines = ["loan_id,borrower_id,principal,disbursed_on", 'l1,b1,"1,5",2024-01-31']
    text = lines[0].replace(",", delimiter) + "\n" + f"l1{delimiter}b1{delimiter}1,5"
    lender.write("loans/a.csv", f"{text}{delimiter}2024-01-31\n")
    lender.land()
    assert lender.landed("loan_id, principal") == [("l1", "1,5")]
    assert lender.delivery("delimiter") == (delimiter,)


def test_column_names_match_whatever_their_case_spaces_and_order(lender):
    lender.loans(
        "2024-01-31,l1,1,b1", header=" Disbursed_On ,LOAN_ID,principal,borrower_id"
    )
    lender.land()
    assert lender.landed("loan_id, disbursed_on") == [("l1", "2024-01-31")]


def test_a_gzipped_file_lands(lender):
    text = "loan_id,borrower_id,principal,disbursed_on\nl1,b1,1,2024-01-31\n"
    lender.write("loans/a.csv.gz", gzip.compress(text.encode()))
    lender.land()
    assert lender.landed() == [("l1", 1)]


def test_a_plain_file_called_gz_lands_all_the_same(lender):
    lender.loans("l1,b1,1,2024-01-31", name="loans/a.csv.gz")
    lender.land()
    assert lender.landed() == [("l1", 1)]


def test_a_missing_optional_column_is_empty_and_warned_of(lender):
    lender.loans("l1,b1,1,2024-01-31")
    report = lender.land()
    assert lender.landed("term_months") == [(None,)]
    assert (
        "loans/a.csv, row 0 (header): column application_id, annual_rate, term_months, "
        "cycle_days is missing and read as empty. Deliver it if you have it."
    ) in report.warnings


def test_a_missing_required_column_refuses_the_file(lender):
    lender.loans("l1,b1,1", header="loan_id,borrower_id,principal")
    report = lender.land()
    assert report.entities["loans"].files_refused == 1
    assert lender.landed() == []
    assert lender.delivery() == (
        "refused",
        "missing_column",
        "loans/a.csv, row 0 (header): required column disbursed_on is missing. Add the "
        "column, or correct its name, and deliver the file again.",
    )


def test_an_unknown_column_is_kept_as_json_and_warned_of(lender):
    lender.loans(
        'l1,b1,1,2024-01-31,"say ""hi""",x',
        "l2,b1,1,2024-01-31,,",
        header='loan_id,borrower_id,principal,disbursed_on,note,"a ""b"" \\c"',
    )
    report = lender.land()
    assert lender.query(
        "select json_extract_string(_extra, '$.note'), json_keys(_extra) "
        "from raw.contract__loans__text order by _row"
    ) == [('say "hi"', ["note", 'a "b" \\c']), (None, None)]
    assert any(
        'column note, a "b" \\c is unknown and kept in _extra' in w
        for w in report.warnings
    )


def test_a_header_that_names_a_column_twice_refuses_the_file(lender):
    lender.loans(
        "l1,l2,b1,1,2024-01-31",
        header="loan_id,Loan_ID,borrower_id,principal,disbursed_on",
    )
    lender.land()
    status, rule, reason = lender.delivery()
    assert (status, rule) == ("refused", "duplicate_header")
    assert "column loan_id stands more than once" in reason


def test_a_header_alone_lands_no_rows(lender):
    lender.loans()
    report = lender.land()
    assert lender.delivery("status, rows_landed") == ("landed", 0)
    assert report.entities["loans"].files_new == 1


def test_a_key_twice_in_one_file_lands_twice(lender):
    lender.loans("l1,b1,1,2024-01-31", "l1,b1,2,2024-01-31")
    lender.land()
    assert lender.landed() == [("l1", 1), ("l1", 2)]


def test_too_few_fields_set_the_row_aside_whole(lender):
    lender.loans("l1,b1,1,2024-01-31", "l2,b1", "l3,b1,3,2024-01-31")
    lender.land()
    assert lender.landed() == [("l1", 1), ("l3", 3)]
    assert lender.unreadable() == [
        (
            2,
            "too_few_fields",
            "loans/a.csv, row 2, column principal: the row has fewer fields than the "
            "header. Write every field, also the empty ones.",
            "l2,b1",
        )
    ]
    assert lender.delivery("rows_landed, rows_unreadable") == (3, 1)


def test_too_many_fields_set_the_row_aside_whole(lender):
    lender.loans("l1,b1,1,000,2024-01-31", "l2,b1,2,2024-01-31")
    lender.land()
    assert lender.landed() == [("l2", 2)]
    (row, rule, reason, raw), *_ = lender.unreadable()
    assert (row, rule, raw) == (1, "too_many_fields", "l1,b1,1,000,2024-01-31")
    assert "loans/a.csv, row 1" in reason
    assert "Put values that hold the delimiter in quotes" in reason


def test_text_around_a_quoted_value_sets_the_row_aside(lender):
    lender.loans('l1,"b1" x,1,2024-01-31', "l2,b1,2,2024-01-31")
    lender.land()
    assert lender.landed() == [("l2", 2)]
    assert lender.unreadable()[0][:2] == (1, "bad_quoting")


def test_an_unclosed_quote_costs_one_row_and_swallows_none(lender):
    lender.loans(
        "l1,b1,1,2024-01-31",
        'l2,"b1,2,2024-01-31',
        *(f"l{n},b1,{n},2024-01-31" for n in range(3, 1000)),
    )
    lender.land()
    assert lender.landed() == [(f"l{n}", n) for n in range(1, 1000) if n != 2]
    (row, rule, _, raw), *others = lender.unreadable()
    assert (row, rule, raw, others) == (2, "unclosed_quote", 'l2,"b1,2,2024-01-31', [])


def test_text_of_several_lines_is_one_row(lender):
    lender.loans('l1,"b\n\n1",1,2024-01-31', "l2,b1", "l3,b1,3,2024-01-31")
    lender.land()
    assert lender.landed("borrower_id, _row") == [("b\n\n1", 1), ("b1", 3)]
    assert lender.unreadable()[0][0] == 2


def test_blank_lines_are_not_rows(lender):
    lender.loans("", "l1,b1,1,2024-01-31", "", "l2,b1", "", "l3,b1,3,2024-01-31", "", "")
    lender.land()
    assert lender.landed() == [("l1", 1), ("l3", 3)]
    assert lender.unreadable()[0][0] == 2


def test_line_ends_of_both_kinds_in_one_file_are_read(lender):
    lender.write(
        "loans/a.csv",
        "loan_id,borrower_id,principal,disbursed_on\r\nl1,b1,1,2024-01-31\n"
        'l2,"b\r\n1",1,2024-01-31\r\n',
    )
    lender.land()
    assert lender.landed("borrower_id, disbursed_on") == [
        ("b1", "2024-01-31"),
        ("b\r\n1", "2024-01-31"),
    ]


@pytest.mark.parametrize("size", [3_000_000, 40_000_000])
def test_a_very_long_line_is_set_aside_and_the_others_land(lender, size):
    lender.loans("l1,b1,1,2024-01-31", "l2," + "x" * size, "l3,b1,3,2024-01-31")
    lender.land()
    assert lender.landed() == [("l1", 1), ("l3", 3)]
    (row, rule, reason, raw), *_ = lender.unreadable()
    assert (row, rule) == (2, "line_too_long")
    assert raw.startswith("l2,xxx")
    assert "only its first 10,000 characters are kept here" in reason


def test_numbers_hold_in_a_file_read_by_several_threads(lender):
    chance = random.Random(7)  # noqa: S311 - repeatable, no secret
    lines, good, bad = [], [], []
    for row in range(1, 150_001):
        kind = chance.random()
        (bad if kind < 0.002 else good).append(row)
        if kind < 0.001:
            lines.append(f"{row},b")
        elif kind < 0.002:
            lines.append(f"{row},b,1,2,3,4")
        elif kind < 0.01:
            lines.append(f'{row},"several\nlines, {row}",1,2024-01-31')
        else:
            lines.append(f"{row},{'b' * chance.randint(1, 150)},1,2024-01-31")
    lender.loans(*lines)
    lender.land()
    assert lender.query(
        "select count(*), count(*) filter (loan_id = cast(_row as varchar)) "
        "from raw.contract__loans__text"
    ) == [(len(good), len(good))]
    assert [row for row, *_ in lender.unreadable()] == bad


def test_a_row_set_aside_is_kept_whole_however_long(lender):
    row = "l1," + "x" * 50_000
    lender.loans(row)
    lender.land()
    assert lender.unreadable()[0][3] == row


def test_a_carriage_return_within_a_row_sets_it_aside(lender):
    lender.write(
        "loans/a.csv",
        "loan_id,borrower_id,principal,disbursed_on\n"
        'l1,b\r1,1,2024-01-31\nl2,"b\r2",1,2024-01-31\n',
    )
    lender.land()
    assert lender.landed("borrower_id, _row") == [("b\r2", 2)]
    assert lender.unreadable()[0][:2] == (1, "stray_line_end")


def test_damaged_quotes_everywhere_lose_no_row(lender):
    # DuckDB 2.0.0 alone reports four rows here, and one of them twice.
    lines = ["k0,b\u00eb", ' ,, "', "", "k1,", '"" "b ,""a', ",d", "k2,"]
    lender.loans(*lines)
    lender.land()
    assert [raw for *_, raw in lender.unreadable()] == [line for line in lines if line]


def test_a_reason_names_file_row_column_and_remedy():
    reject = Reject(17, "too_few_fields", "it is short", "Lengthen it.", "x", "principal")
    assert reject.reason("loans/a.csv") == (
        "loans/a.csv, row 17, column principal: it is short. Lengthen it."
    )
