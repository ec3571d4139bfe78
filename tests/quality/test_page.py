import datetime as dt
import re
import shutil
import subprocess

import pytest

from comove.quality.page import Line, file_name, render_page

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def a_line(**given):
    return Line(
        **{
            "stage": "landed",
            "check_name": "No file was refused",
            "severity": "critical",
            "success": False,
            "observed": "loans.csv: cut",
            "expected": "none",
            "table_name": "deliveries",
            "column_name": "refusal",
            "reason": "why",
            "checked_at": dt.datetime(2026, 1, 1),
            **given,
        }
    )


@pytest.mark.parametrize(
    "field",
    ["check_name", "observed", "expected", "table_name", "column_name", "reason"],
)
def test_hostile_text_is_escaped_everywhere(field):
    page = render_page("lender", "run", [a_line(**{field: HOSTILE})])
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_hostile_run_ids_are_escaped():
    assert "<script>alert" not in render_page("lender", HOSTILE, [a_line()])


def test_the_page_asks_for_nothing_from_outside():
    page = render_page("lender", "run", [a_line()])
    assert not re.findall(r"(?:src|href|url|import|fetch)\s*[=(]", page)
    assert "://" not in page
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"success": True}, "passed"),
        ({"severity": "critical"}, "failed"),
        ({"severity": "warning"}, "warning"),
        ({"severity": "info"}, "noted"),
        ({"success": True, "observed": "not available for this x"}, "not available"),
    ],
)
def test_status_stands_there_in_words(given, status):
    line = a_line(**given)
    assert line.status == status
    row = render_page("lender", "run", [line]).split("<tbody>")[1]
    assert f">{status}</span>" in row


def test_a_run_without_results_says_so():
    assert "No gate has recorded anything" in render_page("lender", "run", [])


def test_run_ids_become_distinct_safe_file_names():
    names = {file_name(run) for run in ("a:b", "a+b", "a_b", "../../a", ".hidden")}
    assert len(names) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name) for name in names)


def test_a_link_to_a_status_shows_only_its_checks(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine; the filter is a convenience only")
    lines = [a_line(), a_line(success=True)]
    file = tmp_path / "page.html"
    file.write_text(render_page("lender", "run", lines))
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--dump-dom", f"file://{file}#passed"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert re.search(r'<tr data-status="failed" hidden', shown)
    assert re.search(r'<tr data-status="passed">', shown)
