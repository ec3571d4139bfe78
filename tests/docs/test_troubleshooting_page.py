"""`docs/troubleshooting.md` has an entry for every error comove can raise."""

import pytest
from tests.docs.error_table import BEGIN, PAGE, WORDS, classes, generated, messages

from comove import errors

MADE_BY = "write it anew with `python -m tests.docs.error_table`"


@pytest.mark.parametrize("name", classes())
def test_every_class_of_error_has_its_place(name: str) -> None:
    assert f"\n### {name}\n" in PAGE.read_text(), MADE_BY


def test_every_message_has_an_entry_and_no_entry_is_of_one_that_is_gone() -> None:
    _, _, written = PAGE.read_text().partition(BEGIN + "\n")
    assert written == generated(), MADE_BY


def test_the_source_is_read_as_it_is() -> None:
    known = {one.found: one for one in messages()}
    assert known["nothing has been published yet."].error in (
        "WarehouseError",
        "NotPublishedError",
    )
    assert "there is no portfolio called …." in known
    named = {name for name in vars(errors) if name.endswith("Error")} - {"ComoveError"}
    assert named <= set(classes())


def test_every_entry_can_be_found_by_words_of_its_message() -> None:
    wordless = {one.error for one in messages() if not WORDS.search(one.found)}
    # What is wrong with an entry of a suite pydantic says.
    assert wordless == {"SuiteError"}
