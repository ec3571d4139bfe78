"""A small book of borrower-months, as the warehouse exports them for training."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from scipy.special import expit

from comove.connection import literal
from comove.risk_model.export import BORROWER_MONTHS, run_folder
from comove.risk_model.features import load_features
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

FIRST = dt.date(2022, 1, 1)
LAST = dt.date(2024, 6, 1)
BORROWERS = 250


def small_settings(home: Path, **changed: object) -> Settings:
    """Settings whose training takes a second."""
    quick = {
        "pd_train_window_months": 18,
        "pd_min_train_months": 12,
        "pd_search_trials": 1,
        "pd_max_rounds": 20,
        "pd_min_events": 30,
        "duckdb_threads": 1,
    }
    return Settings(home=home, portfolio="contract", **(quick | changed))


def small_book(seed: int = 3) -> pd.DataFrame:
    """Borrowers at risk in every month from `FIRST` to the month after `LAST`."""
    rng = np.random.default_rng(seed)
    months = [month_of(n) for n in range(number(FIRST), number(LAST) + 2)]
    frames = []
    for month in months:
        lateness = rng.exponential(8.0, BORROWERS).round()
        income = rng.normal(3000, 800, BORROWERS).round()
        p = expit(-3.6 + 0.12 * lateness - 0.0004 * (income - 3000))
        frames.append(
            pd.DataFrame(
                {
                    "borrower_key": [f"b{i:04d}" for i in range(BORROWERS)],
                    "month": month,
                    "is_event": rng.random(BORROWERS) < p,
                    "days_past_due": lateness,
                    "monthly_income": income,
                    "region": rng.choice(["north", "south"], BORROWERS),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def write_book(
    settings: Settings, run_id: str, month: dt.date, book: pd.DataFrame
) -> None:
    """Write the rows a run for a month is given; features not in the book are null."""
    folder = run_folder(settings, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    given = set(book.columns)
    nulls = "".join(
        f", null::{'varchar' if f.kind == 'category' else 'double'} as {f.name}"
        for f in load_features("pd")
        if f.name not in given
    )
    file = literal(folder / BORROWER_MONTHS)
    with duckdb.connect() as connection:
        connection.register("book", book)
        connection.execute("set variable run_month = ?::date", [month])
        connection.execute(
            f"""
            copy (
                select * replace (
                    month::date as month,
                    if(month::date > getvariable('run_month'), null, is_event) as is_event
                ) {nulls}
                from book
                where month::date <= getvariable('run_month') + interval 1 month
                order by month, borrower_key
            ) to {file} (format parquet)
            """
        )
