"""What the macros for ids, names and codes make of texts."""

from collections.abc import Callable

import pytest

Read = Callable[[str, str | None], object]


@pytest.mark.parametrize(
    ("macro", "text", "expected"),
    [
        ("id", "  L-1  ", "L-1"),
        ("id", "", None),
        ("id", "   ", None),
        ("id", "1001.0", "1001.0"),
        ("text", "  North \t  East ", "North East"),
        ("text", "North\u00a0East", "North East"),
        ("text", "Süd", "Süd"),
        ("text", "North East", "North East"),
        ("text", "", None),
        ("text", " ", None),
        ("text", "\u00a0", None),
        ("text", "NA", "NA"),
        ("text_na", " NA ", None),
        ("text_na", "NAM", "NAM"),
        ("code", " ab  c ", "AB C"),
        ("code_lower", " Charge_Off", "charge_off"),
        ("code", "", None),
    ],
)
def test_texts_are_tidied(
    read: Read, macro: str, text: str, expected: str | None
) -> None:
    assert read(macro, text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "NA", "n/a", "NaN", "NULL", "None", "-", "\\N"]
)
def test_these_texts_stand_for_no_value(read: Read, text: str) -> None:
    assert read("is_blank", text) is True


def test_zero_is_a_value(read: Read) -> None:
    assert read("is_blank", "0") is False
