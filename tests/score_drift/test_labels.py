"""Policy labels, against the same rules in pandas."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.score_drift.book import Tables, applications, build_book

from comove.home import project_root
from comove.score_drift.build import build_drift
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


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Web's loans were always worse, and all of its cohorts of May turn bad."""
    rows = applications(months=14, a_month=200)
    worse = np.random.default_rng(1).random(len(rows)) < 0.4
    of_may = rows["cohort_month"] == np.datetime64("2024-05-01")
    rows["is_bad"] |= (worse | of_may) & (rows["channel"] == "web")
    return build_book(rows, tmp_path_factory.mktemp("fallen"))


def _pass_share(known: pd.DataFrame, channel: str) -> float:
    """Odds of the setting, times odds of the channel's loans over those of all."""
    settings = Settings()
    good, loans = known["is_good"].sum(), len(known)
    of_all = (good + 0.5) / (loans + 1)
    own, prior = known[known["channel"] == channel], settings.policy_channel_prior_loans
    quality = (own["is_good"].sum() + prior * of_all + 0.5) / (len(own) + prior + 1)
    base = settings.policy_pass_share
    odds = base / (1 - base) * quality / (1 - quality) * (1 - of_all) / of_all
    return float(odds / (1 + odds))


def test_a_share_passes_by_the_loans_known_before_the_month(fallen: Tables) -> None:
    loans = fallen.read(
        "select channel, not is_bad as is_good, outcome_known_on as known_on "
        "from features.feat_application where is_mature"
    )
    shares = fallen.read(
        "select distinct channel, cohort_month, pass_share from risk.application_label"
    )
    assert len(shares) == 2 * 14
    for row in shares.itertuples():
        known = loans[loans["known_on"] < row.cohort_month]
        assert row.pass_share == pytest.approx(_pass_share(known, str(row.channel)))
    of_last = shares[shares["cohort_month"] == "2024-12-01"].set_index("channel")
    of_first = shares[shares["cohort_month"] == "2023-11-01"]
    assert (of_first["pass_share"] == of_first["pass_share"].iloc[0]).all()
    base = Settings().policy_pass_share
    assert of_last["pass_share"]["branch"] > base > of_last["pass_share"]["web"]


@pytest.mark.slow
def test_labels_of_a_cohort_are_the_same_whatever_month_is_run(fallen: Tables) -> None:
    """Run for December, back for September, and for December again."""
    stored = "select application_key, policy_label from risk.score order by 1"
    labels = """
        select application_key, pass_share, first_label, second_label, policy_label
        from risk.application_label where cohort_month <= date '2024-09-01' order by 1
    """
    of_december, beside = fallen.read(labels), fallen.read(stored)
    for month in (9, 12):
        build_drift(fallen.settings, run_id="again", month=dt.date(2024, month, 1))
        pd.testing.assert_frame_equal(fallen.read(labels), of_december)
        pd.testing.assert_frame_equal(fallen.read(stored), beside)
