"""A small lender whose cases stand in its warehouse as dbt leaves them.

Planted: who was ever 20 days past due fails five times as often and
more; the score knows half of it. Everybody earns 1,000 a month and asks for 500 to 4,000.
"""

from __future__ import annotations

import datetime as dt
import shutil
from typing import Any

import numpy as np
import pandas as pd
import yaml
from tests.decision.cases import STRATEGIES

from comove.audit import ensure_tables
from comove.connection import connect
from comove.decision.applications import export_cases
from comove.decision.decide import DecideReport, decide
from comove.decision.estimate import EstimateReport, estimate
from comove.decision.policy import COLUMNS
from comove.decision.request import Wish
from comove.decision.tables import ensure_decision_tables
from comove.default_response.tables import ensure_response_tables
from comove.home import project_root
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

JUNE = dt.date(2024, 6, 1)
CASES = 2400
# One loan of each application that was granted, without an event on a known day.
LOANS = """
    create table marts.fct_loan as select
        application_key as loan_key, application_key, granted_amount as principal,
        null::date as event_on, null::date as closed_on, null::varchar as exit_reason,
        granted_amount as exposure
    from risk.decision_case where granted_amount is not null;
    create table marts.fct_loan_month (loan_key varchar, month date, exposure double);
    create table marts.fct_loan_event (
        loan_key varchar, occurred_on date, kind varchar, amount double
    );
"""
CATALOGUE = "dbt_project/models/decision/cases/decision_case.yml"


def planted_cases(seed: int = 7) -> pd.DataFrame:
    """Applications of 18 months; outcomes are known 120 days later."""
    draw = np.random.default_rng(seed)
    n = CASES
    day = pd.Timestamp("2023-01-01") + pd.to_timedelta(
        np.sort(draw.integers(0, 546, n)), unit="D"
    )
    is_existing = draw.random(n) < 0.5
    dpd = np.where(is_existing, np.round(draw.exponential(20, n)), np.nan)
    risk = np.where(np.nan_to_num(dpd) > 20, 0.45, 0.08)
    is_bad = (draw.random(n) < risk).astype(object)
    known_on = day + pd.Timedelta(days=120)
    granted = draw.random(n) < 0.8
    is_bad[~granted | (known_on >= "2024-07-01")] = None
    score_pd = np.clip(np.sqrt(risk * 0.1), 0.01, 0.5)
    requested = np.round(draw.uniform(500, 4000, n))
    frame = pd.DataFrame(
        {
            "application_key": [f"{i:032x}" for i in range(n)],
            "borrower_key": [f"b{i:031x}" for i in range(n)],
            "applied_on": day,
            "cohort_month": day.to_period("M").to_timestamp(),
            "kind": "person",
            "region": draw.choice(["north", "south"], n),
            "industry": draw.choice(["retail", "farming"], n),
            "channel": "web",
            "age_band": draw.choice(["under 30", "30 to 44"], n),
            "is_existing_borrower": is_existing,
            "identity_status": "own",
            "contradiction": None,
            "requested_amount": requested,
            "monthly_income": 1000.0,
            "largest_repaid": np.where(is_existing, 1200.0, np.nan),
            "open_principal": 0.0,
            "loans_before": is_existing.astype(int),
            "repaid_loans": is_existing.astype(int),
            "worst_dpd_12m": dpd,
            "score_pd": np.where(day >= "2023-07-01", score_pd, np.nan),
            "score_version": np.where(day >= "2023-07-01", "application-blend-x", None),
            "score_reasons": '["age: low"]',
            "is_bad": is_bad,
            "outcome_known_on": known_on,
            "is_decided_by_lender": True,
            "granted_amount": np.where(granted, np.round(requested * 0.7), np.nan),
        }
    )
    frame["score_log_odds"] = np.log(frame["score_pd"] / (1 - frame["score_pd"]))
    return frame


def open_lender(settings: Settings, cases: pd.DataFrame) -> Settings:
    """Write the warehouse: cases, seed, and empty tables of what else is read."""
    settings.places.make()
    (model,) = yaml.safe_load((project_root() / CATALOGUE).read_text())["models"]
    texts = {"score_version", "score_reasons", "former_borrower_key", "contradiction"}
    columns = ", ".join(
        f"{_typed(column['name'], texts)} as {column['name']}"
        if column["name"] in cases
        else f"null::{'varchar' if column['name'] in texts else 'double'} "
        f"as {column['name']}"
        for column in model["columns"]
    )
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        ensure_response_tables(connection)
        ensure_decision_tables(connection)
        connection.register("given", cases)
        connection.execute(
            f"create or replace table risk.decision_case as select {columns} from given"
        )
        strategies = pd.DataFrame(STRATEGIES, columns=list(COLUMNS))
        connection.register("seed", strategies)
        connection.execute("create table risk.transaction_strategies as from seed")
        connection.execute(
            "create table audit.quarantine (entity varchar, rule varchar, "
            "reason varchar, file varchar, row_number bigint, raw varchar)"
        )
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create table marts.fct_application as select application_key, "
            "if(granted_amount is null, 'rejected', 'approved') as decision "
            "from risk.decision_case"
        )
        connection.execute(LOANS)
        connection.execute(
            "create table risk.decision_fairness as "
            "select date '2024-06-01' as as_of_month, 'kind' as attribute, "
            "'person' as group_name, 60 as applications, 40 as borrowers, "
            "30 as admitted, 0.5 as approval_rate, 0.3 as approval_low, "
            "0.7 as approval_high, 'person' as best_group, 1.0 as approval_ratio, "
            "0.0 as approval_difference, null::double as difference_low, "
            "null::double as difference_high, null::double as four_fifths_high, "
            "100.0 as mean_limit, 90.0 as limit_low, 110.0 as limit_high, "
            "0.5 as mean_share_granted"
        )
    return settings


def _typed(name: str, texts: set[str]) -> str:
    if name in ("applied_on", "cohort_month", "outcome_known_on"):
        return f"{name}::date"
    if name in ("is_bad", "is_decided_by_lender"):
        return f"{name}::boolean"
    return f"{name}::varchar" if name in texts else name


def run(
    settings: Settings,
    run_id: str = "run",
    month: dt.date = JUNE,
    application: str | None = None,
) -> tuple[EstimateReport | None, DecideReport]:
    """What the DAG does between its build and its gate."""
    wish = Wish(month, application)
    asked = export_cases(settings, run_id=run_id, wish=wish)
    said = estimate(settings, run_id=run_id, tell=lambda _: None) if asked.asked else None
    return said, decide(settings, run_id=run_id, wish=wish)


def publish(settings: Settings) -> None:
    """Let the warehouse as it stands be the published copy."""
    settings.places.serving.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.places.warehouse, settings.places.serving)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query).fetchall()


def change(settings: Settings, *statements: str) -> None:
    with connect(settings) as connection:
        for statement in statements:
            connection.execute(statement)
