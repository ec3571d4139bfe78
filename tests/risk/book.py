"""A simulated book of predictions, and the risk tables dbt makes of it."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import yaml
from scipy.stats import norm

from comove.connection import connect
from comove.home import project_root
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings
from comove.warehouse import run_dbt

SEED = 7
MONTHS = pd.date_range("2022-01-01", periods=24, freq="MS")
FORECAST = pd.date_range("2024-01-01", periods=1, freq="MS")
# Residuals of the first months stand outside of the estimation window.
WINDOW = (dt.date(2022, 5, 1), dt.date(2023, 12, 1))
REGIONS = ("north", "south", "west")
INDUSTRIES = ("retail", "trade")


@dataclass(frozen=True)
class Book:
    """What the risk models read: predictions, forecasts and what they are joined to."""

    predictions: pd.DataFrame
    forecast: pd.DataFrame
    candidates: pd.DataFrame
    borrowers: pd.DataFrame
    loans: pd.DataFrame
    registry: pd.DataFrame
    features: pd.DataFrame
    window: tuple[dt.date, dt.date] = field(default=WINDOW)


@dataclass(frozen=True)
class Tables:
    """The risk tables of a book."""

    book: Book
    settings: Settings

    def read(self, sql: str) -> pd.DataFrame:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql).df()

    def value(self, sql: str) -> object:
        return self.read(sql).iat[0, 0]


def one_factor_book(
    rho: float,
    *,
    phi: float = 0.0,
    borrowers: int = 400,
    spread: float = 0.8,
    seed: int = SEED,
) -> Book:
    """Borrowers whose defaults share one factor: latent correlation ``rho``.

    The factor is a stationary AR(1) with coefficient ``phi``; the true probabilities
    are known, so the predictions are calibrated over the factor's distribution; their
    logarithms have standard deviation ``spread``.
    """
    random = np.random.default_rng(seed)
    factor = np.empty(len(MONTHS))
    factor[0] = random.normal()
    for t in range(1, len(MONTHS)):
        factor[t] = phi * factor[t - 1] + np.sqrt(1 - phi**2) * random.normal()
    keys = np.array([f"{number:032x}" for number in range(borrowers)])
    people = pd.DataFrame(
        {
            "borrower_key": keys,
            "region": random.choice(REGIONS, borrowers),
            "industry": random.choice(INDUSTRIES, borrowers),
            "kind": random.choice(["person", "company"], borrowers),
        }
    )
    months = np.repeat(np.arange(len(MONTHS)), borrowers)
    log_pd = random.normal(-2.5, spread, len(months))
    pd_ = np.round(np.exp(log_pd).clip(0.001, 0.9), 4)
    latent = np.sqrt(rho) * factor[months] + np.sqrt(1 - rho) * random.normal(
        size=len(months)
    )
    rows = pd.DataFrame(
        {
            "borrower_key": np.tile(keys, len(MONTHS)),
            "month": MONTHS[months],
            "pd": pd_,
            "is_event": latent > norm.ppf(1 - pd_),
        }
    )
    # Borrowers are not at risk in every month.
    rows = rows[random.random(len(rows)) < 0.9]
    return book_of(rows, people)


def book_of(rows: pd.DataFrame, people: pd.DataFrame) -> Book:
    """Everything else a book needs, from its predictions."""
    fold = pd.to_datetime(np.where(rows.month < "2023-01-01", "2022-01-01", "2023-01-01"))
    predictions = rows.assign(
        model_version=np.where(fold < "2023-01-01", "pd-logit-a", "pd-logit-b"),
        algorithm="logit",
        is_out_of_sample=True,
    )
    forecast = pd.DataFrame(
        {
            "borrower_key": people.borrower_key,
            "month": pd.Timestamp("2024-01-01"),
            "pd": np.linspace(0.0005, 0.95, len(people)),
            "model_version": "pd-logit-b",
            "algorithm": "logit",
        }
    )
    candidates = rows.drop(columns="pd").assign(
        fold=fold,
        # Rounded, so that there are ties.
        pd_xgboost=rows.pd.round(2).clip(0.005),
        pd_logit=rows.pd,
        pd_blend=rows.pd * 0.8,
    )
    return Book(
        predictions,
        forecast.iloc[: len(rows)],
        candidates,
        people,
        some_loans(people),
        _registry(),
        _features(rows, people),
    )


def empty_book() -> Book:
    """A portfolio with too few events for a model."""
    full = one_factor_book(0.0, borrowers=5)
    nothing = full.predictions.iloc[:0]
    return Book(
        nothing,
        full.forecast.iloc[:0],
        full.candidates.iloc[:0],
        full.borrowers,
        full.loans.iloc[:0],
        full.registry.iloc[:0],
        full.features,
    )


def some_loans(people: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(SEED)
    size = len(people)
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(
        random.integers(0, 730, size), unit="D"
    )
    event = day + pd.to_timedelta(random.integers(0, 400, size), unit="D")
    is_seen = (random.random(size) < 0.4) & (event < "2024-01-01")
    return pd.DataFrame(
        {
            "loan_key": people.borrower_key,
            "borrower_key": people.borrower_key,
            "principal": random.integers(100, 1000, size).astype(float),
            "disbursed_on": day,
            "event_on": event.where(is_seen),
            "observed_until": pd.NaT,
        }
    )


def _registry() -> pd.DataFrame:
    versions = pd.DataFrame(
        {
            "model_version": ["pd-logit-a", "pd-logit-b"],
            "trained_from": ["2020-01-01", "2022-01-01"],
            "trained_to": ["2021-12-01", "2022-11-01"],
            "first_month_predicted": ["2022-01-01", "2023-01-01"],
        }
    )
    return versions.assign(
        purpose="pd",
        algorithm="logit",
        status="champion",
        is_champion=True,
        data_hash="",
        settings_hash="",
        seed=1,
        features="[]",
        library_versions="{}",
        metrics="{}",
        rows_trained=1,
        events_trained=1,
        artifact_path="",
        run_id="x",
        registered_at="2024-01-01",
    )


def _features(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Values of every feature; those of the first number drift, of the last lack."""
    random = np.random.default_rng(SEED)
    keys = rows[["borrower_key", "month"]]
    every = pd.concat(
        [
            people[["borrower_key"]].merge(pd.DataFrame({"month": months}), how="cross")
            for months in (pd.date_range("2020-01-01", "2021-12-01", freq="MS"), FORECAST)
        ]
        + [keys],
        ignore_index=True,
    )
    years = (every.month - pd.Timestamp("2020-01-01")).dt.days / 365.25
    values = {
        name: random.normal(size=len(every))
        if kind == "number"
        else random.choice(["a", "b", "c"], len(every))
        for name, kind in features().items()
    }
    numbers = [name for name, kind in features().items() if kind == "number"]
    values[numbers[0]] += years
    # Few values, so that edges of bins coincide.
    values[numbers[1]] = random.integers(0, 3, len(every)).astype(float)
    values[numbers[-1]][random.random(len(every)) < years / 8] = np.nan
    return every.assign(**values)


def features() -> dict[str, str]:
    """Features of borrower-months and their kinds, as their yml says."""
    file = project_root() / "dbt_project/models/features/feat_borrower_month.yml"
    (model,) = yaml.safe_load(file.read_text())["models"]
    kinds = {
        column["name"]: column.get("config", {}).get("meta", {}).get("feature")
        for column in model["columns"]
    }
    return {name: kind for name, kind in kinds.items() if kind}


def load(connection: duckdb.DuckDBPyConnection, book: Book) -> None:
    """Write a book where the risk models look for it."""
    ensure_risk_tables(connection)
    connection.execute("create schema if not exists marts")
    _replace(connection, "marts.dim_borrower", book.borrowers)
    _replace(connection, "marts.fct_loan", book.loans)
    connection.execute("create schema if not exists features")
    _replace(connection, "features.feat_borrower_month", book.features)
    connection.execute("alter table features.feat_borrower_month alter month type date")
    connection.execute(
        "alter table marts.fct_loan alter disbursed_on type date;"
        "alter table marts.fct_loan alter event_on type date;"
        "alter table marts.fct_loan alter observed_until type date"
    )
    for name, rows in (
        ("risk.pd_prediction", book.predictions),
        ("risk.pd_forecast", book.forecast),
        ("risk.pd_candidate", book.candidates),
        ("audit.model_registry", book.registry),
    ):
        connection.execute(f"delete from {name}")
        connection.register("rows", rows)
        connection.execute(f"insert into {name} by name select * from rows")
    first, last = book.window
    connection.execute("delete from audit.risk_request")
    connection.execute(
        "insert into audit.risk_request values (?, ?, ?, ?, ?)",
        [last, dt.date(2022, 1, 1), last, first, SEED],
    )


def _replace(
    connection: duckdb.DuckDBPyConnection, name: str, rows: pd.DataFrame
) -> None:
    connection.register("rows", rows)
    connection.execute(f"create or replace table {name} as select * from rows")


def build(book: Book, folder: Path, select: str) -> Tables:
    """Make the risk tables of a book, and hold their tests."""
    settings = Settings(portfolio="contract", home=folder)
    settings.places.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with connect(settings) as connection:
        load(connection, book)
    outcome = run_dbt(
        settings,
        ["build", "--select", *select.split(), "--exclude-resource-type", "unit_test"],
        log_level="none",
    )
    assert outcome.success, [
        (result.node.name, result.message)
        for result in getattr(outcome.result, "results", [])
        if result.status not in ("success", "pass")
    ] or outcome.exception
    return Tables(book, settings)
