"""Where the published portfolios are."""

import os

import pytest

from comove.home import project_root

PUBLISHED = project_root().parent / "shared" / "data"


def require_published(portfolio: str) -> None:
    """End the test where a portfolio's files are not there."""
    if not (PUBLISHED / portfolio).is_dir():
        # CI has them beside every checkout; a contributor may not.
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"the published files are not beside the checkout, in {PUBLISHED}")
