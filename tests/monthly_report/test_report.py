"""Page and print: kept for every run, from the published copy, and naming nobody."""

import re
from pathlib import Path

import pytest
from tests.monthly_report.made_month import KEYS, MONTH, made_tables, publish_tables

from comove.errors import WarehouseError
from comove.monthly_report.figures import STAGES
from comove.monthly_report.report import write_report
from comove.settings import Settings

# Chapters without pictures, and the portfolio; the whole chain's test draws the others.
PLAIN = ("marts.", "audit.", "risk.portfolio_loss", "risk.default_event",
         "risk.strategy_action")  # fmt: skip
RUN = "manual__2024-07-03T06:00:00+00:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("home"), portfolio="contract")
    tables = made_tables()
    publish_tables(settings, {n: t for n, t in tables.items() if n.startswith(PLAIN)})
    return settings


def report(settings: Settings, run_id: str = RUN) -> tuple[Path, Path]:
    written = write_report(settings, run_id=run_id, month=MONTH.date())
    root = settings.places.root
    return root / written["page"], root / written["printed"]


@pytest.fixture(scope="module")
def written(home: Settings) -> tuple[Path, Path]:
    """Page and print of a run."""
    return report(home)


def test_each_run_keeps_its_report_and_the_newest_is_beside_them(
    home: Settings, written: tuple[Path, Path]
) -> None:
    first, _ = written
    kept = first.read_bytes()
    second, printed = report(home, "../../later")
    assert first.parent != second.parent
    assert first.read_bytes() == kept
    newest = home.places.reports / "monthly_report" / "2024-06"
    assert {first.parent.parent, second.parent.parent} == {newest}
    assert (newest / "index.html").read_bytes() == second.read_bytes()
    assert (newest / "monthly_report.pdf").read_bytes() == printed.read_bytes()
    assert not list(newest.rglob("*.part"))


def test_the_same_tables_and_run_give_the_same_bytes(
    home: Settings, written: tuple[Path, Path]
) -> None:
    before = [file.read_bytes() for file in written]
    assert [file.read_bytes() for file in report(home)] == before


def test_the_page_needs_nothing_from_outside_and_names_nobody(
    written: tuple[Path, Path],
) -> None:
    page, printed = written
    text = page.read_text()
    assert not re.search(r"(src|href)=.?(https?:)?//", text)
    assert [key for key in KEYS if key in text] == []
    assert [key for key in KEYS if key.encode() in printed.read_bytes()] == []


def test_every_chapter_is_there_or_named_as_not_available(
    written: tuple[Path, Path],
) -> None:
    text = written[0].read_text()
    assert [one.title for one in STAGES if f'id="{one.name}"' not in text] == []
    absent = set(re.findall(r"<p>([^:<]+): not available", text))
    there = {"Portfolio", "Portfolio loss", "Response to defaults", "Data quality"}
    assert absent == {one.title for one in STAGES} - there


def test_figures_stand_beside_their_table_run_and_model(
    written: tuple[Path, Path],
) -> None:
    text = written[0].read_text()
    assert "From run run of risk.portfolio_loss; model copula." in text
    assert "<td>risk.portfolio_loss</td>" in text
    assert f"<code>{RUN}</code>" in text


def test_a_hostile_reason_stays_text(settings: Settings) -> None:
    tables = made_tables()
    some = {name: table for name, table in tables.items() if name.startswith(PLAIN)}
    some["audit.unavailable_model"] = some["audit.unavailable_model"].assign(
        reason="<b>&amp;</b>", purpose="pd"
    )
    publish_tables(settings, some)
    page, printed = report(settings)
    assert "<b>" not in page.read_text()
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in page.read_text()
    assert printed.stat().st_size > 0


def test_before_anything_is_published_it_says_what_to_run(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="nothing has been published yet"):
        report(settings)
