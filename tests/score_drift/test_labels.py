"""Policy labels, against the same rules in pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.score_drift.book import Tables, applications, build_book

from comove.home import project_root
from comove.settings import Settings

SEEDS = project_root() / "dbt_project" / "seeds"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Some with a house; of some only the income is known, of others all but that."""
    rows = applications(months=9, a_month=120, seed=3)
    random = np.random.default_rng(0)
    n = len(rows)
    rows["house_value"] = np.where(random.random(n) < 0.3, 90_000.0, 0.0)
    unknown = random.random(n) < 0.1
    for name in ("personal_credit_score", "employment_months"):
        rows[name] = rows[name].mask(unknown)
    without_income = ~unknown & (random.random(n) < 0.1)
    rows["monthly_income"] = rows["monthly_income"].mask(without_income)
    return build_book(rows, tmp_path_factory.mktemp("labels"))


def _normalised(value: pd.Series, rule: pd.Series) -> pd.Series:
    if rule["is_logarithmic"]:
        found = np.log(value.clip(lower=rule["value_from"]) / rule["value_from"])
        return (found / np.log(rule["value_to"] / rule["value_from"])).clip(0, 1)
    spread = rule["value_to"] - rule["value_from"]
    return ((value - rule["value_from"]) / spread).clip(0, 1)


def _tree(rows: pd.DataFrame, seed: str) -> pd.Series:
    """Mean of known branches of the means of their known rules."""
    rules = pd.read_csv(SEEDS / f"{seed}.csv")
    total = weight = pd.Series(0.0, rows.index)
    for _, branch in rules.groupby("branch"):
        inner = inner_weight = pd.Series(0.0, rows.index)
        for _, rule in branch.iterrows():
            known = rows[rule["rule"]].notna()
            value = _normalised(rows[rule["rule"]], rule).fillna(0)
            inner = inner + rule["rule_weight"] * value * known
            inner_weight = inner_weight + rule["rule_weight"] * known
        has = inner_weight > 0
        of_branch = branch["branch_weight"].iloc[0]
        total = total + of_branch * (inner / inner_weight.where(has)).fillna(0)
        weight = weight + of_branch * has
    return total / weight.where(weight > 0)


def test_labels_are_those_of_the_rules(book: Tables) -> None:
    settings = Settings()
    rows = book.read(
        """
        select
            feature.*,
            label.* exclude (application_key, cohort_month, channel, product)
        from features.feat_application as feature
        join risk.application_label as label using (application_key)
        """
    )
    value, review = _tree(rows, "credit_value_rules"), _tree(rows, "review_rules")
    np.testing.assert_allclose(rows["credit_value"], value)
    np.testing.assert_allclose(rows["review_value"], review)
    capable = settings.policy_capability_income_months * rows["monthly_income"]
    match = (capable / rows["requested_amount"]).clip(upper=1)
    np.testing.assert_allclose(rows["capability_match"], match)
    assert match.isna().any()
    assert value.notna().all()
    weight = settings.policy_capability_weight * match.notna()
    by = settings.policy_credit_value_weight * value + weight * match.fillna(0)
    by = by / (settings.policy_credit_value_weight + weight)
    np.testing.assert_allclose(rows["policy_value"], by)
    groups = [rows["channel"], rows["cohort_month"]]
    place = by.groupby(groups).rank(ascending=False, method="min") - 0.5
    share = place / by.groupby(groups).transform("size")
    first = np.where(share <= rows["pass_share"], "good", "bad")
    second = np.where(review >= settings.policy_review_cutoff, "good", "bad")
    assert (rows["first_label"] == first).all()
    assert (rows["second_label"] == second).all()
    both = (first == "good") & (second == "good")
    assert (rows["policy_label"] == np.where(both, "good", "bad")).all()
    assert 0.2 < both.mean() < 0.8


def test_performance_is_known_of_mature_loans_only(book: Tables) -> None:
    rows = book.read("select * from risk.application_label")
    known = rows["performance_label"].notna()
    assert known.any()
    assert (rows.loc[known, "funnel_end"] == "disbursed").all()
    assert rows.loc[known, "is_mature"].all()
    assert rows.loc[rows["is_mature"], "performance_label"].notna().all()


def test_a_better_channel_lets_more_of_its_applications_pass(tmp_path: Path) -> None:
    rows = applications(months=10, a_month=200)
    worse = np.random.default_rng(1).random(len(rows)) < 0.4
    rows["is_bad"] = rows["is_bad"] | (worse & (rows["channel"] == "web"))
    tables = build_book(rows, tmp_path)
    shares = tables.read(
        "select distinct channel, pass_share from risk.application_label"
    )
    by_channel = shares.set_index("channel")["pass_share"]
    assert by_channel["branch"] > Settings().policy_pass_share > by_channel["web"]
