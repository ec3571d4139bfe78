"""A simulated book of predictions with exposures, and the cells dbt makes of it."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tests.risk.book import Book, one_factor_book
from tests.risk.book import load as load_predictions

from comove.connection import connect
from comove.joint_risk.cells import write_request
from comove.settings import Settings
from comove.warehouse import run_dbt

MONTH = dt.date(2023, 12, 1)
MODELS = "pd_band residual pd_forecast_margin tag:cells"


@dataclass(frozen=True)
class Counted:
    """The tables of a book, and what they were made of."""

    book: Book
    exposures: pd.DataFrame
    settings: Settings

    def read(self, sql: str) -> pd.DataFrame:
        with connect(self.settings, read_only=True) as connection:
            return connection.execute(sql).df()


def counted_book() -> Book:
    """Borrowers of three regions, the west with hardly any."""
    book = one_factor_book(0.2, borrowers=300, seed=3)
    people = book.borrowers.assign(
        region=np.where(np.arange(300) < 2, "west", book.borrowers.region)
    )
    few = people.region.eq("west") & (np.arange(300) >= 2)
    return replace_people(book, people.assign(region=people.region.mask(few, "south")))


def replace_people(book: Book, people: pd.DataFrame) -> Book:
    """The same predictions of other people."""
    return Book(
        book.predictions,
        book.forecast,
        book.candidates,
        people,
        book.loans,
        book.registry,
        book.features,
    )


def exposures_of(book: Book) -> pd.DataFrame:
    """What each borrower owes at the end of each month; nothing before the first."""
    random = np.random.default_rng(1)
    rows = book.predictions[["borrower_key", "month"]]
    return rows.assign(exposure=random.integers(0, 1000, len(rows)))


def count(book: Book, folder: Path, month: dt.date = MONTH, **changed: Any) -> Counted:
    """Make the cells of a book as of a month, and hold their tests."""
    settings = Settings(portfolio="contract", home=folder, **changed)
    settings.places.warehouse.parent.mkdir(parents=True, exist_ok=True)
    exposures = exposures_of(book)
    with connect(settings) as connection:
        load_predictions(connection, book)
        connection.register("rows", exposures)
        connection.execute(
            "create or replace table marts.fct_borrower_month as select borrower_key, "
            "month::date as month, exposure::decimal(18, 2) as exposure from rows"
        )
    write_request(settings, month)
    outcome = run_dbt(
        settings,
        ["build", "--select", *MODELS.split(), "--exclude-resource-type", "unit_test"],
        log_level="none",
    )
    assert outcome.success, [
        (result.node.name, result.message)
        for result in getattr(outcome.result, "results", [])
        if result.status not in ("success", "pass")
    ] or outcome.exception
    return Counted(book, exposures, settings)
