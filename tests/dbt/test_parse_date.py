"""What `parse_date` and `parse_timestamp` read, and what they refuse."""

import datetime as dt
from collections.abc import Callable

import pytest

Read = Callable[[str, str | None], object]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", dt.date(2024, 1, 31)),
        (" 2024-1-5 ", dt.date(2024, 1, 5)),
        ("2024/01/31", dt.date(2024, 1, 31)),
        ("20240131", dt.date(2024, 1, 31)),
        ("2024-01-31 23:59:59", dt.date(2024, 1, 31)),
        ("2024-01-31T00:00:00Z", dt.date(2024, 1, 31)),
        ("2024-02-29", dt.date(2024, 2, 29)),
        ("31/01/2024", dt.date(2024, 1, 31)),
        ("31.1.2024", dt.date(2024, 1, 31)),
        ("31/01/2024 10:30 PM", dt.date(2024, 1, 31)),
        ("3/4/2024", dt.date(2024, 4, 3)),
        ("3/4/24", dt.date(2024, 4, 3)),
        ("28-Feb-97", dt.date(1997, 2, 28)),
        ("7-Feb-06", dt.date(2006, 2, 7)),
        ("31 January 2024", dt.date(2024, 1, 31)),
        ("31-JAN-2024", dt.date(2024, 1, 31)),
        ("Jan 31, 2024", dt.date(2024, 1, 31)),
    ],
)
def test_dates_are_read(read: Read, text: str, expected: dt.date) -> None:
    assert read("date", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2023-02-29",
        "2024-13-01",
        "31/02/2024",
        "12/31/2024",
        "1899-12-31",
        "2101-01-01",
        "9999-12-31",
        "infinity",
        "2024",
        "2024-01",
        "45322",
        "31-Foo-24",
        "2024-01-31x",
        "31/01/2024 at noon",
        "2024-01-31 25:00 and more",
        None,
    ],
)
def test_what_is_no_date_is_null(read: Read, text: str | None) -> None:
    assert read("date", text) is None


def test_month_first_is_read_where_the_order_says_so(read: Read) -> None:
    assert read("date_mdy", "12/31/2024") == dt.date(2024, 12, 31)
    assert read("date_mdy", "3/4/2024") == dt.date(2024, 3, 4)
    assert read("date_mdy", "2024-12-31") == dt.date(2024, 12, 31)


@pytest.mark.parametrize(
    ("macro", "text", "year"),
    [
        ("date", "1-Jan-49", 2049),
        ("date", "1-Jan-50", 1950),
        ("date_pivot_30", "1-Jan-29", 2029),
        ("date_pivot_30", "1-Jan-30", 1930),
    ],
)
def test_two_digit_years_turn_at_the_pivot(
    read: Read, macro: str, text: str, year: int
) -> None:
    assert read(macro, text) == dt.date(year, 1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", dt.datetime(2024, 1, 31)),
        ("2024-01-31 10:30", dt.datetime(2024, 1, 31, 10, 30)),
        ("2024-01-31T10:30:15", dt.datetime(2024, 1, 31, 10, 30, 15)),
        ("2024-01-31 10:30:15.250", dt.datetime(2024, 1, 31, 10, 30, 15, 250_000)),
        (
            "2017-07-15 07:22:30.000000",
            dt.datetime(2017, 7, 15, 7, 22, 30),
        ),
        (
            "2024-01-31T10:30:15.123456789Z",
            dt.datetime(2024, 1, 31, 10, 30, 15, 123_456),
        ),
        ("2024-01-31 10:30:15+02", dt.datetime(2024, 1, 31, 8, 30, 15)),
        ("2024-01-31 10:30:15 +0200", dt.datetime(2024, 1, 31, 8, 30, 15)),
        ("2024-01-31T00:30:00-05:30", dt.datetime(2024, 1, 31, 6, 0)),
        ("2024-01-31 10:30:15 UTC", dt.datetime(2024, 1, 31, 10, 30, 15)),
        ("31/01/2024 10:30", dt.datetime(2024, 1, 31, 10, 30)),
        ("31-Jan-24 10:30", dt.datetime(2024, 1, 31, 10, 30)),
        ("31/01/2024 1:05:09 PM", dt.datetime(2024, 1, 31, 13, 5, 9)),
        ("2024-01-31 12:00 am", dt.datetime(2024, 1, 31, 0, 0)),
    ],
)
def test_times_are_read_in_utc(read: Read, text: str, expected: dt.datetime) -> None:
    assert read("timestamp", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10:30",
        "2024-01-31 25:00",
        "9999-12-31 00:00:00",
        "2024-02-30 10:00",
        "2024-01-31 10:61",
        "x",
        None,
    ],
)
def test_what_is_no_time_is_null(read: Read, text: str | None) -> None:
    assert read("timestamp", text) is None


def test_times_take_the_order_of_their_dates(read: Read) -> None:
    assert read("timestamp_mdy", "3/4/2024 1:00") == dt.datetime(2024, 3, 4, 1)
