"""Features of a built portfolio, exported for training, and its decisions."""

import datetime as dt

import pandas as pd

from comove.audit import ensure_tables, open_run
from comove.connection import connect
from comove.decision.applications import export_cases
from comove.decision.decide import decide
from comove.decision.estimate import estimate
from comove.decision.request import Wish
from comove.decision.tables import ensure_decision_tables
from comove.default_response.tables import ensure_response_tables
from comove.portfolio import load_portfolio
from comove.risk_model.export import export_features
from comove.risk_model.tables import ensure_risk_tables
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


def decided(settings: Settings) -> pd.DataFrame:
    """Decide every application of a portfolio whose features are built.

    Returns
    -------
    DataFrame
        Of each application a model judged: what was decided, what the lender decided,
        and how the loan turned out.
    """
    wish = Wish(last_month(settings))
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_response_tables(connection)
        ensure_decision_tables(connection)
    build_part(Part.DECISION_CASES, settings, run_id=RUN_ID)
    export_cases(settings, run_id=RUN_ID, wish=wish)
    estimate(settings, run_id=RUN_ID, tell=lambda _: None)
    decide(settings, run_id=RUN_ID, wish=wish)
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            """
            select decisions.*, cases.is_bad, applications.decision as lender
            from risk.credit_decision as decisions
            inner join risk.decision_case as cases using (application_key)
            inner join marts.fct_application as applications using (application_key)
            where decisions.refused_at is distinct from 'no model'
            """
        ).df()
