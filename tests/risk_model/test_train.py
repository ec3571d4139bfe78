"""Training: out of sample, the same in any order, clear where there is too little."""

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest
from tests.risk_model.small_book import (
    FIRST,
    LAST,
    small_book,
    small_settings,
    write_book,
)

from comove.errors import ModelError
from comove.risk_model.export import run_folder
from comove.risk_model.features import Feature, load_features
from comove.risk_model.folds import Fold, month_of, number
from comove.risk_model.matrix import Encoding
from comove.risk_model.train import TrainReport, _Work, train
from comove.settings import Settings


@pytest.fixture(autouse=True)
def _without_a_published_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comove.risk_model.train._promotions", lambda _settings: ())


def trained(
    settings: Settings, month: dt.date = LAST, book: pd.DataFrame | None = None
) -> TrainReport:
    run_id = f"run-{month:%Y-%m}"
    write_book(settings, run_id, month, small_book() if book is None else book)
    return train(settings, run_id=run_id, month=month, tell=lambda _sentence: None)


def made(settings: Settings, name: str, month: dt.date = LAST) -> pd.DataFrame:
    return pd.read_parquet(run_folder(settings, f"run-{month:%Y-%m}") / f"{name}.parquet")


def models(settings: Settings, month: dt.date = LAST) -> list[dict]:
    file = run_folder(settings, f"run-{month:%Y-%m}") / "models.json"
    return list(json.loads(file.read_text()))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return small_settings(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def report(settings: Settings) -> TrainReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("comove.risk_model.train._promotions", lambda _settings: ())
        return trained(settings)


def test_every_month_after_the_first_window_is_predicted_out_of_sample(
    settings: Settings, report: TrainReport
) -> None:
    found = made(settings, "predictions")
    # 12 months of history and a gap of one end with 2023-01: the next half-year is July.
    assert found["month"].min() == dt.date(2023, 7, 1)
    assert found["month"].max() == LAST
    assert found["is_out_of_sample"].all()
    assert report.predictions == len(found) == 12 * 250
    assert found["pd"].between(0, 1, inclusive="neither").all()


def test_the_month_to_come_is_predicted_without_an_outcome(
    settings: Settings, report: TrainReport
) -> None:
    found = made(settings, "forecast")
    assert set(found["month"]) == {month_of(number(LAST) + 1)}
    assert report.forecasts == 250
    assert set(found["model_version"]) == {report.champion}
    assert "is_event" not in found.columns


def test_every_prediction_names_a_registered_model_trained_before_it(
    settings: Settings, report: TrainReport
) -> None:
    ended = {
        m["model_version"]: dt.date.fromisoformat(m["trained_to"])
        for m in models(settings)
    }
    found = made(settings, "predictions")
    assert (found["model_version"].map(ended) < found["month"]).all()
    assert sum(m["is_champion"] for m in models(settings)) == 1


def test_predictions_tell_borrowers_apart(
    settings: Settings, report: TrainReport
) -> None:
    found = made(settings, "predictions")
    assert found.loc[found["is_event"], "pd"].mean() > 1.5 * found["pd"].mean()
    assert found["pd"].mean() == pytest.approx(found["is_event"].mean(), rel=0.25)


def test_features_without_any_value_are_left_out_and_named(
    settings: Settings, report: TrainReport
) -> None:
    model = models(settings)[0]
    assert set(model["features"]) == {"days_past_due", "monthly_income", "region"}
    assert model["parameters"]["dropped"]["utilisation"] == "no value in the window"


def test_a_second_run_fits_nothing_and_says_the_same(
    settings: Settings, report: TrainReport
) -> None:
    before = made(settings, "predictions")
    again = trained(settings)
    assert again.folds_kept == again.folds == report.folds_fitted
    pd.testing.assert_frame_equal(made(settings, "predictions"), before)


def test_models_thrown_away_are_fitted_anew_to_the_same_numbers(
    tmp_path: Path, settings: Settings, report: TrainReport
) -> None:
    other = small_settings(tmp_path)
    trained(other)
    shutil.rmtree(other.places.artifacts)
    again = trained(other)
    assert again.folds_fitted == report.folds
    for name in ("predictions", "candidates", "forecast"):
        pd.testing.assert_frame_equal(made(other, name), made(settings, name))


def test_an_earlier_month_predicts_what_a_later_run_keeps(
    tmp_path: Path, settings: Settings, report: TrainReport
) -> None:
    other = small_settings(tmp_path)
    early = dt.date(2024, 2, 1)
    trained(other, early)
    before = made(other, "predictions", early)
    late = made(settings, "predictions")
    kept = late[late["month"] <= early].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, kept)


def test_what_happens_later_changes_no_earlier_prediction(
    tmp_path: Path, settings: Settings, report: TrainReport
) -> None:
    book = small_book()
    book.loc[book["month"] >= dt.date(2024, 3, 1), "is_event"] = True
    other = small_settings(tmp_path)
    trained(other, book=book)
    before, after = (made(s, "predictions") for s in (settings, other))
    until = dt.date(2024, 2, 1)
    pd.testing.assert_frame_equal(
        before[before["month"] <= until], after[after["month"] <= until]
    )


def test_a_history_too_short_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    other = small_settings(tmp_path)
    short = trained(other, dt.date(2022, 9, 1))
    assert (short.folds, short.predictions, short.champion) == (0, 0, "")
    assert "history" in short.why_not
    assert made(other, "predictions", dt.date(2022, 9, 1)).empty


@pytest.mark.parametrize("outcome", [False, True])
def test_one_class_only_is_told_and_predicts_nothing(
    tmp_path: Path, outcome: bool
) -> None:
    book = small_book()
    book["is_event"] = outcome
    found = trained(small_settings(tmp_path), book=book)
    assert found.folds_unavailable == found.folds > 0
    assert found.predictions == 0
    assert "events among" in found.why_not


def test_a_month_without_events_is_predicted_all_the_same(tmp_path: Path) -> None:
    book = small_book()
    quiet = dt.date(2024, 4, 1)
    book.loc[book["month"] == quiet, "is_event"] = False
    other = small_settings(tmp_path)
    trained(other, book=book)
    found = made(other, "predictions")
    assert (found["month"] == quiet).sum() == 250


def test_a_category_not_seen_before_is_predicted_all_the_same(tmp_path: Path) -> None:
    book = small_book()
    book.loc[book["month"] == LAST, "region"] = "east"
    other = small_settings(tmp_path)
    trained(other, book=book)
    found = made(other, "predictions")
    assert np.isfinite(found.loc[found["month"] == LAST, "pd"]).all()


def test_a_feature_that_stops_coming_is_predicted_without_it(tmp_path: Path) -> None:
    book = small_book()
    book.loc[book["month"] == LAST, "monthly_income"] = np.nan
    other = small_settings(tmp_path)
    trained(other, book=book)
    found = made(other, "predictions")
    assert (found["month"] == LAST).sum() == 250
    assert np.isfinite(found["pd"]).all()


def test_features_that_are_all_missing_are_told_and_predict_nothing(
    tmp_path: Path,
) -> None:
    book = small_book().assign(days_past_due=np.nan, monthly_income=np.nan, region=None)
    other = small_settings(tmp_path)
    found = trained(other, book=book)
    assert found.folds_unavailable == found.folds > 0
    assert found.predictions == 0
    assert "features has a value" in found.why_not


def test_a_segment_of_three_borrowers_is_predicted_and_moves_nobody_else_far(
    tmp_path: Path, settings: Settings, report: TrainReport
) -> None:
    book = small_book()
    is_few = book["borrower_key"].isin(["b0000", "b0001", "b0002"])
    book.loc[is_few, "region"] = "the islet"
    other = small_settings(tmp_path)
    trained(other, book=book)
    before, found = (made(s, "predictions") for s in (settings, other))
    assert np.isfinite(found["pd"]).all()
    both = before.merge(found, on=["borrower_key", "month"], suffixes=("", "_now"))
    rest = both[~both["borrower_key"].isin(["b0000", "b0001", "b0002"])]
    assert np.abs(np.log(rest["pd_now"] / rest["pd"])).median() < 0.1


def test_infinite_values_are_read_as_missing_and_counted(tmp_path: Path) -> None:
    book = small_book()
    book.loc[book["month"] == FIRST, "monthly_income"] = np.inf
    other = small_settings(tmp_path)
    trained(other, book=book)
    assert models(other)[0]["parameters"]["infinite_values"] == {"monthly_income": 250}


def test_no_model_is_in_force_while_every_challenger_fails_its_gate(
    tmp_path: Path,
) -> None:
    other = small_settings(tmp_path, gate_min_auc=0.99)
    found = trained(other)
    assert found.champion == ""
    assert "AUC" in found.why_not
    assert {m["status"] for m in models(other)} == {"refused"}
    assert made(other, "predictions").empty
    assert len(made(other, "candidates")) == 12 * 250


def trained_only(settings: Settings, *algorithms: str) -> TrainReport:
    write_book(settings, "run-2024-06", LAST, small_book())
    return train(
        settings,
        run_id="run-2024-06",
        month=LAST,
        algorithms=algorithms,
        tell=lambda _sentence: None,
    )


def registered(monkeypatch: pytest.MonkeyPatch, *algorithms: str) -> None:
    monkeypatch.setattr(
        "comove.risk_model.train._algorithms_known",
        lambda _settings: frozenset(algorithms),
    )


def test_only_the_algorithms_asked_for_are_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch)
    other = small_settings(tmp_path)
    trained_only(other, "logit")
    assert {m["algorithm"] for m in models(other)} == {"logit"}
    assert made(other, "candidates")["pd_xgboost"].isna().all()


def test_algorithms_left_off_the_form_are_chosen_from_like_the_others(
    settings: Settings, report: TrainReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, "xgboost", "logit", "blend")
    names = ("predictions", "candidates", "forecast")
    before = [made(settings, name) for name in names], models(settings)
    again = trained_only(settings, "logit")
    assert (again.champion, again.folds_fitted) == (report.champion, 0)
    assert models(settings) == before[1]
    for name, frame in zip(names, before[0], strict=True):
        pd.testing.assert_frame_equal(made(settings, name), frame)


def test_an_algorithm_is_not_left_off_where_that_would_retire_it_unjudged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, "xgboost", "logit", "blend")
    other = small_settings(tmp_path)
    with pytest.raises(ModelError, match=r"2023-07 on: xgboost was not asked for"):
        trained_only(other, "logit")
    assert not other.places.artifacts.exists()


@pytest.mark.parametrize("change", ["another sign", "one less"])
def test_features_that_have_changed_are_learnt_anew(
    tmp_path: Path,
    settings: Settings,
    report: TrainReport,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    late, *others = sorted(load_features("pd"), key=lambda f: f.name != "days_past_due")
    less = [f for f in others if f.name != "monthly_income"]
    changed = {
        "another sign": (replace(late, direction=-1), *others),
        "one less": (late, *less),
    }[change]
    before = {m["model_version"] for m in models(settings)}
    monkeypatch.setattr("comove.risk_model.train.load_features", lambda _: changed)
    other = small_settings(tmp_path)
    shutil.copytree(settings.places.artifacts, other.places.artifacts)
    month = dt.date(2023, 7, 1)
    assert trained(other, month).folds_fitted == 1
    assert not before & {m["model_version"] for m in models(other, month)}
    names = {name for m in models(other, month) for name in m["features"]}
    assert ("monthly_income" in names) == (change == "another sign")


# What the champion says of the months a challenger is validated on

WINDOW = Fold(
    train_from=dt.date(2023, 1, 1),
    train_to=dt.date(2023, 6, 1),
    valid_from=dt.date(2023, 4, 1),
    first_month=dt.date(2023, 8, 1),
    last_month=dt.date(2023, 12, 1),
    searches=False,
)


def said_by_a_champion(learned_to: dt.date) -> list[float]:
    """Of three borrowers in each month; it says the month's number over a hundred."""
    features = (Feature("month_number", "number", 0, ""),)
    model = SimpleNamespace(
        encoding=Encoding(features, {}), pds=lambda x: {"logit": x[:, 0] / 100}
    )
    records = {"logit": SimpleNamespace(trained_to=learned_to)}
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table borrower_month as
            select
                'b' || who as borrower_key, make_date(2023, number, 1) as month,
                number::double as month_number,
                -- Not known yet of one in May.
                if(number = 5 and who = 0, null, false) as is_event
            from range(3) as b (who), range(1, 10) as m (number)
            """
        )
        work = _Work(Settings(), connection, None, ("logit",), LAST, print)
        champion = (SimpleNamespace(model=model, records=records), "logit")
        return list(work._said_of_validation(champion, WINDOW, rows=8))


def test_the_champion_is_asked_about_months_it_has_not_learned_from() -> None:
    """April: 3 rows, May: 2 with a known outcome, June: 3."""
    assert said_by_a_champion(dt.date(2023, 4, 1)) == pytest.approx(
        [np.nan] * 3 + [0.05] * 2 + [0.06] * 3, nan_ok=True
    )


def test_a_champion_older_than_the_months_is_asked_about_all_of_them() -> None:
    assert said_by_a_champion(dt.date(2022, 12, 1)) == pytest.approx(
        [0.04] * 3 + [0.05] * 2 + [0.06] * 3
    )


def test_a_champion_that_has_learned_from_all_of_them_says_nothing() -> None:
    assert np.isnan(said_by_a_champion(dt.date(2023, 6, 1))).all()
