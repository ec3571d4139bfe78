"""What the macros for money and numbers read, and what they refuse."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Read = Callable[[str, str | None], object]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234.5", "1234.50"),
        ("$60,000.00 ", "60000.00"),
        ("-$60,000.00", "-60000.00"),
        ("$-60,000.00", "-60000.00"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50 \u20ac", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1.234.567", "1234567.00"),
        ("1,234,567", "1234567.00"),
        ("1'234.50", "1234.50"),
        ("1234,5", "1234.50"),
        ("1,234", "1234.00"),
        # No thousands are separated after a 0.
        ("0,125", "0.13"),
        ("-0,500", "-0.50"),
        ("007,50", "7.50"),
        ("(12.00)", "-12.00"),
        ("($1,200.00)", "-1200.00"),
        ("12.00-", "-12.00"),
        ("UGX 15000", "15000.00"),
        ("15000 UGX", "15000.00"),
        ("USD1,500", "1500.00"),
        ("\u20a615,000.00", "15000.00"),
        ("US$ 12", "12.00"),
        ("6e4", "60000.00"),
        ("0.125", "0.13"),
        ("1234.567", "1234.57"),
        (".5", "0.50"),
        ("12.", "12.00"),
        ("+12", "12.00"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
    ],
)
def test_money_is_read(read: Read, text: str, expected: str) -> None:
    assert read("decimal", text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "12 apples",
        "1.2.3",
        "1,23,4",
        "001,234",
        # A thousand in half the world, a little over 1 in the other.
        "1.234",
        "-$ 12.345 ",
        "12-13",
        "--5",
        "NaN",
        "inf",
        "USD",
        "1e30",
        "12.5.2024",
        "$",
        None,
    ],
)
def test_what_is_no_money_is_null(read: Read, text: str | None) -> None:
    assert read("decimal", text) is None


@settings(max_examples=60, deadline=None)
@given(cents=st.integers(min_value=-(10**12), max_value=10**12))
def test_money_written_in_any_style_is_the_same_amount(read: Read, cents: int) -> None:
    amount = Decimal(cents) / 100
    english = f"{amount:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    spaced = english.replace(",", " ").replace(".", ",")
    for text in (str(amount), english, continental, spaced, f"EUR {english}"):
        assert read("decimal", text) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), (" 12.0 ", 12), ("12.", 12), ("-3", -3), ("1,200", 1200), ("007", 7)],
)
def test_whole_numbers_are_read(read: Read, text: str, expected: int) -> None:
    assert read("integer", text) == expected


@pytest.mark.parametrize(
    "text", ["12.5", "", "x", "1,2", "0,200", "99999999999", "1e3", None]
)
def test_what_is_no_whole_number_is_null(read: Read, text: str | None) -> None:
    assert read("integer", text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.24", 0.24),
        ("24%", 0.24),
        ("24 %", 0.24),
        ("0,24", 0.24),
        ("0,005", 0.005),
        ("1e-3", 0.001),
    ],
)
def test_fractions_are_read(read: Read, text: str, expected: float) -> None:
    assert read("double", text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-1e999", "x%", "%", "", None])
def test_what_is_no_fraction_is_null(read: Read, text: str | None) -> None:
    assert read("double", text) is None
