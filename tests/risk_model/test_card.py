import dataclasses
import datetime as dt
import re

import pytest

from comove.risk_model.canvas import unavailable
from comove.risk_model.card import (
    CardContent,
    FeatureLine,
    PerformanceLine,
    render_card,
    write_card,
)
from comove.risk_model.judgement import Check

MARCH = dt.date(2024, 3, 1)
LINE = PerformanceLine(
    label="North", group="region", rows=1000, events=40, expected=50.0, auc=0.7123,
    log_loss=0.1234567,
)  # fmt: skip


def check(**given):
    return Check(
        **{
            "name": "Events are ranked",
            "severity": "critical",
            "success": True,
            "observed": "AUC 0.71",
            "expected": "AUC at least 0.55",
            "remedy": "look",
            **given,
        }
    )


def content(**given):
    return CardContent(
        **{
            "model_version": "pd-blend-2024-03-0a1b2c3d",
            "purpose": "pd",
            "algorithm": "blend",
            "status": "champion",
            "is_champion": True,
            "portfolio": "A lender",
            "run_id": "r1",
            "month": MARCH,
            "uses": ("Probability of an event next month.",),
            "tier": "high",
            "owner": "credit risk",
            "trained_from": dt.date(2021, 1, 1),
            "trained_to": dt.date(2024, 1, 1),
            "first_month_predicted": MARCH,
            "rows_trained": 10_000,
            "events_trained": 250,
            "seed": 20_260_101,
            "data_hash": "d" * 64,
            "settings_hash": "e" * 64,
            **given,
        }
    )


def test_every_heading_names_what_supervisors_ask():
    headings = re.findall(r"^## .*$", render_card(content(), {}), flags=re.MULTILINE)
    assert len(headings) == 13
    for asked in ("SR 26-2", "EBA 4.4", "EBA 5.2.2", "EBA 5.3", "EBA 9"):
        assert any(asked in heading for heading in headings), asked


def test_what_made_the_model_stands_there_to_the_digit():
    text = render_card(content(library_versions={"xgboost-cpu": "3.4.1"}), {})
    for fact in ("20260101", "d" * 64, "e" * 64, "3.4.1", "10,000", "250 (2.5 %)"):
        assert fact in text, fact


def test_an_empty_section_says_so_with_its_reason():
    text = render_card(content(unavailable={"months": "no month is over yet"}), {})
    assert "*not available: no month is over yet*" in text
    assert text.count("not available: ") >= 8


def test_performance_shows_observed_and_expected():
    text = render_card(content(segments=(LINE,)), {})
    row = next(line for line in text.splitlines() if "North" in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "region", "North", "1,000", "40", "4 %", "5 %", "0.80", "0.12346", "0.712", "-",
        "-", "",
    ]  # fmt: skip


def test_few_events_are_marked():
    thin = dataclasses.replace(LINE, events=29)
    assert "fewer than 30 events" in render_card(content(segments=(thin,)), {})
    assert thin.is_thin
    assert not LINE.is_thin


def test_nan_and_no_rows_are_a_dash():
    line = PerformanceLine("none", rows=0, events=0, expected=0.0, auc=float("nan"))
    assert (line.observed_rate, line.expected_rate, line.ratio) == (None, None, None)
    text = render_card(content(overall=(line,)), {})
    assert "| nan" not in text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "| passed |"),
        ({"success": False}, "| **failed** |"),
        ({"success": False, "severity": "warning"}, "| warning |"),
        ({"observed": "not available: no champion"}, "| not available |"),
    ],
)
def test_checks_say_how_they_went(given, shown):
    assert shown in render_card(content(checks=(check(**given),)), {})


def test_a_refused_model_says_why():
    text = render_card(content(refused_because="AUC was 0.51."), {})
    assert "**Refused:** AUC was 0.51." in text


def test_features_kept_and_dropped_have_their_signs_and_reasons():
    lines = (
        FeatureLine("dpd", "days past due", 1, importance=0.5),
        FeatureLine("colour", is_kept=False, reason="information value 0.002"),
    )
    text = render_card(content(features=lines), {})
    assert "| dpd | days past due | yes | more is riskier | 0.500 |  |" in text
    assert "| colour |  | no | free | - | information value 0.002 |" in text


def test_hostile_text_makes_no_table_tag_or_link():
    hostile = "a|b\n## <script>x</script> [c](http://d)"
    text = render_card(content(limits=(hostile,), portfolio=hostile), {})
    assert "<script>" not in text
    assert "\n## <" not in text
    assert not re.search(r"(?<!\\)\[c(?<!\\)\]\(", text)


def test_tables_have_as_many_cells_as_their_head():
    full = content(
        overall=(LINE,), months=(LINE,), segments=(LINE,), comparison=(LINE,),
        checks=(check(),), features=(FeatureLine("a|b"),), calibration={"slope": 1.01},
        parameters={"xgboost": {"max_depth": 3}}, stability=(("a", "2024-01", 0.3),),
    )  # fmt: skip
    blocks = re.findall(r"(?:^\|.*\n)+", render_card(full, {}), flags=re.MULTILINE)
    assert len(blocks) >= 10
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}
        assert len(widths) == 1, block


def test_a_card_and_its_pictures_are_written_beside_one_another(tmp_path):
    folder = tmp_path / "artifacts" / "m"
    card = write_card(folder, content(), {"Calibration": unavailable("x", "y")})
    assert card == folder / "card.md"
    assert "](calibration.png)" in card.read_text()
    assert {file.name for file in folder.iterdir()} == {"card.md", "calibration.png"}


def test_the_same_content_gives_the_same_bytes(tmp_path):
    pictures = {"Calibration": unavailable("x", "y")}
    first = write_card(tmp_path / "a", content(), pictures)
    second = write_card(tmp_path / "b", content(), pictures)
    assert first.read_bytes() == second.read_bytes()
    for name in ("calibration.png",):
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()
