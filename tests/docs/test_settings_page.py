"""`docs/settings.md` says of every setting what the code says."""

import re

import pytest
from tests.docs.settings_table import row

from comove.home import project_root
from comove.settings import Settings

PAGE = (project_root() / "docs" / "settings.md").read_text()
ROWS = {
    found[1].lower(): (line, line.rsplit("|", 2)[1].strip())
    for line in PAGE.splitlines()
    if (found := re.match(r"\| `COMOVE_(\w+)` \|", line))
}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_row_as_in_the_code(name: str) -> None:
    written, meaning = ROWS.get(name, ("", ""))
    assert written == row(name, meaning or "(what it means)")
    assert len(meaning.split()) > 1


def test_no_row_is_of_a_setting_that_is_gone() -> None:
    assert set(ROWS) == set(Settings.model_fields)
