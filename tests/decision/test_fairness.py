"""Approval by group: shares, intervals and differences against statsmodels."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from jinja2 import Environment
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from comove.home import project_root

PROJECT = project_root() / "dbt_project"
MODEL = "models/decision/outcome/decision_fairness.sql"
MACROS = ("macros/formulas/features.sql", "macros/risk/performance.sql")
MONTHS = pd.to_datetime(["2024-04-01", "2024-05-01", "2024-06-01"])


def rendered() -> str:
    """The model as dbt renders it."""
    environment = Environment(autoescape=False)  # noqa: S701 - SQL, not a page
    environment.globals |= {
        "source": lambda *_: "decisions_given",
        "var": lambda *_: None,
    }
    for file in MACROS:
        module = environment.from_string((PROJECT / file).read_text()).module
        environment.globals |= {
            name: macro for name, macro in vars(module).items() if callable(macro)
        }
    return environment.from_string((PROJECT / MODEL).read_text()).render()


def decisions(seed: int = 5) -> pd.DataFrame:
    """Borrowers who apply again and again, and are mostly decided alike."""
    draw = np.random.default_rng(seed)
    n = 900
    borrower = draw.integers(0, 250, n)
    region = np.array(["north", "south", "tiny"])[np.where(borrower < 6, 2, borrower % 2)]
    admitted = draw.random(250) < np.where(np.arange(250) % 2, 0.45, 0.85)
    is_admitted = np.where(draw.random(n) < 0.8, admitted[borrower], draw.random(n) < 0.5)
    is_admitted[region == "tiny"] = True
    limit = np.where(is_admitted, 500 + 100 * (borrower % 9), 0.0)
    return pd.DataFrame(
        {
            "borrower_key": [f"b{key}" for key in borrower],
            "cohort_month": MONTHS[draw.integers(0, 3, n)],
            "region": region,
            "age_band": "30 to 44",
            "kind": "person",
            "credit_limit": limit,
            "requested_amount": 2000.0,
            "proposed_decision": np.where(is_admitted, "admit", "refuse"),
            "final_decision": None,
            "refused_at": None,
        }
    )


@pytest.fixture(scope="module")
def given() -> pd.DataFrame:
    return decisions()


@pytest.fixture(scope="module")
def found(given: pd.DataFrame) -> pd.DataFrame:
    with duckdb.connect() as connection:
        connection.register("given", given)
        connection.execute(
            "create table decisions_given as select * replace ("
            "cohort_month::date as cohort_month, final_decision::varchar as "
            "final_decision, refused_at::varchar as refused_at) from given"
        )
        return connection.execute(rendered()).df()


def clustered(values: pd.Series, borrowers: pd.Series) -> float:
    """Standard error of a mean, by borrower, as statsmodels has it."""
    model = sm.OLS(values.to_numpy(float), np.ones(len(values)))
    groups = pd.factorize(borrowers)[0]
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    return float(fitted.bse[0])


def of_group(given: pd.DataFrame, month: Any, region: str) -> pd.DataFrame:
    up_to = given[(given["cohort_month"] <= month) & (given["region"] == region)]
    return up_to.assign(a=(up_to["proposed_decision"] == "admit").astype(float))


def effective(rows: pd.DataFrame) -> float:
    p, n = rows["a"].mean(), len(rows)
    if p in (0, 1):
        return rows["borrower_key"].nunique()
    return min(n, p * (1 - p) / clustered(rows["a"], rows["borrower_key"]) ** 2)


def row_of(found: pd.DataFrame, month: Any, region: str) -> pd.Series:
    chosen = found[(found["as_of_month"] == month) & (found["group_name"] == region)]
    assert len(chosen) == 1
    return chosen.iloc[0]


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("region", ["north", "south", "tiny"])
def test_shares_and_intervals_are_those_of_statsmodels(
    given: pd.DataFrame, found: pd.DataFrame, month: Any, region: str
) -> None:
    rows, row = of_group(given, month, region), row_of(found, month, region)
    assert (row["applications"], row["admitted"]) == (len(rows), rows["a"].sum())
    assert row["borrowers"] == rows["borrower_key"].nunique()
    n = effective(rows)
    low, high = proportion_confint(n * rows["a"].mean(), n, method="wilson")
    assert (row["approval_low"], row["approval_high"]) == pytest.approx((low, high))


def test_borrowers_who_apply_again_widen_the_interval(
    given: pd.DataFrame, found: pd.DataFrame
) -> None:
    row = row_of(found, MONTHS[-1], "north")
    naive = proportion_confint(row["admitted"], row["applications"], method="wilson")
    width = row["approval_high"] - row["approval_low"]
    assert width > 1.3 * (naive[1] - naive[0])


def test_differences_are_newcombes(given: pd.DataFrame, found: pd.DataFrame) -> None:
    row = row_of(found, MONTHS[-1], "south")
    south, north = (of_group(given, MONTHS[-1], name) for name in ("south", "north"))
    n, m = effective(south), effective(north)
    low, high = confint_proportions_2indep(
        n * south["a"].mean(), n, m * north["a"].mean(), m, method="newcomb"
    )
    assert row["best_group"] == "north"
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((low, high))
    assert row["approval_ratio"] == pytest.approx(south["a"].mean() / north["a"].mean())


def test_the_best_is_a_group_of_thirty_applications_and_more(
    given: pd.DataFrame, found: pd.DataFrame
) -> None:
    """All of the tiny group are admitted, and in April it has too few to measure by."""
    april = row_of(found, MONTHS[0], "tiny")
    assert (april["approval_rate"], april["applications"] < 30) == (1.0, True)
    assert april["best_group"] == "north"


def test_four_fifths_by_hand() -> None:
    """60 of 100 against 90 of 100, each by another borrower; 99 count (n - 1).

    Wilson: 0.6 has 0.6910 as its upper end, 0.9 has 0.8252 as its lower. 0.6 - 0.72 +
    sqrt(0.0910² + 0.64 x 0.0748²) = -0.0111: surely less. 66 of 100 may be chance.
    """
    for admitted, expected in ((60, -0.0111), (66, 0.0446)):
        frame = pd.concat([alone("south", admitted), alone("north", 90)])
        with duckdb.connect() as connection:
            connection.register("given", frame)
            connection.execute("create table decisions_given as from given")
            row = row_of(connection.execute(rendered()).df(), MONTHS[0], "south")
        assert row["four_fifths_high"] == pytest.approx(expected, abs=2e-4)


def alone(region: str, admitted: int) -> pd.DataFrame:
    decided = ["admit"] * admitted + ["refuse"] * (100 - admitted)
    return pd.DataFrame(
        {
            "borrower_key": [f"{region}{i}" for i in range(100)],
            "cohort_month": MONTHS[0].date(),
            "region": region,
            "age_band": "x",
            "kind": "p",
            "credit_limit": [100.0 * (one == "admit") for one in decided],
            "requested_amount": 100.0,
            "proposed_decision": decided,
            "final_decision": "admit",
            "refused_at": "limit",
        }
    ).assign(final_decision=decided)


def test_limits_are_told_by_borrower_and_only_of_thirty(
    given: pd.DataFrame, found: pd.DataFrame
) -> None:
    rows = of_group(given, MONTHS[-1], "north")
    held = rows[rows["a"] == 1]
    error = clustered(held["credit_limit"], held["borrower_key"])
    mean = held["credit_limit"].mean()
    row = row_of(found, MONTHS[-1], "north")
    assert row["mean_limit"] == pytest.approx(mean)
    assert row["limit_low"] == pytest.approx(mean - 1.959964 * error, rel=1e-5)
    assert row["limit_high"] == pytest.approx(mean + 1.959964 * error, rel=1e-5)
    assert row["mean_share_granted"] == pytest.approx(mean / 2000)
    assert np.isnan(row_of(found, MONTHS[-1], "tiny")["limit_low"])
