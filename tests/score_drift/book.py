"""A made book of applications, and the matrix `build_drift` makes of it."""

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comove.audit.tables import ensure_tables
from comove.connection import connect
from comove.risk_model.tables import ensure_risk_tables
from comove.score_drift.build import DriftReport, build_drift
from comove.settings import Settings

MONTH = dt.date(2024, 12, 1)
FEATURES = (
    *("personal_credit_score", "family_credit_score", "company_credit_score"),
    *("house_value", "vehicle_value", "company_assets", "employment_months"),
    *("other_income", "monthly_income", "liquid_assets"),
)
_TIMES = (
    *("applied_at", "decided_at", "drawdown_applied_at", "drawdown_decided_at"),
    "disbursed_at",
)


@dataclass(frozen=True)
class Tables:
    """A home whose matrix has been built."""

    settings: Settings
    report: DriftReport

    def read(self, sql: str) -> pd.DataFrame:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql).df()

    def cell(self, **keys: str) -> pd.Series:
        """The one row of the matrix with these values."""
        rows = self.read("select * from risk.score_drift")
        for name, value in keys.items():
            rows = rows[rows[name].astype(str).str.startswith(value)]
        assert len(rows) == 1, keys
        return rows.iloc[0]


def applications(
    months: int = 8, a_month: int = 260, seed: int = 5, decimals: int = 1
) -> pd.DataFrame:
    """Applications on their way down the funnel, with the columns of mart and features.

    A quality nobody sees makes the score, the features behind the policy labels, and how
    loans turn out. Nothing changes from month to month.
    """
    random = np.random.default_rng(seed)
    n = months * a_month
    quality = random.standard_normal(n)
    score = 600 + 50 * (0.7 * quality + 0.7 * random.standard_normal(n))
    first = np.datetime64(f"{MONTH:%Y-%m}") - np.timedelta64(months - 1, "M")
    cohort = (first + (np.arange(n) % months).astype("timedelta64[M]")).astype("M8[D]")
    applied = pd.to_datetime(cohort) + pd.to_timedelta(random.integers(0, 20, n), "D")
    approved = score + 15 * random.standard_normal(n) > 570
    drawn = approved & (random.random(n) < 0.85)
    paid_out = drawn & (random.random(n) < 0.9)
    bad = random.random(n) < 1 / (1 + np.exp(1.2 + quality))
    rows = pd.DataFrame(
        {
            "application_key": [f"{number:032x}" for number in range(n)],
            "cohort_month": cohort,
            "channel": random.choice(["branch", "web"], n, p=[0.4, 0.6]),
            "region": random.choice(["north", "south"], n),
            "product": "phone",
            "applied_at": applied,
            "decision": np.where(approved, "approved", "rejected"),
            "decided_at": applied + pd.Timedelta(days=1),
            "drawdown_applied_at": (applied + pd.Timedelta(days=3)).where(drawn),
            "drawdown_decision": np.where(paid_out, "approved", "rejected"),
            "drawdown_decided_at": (applied + pd.Timedelta(days=4)).where(drawn),
            "disbursed_at": (applied + pd.Timedelta(days=5)).where(paid_out),
            "is_bad": pd.array(bad, dtype="boolean"),
            "requested_amount": np.exp(7 + 0.6 * random.standard_normal(n)).round(2),
            "own_score": score.round(decimals).clip(300, 850),
            "application_score": (score / 10).round(0),
            "personal_credit_score": 650 + 60 * quality,
            "employment_months": random.integers(0, 120, n).astype(float),
            "monthly_income": np.exp(6.5 + 0.4 * quality).round(2),
        }
    )
    rows["drawdown_decision"] = rows["drawdown_decision"].where(drawn)
    return rows


def build_book(
    given: pd.DataFrame,
    folder: Path,
    month: dt.date = MONTH,
    **changed: object,
) -> Tables:
    """Write the tables the score drift reads, and build it."""
    settings = Settings(portfolio="simulated", home=folder, **changed)
    rows = _complete(given)
    tables = {
        "marts.fct_application": _mart(rows),
        "features.feat_application": _features(rows),
    }
    scores = rows[["application_key", "own_score"]].dropna()
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        for schema in ("marts", "features"):
            connection.execute(f"create schema if not exists {schema}")
        for name, frame in tables.items():
            connection.register("frame", frame)
            connection.execute(f"create or replace table {name} as from frame")
        connection.register("scores", scores)
        connection.execute("delete from risk.score")
        connection.execute(
            """
            insert into risk.score by name
            select application_key, own_score as score, date '2024-12-01' as as_of,
                false as is_mature
            from scores
            """
        )
        connection.execute(
            """
            create or replace table audit.build_request as
            select ?::date as month, ?::date as horizon, null::date as build_from,
                '' as logic_hash, true as is_built, 'x' as run_id
            """,
            [MONTH, MONTH],
        )
    _take_parsed(settings)
    report = build_drift(settings, run_id="book", month=month, tell=lambda _: None)
    _PARSED.append(_parsed(settings))
    return Tables(settings, report)


# dbt reads the whole project in seconds; the homes of a session share what it read.
_PARSED: list[Path] = []


def _parsed(settings: Settings) -> Path:
    return settings.places.scratch / "dbt" / "simulated.msgpack"


def _take_parsed(settings: Settings) -> None:
    if _PARSED and _PARSED[0].is_file():
        _parsed(settings).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_PARSED[0], _parsed(settings))


def _complete(given: pd.DataFrame) -> pd.DataFrame:
    """Give the columns a test left out their type, empty."""
    rows = given.copy()
    for name in (*FEATURES, "own_score", "application_score"):
        rows[name] = rows.get(name, pd.Series(np.nan, rows.index)).astype(float)
    for name in _TIMES:
        rows[name] = pd.to_datetime(rows.get(name, pd.Series(pd.NaT, rows.index)))
    for name, value in _PLAIN.items():
        rows[name] = rows.get(name, pd.Series(value, rows.index))
    rows["cohort_month"] = pd.to_datetime(rows["cohort_month"]).dt.date
    return rows


_PLAIN: Mapping[str, object] = {
    "channel": "web",
    "region": "north",
    "product": "phone",
    "drawdown_decision": None,
    "requested_amount": 1000.0,
    # Paid out, and no loan stands for it.
    "is_lost": False,
}


def _mart(rows: pd.DataFrame) -> pd.DataFrame:
    names = ["application_key", "cohort_month", "channel", "region", "decision"]
    names += ["drawdown_decision", "application_score", *_TIMES]
    drawn = rows["drawdown_applied_at"].notna() | rows["disbursed_at"].notna()
    return rows[names].assign(
        is_approved=rows["decision"] == "approved",
        is_drawdown_applied=drawn & (rows["decision"] == "approved"),
        is_disbursed=rows["disbursed_at"].notna() & (rows["decision"] == "approved"),
        drawdown_decision=rows["drawdown_decision"].astype("string"),
    )


def _features(rows: pd.DataFrame) -> pd.DataFrame:
    """Outcomes are known half a year after the money left."""
    known = (rows["disbursed_at"] + pd.DateOffset(months=6)).mask(
        rows["is_lost"] == True  # noqa: E712 - missing is no
    )
    is_mature = (known < pd.Timestamp("2025-01-01")).fillna(False)
    names = ["application_key", "cohort_month", "channel", "product"]
    names += ["requested_amount", *FEATURES]
    return rows[names].assign(
        outcome_source=np.where(known.notna(), "performance", None),
        outcome_known_on=known.dt.date,
        is_mature=is_mature,
        is_bad=rows["is_bad"].astype("boolean").where(is_mature),
    )
