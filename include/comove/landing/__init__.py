"""Landing: from the lender's files to schema ``raw``."""

from comove.landing.portfolio_files import land
from comove.landing.refusal import LandingError
from comove.landing.report import EntityReport, LandingReport

__all__ = ["EntityReport", "LandingError", "LandingReport", "land"]
