"""Books of known truth, and the risk tables made of them."""

import pytest
from tests.risk.book import Tables, build, empty_book, one_factor_book

# The tables of features are written by another stage: `feature_stability` has its own.
MODELS = "path:models/risk"


@pytest.fixture(scope="session")
def independent(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Calibrated predictions, independent outcomes."""
    return build(one_factor_book(0.0), tmp_path_factory.mktemp("independent"), MODELS)


@pytest.fixture(scope="session")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Calibrated predictions, outcomes that share a factor that lasts."""
    book = one_factor_book(0.3, phi=0.8, borrowers=600, seed=11)
    return build(book, tmp_path_factory.mktemp("clustered"), MODELS)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """No predictions at all."""
    return build(empty_book(), tmp_path_factory.mktemp("empty"), MODELS)
