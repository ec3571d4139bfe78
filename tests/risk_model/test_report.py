"""The report of a run, on simulated published copies."""

import datetime as dt
import html
import re

import duckdb
import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from tests.risk_model import published

from comove.errors import WarehouseError
from comove.risk_model.curves import roc
from comove.risk_model.findings import read_findings
from comove.risk_model.report import write_reports
from comove.settings import Settings

HOSTILE = "<script>alert('x')</script>"


def settings_of(folder) -> Settings:
    return Settings(portfolio="simulated", home=folder)


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", re.sub(r'"data:image[^"]*"', '""', page))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    settings = settings_of(tmp_path_factory.mktemp("home"))
    published.publish(settings.places)
    published.export_features(settings.places, settings)
    return settings


@pytest.fixture(scope="module")
def written(settings):
    return write_reports(
        settings, run_id=published.RUN, month=published.MONTH, tell=lambda _: None
    )


@pytest.fixture(scope="module")
def page(written):
    return written.page.read_text()


def findings_of(settings, month=published.MONTH):
    with duckdb.connect(str(settings.places.serving), read_only=True) as connection:
        return read_findings(connection, portfolio="p", run_id=published.RUN, month=month)


def rows_of(settings, algorithm):
    with duckdb.connect(str(settings.places.serving), read_only=True) as connection:
        found = connection.execute(
            f"select is_event::double as y, pd_{algorithm} as p from risk.pd_candidate"
        ).fetchnumpy()
    return found["y"], found["p"]


def test_the_page_stands_in_the_folder_of_its_month(settings, written):
    assert (
        written.page == settings.places.reports / "risk_model" / "2024-06" / "index.html"
    )


def test_the_page_asks_for_nothing_from_outside(page):
    bare = re.sub(r"data:image/(svg\+xml|png);base64,[A-Za-z0-9+/=]+", "DATA", page)
    assert "://" not in bare
    assert set(re.findall(r'src="([^"]*)"', bare)) == {"DATA"}
    assert "<script" not in bare
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', bare))
    assert "default-src 'none'" in bare


def test_every_section_is_there_and_linked(page):
    anchors = re.findall(r'<section id="([^"]+)"', page)
    assert anchors == re.findall(r'<a href="#([^"]+)"', page)
    assert len(anchors) == 13


def test_every_picture_says_run_month_and_model(page):
    shown = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    assert len(shown) >= 13
    for one in shown:
        assert f"run {published.RUN} · month 2024-06 · model " in one.replace(
            "&#43;", "+"
        )


def test_the_summary_counts_rows_and_events(settings, page):
    y, p = rows_of(settings, "blend")
    told = text_of(page)
    assert f"{len(y):,} borrower-months had {int(y.sum()):,} events" in told
    assert f"blend expected {p.sum():,.0f}" in told
    assert f"AUC of {roc_auc_score(y, p):.3f}" in told


def test_no_row_of_a_borrower_or_application_is_on_the_page(page):
    assert not re.search(r"\b[ab]\d{1,4}\b", text_of(page))


def test_thin_segments_and_bands_are_grey(page):
    assert '<tr class="thin">' in page


def test_hostile_text_is_escaped(page):
    assert "Shift &lt;b&gt;is&lt;/b&gt; small" in page


def test_shap_values_are_shown(page):
    assert "Beeswarm of SHAP values" in page
    assert "days_past_due" in text_of(page)


def test_the_own_score_stands_beside_the_plain_models(page):
    told = " ".join(text_of(page).split())
    for figure in ("own 2,250 220 0.7423", "plain logistic 2,250 220 0.7310"):
        assert figure in told


def test_each_version_registered_in_the_run_has_a_card(settings, written):
    names = [card.parent.name for card in written.cards]
    assert sorted(names) == sorted(
        [f"pd-{a}-2024-01-0a1b2c3d" for a in published.ALGORITHMS]
        + ["application-blend-2024-01-0a1b2c3d"]
    )
    with duckdb.connect(str(settings.places.serving), read_only=True) as connection:
        paths = connection.execute(
            "select card_path from audit.model_registry where run_id = ?", [published.RUN]
        ).fetchall()
    assert {settings.places.root / path for (path,) in paths} == set(written.cards)


def test_a_card_links_pictures_that_are_there(written):
    for card in written.cards:
        for file in re.findall(r"!\[[^]]*\]\(([^)]+)\)", card.read_text()):
            assert (card.parent / file).read_bytes().startswith(b"\x89PNG")


def test_the_card_of_the_blend_tells_its_months_segments_and_gate(written):
    card = next(c for c in written.cards if "blend-2024-01" in str(c) and "pd" in str(c))
    text = card.read_text()
    assert "| 2024-06 | 1,500 |" in text
    assert "| 2023-12 |" not in text
    assert "| region | north |" in text
    assert "| **failed** |" not in text
    assert "| colour |  | no | free | - | no value in the window |" in text
    assert "shap-values.png" in text


def test_a_feature_only_the_logit_dropped_is_kept_on_the_other_cards(written):
    texts = {card.parent.name: card.read_text() for card in written.cards}
    assert "information value 0.004" in texts["pd-logit-2024-01-0a1b2c3d"]
    assert "information value 0.004" not in texts["pd-xgboost-2024-01-0a1b2c3d"]


def card_of(written, name):
    return next(c for c in written.cards if name in c.parent.name).read_text()


def test_the_months_that_chose_the_model_are_not_shown_as_a_test_of_it(written):
    text = card_of(written, "pd-blend")
    assert "| validation months | 9,000 |" in text
    assert "they stopped the trees, weighed the blend and set the slope" in text
    assert "No row below was trained on" not in text


def test_the_card_of_an_application_model_tells_what_it_is(written):
    text = card_of(written, "application-blend")
    assert "| 2024-02 | 800 | 80 | 10 % | 12.5 % | 0.80 | 0.31000 | 0.740 | - |" in text
    assert "| region | north | 800 | 80 |" in text
    assert "newest third of the rows trained on against the others" in text
    assert "this is out of sample, not out of time" in text
    assert "By rule, the blend scores" in text
    assert "refitted whenever the outcomes it learns from change" in text
    for wrong in ("later months", "out-of-time log loss", "refitted every 6 months"):
        assert wrong not in text


def test_a_second_report_is_the_same_to_the_byte(settings, written):
    before = written.page.read_bytes()
    again = write_reports(settings, run_id=published.RUN, month=published.MONTH)
    assert again.page.read_bytes() == before
    assert not [*written.page.parent.glob("*.part")]


@pytest.mark.parametrize("algorithm", published.ALGORITHMS)
def test_counts_keep_the_ranking_of_the_rows(settings, algorithm):
    y, p = rows_of(settings, algorithm)
    counts = findings_of(settings).counts[algorithm]
    assert counts["rows"].sum() == len(y)
    # Classes of a hundredth of a log-odd.
    assert roc(counts).auc == pytest.approx(roc_auc_score(y, p), abs=1e-4)


def test_losses_of_segments_add_up_to_that_of_the_rows(settings):
    y, p = rows_of(settings, "logit")
    segments = findings_of(settings).segments
    mine = segments[
        (segments["algorithm"] == "logit") & (segments["dimension"] == "region")
    ]
    assert mine["loss"].sum() / len(y) == pytest.approx(log_loss(y, p))


def test_a_report_of_an_earlier_month_tells_nothing_later(settings):
    found = findings_of(settings, dt.date(2023, 12, 1))
    assert found.months["month"].max() == np.datetime64("2023-12-01")
    assert found.in_force == ("pd-blend-2023-07-0a1b2c3d", "blend")
    assert set(found.registry["first_month_predicted"].dt.year) <= {2023, 2024}


def test_tables_without_rows_make_a_page_that_says_so(tmp_path):
    settings = settings_of(tmp_path)
    published.publish_empty(settings.places)
    written = write_reports(settings, run_id="r", month=published.MONTH)
    told = text_of(written.page.read_text())
    assert "No model predicts a month up to 2024-06: not available" in told
    assert "0 events in 0 borrower-months" in told
    assert written.cards == ()


def test_tables_never_published_make_a_page_that_says_so(tmp_path):
    settings = settings_of(tmp_path)
    settings.places.make()
    duckdb.connect(str(settings.places.serving)).close()
    written = write_reports(settings, run_id="r", month=published.MONTH)
    assert "not available" in text_of(written.page.read_text())


def test_a_portfolio_without_a_model_shows_vintages_and_scores(tmp_path):
    settings = settings_of(tmp_path)
    published.publish(settings.places, rows=50)
    with duckdb.connect(str(settings.places.serving)) as connection:
        connection.execute(
            "delete from audit.model_registry where purpose = 'pd';"
            "delete from risk.pd_prediction; delete from risk.pd_candidate"
        )
    told = text_of(
        write_reports(
            settings, run_id=published.RUN, month=published.MONTH
        ).page.read_text()
    )
    assert "No model predicts" in told
    assert re.search(r"It had \d+ events in 600 borrower-months", told)
    assert "own" in told


def test_months_without_an_event_make_a_page(tmp_path):
    settings = settings_of(tmp_path)
    published.publish(settings.places, rows=50, events=False)
    told = text_of(
        write_reports(
            settings, run_id=published.RUN, month=published.MONTH
        ).page.read_text()
    )
    assert "600 borrower-months had 0 events (0 %)" in told


def test_without_the_exported_features_there_is_no_shap(tmp_path):
    settings = settings_of(tmp_path)
    published.publish(settings.places, rows=50)
    written = write_reports(settings, run_id=published.RUN, month=published.MONTH)
    assert "Beeswarm" not in written.page.read_text()
    assert "shap-values.png" not in written.cards[0].read_text()


def test_a_version_whose_folder_is_gone_has_no_card(tmp_path):
    settings = settings_of(tmp_path)
    published.publish(settings.places, rows=50)
    folder = settings.places.artifacts / "models" / "pd" / "pd-blend-2024-01-0a1b2c3d"
    folder.rename(tmp_path / "gone")
    said: list[str] = []
    written = write_reports(
        settings, run_id=published.RUN, month=published.MONTH, tell=said.append
    )
    assert len(written.cards) == 3
    assert any("its folder is not there" in one for one in said)


def test_hostile_run_ids_are_escaped(tmp_path):
    settings = settings_of(tmp_path)
    published.publish_empty(settings.places)
    written = write_reports(settings, run_id=HOSTILE, month=published.MONTH)
    assert "<script>" not in written.page.read_text()


def test_nothing_published_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(WarehouseError, match="nothing has been published"):
        write_reports(settings_of(tmp_path), run_id="r", month=published.MONTH)


def test_pictures_of_the_application_model_name_it_and_count_applications(page):
    shown = re.findall(r'<img [^>]*alt="([^"]*)"', page)
    scores = [one for one in shown if "score" in one or "good and bad loans" in one]
    assert len(scores) == 3
    assert all("model application-blend-2024-01-0a1b2c3d" in one for one in scores)
    assert sum("out of time and cross-fitted" in one for one in scores) == 2


def test_scores_are_counted_by_how_they_were_made_and_all_together(settings):
    found = findings_of(settings)
    with duckdb.connect(str(settings.places.serving), read_only=True) as connection:
        rows = connection.execute(
            "select scoring, pd, performance_label = 'bad' as y from risk.score "
            "where performance_label is not null"
        ).df()
    assert set(found.score_counts) == {"out of time", "cross-fitted"}
    cross = rows[rows["scoring"] == "cross_fitted"]
    assert found.score_counts["cross-fitted"]["rows"].sum() == len(cross)
    assert roc(found.all_scores).auc == pytest.approx(
        roc_auc_score(rows["y"], rows["pd"]), abs=5e-4
    )


def test_scores_that_are_all_cross_fitted_have_their_pictures(tmp_path):
    settings = settings_of(tmp_path)
    published.publish(settings.places, rows=50)
    with duckdb.connect(str(settings.places.serving)) as connection:
        connection.execute("update risk.score set scoring = 'cross_fitted'")
    told = write_reports(
        settings, run_id=published.RUN, month=published.MONTH
    ).page.read_text()
    assert "ROC curve of the score, cross-fitted" in told
    assert "KS plot of the score, cross-fitted" in told


def test_the_application_model_has_gains_importance_and_shifts(page):
    told = " ".join(text_of(page).split())
    assert "What moves the application score" in told
    assert "requested_amount 0.4000 80 %" in told
    assert "hour_applied shifted 0.300" in told
    assert "Gains of application score, riskiest band first" in told


def test_dependence_is_told_with_a_test_and_figures_that_say_something(page):
    told = html.unescape(" ".join(text_of(page).split()))
    assert "correlate 0.0000 " not in told
    assert "two of them correlate 0.000040 on average (F = 1.39 on 17 and 174,778" in told
    # scipy.stats.f.sf(1.385422, 17, 174778) and chi2.sf(8.463801 * 18, 17).
    assert "p = 0.1321" in told
    assert "vary 8.5 times as much as independent ones (11.3 times" in told
    assert "chi-squared = 152 on 17 degrees of freedom, p < 0.0001). They move" in told
