"""The features are those the dbt models describe."""

import pytest

from comove.risk_model.features import Purpose, load_features

PURPOSES: tuple[Purpose, ...] = ("pd", "application")
# What is known only later, or says when, must not be learnt from.
FORBIDDEN = {
    "month",
    "is_event",
    "cohort_month",
    "applied_at",
    "lender_score",
    "approved_limit",
    "is_approved",
    "is_disbursed",
    "is_bad",
    "is_mature",
    "outcome_known_on",
    "outcome_source",
    "term",
}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_features_are_described_and_neither_keys_nor_labels(purpose: Purpose) -> None:
    features = load_features(purpose)
    names = [feature.name for feature in features]
    assert len(set(names)) == len(names)
    assert not FORBIDDEN & set(names)
    assert not [name for name in names if name.endswith("_key")]
    assert all(feature.about for feature in features)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_categories_have_no_direction(purpose: Purpose) -> None:
    assert all(
        feature.direction == 0
        for feature in load_features(purpose)
        if feature.kind == "category"
    )


def test_what_a_lender_knows_for_sure_has_its_sign() -> None:
    directions = {feature.name: feature.direction for feature in load_features("pd")}
    assert directions["days_past_due"] == 1
    assert directions["paid_on_time_share_6m"] == -1
    assert directions["personal_credit_score"] == -1
    assert directions["exposure"] == 0


@pytest.mark.parametrize(
    ("names", "direction"),
    [
        (
            (
                "liquid_assets",
                "fixed_assets",
                "house_value",
                "vehicle_value",
                "company_assets",
            ),
            -1,
        ),
        (
            (
                "mean_days_late_before",
                "min_days_late_before",
                "last_instalment_days_late",
            ),
            1,
        ),
    ],
)
def test_what_measures_the_same_has_the_same_sign(
    names: tuple[str, ...], direction: int
) -> None:
    directions = {one.name: one.direction for one in load_features("application")}
    assert {name: directions[name] for name in names} == dict.fromkeys(names, direction)


def test_features_stand_in_the_order_of_the_table() -> None:
    names = [feature.name for feature in load_features("pd")]
    assert names.index("days_past_due") < names.index("exposure") < names.index("region")
