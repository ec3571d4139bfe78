"""Application scores: who is scored, by a model that knew what, and what goes wrong."""

import datetime as dt
import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from comove.errors import ModelError
from comove.risk_model import application, application_model, application_steps
from comove.risk_model.application import train_application
from comove.risk_model.application_model import (
    CANDIDATES,
    ApplicationFitter,
    ApplicationModel,
)
from comove.risk_model.artifact import model_folder, read_record
from comove.risk_model.export import APPLICATIONS, run_folder
from comove.risk_model.features import Feature
from comove.risk_model.reasons import LENDER_LOW
from comove.risk_model.registry import Promotion

FEATURES = (
    Feature("worst_dpd", "number", 1, "Worst days past due before the application."),
    Feature("income", "number", 0, "Monthly income"),
    Feature("region", "category", 0, "Region"),
    Feature("unknown_to_all", "number", 0, "What nobody knows"),
)
JULY = dt.date(2024, 7, 1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few features, parts and candidates: the rules are the same, the wait is not."""
    monkeypatch.setattr(application, "load_features", lambda _: FEATURES)
    monkeypatch.setattr(application_steps, "PARTS", 2)
    monkeypatch.setattr(application, "INNER_PARTS", 2)
    monkeypatch.setattr(application_model, "BAG", 1)
    fitter = partial(ApplicationFitter, candidates=CANDIDATES[:1])
    monkeypatch.setattr(application, "ApplicationFitter", fitter)


def applications(rows=700, *, seed=3, dated=True):
    """Applications of January to July 2024, a third of them rejected."""
    rng = np.random.default_rng(seed)
    month = rng.integers(0, 7, rows)
    worst, income = rng.integers(0, 40, rows), rng.lognormal(3, 1, rows)
    region = rng.choice(["north", "south"], rows)
    log_odds = -2.2 + 0.05 * worst + 0.8 * (region == "south")
    is_bad = rng.random(rows) < 1 / (1 + np.exp(-log_odds))
    is_approved = rng.random(rows) < 2 / 3
    cohort = pd.to_datetime(pd.DataFrame({"year": 2024, "month": month + 1, "day": 1}))
    known_on = cohort + pd.Timedelta(days=45)
    is_known = is_approved & (known_on < pd.Timestamp("2024-08-01"))
    if not dated:
        is_known = pd.Series(is_approved)
        known_on = pd.Series(pd.NaT, range(rows), dtype="datetime64[s]")
    return pd.DataFrame(
        {
            "application_key": [f"a{i:04}" for i in range(rows)],
            "borrower_key": [f"b{i // 2:04}" for i in range(rows)],
            "cohort_month": cohort.dt.date,
            "is_bad": pd.Series(is_bad, dtype="boolean").where(is_known),
            "outcome_known_on": known_on.where(is_known).dt.date,
            "outcome_source": pd.Series("reported", range(rows)).where(is_known),
            "is_mature": is_known,
            "lender_score": 700 - 4.0 * worst,
            "worst_dpd": worst.astype(float),
            "income": income,
            "region": region,
            "unknown_to_all": np.full(rows, np.nan),
        }
    )


@pytest.fixture
def trained(make_settings):
    """Train on applications; give the report, the scores by key, and what was told."""

    def run(given, *, month=JULY, promotions=(), **chosen):
        settings = make_settings(pd_max_rounds=30, application_refit_months=6, **chosen)
        folder = run_folder(settings, "run")
        folder.mkdir(parents=True, exist_ok=True)
        given.to_parquet(folder / APPLICATIONS)
        told = []
        report = train_application(
            settings, run_id="run", month=month, tell=told.append, promotions=promotions
        )
        scores = pd.read_parquet(report.scores_file).set_index("application_key")
        return report, scores, "\n".join(told), settings

    return run


def test_every_application_is_scored_the_rejected_too(trained):
    given = applications()
    report, scores, _, _ = trained(given)
    assert report.unavailable is None
    assert len(scores) == report.applications == report.scored == len(given)
    assert scores["score"].between(300, 850).all()
    assert scores["pd"].between(0, 1).all()
    is_bad = given.set_index("application_key")["is_bad"]
    known = is_bad.notna()
    labels = is_bad.map({True: "bad", False: "good"})
    found = scores["performance_label"].reindex(labels.index)
    assert (found[known] == labels[known]).all()
    assert found[~known].isna().all()


def test_scores_are_walked_forward_where_outcomes_have_dates(trained):
    given = applications().set_index("application_key")
    _, scores, _, _ = trained(given.reset_index())
    is_july = (given["cohort_month"] == JULY).reindex(scores.index)
    assert set(scores.loc[is_july, "scoring"]) == {"out_of_time"}
    assert set(scores.loc[~is_july, "scoring"]) == {"cross_fitted"}


def test_no_score_knows_an_outcome_of_its_own_borrower(trained):
    given = applications(dated=False)
    _, before, _, _ = trained(given)
    borrower = given.loc[given["is_bad"].notna(), "borrower_key"].iloc[0]
    changed = given["borrower_key"] == borrower
    flipped = given.assign(is_bad=given["is_bad"] ^ changed)
    _, after, _, _ = trained(flipped)
    own = given.loc[changed, "application_key"]
    assert set(before["scoring"]) == {"cross_fitted"}
    assert (before.loc[own, "score"] == after.loc[own, "score"]).all()
    assert (before["score"] != after["score"]).any()


def test_no_score_knows_an_outcome_that_came_after_its_model(trained):
    given = applications()
    _, before, _, _ = trained(given)
    # July's model learns from what was known before June, a gap of a month earlier.
    late = pd.to_datetime(given["outcome_known_on"]) >= pd.Timestamp("2024-06-01")
    assert late.sum() > 20
    flipped = given.assign(is_bad=given["is_bad"] ^ late)
    _, after, _, _ = trained(flipped)
    assert (before["score"] == after["score"]).all()
    assert (before["model_version"] == after["model_version"]).all()


def test_a_later_run_gives_earlier_applications_the_same_scores(trained):
    given = applications()
    _, september, _, _ = trained(given, month=dt.date(2024, 9, 1))
    report, july, _, settings = trained(given)
    pd.testing.assert_series_equal(july["score"], september["score"])
    # The older month, trained last, does not take from the models' records.
    for record in report.records:
        folder = model_folder(settings.places, "application", record.model_version)
        assert read_record(folder).metrics["known_by"] == "2024-09-01"


def test_the_riskier_score_lower_and_are_told_why(trained):
    given = applications()
    report, scores, told, _ = trained(given)
    order = given.set_index("application_key")["worst_dpd"].reindex(scores.index)
    assert scores["score"].corr(order, method="spearman") < -0.5
    reasons = scores["reason_codes"].map(json.loads)
    assert (reasons[scores["score"] < 600].map(len) > 0).all()
    worst = reasons[order == order.max()]
    is_told = worst.map(lambda r: "worst days past due before the application: high" in r)
    assert is_told.mean() > 0.9
    assert {one.model for one in report.comparison} >= {
        "own",
        "plain_logistic",
        "plain_xgboost",
    }
    assert "plain_logistic" in told
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))


@pytest.mark.parametrize(("bad", "good"), [(29, 100), (100, 29), (0, 100), (100, 0)])
def test_too_few_outcomes_leave_every_application_unscored(trained, bad, good):
    given = applications(400, dated=False)
    outcomes = [True] * bad + [False] * good + [None] * (400 - bad - good)
    given["is_bad"] = pd.Series(outcomes, dtype="boolean")
    given["outcome_source"] = "reported"
    report, scores, told, _ = trained(given)
    assert f"{bad} bad and {good} good outcomes" in (report.unavailable or "")
    assert "at least 30 of each" in told
    assert len(scores) == 400
    assert scores["score"].isna().all()


def test_only_outcomes_of_the_meaning_trained_on_are_labels(trained):
    given = applications(dated=False)
    # Every tenth borrower has no word of the lender's, but payments that tell.
    borrower = given["borrower_key"].str[1:].astype(int)
    other = given["is_bad"].notna() & (borrower % 10 == 0)
    given.loc[other, "outcome_source"] = "performance"
    given.loc[other, "is_bad"] = False
    report, scores, _, _ = trained(given)
    own = given.set_index("application_key").reindex(scores.index)
    is_trained = own["is_bad"].notna() & (own["outcome_source"] == "reported")
    assert 0 < is_trained.sum() < own["is_bad"].notna().sum()
    assert (scores["performance_label"].notna() == is_trained).all()
    assert (scores["outcome_source"].notna() == is_trained).all()
    assert set(scores["outcome_source"].dropna()) == {"reported"}
    assert (scores["is_mature"] == is_trained).all()
    assert {one.applications for one in report.comparison} == {is_trained.sum()}


def test_no_application_at_all_is_no_error(trained):
    report, scores, _, _ = trained(applications(), month=dt.date(2020, 1, 1))
    assert report.unavailable is not None
    assert scores.empty


def test_an_infinite_value_counts_as_missing_and_is_told(trained):
    given = applications(dated=False)
    given.loc[[4, 9], "income"] = np.inf
    report, scores, told, _ = trained(given)
    assert report.infinite["income"] >= 2
    assert "infinite values of income" in told
    assert scores["score"].notna().all()


def test_a_feature_without_any_value_is_named_and_moves_nobody_far(trained, monkeypatch):
    report, scores, _, _ = trained(applications(dated=False))
    for record in report.records:
        assert record.parameters["dropped"] == {
            "unknown_to_all": "no value in the window"
        }
    monkeypatch.setattr(application, "load_features", lambda _: FEATURES[:3])
    _, without, _, _ = trained(applications(dated=False))
    # Trees draw columns by their number, so that one more makes other trees.
    assert (scores["score"] - without["score"]).abs().median() < 10


def test_a_feature_that_is_all_there_is_and_missing_says_so(trained, monkeypatch):
    monkeypatch.setattr(application, "load_features", lambda _: FEATURES[3:])
    report, scores, _, _ = trained(applications(dated=False))
    assert scores["score"].isna().all()
    assert "failed the gate" in (report.unavailable or "")


def test_a_segment_of_three_loans_is_scored_and_moves_nobody_else_far(trained):
    given = applications(dated=False)
    _, before, _, _ = trained(given)
    given.loc[:2, "region"] = "the islet"
    _, scores, _, _ = trained(given)
    assert scores["score"].between(300, 850).all()
    others = given.loc[3:, "application_key"]
    moved = (scores.loc[others, "score"] - before.loc[others, "score"]).abs()
    assert moved.median() < 10


def test_a_category_never_seen_in_training_is_scored(trained):
    given = applications()
    given.loc[given["cohort_month"] == JULY, "region"] = "the new one"
    _, scores, _, _ = trained(given)
    assert scores["score"].notna().all()


def test_the_lenders_own_score_is_used_where_it_is_there(trained):
    given = applications(dated=False)
    given.loc[:99, "lender_score"] = np.nan
    _, own, _, _ = trained(given)
    _, scores, _, _ = trained(given, application_score_source="lender")
    without = given.loc[:99, "application_key"]
    assert (scores.loc[without, "score"] == own.loc[without, "score"]).all()
    having = given.loc[100:].set_index("application_key")
    lender = scores.loc[having.index]
    assert set(lender["scoring"]) == {"lender"}
    assert (lender["score"] == having["lender_score"]).all()
    # Of each model, the PD falls as the lender's score rises, and expects what happened.
    for _, one in lender.groupby("model_version"):
        assert one.sort_values("score")["pd"].is_monotonic_decreasing
    known = having["is_bad"].notna()
    expected = lender.loc[known, "pd"].sum() / having.loc[known, "is_bad"].sum()
    assert expected == pytest.approx(1, abs=0.1)
    assert (
        lender.loc[lender["score"] < 600, "reason_codes"]
        .map(json.loads)
        .map(lambda reasons: reasons == [LENDER_LOW])
        .all()
    )


def test_a_lenders_score_the_wrong_way_round_is_not_used(trained):
    given = applications(dated=False)
    given["lender_score"] = 1000 - given["lender_score"]
    _, scores, told, _ = trained(given, application_score_source="lender")
    assert set(scores["scoring"]) == {"cross_fitted"}
    assert "does not go with fewer bad outcomes" in told


def test_a_score_that_leaves_the_scale_later_moves_no_earlier_one(trained):
    given = applications()
    _, before, _, _ = trained(given, application_score_source="lender")
    later = given["cohort_month"] == JULY
    leaves = given.index[later & given["lender_score"].notna()][:3]
    given.loc[leaves, "lender_score"] = 2_000.0
    _, after, told, _ = trained(given, application_score_source="lender")
    kept = given.loc[~later, "application_key"]
    assert (before.loc[kept, "scoring"] == "lender").any()
    pd.testing.assert_frame_equal(after.loc[kept], before.loc[kept])
    # It is held at the end of the scale.
    assert set(after.loc[given.loc[leaves, "application_key"], "score"]) == {850.0}
    assert "the lender's scores go from" not in told


LENDERS = {"over": lambda score: score + 300, "of hundreds": lambda score: score / 10}


@pytest.mark.parametrize("scale", LENDERS.values(), ids=LENDERS)
def test_a_lenders_score_of_another_scale_is_put_on_ours(trained, scale):
    given = applications(dated=False)
    own_scale, told_before = trained(given, application_score_source="lender")[1:3]
    given["lender_score"] = scale(given["lender_score"])
    _, scores, told, _ = trained(given, application_score_source="lender")
    assert "the lender's scores go from" in told
    assert "the lender's scores go from" not in told_before
    assert set(scores["scoring"]) == {"lender"}
    assert scores["score"].between(300, 850).all()
    # What it says of the borrowers does not hang on the points it is counted in.
    assert scores["pd"].to_numpy() == pytest.approx(own_scale["pd"].to_numpy())
    odds = (1 - scores["pd"]) / scores["pd"]
    # 600 points stand for odds of 20 to 1, and 50 more for twice the odds.
    expected = (600 + 50 * np.log2(odds / 20)).clip(300, 850)
    assert scores["score"].to_numpy() == pytest.approx(expected.to_numpy(), abs=0.1)


def chosen(algorithm, since, decided=1):
    return Promotion(
        purpose="application",
        algorithm=algorithm,
        effective_from=since,
        decided_by="A Person",
        reason="easier to explain",
        decided_at=dt.datetime(2024, 6, decided),
    )


def test_a_person_chooses_the_algorithm(trained):
    choice = chosen("logit", JULY)
    report, _, _, _ = trained(applications(), promotions=(choice,))
    algorithms = {one.first_month_predicted: one.algorithm for one in report.records}
    assert algorithms[JULY] == "logit"
    assert algorithms[dt.date(2024, 1, 1)] == "blend"


def test_a_choice_holds_from_its_month_on_within_the_months_of_a_model(trained):
    september = dt.date(2024, 9, 1)
    given = applications()
    is_moved = (given["cohort_month"] == JULY) & (given.index % 2 == 1)
    given.loc[is_moved, "cohort_month"] = september
    given.loc[is_moved, "is_bad"] = pd.NA
    choices = (chosen("logit", september), chosen("logit", dt.date(2025, 1, 1), 2))
    before, rule, _, _ = trained(given, month=september)
    report, scores, _, _ = trained(given, month=september, promotions=choices)
    found = {one.first_month_predicted: one for one in report.records}
    assert (found[JULY].algorithm, found[september].algorithm) == ("blend", "logit")
    assert found[september].data_hash == found[JULY].data_hash
    by_month = given.set_index("application_key")["cohort_month"]
    moved = by_month[by_month == september].index
    assert set(scores.loc[moved, "model_version"]) == {found[september].model_version}
    others = by_month[by_month < september].index
    pd.testing.assert_series_equal(scores.loc[others, "score"], rule.loc[others, "score"])
    assert len(report.records) == len(before.records) + 1


def test_a_choice_holds_for_all_that_is_cross_fitted(trained):
    given = applications(dated=False)
    to_come = chosen("logit", dt.date(2024, 8, 1))
    report, _, _, _ = trained(given, promotions=(to_come,))
    assert {one.algorithm for one in report.records} == {"logit"}
    later = chosen("logit", dt.date(2024, 9, 1))
    report, _, _, _ = trained(given, promotions=(later,))
    assert {one.algorithm for one in report.records} == {"blend"}


def test_models_are_kept_with_their_records_and_read_again(trained):
    given = applications(dated=False)
    report, _, first, settings = trained(given)
    for record in report.records:
        folder = model_folder(settings.places, "application", record.model_version)
        assert read_record(folder) == record
        model = ApplicationModel.load(folder)
        assert abs(sum(model.weights.values()) - 1) < 1e-9
    _, _, second, _ = trained(given)
    assert "fitting" in first
    assert "fitting" not in second


def test_a_record_tells_months_segments_and_what_moves_the_score(trained):
    given = applications()
    report, _, _, _ = trained(given)
    [record] = [one for one in report.records if one.first_month_predicted == JULY]
    assert {"slope", "intercept"} <= set(record.parameters["calibration"])
    assert set(record.parameters["figures"]["feature_psi"]) == {f.name for f in FEATURES}
    moved = record.parameters["importance"]
    assert max(moved, key=moved.get) == "worst_dpd"
    assert moved["unknown_to_all"] == 0


def test_months_and_segments_are_those_of_the_scores(trained):
    given = applications(dated=False)
    report, scores, _, _ = trained(given)
    rows = given.set_index("application_key").join(scores["pd"])
    rows = rows[rows["is_bad"].notna()]
    lines = [
        line
        for one in report.records
        for kind in ("by_cohort_month", "by_segment")
        for line in one.metrics[kind]
    ]
    for label, part in [
        ("2024-03", rows[rows["cohort_month"] == dt.date(2024, 3, 1)]),
        ("south", rows[rows["region"] == "south"]),
    ]:
        mine = [line for line in lines if line["label"] == label]
        assert sum(line["rows"] for line in mine) == len(part)
        assert sum(line["events"] for line in mine) == part["is_bad"].sum()
        expected = sum(line["expected"] for line in mine)
        assert expected == pytest.approx(part["pd"].sum())
        loss = sum(line["log_loss"] * line["rows"] for line in mine) / len(part)
        assert loss == pytest.approx(log_loss(part["is_bad"].astype(int), part["pd"]))


def test_a_blends_contributions_add_up_to_its_log_odds(trained):
    report, _, _, settings = trained(applications(dated=False))
    folder = model_folder(settings.places, "application", report.records[0].model_version)
    model = ApplicationModel.load(folder)
    rng = np.random.default_rng(0)
    x = np.column_stack(
        [rng.integers(0, 40, 50), rng.lognormal(3, 1, 50), rng.integers(0, 2, 50)]
    )
    x = np.column_stack([x, np.full(50, np.nan)]).astype(np.float32)
    pd_blend = model.probabilities(x)["blend"]
    line = model.calibrations["blend"]
    margin = (np.log(pd_blend / (1 - pd_blend)) - line.intercept) / line.slope
    rest = margin - model.contributions(x).sum(axis=1)
    assert rest == pytest.approx(np.full(50, rest[0]), abs=1e-4)


def test_features_that_are_not_there_are_an_error_that_says_so(settings):
    with pytest.raises(ModelError, match="build_features"):
        train_application(settings, run_id="none", month=JULY, tell=print)


def registered(settings):
    file = run_folder(settings, "run") / "models_application.json"
    return json.loads(file.read_text())


def gate_of(settings):
    file = run_folder(settings, "run") / "checks_application.json"
    return json.loads(file.read_text())


def half_yearly_and_then(given, later):
    """Applications of January to July, and as many of the half-year that follows."""
    moved = given.assign(
        application_key="z" + given["application_key"],
        borrower_key="z" + given["borrower_key"],
        cohort_month=pd.to_datetime(given["cohort_month"]).dt.date.map(
            lambda day: dt.date(2025, day.month, 1)
        ),
        outcome_known_on=[
            None if pd.isna(day) else day.replace(year=2025)
            for day in given["outcome_known_on"]
        ],
    )
    return pd.concat([given, later(moved)], ignore_index=True)


def test_every_model_in_force_has_passed_its_gate_and_says_so(trained):
    _, _, _, settings = trained(applications())
    for one in registered(settings):
        gate = one["metrics"]["gate"]
        assert {check["name"] for check in gate} >= {
            "The model ranks those with an event above the others",
            "As many events happen as the model expects",
            "No feature is missing much more often than in training",
            "The features are distributed as in training",
        }
        assert all(c["success"] for c in gate if c["severity"] == "critical")
    newest = [one for one in registered(settings) if one["status"] == "champion"]
    assert {c["model_version"] for c in gate_of(settings)} == {newest[0]["model_version"]}


def test_a_failing_challenger_never_replaces_the_champion(trained):
    july_2025 = dt.date(2025, 7, 1)
    given = half_yearly_and_then(
        applications(), lambda later: later.assign(worst_dpd=np.nan)
    )
    report, scores, told, settings = trained(given, month=july_2025)
    [(refused, why)] = report.refused
    champion = report.records[-1]
    assert refused.first_month_predicted == july_2025
    assert "missing" in why
    assert "worst_dpd" in why
    is_new = (given["cohort_month"] == july_2025).to_numpy()
    late = scores.loc[given.loc[is_new, "application_key"]]
    assert set(late["model_version"]) == {champion.model_version}
    assert late["score"].notna().all()
    status = {one["model_version"]: one["status"] for one in registered(settings)}
    assert status[refused.model_version] == "refused"
    assert status[champion.model_version] == "champion"
    assert f"{champion.model_version} goes on" in told
    failed = [c for c in gate_of(settings) if not c["success"]]
    assert {c["model_version"] for c in failed} == {refused.model_version}


def test_a_sound_challenger_replaces_the_champion(trained):
    july_2025 = dt.date(2025, 7, 1)
    given = half_yearly_and_then(applications(), lambda later: later)
    report, scores, _, _ = trained(given, month=july_2025)
    assert report.refused == ()
    is_new = (given["cohort_month"] == july_2025).to_numpy()
    late = scores.loc[given.loc[is_new, "application_key"]]
    assert set(late["model_version"]) == {report.records[-1].model_version}
    assert report.records[-1].first_month_predicted == july_2025


def test_the_champion_is_compared_on_outcomes_known_since_it_learned(trained):
    given = half_yearly_and_then(applications(), lambda later: later)
    _, _, _, settings = trained(given, month=dt.date(2025, 7, 1))
    [champion] = [one for one in registered(settings) if one["status"] == "champion"]
    order = [c for c in champion["metrics"]["gate"] if "ranked much as" in c["name"]]
    assert "rank correlation" in order[0]["observed"]
    known = pd.to_datetime(given["outcome_known_on"])
    # January's model learned what was known before December, July's before June.
    new = known[(known >= "2024-12-01") & (known < "2025-06-01")]
    [ranks] = [c for c in champion["metrics"]["gate"] if "ranks those" in c["name"]]
    assert f"among {len(new):,} rows" in ranks["observed"]


def test_without_a_champion_a_refused_model_scores_nobody_and_says_why(trained):
    report, scores, told, settings = trained(applications(dated=False), gate_min_auc=0.99)
    assert scores["score"].isna().all()
    assert "failed the gate" in (report.unavailable or "")
    assert "AUC" in told
    assert {one["status"] for one in registered(settings)} == {"refused"}
