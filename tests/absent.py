"""What a test needs and a machine may lack."""

import os
from typing import NoReturn

import pytest


def end_for_want_of(what: str) -> NoReturn:
    """End a test: in CI, which has everything, as failed; a contributor's is skipped."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
