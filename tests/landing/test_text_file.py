"""Encodings, and files that are no CSV."""

import gzip
from pathlib import Path

import pytest

HEADER = b"loan_id,borrower_id,principal,disbursed_on\n"


def test_a_byte_order_mark_is_no_part_of_the_first_name(lender):
    lender.write("loans/a.csv", b"\xef\xbb\xbf" + HEADER + b"l1,b1,1,2024-01-31\n")
    lender.land()
    assert lender.landed() == [("l1", 1)]
    assert lender.delivery("encoding") == ("utf-8 with byte-order mark",)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read(lender, encoding):
    mark = "\N{BYTE ORDER MARK}"
    text = mark + HEADER.decode() + "l1,Zoë,1,2024-01-31\n"
    lender.write("loans/a.csv", text.encode(encoding))
    lender.land()
    assert lender.landed("borrower_id") == [("Zoë",)]
    assert lender.delivery("encoding") == ("utf-16",)


def test_lines_that_are_not_utf_8_are_read_as_windows_1252(lender):
    lender.write(
        "loans/a.csv",
        HEADER
        + "l1,Zoë,1,2024-01-31\n".encode()
        + "l2,Zoë €,1,2024-01-31\n".encode("cp1252")
        + b"l3\n"
        + b"l4,\x81,1,2024-01-31\n",
    )
    report = lender.land()
    assert lender.landed("borrower_id, _row") == [("Zoë", 1), ("Zoë €", 2), ("\x81", 4)]
    assert lender.delivery("rows_recoded") == (2,)
    assert any(
        warning.startswith("loans/a.csv: 2 lines are not UTF-8")
        for warning in report.warnings
    )


def test_a_gzipped_file_in_another_encoding_is_read(lender):
    text = HEADER + "l1,Zoë,1,2024-01-31\n".encode("cp1252")
    lender.write("loans/a.csv.gz", gzip.compress(text))
    lender.land()
    assert lender.landed("borrower_id") == [("Zoë",)]


def test_line_ends_of_old_macintoshes_are_read(lender):
    lender.write("loans/a.csv", HEADER.replace(b"\n", b"\r") + b"l1,b1,1,2024-01-31\r")
    lender.land()
    assert lender.landed("loan_id, disbursed_on") == [("l1", "2024-01-31")]


def test_a_truncated_gz_lands_nothing(lender):
    rows = b"".join(b"l%d,b1,%d,2024-01-31\n" % (n, n * 7919) for n in range(5000))
    packed = gzip.compress(HEADER + rows)
    lender.write("loans/a.csv.gz", packed[: len(packed) // 2])
    lender.land()
    status, rule, reason = lender.delivery()
    assert (status, rule) == ("refused", "truncated_gz")
    assert reason.startswith("loans/a.csv.gz: the gzip file is cut short or damaged")
    assert reason.endswith("Transfer it again, in binary mode, and compare its size.")
    assert lender.landed() == []


def test_a_gz_with_a_wrong_checksum_lands_nothing(lender):
    packed = bytearray(gzip.compress(HEADER + b"l1,b1,1,2024-01-31\n"))
    packed[-6] ^= 0xFF
    lender.write("loans/a.csv.gz", bytes(packed))
    lender.land()
    assert lender.delivery("rule") == ("truncated_gz",)


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"PK\x03\x04rest of a workbook", "an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook"),
        (b"<!doctype html><html>not found</html>", "HTML"),
        (b'\n  {"loans": []}', "JSON"),
        (b"PAR1....PAR1", "Parquet"),
        (b"%PDF-1.7", "PDF"),
        (b"loan_id\0borrower_id\n", "binary data"),
        (b"some words\nand more\n", "names no column of loans"),
        (b"\n\n", "names no column of loans"),
        (b"\xff\xfe\x00", "UTF-16 text is damaged"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_what_it_looks_like(
    lender, content, looks_like
):
    lender.write("loans/a.csv", content)
    lender.land()
    status, rule, reason = lender.delivery()
    assert (status, rule) == ("refused", "not_csv")
    assert reason.startswith("loans/a.csv, row 0 (header): the file is no CSV")
    assert looks_like in reason


def test_a_file_of_no_bytes_is_empty_not_refused(lender):
    lender.write("loans/a.csv", b"")
    report = lender.land()
    assert lender.delivery("status, rule") == ("empty", "empty_file")
    assert report.entities["loans"].files_empty == 1
    assert lender.unreadable() == []
    assert any("has 0 bytes" in warning for warning in report.warnings)


def test_a_file_that_may_not_be_read_is_refused(lender, monkeypatch):
    lender.loans("l1,b1,1,2024-01-31", name="loans/good.csv")
    forbidden = lender.loans("l2,b1,1,2024-01-31", name="loans/mine.csv")
    plain_open = Path.open

    def guarded(path, *given, **named):
        if path == forbidden:
            raise PermissionError(13, "Permission denied", str(path))
        return plain_open(path, *given, **named)

    # Permissions do not stop the root of a container, hence no chmod.
    monkeypatch.setattr(Path, "open", guarded)
    lender.land()
    assert lender.landed("loan_id") == [("l1",)]
    assert lender.query("select reason from audit.delivery where status = 'refused'") == [
        (
            "loans/mine.csv: the file cannot be opened (Permission denied). Give the "
            "account that runs comove the right to read it.",
        )
    ]
