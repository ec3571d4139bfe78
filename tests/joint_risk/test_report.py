"""The page of a month's joint risk, on a made-up published copy."""

import dataclasses
import datetime as dt
import re

import duckdb
import numpy as np
import pandas as pd
import pytest
from tests.joint_risk import published_joint as published

from comove.errors import WarehouseError
from comove.joint_risk.report import write_report
from comove.joint_risk.report_facts import read_facts
from comove.joint_risk.report_words import findings, refused_rivals
from comove.settings import Settings


def settings_of(folder) -> Settings:
    return Settings(portfolio="simulated", home=folder)


def facts_of(settings, month=published.MONTH):
    home = settings.places
    with duckdb.connect(str(home.serving), read_only=True) as connection:
        return read_facts(
            connection, home, portfolio="p", run_id=published.RUN, month=month
        )


def page_of(settings):
    said = write_report(settings, run_id=published.RUN, month=published.MONTH)
    return (settings.places.root / said["page"]).read_text()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    settings = settings_of(tmp_path_factory.mktemp("home"))
    published.publish(settings.places)
    return settings


@pytest.fixture(scope="module")
def page(settings):
    return page_of(settings)


@pytest.fixture(scope="module")
def facts(settings):
    return facts_of(settings)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    settings = settings_of(tmp_path_factory.mktemp("empty"))
    published.publish_empty(settings.places)
    return settings


def test_the_page_stands_under_the_month_and_is_named_relative_to_the_home(
    settings, page
) -> None:
    said = write_report(settings, run_id=published.RUN, month=published.MONTH)

    assert said["page"] == "reports/joint_risk/2020-04/index.html"
    assert said["findings"] > 5


def test_the_page_needs_nothing_from_outside(page) -> None:
    without_pictures = re.sub(r'"data:image[^"]*"', '""', page)

    assert "http://" not in without_pictures
    assert "https://" not in without_pictures
    assert "<script" not in without_pictures
    assert "<link" not in without_pictures


def test_every_picture_of_the_issue_is_there_and_described(page) -> None:
    shown = re.findall(r'<img src="data:image/[^"]+" alt="([^";]+)', page)

    for words in (
        "Paths of the national factor",
        "Loadings of regions and industries",
        "Correlation of two borrowers of the largest cells",
        "Cells of the debtors linked to one default",
        "Spread of the index within each region and industry",
        "Events predicted and realised",
        "Skill of each model",
        "Distribution of the loss under both copulas",
        "Trace and rank plots",
        "Priors beside posteriors",
    ):
        assert any(one.startswith(words) for one in shown), words


def test_no_borrower_and_no_event_is_named(page) -> None:
    assert published.KEY not in page


def test_names_of_groups_cannot_become_markup(page) -> None:
    assert "<b>west</b>" not in page
    assert "&lt;b&gt;west&lt;/b&gt;" in page


def test_writing_it_again_gives_the_same_page(settings, page) -> None:
    assert page_of(settings) == page


def test_the_findings_tell_the_sums_over_borrowers(facts) -> None:
    rows = published.borrowers()
    joint, alone = rows["joint_probability"].sum(), rows["pd"].sum()

    level = next(iter(findings(facts)))

    assert "May 2020" in level
    assert f"{joint:.1f} events of 300 borrowers" in level
    assert f"PD alone expects {alone:.1f}" in level
    assert f"{joint / alone:.2f} times" in level


def test_the_change_is_of_those_who_were_at_risk_before(facts) -> None:
    # Every index is 1.25 times the previous one. The intervals of the first 41 borrowers
    # lie above 1; five of them (0, 10, 20, 30, 40) have no previous index.
    said = next(one for one in findings(facts) if "beyond doubt" in one)

    assert "25 % riskier" in said
    assert "36 of 270" in said


def test_the_verdict_on_the_factor_model_comes_with_its_error(facts) -> None:
    rows = published.validation().pivot(index="month", columns="model")
    n = rows["n"]["independent"].to_numpy(float)
    base = n * rows["log_loss"]["independent"].to_numpy()
    ours = n * rows["log_loss"]["factor_copula"].to_numpy()

    said = next(one for one in findings(facts) if "out of time" in one)

    assert said.startswith("The factor copula beats PD alone")
    assert f"{100 * (1 - ours.sum() / base.sum()):.3g} % below" in said
    assert "4 months (22 events), better in 4 of them; standard error" in said


def test_leaving_counts_out_stands_beside_the_verdict_out_of_time(page) -> None:
    assert "PSIS-LOO" in page
    for shown in ("-410.2", "-422.8", "-12.5", "31.0"):
        assert shown in page


def test_one_month_is_no_verdict(settings) -> None:
    one = facts_of(settings, month=dt.date(2020, 1, 1))

    assert any(
        said.startswith("One month cannot tell whether the factor copula beats")
        for said in findings(one)
    )


def test_the_largest_default_of_the_newest_month_is_shown(facts) -> None:
    # 12 debtors of 500 outweigh 20 of 10; the still larger one is a month older.
    assert facts.event is not None
    assert (facts.event.region, facts.event.month) == ("north", published.MONTH)
    assert facts.event.debtors == 12
    assert facts.event.exposure == 6000.0
    assert facts.event.cells["debtors"].sum() == 12


def test_correlations_are_those_of_the_links(facts) -> None:
    square = facts.correlations

    assert square.shape == (6, 6)
    assert square.loc["east · mining", "east · mining"] == pytest.approx(0.09)
    assert square.loc["east · mining", "north · mining"] == pytest.approx(0.06)
    assert square.loc["east · mining", "north · retail"] == pytest.approx(0.04)
    np.testing.assert_array_equal(square.to_numpy(), square.to_numpy().T)


def test_quantiles_of_the_index_are_those_of_its_borrowers(facts) -> None:
    rows = published.borrowers()
    north = rows[rows["region"] == "north"]["joint_risk_index"]

    shown = facts.indices["region"].set_index("group_name").loc["north"]

    assert shown["n"] == 100
    np.testing.assert_allclose(
        shown[["q05", "q25", "q50", "q75", "q95"]].to_numpy(float),
        np.quantile(north, [0.05, 0.25, 0.5, 0.75, 0.95]),
    )


def test_a_refused_fit_is_shown_with_its_reason(page, facts) -> None:
    assert "3 divergences (none)" in page
    assert any("2 of 3 fits up to this month were refused" in s for s in findings(facts))


def test_a_model_without_a_score_is_named_beside_the_scores(page, facts) -> None:
    said = (
        f"Not scored in April 2020: Student-t copula. The gate refused "
        f"{published.REFUSED_RIVAL}: 3 divergences (none)."
    )
    assert list(refused_rivals(facts)) == [said]
    section = page[page.index('id="validation"') :]
    assert said in section[: section.index("</section>")]


def test_a_model_that_was_scored_in_spite_of_a_refused_fit_is_not_named(facts) -> None:
    rival = facts.validation.iloc[-1:].assign(model="student_t")
    scored = pd.concat([facts.validation, rival])
    assert not list(refused_rivals(dataclasses.replace(facts, validation=scored)))


def test_without_any_row_every_finding_says_it_is_not_available(empty) -> None:
    said = list(findings(facts_of(empty)))

    assert len(said) == 6
    assert all("not available" in one for one in said)


def test_without_any_row_the_page_is_written_and_draws_nothing_empty(empty) -> None:
    page = page_of(empty)

    assert page.count("<img") == 11
    assert "model <code>none</code>" in page


def test_a_portfolio_without_joint_risk_says_why(tmp_path) -> None:
    settings = settings_of(tmp_path)
    published.publish_empty(settings.places)
    with duckdb.connect(str(settings.places.serving)) as connection:
        connection.execute(
            "insert into audit.unavailable_model values (?, 'joint_risk', ?)",
            [published.RUN, "the portfolio has no monthly PDs."],
        )

    page = page_of(settings)

    assert "not available for this portfolio: the portfolio has no monthly PDs." in page
    assert "<img" not in page


def test_tables_never_published_are_as_good_as_empty(tmp_path) -> None:
    settings = settings_of(tmp_path)
    settings.places.make()
    duckdb.connect(str(settings.places.serving)).close()

    assert "not available" in page_of(settings)


def test_a_posterior_whose_folder_is_gone_leaves_its_figures(tmp_path) -> None:
    settings = settings_of(tmp_path)
    published.publish(settings.places)
    (settings.places.root / published.FOLDER / "trace.nc").unlink()

    facts = facts_of(settings)

    assert facts.trace is None
    assert "folder" in facts.why_no_trace
    assert any("r_hat 1.0031" in one for one in findings(facts))


def test_before_anything_was_published_it_says_what_to_do(tmp_path) -> None:
    with pytest.raises(WarehouseError, match="nothing has been published"):
        write_report(settings_of(tmp_path), run_id=published.RUN, month=published.MONTH)
