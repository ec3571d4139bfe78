"""Where the published portfolios are."""

from tests.absent import end_for_want_of

from comove.home import project_root

PUBLISHED = project_root().parent / "shared" / "data"


def require_published(portfolio: str) -> None:
    """End the test where a portfolio's files are not there."""
    if not (PUBLISHED / portfolio).is_dir():
        end_for_want_of(
            f"the published files are not beside the checkout, in {PUBLISHED}"
        )
