"""Each figure is what pandas counts in the same tables."""

from collections.abc import Callable

import pandas as pd
import pytest
from tests.conftest import SettingsMaker
from tests.monthly_report.made_month import (
    BEFORE,
    KEYS,
    MONTH,
    NEXT,
    Tables,
    made_tables,
    publish_tables,
)

from comove.connection import connect_serving
from comove.monthly_report.figures import FIGURES
from comove.monthly_report.found import Month, read_month
from comove.settings import Settings

Counts = Callable[[Tables, pd.Timestamp], float]


def borrowers(tables: Tables, month: pd.Timestamp) -> pd.DataFrame:
    rows = tables["marts.fct_borrower_month"]
    return rows[rows["month"] == month]


def predicted(tables: Tables, month: pd.Timestamp) -> pd.DataFrame:
    rows = tables["risk.pd_prediction"]
    return rows[rows["month"] == month]


def next_pd(tables: Tables, month: pd.Timestamp) -> float:
    frame = tables["risk.pd_forecast"] if month == MONTH else predicted(tables, MONTH)
    return frame["pd"].mean()


def moved(tables: Tables) -> tuple[pd.Series, float]:
    paths = tables["risk.factor_posterior"].assign(
        name=lambda rows: rows["parameter"] + rows["group_name"].fillna("")
    )
    now = paths[paths["month"] == MONTH].set_index("name")
    then = paths[paths["month"] == BEFORE].set_index("name")["mean"]
    name = (now["mean"] - then).abs().idxmax()
    return now.loc[name], then[name]


def actions(tables: Tables, month: pd.Timestamp) -> pd.DataFrame:
    events = tables["risk.default_event"]
    ids = events.loc[events["month"] == month, "event_id"]
    found = tables["risk.strategy_action"]
    return found[found["event_id"].isin(ids)]


def drifting(tables: Tables, label: str, month: pd.Timestamp) -> pd.DataFrame:
    rows = tables["risk.score_drift"]
    rows = rows[(rows["label"] == label) & (rows["status"] == "judged")]
    if label == "policy":
        return rows[rows["cohort_month"] == month]
    return rows.sort_values("cohort_month").groupby("stage").tail(1)


def decided(tables: Tables, month: pd.Timestamp) -> pd.DataFrame:
    rows = tables["risk.credit_decision"]
    return rows[rows["cohort_month"] == month]


def overdue(tables: Tables, month: pd.Timestamp) -> pd.DataFrame:
    rows = tables["risk.overdue_assessment"]
    return rows[rows["as_of"] == month + pd.offsets.MonthEnd(0)]


def moves(tables: Tables, month: pd.Timestamp, way: int) -> float:
    order = {"C": 0, "A": 1, "B": 2}
    rows = tables["risk.overdue_grade_transition"]
    rows = rows[rows["month"] == month]
    steps = rows["to_grade"].map(order) - rows["from_grade"].map(order)
    return rows.loc[steps * way > 0, "borrowers"].sum()


def loss(tables: Tables, copula: str, measure: str) -> float:
    rows = tables["risk.portfolio_loss"].set_index(["copula", "measure"])
    return rows.loc[(copula, measure), "amount"]


# Of both months.
COUNTED: dict[str, Counts] = {
    "at_risk": lambda t, m: borrowers(t, m)["is_at_risk"].sum(),
    "exposure": lambda t, m: borrowers(t, m)["exposure"].sum(),
    "events": lambda t, m: borrowers(t, m)["is_event"].sum(),
    "past_due": lambda t, m: (borrowers(t, m)["current_dpd_max"] > 0).sum(),
    "pd_mean": next_pd,
    "pd_expected": lambda t, m: predicted(t, m)["pd"].sum(),
    "pd_observed": lambda t, m: predicted(t, m)["is_event"].sum(),
    "answered": lambda t, m: (t["risk.default_event"]["month"] == m).sum(),
    "linked": lambda t, m: actions(t, m)["borrower_key"].nunique(),
    "contacted": lambda t, m: (
        actions(t, m).query("strategy == 'collection'")["borrower_key"].nunique()
    ),
    "limited": lambda t, m: (
        actions(t, m).query("strategy == 'lending_control'")["borrower_key"].nunique()
    ),
    "frozen": lambda t, m: (
        actions(t, m).query("strategy == 'freeze'")["borrower_key"].nunique()
    ),
    "judged_policy": lambda t, m: drifting(t, "policy", m)["stage"].nunique(),
    "drift_policy": lambda t, m: drifting(t, "policy", m)["is_drift"].sum(),
    "decided": lambda t, m: len(decided(t, m)),
    "admitted": lambda t, m: decided(t, m)["fate"].str.startswith("admitted").mean(),
    "overdue_assessed": lambda t, m: len(overdue(t, m)),
    "overdue_amount": lambda t, m: overdue(t, m)["overdue_amount"].sum(),
    "overdue_high": lambda t, m: (overdue(t, m)["rating"] == "high").sum(),
    "worse": lambda t, m: moves(t, m, 1),
    "better": lambda t, m: moves(t, m, -1),
    # The run before was repeated; one of its checks says nothing bad.
    "checks_failed": lambda _, m: 2 if m == MONTH else 1,
    "checks_critical": lambda _, m: 1,
}
# Of the report's month, or of now.
ONLY_NOW: dict[str, Callable[[Tables], float]] = {
    "joint_expected": lambda t: t["risk.joint_risk_index"]["joint_probability"].sum(),
    "alone_expected": lambda t: t["risk.joint_risk_index"]["pd"].sum(),
    "index_mean": lambda t: t["risk.joint_risk_index"]["joint_risk_index"].mean(),
    "riskier": lambda t: (t["risk.joint_risk_index"]["change_q05"] > 1).sum(),
    "safer": lambda t: (t["risk.joint_risk_index"]["change_q95"] < 1).sum(),
    "compared": lambda t: t["risk.joint_risk_index"]["joint_risk_change"].notna().sum(),
    "factor_now": lambda t: moved(t)[0]["mean"],
    "factor_before": lambda t: moved(t)[1],
    "factor_low": lambda t: moved(t)[0]["q05"],
    "factor_high": lambda t: moved(t)[0]["q95"],
    "loss_expected": lambda t: loss(t, "factor", "expected"),
    "loss_var": lambda t: loss(t, "factor", "var_999"),
    "loss_var_alone": lambda t: loss(t, "independent", "var_999"),
    "freezes_waiting": lambda t: (
        t["risk.strategy_action"].query("strategy == 'freeze' and status == 'proposed'")
    ).shape[0],
    "judged_performance": lambda t: len(drifting(t, "performance", MONTH)),
    "drift_performance": lambda t: drifting(t, "performance", MONTH)["is_drift"].sum(),
    "assessed": lambda t: 1,
    "strategies_waiting": lambda t: 1,
    "strategy_in_force": lambda t: 2,
    "reviews_waiting": lambda t: (
        t["risk.credit_decision"]["fate"].str.contains("unless|returned").sum()
    ),
    "quarantined": lambda t: 3,
}


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_tables()


@pytest.fixture(scope="module")
def found(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Month:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, portfolio="contract")
    publish_tables(settings, tables)
    with connect_serving(settings) as connection:
        return read_month(connection, MONTH.date())


def test_every_figure_is_counted_here_too() -> None:
    assert {*COUNTED, *ONLY_NOW} == {figure.name for figure in FIGURES}


@pytest.mark.parametrize("name", COUNTED)
def test_a_figure_of_both_months(name: str, found: Month, tables: Tables) -> None:
    assert found.found[name].now == pytest.approx(COUNTED[name](tables, MONTH))
    assert found.found[name].before == pytest.approx(COUNTED[name](tables, BEFORE))


@pytest.mark.parametrize("name", ONLY_NOW)
def test_a_figure_of_the_month_alone(name: str, found: Month, tables: Tables) -> None:
    assert found.found[name].now == pytest.approx(ONLY_NOW[name](tables))


def test_each_figure_names_its_run_and_model(found: Month) -> None:
    assert all(one.run_ids for one in found.found.values())
    origins = {name: one.run_ids for name, one in found.found.items()}
    # A row's own run where it has one; else the run that published the table.
    assert origins["decided"] == ("decision run",)
    assert origins["loss_var"] == ("run of risk.portfolio_loss",)
    models = {name: one.model_versions for name, one in found.found.items()}
    assert models["pd_mean"] == ("pd-new",)
    assert models["pd_expected"] == ("pd-old",)
    assert models["answered"] == ("copula",)
    assert models["at_risk"] == ()


def test_the_factor_that_moved_is_named(found: Month, tables: Tables) -> None:
    row, _ = moved(tables)
    kind = row["parameter"].removeprefix("factor_")
    named = f"the factor of the {kind} {row['group_name']}"
    expected = "the national factor" if kind == "national" else named
    assert found.found["factor_now"].note == expected


def test_drifted_stages_are_named(found: Month, tables: Tables) -> None:
    rows = drifting(tables, "policy", MONTH)
    stages = sorted(rows.loc[rows["is_drift"], "stage"].str.replace("_", " "))
    assert found.found["drift_policy"].note == ", ".join(stages)


def read(settings_tables: Tables, make_settings: SettingsMaker) -> Month:
    settings = make_settings()
    publish_tables(settings, settings_tables)
    with connect_serving(settings) as connection:
        return read_month(connection, MONTH.date())


def test_no_default_in_the_month_is_none_and_not_unknown(
    tables: Tables, make_settings: SettingsMaker
) -> None:
    events = tables["risk.default_event"]
    quiet = {**tables, "risk.default_event": events[events["month"] == BEFORE]}
    found = read(quiet, make_settings)
    assert found.now("answered") == 0
    assert found.now("linked") == 0
    assert "response" not in found.missing


def test_what_was_never_published_is_missing_with_its_reason(
    tables: Tables, make_settings: SettingsMaker
) -> None:
    some = {
        name: frame
        for name, frame in tables.items()
        if name not in ("risk.joint_risk_index", "risk.factor_posterior")
    }
    found = read(some, make_settings)
    assert found.missing == {"joint_risk": "no region is known."}
    assert found.now("joint_expected") is None


def test_what_has_not_run_for_the_month_is_missing(
    tables: Tables, make_settings: SettingsMaker
) -> None:
    decisions = tables["risk.credit_decision"]
    earlier = decisions[decisions["cohort_month"] == BEFORE]
    found = read({**tables, "risk.credit_decision": earlier}, make_settings)
    assert "the DAG credit_decision has not run for it" in found.missing["decisions"]


def test_a_stage_that_need_not_run_every_month_says_when_it_does(
    tables: Tables, make_settings: SettingsMaker
) -> None:
    some = {name: t for name, t in tables.items() if name != "risk.score_assessment"}
    found = read(some, make_settings)
    assert found.missing["recalibration"].endswith("It runs where a drift is new.")


def test_a_month_predicted_since_is_told_by_its_prediction(
    tables: Tables, make_settings: SettingsMaker
) -> None:
    made = pd.DataFrame(
        {"borrower_key": KEYS, "month": NEXT, "pd": 0.5, "model_version": "pd-later"}
    )
    known = pd.concat([tables["risk.pd_prediction"], made.assign(is_event=False)])
    found = read({**tables, "risk.pd_prediction": known}, make_settings)
    assert found.now("pd_mean") == pytest.approx(0.5)
    assert found.found["pd_mean"].model_versions == ("pd-later",)
