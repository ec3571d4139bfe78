"""Features of a built portfolio, exported for training."""

import datetime as dt

from comove.audit import open_run
from comove.portfolio import load_portfolio
from comove.risk_model.export import export_features
from comove.settings import Settings
from comove.warehouse import Part, build_part

RUN_ID = "models_test"


def with_features(settings: Settings, **changed: object) -> Settings:
    """Build and export the features of a portfolio to its last month."""
    chosen = settings.model_copy(update=changed)
    month = last_month(chosen)
    open_run(chosen, run_id=RUN_ID, dag_id="risk_model", month=month)
    build_part(Part.FEATURES, chosen, run_id=RUN_ID, month=month)
    export_features(chosen, run_id=RUN_ID, month=month)
    return chosen


def last_month(settings: Settings) -> dt.date:
    """Last complete month of a portfolio's files."""
    month = load_portfolio(settings.portfolio).last_month
    assert month is not None
    return month
