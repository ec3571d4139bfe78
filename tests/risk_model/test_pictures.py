"""What stands in the pictures; how they look was judged by eye."""

import base64
import datetime as dt

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from comove.risk_model import pictures
from comove.risk_model.canvas import as_data_uri, write_png
from comove.risk_model.curves import roc
from comove.risk_model.explain import Contributions

ORIGIN = "run r1 · month 2024-06 · model pd-blend-2024-01-0a1b2c3d"
MONTHS = [dt.date(2024, month, 1) for month in range(1, 7)]


def counts(shift=0.0, rows=400, classes=60):
    log_odds = np.linspace(-6, 0, classes)
    pd_ = 1 / (1 + np.exp(-log_odds))
    events = np.floor(rows / (1 + np.exp(-log_odds - shift)))
    return pd.DataFrame({"pd": pd_, "rows": rows, "events": events})


def months(**changed):
    frame = pd.DataFrame(
        {
            "algorithm": "blend",
            "month": MONTHS,
            "rows": 1000,
            "events": [5, 20, 40, 60, 10, 35],
            "expected": 28.0,
            "log_loss": 0.12,
            "auc": 0.7,
            "ks": 0.3,
        }
    )
    return frame.assign(**changed)


def contributions(rows=50):
    rng = np.random.default_rng(1)
    features = rng.normal(size=(rows, 3)).astype(np.float32)
    features[::7, 1] = np.nan
    return Contributions(
        ("a", "b", "c"), rng.normal(size=(rows, 3)) * [1, 3, 0.1], features, -3.0
    )


def stability(psi=0.2):
    return pd.DataFrame(
        [
            {"feature": f"f{i}", "month": month, "psi": psi * i}
            for i in range(3)
            for month in MONTHS
        ]
    )


VINTAGES = pd.DataFrame(
    [
        {
            "vintage": m,
            "months_on_book": k,
            "loans": 99,
            "events": k,
            "share": k / 99,
        }
        for m in MONTHS
        for k in range(5)
    ]
)
SCORES = pd.DataFrame(
    [
        {"score_from": s, "outcome": outcome, "rows": rows}
        for s in (500, 525, 550)
        for outcome, rows in (("good", 90), ("bad", 10), (None, 40))
    ]
)
DEPENDENCE = pd.DataFrame(
    {"kind": "same region", "lag": [1, 2, 3], "value": [0.05, 0.04, np.nan]}
)
IMPORTANCE = pd.DataFrame({"feature": ["a", "b"], "mean_abs_shap": [0.5, 0.1]})

GOOD = {
    "roc": lambda: pictures.roc_picture({"blend": counts(), "logit": counts(1)}, ORIGIN),
    "ks": lambda: pictures.ks_picture(counts(), "blend", ORIGIN),
    "calibration": lambda: pictures.calibration_picture({"blend": counts()}, ORIGIN),
    "gains": lambda: pictures.gains_picture({"blend": counts()}, ORIGIN),
    "months": lambda: pictures.months_picture(months(), "blend", ORIGIN),
    "measures": lambda: pictures.measures_picture(months(), ORIGIN),
    "shap": lambda: pictures.shap_picture(contributions(), ORIGIN),
    "importance": lambda: pictures.importance_picture(IMPORTANCE, ORIGIN),
    "psi": lambda: pictures.psi_picture(stability(), ORIGIN),
    "vintage": lambda: pictures.vintage_picture(VINTAGES, ORIGIN),
    "score": lambda: pictures.score_picture(SCORES, ORIGIN),
    "uniformity": lambda: pictures.uniformity_picture([9, 11], [10, 10], ORIGIN),
    "dependence": lambda: pictures.dependence_picture(DEPENDENCE, ORIGIN),
}
NONE = pd.DataFrame()
NO_COUNTS = pd.DataFrame({"pd": [], "rows": [], "events": []})
ALL_GOOD = counts().assign(events=0)
EMPTY = {
    "roc of nothing": lambda: pictures.roc_picture({}, ORIGIN),
    "roc without rows": lambda: pictures.roc_picture({"blend": NO_COUNTS}, ORIGIN),
    "roc of one class": lambda: pictures.roc_picture({"blend": ALL_GOOD}, ORIGIN),
    "ks of one class": lambda: pictures.ks_picture(ALL_GOOD, "blend", ORIGIN),
    "calibration": lambda: pictures.calibration_picture({"blend": ALL_GOOD}, ORIGIN),
    "gains": lambda: pictures.gains_picture({"blend": ALL_GOOD}, ORIGIN),
    "months": lambda: pictures.months_picture(NONE, None, ORIGIN),
    "months of NaN": lambda: pictures.months_picture(
        months(expected=np.nan), None, ORIGIN
    ),
    "measures": lambda: pictures.measures_picture(NONE, ORIGIN),
    "measures of NaN": lambda: pictures.measures_picture(
        months(log_loss=np.nan, auc=np.nan, ks=np.nan), ORIGIN
    ),
    "shap": lambda: pictures.shap_picture(None, ORIGIN),
    "shap of no rows": lambda: pictures.shap_picture(contributions(0), ORIGIN),
    "importance": lambda: pictures.importance_picture(NONE, ORIGIN),
    "psi": lambda: pictures.psi_picture(NONE, ORIGIN),
    "psi of NaN": lambda: pictures.psi_picture(stability(np.nan), ORIGIN),
    "vintage": lambda: pictures.vintage_picture(NONE, ORIGIN),
    "score": lambda: pictures.score_picture(NONE, ORIGIN),
    "uniformity": lambda: pictures.uniformity_picture([], [], ORIGIN),
    "uniformity of none": lambda: pictures.uniformity_picture([0, 0], [0, 0], ORIGIN),
    "dependence": lambda: pictures.dependence_picture(NONE, ORIGIN),
}


def words(figure: Figure) -> str:
    found = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return "\n".join(text for text in found if text)


@pytest.mark.parametrize("name", GOOD)
def test_every_picture_has_a_title_named_axes_and_says_where_it_is_from(name):
    figure = GOOD[name]()
    shown = words(figure)
    assert ORIGIN in shown
    assert "not available" not in shown
    drawn = [axes for axes in figure.axes if axes.has_data() and axes.get_xlabel()]
    assert drawn
    titles = [axes.get_title("left") for axes in figure.axes]
    assert any(titles) or figure.get_suptitle()


@pytest.mark.parametrize("name", EMPTY)
def test_what_cannot_be_drawn_says_why(name):
    shown = words(EMPTY[name]())
    assert "not available: " in shown
    assert ORIGIN in shown


@pytest.mark.parametrize("name", ["roc", "calibration", "months", "score"])
def test_pictures_become_images_that_need_no_file(name):
    uri = as_data_uri(GOOD[name]())
    assert uri.startswith("data:image/svg+xml;base64,")
    drawing = base64.b64decode(uri.split(",")[1])
    assert b"<metadata" not in drawing
    assert uri == as_data_uri(GOOD[name]())


def test_a_picture_is_written_as_png(tmp_path):
    file = write_png(GOOD["roc"](), tmp_path / "new" / "roc.png")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert [one.name for one in file.parent.iterdir()] == ["roc.png"]


def test_the_process_keeps_its_own_settings_of_matplotlib():
    before = dict(mpl.rcParams)
    GOOD["gains"]()
    assert dict(mpl.rcParams) == before


def test_the_roc_picture_draws_the_curve_and_its_area():
    figure = GOOD["roc"]()
    line = next(one for one in figure.axes[0].lines if "blend" in str(one.get_label()))
    curve = roc(counts())
    assert line.get_xdata() == pytest.approx(curve.false_positives)
    assert line.get_ydata() == pytest.approx(curve.true_positives)
    assert f"AUC {curve.auc:.3f}" in str(line.get_label())


def test_calibration_draws_small_rates_on_log_axes_with_the_diagonal():
    axes = pictures.calibration_picture({"blend": counts()}).axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlim() == axes.get_ylim()
    diagonal = next(line for line in axes.lines if line.get_label() == "as predicted")
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_months_of_few_events_are_drawn_hollow():
    axes = pictures.months_picture(months(), "blend").axes[0]
    hollow = next(
        line for line in axes.lines if line.get_label() == "fewer than 30 events"
    )
    assert list(hollow.get_ydata()) == [0.005, 0.02, 0.01]
    assert hollow.get_markerfacecolor() == "white"


def test_the_worst_feature_stands_first_in_the_heat_map():
    axes = pictures.psi_picture(stability()).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["f2", "f1", "f0"]
    assert axes.yaxis_inverted()


def test_the_feature_that_moves_predictions_most_stands_on_top():
    axes = pictures.shap_picture(contributions()).axes[0]
    assert [one.get_text() for one in axes.get_yticklabels()] == ["c", "a", "b"]


def test_infinite_and_missing_numbers_do_not_break_a_picture():
    frame = months(expected=[np.inf, 20, np.nan, 30, 28, 28])
    assert "not available" not in words(pictures.months_picture(frame))


@pytest.mark.parametrize("name", GOOD)
def test_the_longest_name_of_run_and_model_is_whole(name, monkeypatch):
    long = (
        "run asset_triggered__2026-11-22T10_42_54.235605_00_00_4jGVDwE3 · month 2024-12 "
        "· model application-blend-2024-01-6b3699b3"
    )
    monkeypatch.setattr("tests.risk_model.test_pictures.ORIGIN", long)
    figure = GOOD[name]()
    figure.canvas.draw()
    place = figure._supxlabel.get_window_extent()
    assert place.x0 >= 0
    assert place.x1 <= figure.bbox.x1
    assert " ".join(figure._supxlabel.get_text().split()) == long
