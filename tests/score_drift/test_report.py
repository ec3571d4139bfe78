"""The page of the score drift: complete, self-contained, and honest where it is thin."""

import datetime as dt
import re
from pathlib import Path

import pandas as pd
import pytest
from tests.score_drift.made_drift import (
    DRIFTED,
    made_drift,
    made_facts,
    made_funnel,
)

from comove.connection import connect
from comove.risk_model.page import Heading, render_page
from comove.risk_model.sections import Section
from comove.score_drift.report import _heading, write_print, write_report
from comove.score_drift.report_facts import DriftFacts
from comove.score_drift.report_sections import all_sections, findings
from comove.settings import Settings

DECEMBER = dt.date(2024, 12, 1)


def sections(facts: DriftFacts) -> dict[str, Section]:
    return {one.name: one for one in all_sections(facts, "origin")}


@pytest.fixture(scope="module")
def page() -> str:
    facts = made_facts()
    heading = _heading(facts)
    return render_page(heading, all_sections(facts, heading.origin))


def test_the_three_reports_are_pictures_and_tables() -> None:
    found = sections(made_facts())
    assert list(found) == [
        "summary",
        "matrix",
        "vertical",
        "horizontal",
        "funnel",
        "gates",
    ]
    for name in ("matrix", "vertical", "horizontal"):
        assert found[name].pictures
        assert found[name].tables


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    assert not re.search(r"<script|<link|https?://(?!www\.w3\.org)", page)
    sources = re.findall(r'src="([^"]{0,20})', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)


def test_a_drift_is_told_with_stage_step_label_months_and_size() -> None:
    (sentence,) = (s for s in findings(made_facts()) if s.startswith("Drift"))
    assert "credit approved (credit policy), policy label" in sentence
    assert "2023-09, 2023-10, 2023-11" in sentence
    assert re.search(r"-0\.2\d+ of KS \(-0\.2\d+ to -0\.1\d+\)", sentence)


def test_what_was_not_judged_is_counted_and_what_is_absent_named() -> None:
    said = " ".join(findings(made_facts()))
    assert "Not available for this portfolio: drawdown rejected." in said
    drift = made_drift()
    thin, immature = (int((drift["status"] == s).sum()) for s in ("thin", "immature"))
    assert f"{immature} immature cells and {thin} thin ones" in said


def test_without_a_drift_it_says_so() -> None:
    facts = made_facts(drift=made_drift().assign(is_drift=False))
    assert "No cell drifted beyond the tolerance and beyond chance." in findings(facts)
    assert sections(facts)["matrix"].tables == ()


def test_the_table_of_drifts_names_reference_and_interval() -> None:
    (table,) = sections(made_facts())["matrix"].tables
    assert len(table.rows) == len(DRIFTED[2])
    assert table.rows[0][:4] == ("credit approved", "policy", "2023-11", "selection")


def test_each_step_of_the_newest_mature_cohort_has_its_effect() -> None:
    (table,) = sections(made_facts())["vertical"].tables
    steps = [row[1] for row in table.rows]
    assert steps == ["-", "Credit policy", "Draw-down willingness", "Draw-down control"]
    assert table.caption.startswith("Cohort of 2024-10")
    assert "Effect" in table.head


def test_the_cohort_shown_is_mature_at_every_recorded_stage() -> None:
    drift = made_drift()
    of_policy = drift[(drift["label"] == "policy") & drift["is_mature"]]
    assert of_policy["cohort_month"].max() == pd.Timestamp(DECEMBER)
    assert made_facts().judged_month("policy") == pd.Timestamp("2024-10-01")
    # What is not recorded is not waited for.
    drift.loc[drift["stage"] == "disbursed", "is_available"] = False
    drift.loc[drift["stage"] == "disbursed", ["is_mature", "ks"]] = [False, None]
    assert made_facts(drift=drift).judged_month("policy") == pd.Timestamp("2024-10-01")


def test_without_a_mature_cohort_the_way_down_says_so() -> None:
    drift = made_drift()
    drift.loc[drift["stage"] == "disbursed", "is_mature"] = False
    facts = made_facts(drift=drift)
    assert facts.judged_month("policy") is None
    assert sections(facts)["vertical"].tables == ()


def test_thin_and_immature_cells_are_grey_in_tables() -> None:
    policy = sections(made_facts())["horizontal"].tables[0]
    for place, row in enumerate(policy.rows):
        assert (row[2] in ("thin", "immature")) == (place in policy.thin)


def test_a_portfolio_without_a_score_says_so() -> None:
    facts = made_facts(
        drift=pd.DataFrame(columns=made_drift().columns),
        funnel=pd.DataFrame(),
        why_nothing="No application has a score.",
    )
    assert list(findings(facts)) == [
        "Not available for this portfolio: No application has a score."
    ]
    assert list(sections(facts)) == ["summary", "gates"]


def test_a_matrix_without_any_ks_says_so() -> None:
    empty = made_drift()
    numbers = [c for c in empty if c.startswith(("ks", "drift_change", "selection"))]
    empty[numbers] = float("nan")
    facts = made_facts(drift=empty.assign(is_drift=False, status="no labels"))
    assert "No cell of the matrix has a KS" in next(iter(findings(facts)))
    assert sections(facts)["vertical"].pictures


@pytest.mark.parametrize("stage", ["disbursed", "credit_applied"])
def test_a_portfolio_with_one_stage_is_shown(stage: str) -> None:
    drift, funnel = made_drift(), made_funnel()
    for frame in (drift, funnel):
        frame["is_available"] = frame["stage"] == stage
        numbers = frame.select_dtypes("number").columns.drop("stage_no")
        frame.loc[frame["stage"] != stage, numbers] = float("nan")
        if "is_drift" in frame:
            frame["is_drift"] = False
    facts = made_facts(drift=drift, funnel=funnel)
    heading = _heading(facts)
    text = render_page(heading, all_sections(facts, heading.origin))
    assert "Not available for this portfolio: " in text


def test_a_label_nobody_has_is_named() -> None:
    drift = made_drift()
    drift.loc[drift["label"] == "policy", ["ks", "drift_change"]] = float("nan")
    drift["is_drift"] = False
    said = " ".join(findings(made_facts(drift=drift)))
    assert "No cell has good and bad applications by the policy label." in said


def cut(**changed: object) -> pd.DataFrame:
    """The made matrix as that of a region, north drifting where the whole does."""
    whole = made_drift().query("label == 'policy' and ks == ks")
    south = whole.assign(is_drift=False, cut_value="south")
    return pd.concat([south, whole.assign(cut_value="north")]).assign(
        **{"cut_by": "region"} | changed
    )


def test_drifts_of_further_cuts_come_first_with_change_and_interval() -> None:
    flagged, newest = sections(made_facts(cuts=cut()))["cuts"].tables
    assert [row[1:7] for row in flagged.rows] == [
        ("north", "credit approved", "policy", f"2023-{month}", "drift", "selection")
        for month in (11, 10, "09")
    ]
    change, interval = flagged.rows[0][-2:]
    assert re.fullmatch(r"-0\.2\d\d", change)
    assert re.fullmatch(r"-0\.\d{3} to -0\.\d{3}", interval)
    assert {row[4] for row in newest.rows} == {"2024-12"}


def test_a_drift_of_the_newest_cohort_leads_its_cuts() -> None:
    cuts = cut()
    last = (cuts["cohort_month"] == pd.Timestamp(DECEMBER)) & (cuts["stage_no"] == 4)
    cuts.loc[last & (cuts["cut_value"] == "north"), "is_drift"] = True
    *_, newest = sections(made_facts(cuts=cuts))["cuts"].tables
    assert newest.rows[0][1:3] == ("north", "disbursed")
    assert [row[5] == "drift" for row in newest.rows].count(True) == 1


def test_drifts_of_further_cuts_are_findings() -> None:
    (said,) = (s for s in findings(made_facts(cuts=cut())) if "region north" in s)
    assert said.startswith("Drift at credit approved (credit policy), policy label, ")
    assert "2023-09, 2023-10, 2023-11" in said
    none = list(findings(made_facts(cuts=cut(is_drift=False))))
    assert "No cell of the further cuts (region) drifted." in none
    assert not any("further cuts" in s for s in findings(made_facts()))


def test_of_many_drifts_of_cuts_the_rest_is_counted() -> None:
    cuts = pd.concat([cut(cut_value=f"place {n}") for n in range(13)])
    said = list(findings(made_facts(cuts=cuts)))
    assert "3 more stages of further cuts drifted." in said
    assert sum("region place" in s for s in said) == 10


def test_the_print_holds_every_picture(tmp_path: Path) -> None:
    facts = made_facts()
    shown = [sections(facts)[name] for name in ("vertical", "funnel")]
    file = write_print(tmp_path / "score_drift.pdf", _heading(facts), shown)
    assert file is not None
    text = file.read_bytes()
    assert text.startswith(b"%PDF")
    assert b"/Count 3" in text
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_pictures_print_the_same_bytes(tmp_path: Path) -> None:
    printed = []
    for name in ("first", "second"):
        facts = made_facts()
        file = write_print(tmp_path / name, _heading(facts), [sections(facts)["funnel"]])
        assert file is not None
        printed.append(file.read_bytes())
    assert printed[0] == printed[1]


def test_without_a_picture_an_earlier_print_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "score_drift.pdf"
    file.write_bytes(b"old")
    heading = Heading("Score drift", "A lender", "run", DECEMBER)
    assert write_print(file, heading, [Section("summary", "Findings")]) is None
    assert not file.exists()


def published(settings: Settings) -> Settings:
    """A published copy with the matrix made by hand."""
    drift, funnel = made_drift(), made_funnel()
    with connect(settings) as connection:
        connection.execute("create schema risk")
        for name, frame in (("score_drift", drift), ("funnel_count", funnel)):
            frame["cohort_month"] = frame["cohort_month"].dt.date
            connection.register("frame", frame)
            connection.execute(f"create table risk.{name} as from frame")
    settings.places.serving.parent.mkdir(parents=True, exist_ok=True)
    settings.places.warehouse.rename(settings.places.serving)
    return settings


def test_the_report_is_written_from_the_published_copy_up_to_its_month(
    settings: Settings,
) -> None:
    said = write_report(published(settings), run_id="run", month=dt.date(2023, 6, 1))
    home = settings.places.root
    assert said["page"] == "reports/score_drift/2023-06/index.html"
    # The drift comes later.
    assert "No cell drifted" in (home / said["page"]).read_text()
    assert (home / said["printed"]).read_bytes().startswith(b"%PDF")
    assert said["findings"] > 0
