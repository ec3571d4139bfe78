"""The matrix of a made book, cell by cell against scipy and toad."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.score_drift.book import Tables, applications, build_book
from tests.score_drift.plain import assert_matrix_is_plain

from comove.errors import WarehouseError
from comove.score_drift.build import build_drift


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Eight months; the matrix also by channel and by product."""
    folder = tmp_path_factory.mktemp("book")
    cuts = ("channel", "product")
    return build_book(applications(), folder, drift_cuts=cuts, drift_baseline_months=3)


def _some_waiting(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave one in 11 undecided, and one in 7 of the draw-downs."""
    number = np.arange(len(rows))
    waits = number % 7 == 0
    rows.loc[waits, ["drawdown_decision", "drawdown_decided_at", "disbursed_at"]] = None
    undecided = number % 11 == 0
    times = rows.columns[
        rows.columns.str.endswith("_at") & (rows.columns != "applied_at")
    ]
    rows.loc[undecided, ["decision", "drawdown_decision", *times]] = None
    return rows


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The lender's score, of some thirty values, so that most are tied."""
    folder = tmp_path_factory.mktemp("lender")
    rows = _some_waiting(applications(seed=6))
    changed = {"drift_score": "lender", "drift_groups": 7, "drift_cuts": ("region",)}
    return build_book(rows, folder, **changed)


def _request(tables: Tables) -> pd.Series:
    return tables.read("select * from audit.drift_request").iloc[0]


@pytest.mark.parametrize("name", ["book", "lender"])
def test_every_cell_is_that_of_scipy_and_toad(
    name: str, request: pytest.FixtureRequest
) -> None:
    tables: Tables = request.getfixturevalue(name)
    compared = assert_matrix_is_plain(
        tables.read("select * from risk.score_drift"),
        tables.read("select * from risk.application_label"),
        _request(tables),
    )
    assert compared > 60
    assert tables.report.cells == compared


@pytest.mark.parametrize(
    ("name", "cut"), [("book", "channel"), ("book", "product"), ("lender", "region")]
)
def test_cuts_are_the_same_matrix_of_part_of_the_applications(
    name: str, cut: str, request: pytest.FixtureRequest
) -> None:
    tables: Tables = request.getfixturevalue(name)
    labels = tables.read("select * from risk.application_label")
    matrix = tables.read(f"select * from risk.score_drift_cut where cut_by = '{cut}'")
    assert set(matrix["cut_value"]) == set(labels[cut])
    for value, part in matrix.groupby("cut_value"):
        of_value = labels[labels[cut] == value]
        assert assert_matrix_is_plain(part, of_value, _request(tables)) > 40


def test_no_cut_is_made_that_was_not_asked_for(book: Tables, lender: Tables) -> None:
    assert set(book.read("select * from risk.score_drift_cut").cut_by) == {
        "channel",
        "product",
    }
    assert set(lender.read("select * from risk.score_drift_cut").cut_by) == {"region"}


def test_changes_are_differences_of_cells(book: Tables) -> None:
    matrix = book.read("select * from risk.score_drift").set_index(
        ["label", "stage", "cohort_month"]
    )
    earlier = pd.DateOffset(months=1)
    for (label, stage, month), row in matrix.iterrows():
        if row.parent_stage is not None:
            above = matrix.ks.get((label, row.parent_stage, month), np.nan)
            assert row.vertical_change == pytest.approx(row.ks - above, nan_ok=True)
        before = matrix.ks.get((label, stage, month - earlier), np.nan)
        assert row.horizontal_change == pytest.approx(row.ks - before, nan_ok=True)
        assert row.baseline_change == pytest.approx(row.ks - row.baseline_ks, nan_ok=True)


def test_the_histogram_holds_every_labelled_score(book: Tables) -> None:
    histogram = book.read(
        """
        select stage, cohort_month, label, sum(n_good) as good, sum(n_bad) as bad
        from risk.score_histogram where cut_by = 'all' group by all
        """
    )
    matrix = book.read("select * from risk.score_drift where n_good + n_bad > 0")
    both = matrix.merge(histogram, on=["stage", "cohort_month", "label"], how="outer")
    assert (both["n_good"] == both["good"]).all()
    assert (both["n_bad"] == both["bad"]).all()


def test_parts_of_the_funnel_add_up_in_every_month(lender: Tables) -> None:
    """What waits is counted from applications, and not as what is left over."""
    labels = lender.read("select * from risk.application_label")
    counts = lender.read("select * from risk.funnel_count")
    seen = 0
    for month, part in counts.set_index("stage").groupby("cohort_month"):
        n, waiting = part["n"], part["n_waiting"]
        ended = labels.loc[labels.cohort_month == month, "funnel_end"].value_counts()
        assert n.credit_applied == ended.sum()
        assert waiting.credit_applied == ended.get("undecided", 0)
        assert waiting.drawdown_applied == ended.get("pending", 0)
        assert (
            n.credit_applied
            == n.credit_approved + n.credit_rejected + waiting.credit_applied
        )
        assert n.credit_approved == n.drawdown_applied + n.approved_undrawn
        assert (
            n.drawdown_applied
            == n.disbursed + n.drawdown_rejected + waiting.drawdown_applied
        )
        seen += ended.get("undecided", 0) > 0 and ended.get("pending", 0) > 0
    assert seen > 0


def test_labels_stand_beside_the_scores(book: Tables) -> None:
    differ = book.read(
        """
        select score.application_key
        from risk.score full join risk.application_label as label
            on score.application_key = label.application_key
        where score.first_label is distinct from label.first_label
            or score.second_label is distinct from label.second_label
            or score.policy_label is distinct from label.policy_label
        """
    )
    assert differ.empty
    assert book.report.labelled == book.report.applications == 2080


def test_nothing_is_known_after_the_month_of_the_run(tmp_path: Path) -> None:
    """In June the newest outcomes are of money that left up to 31 December."""
    tables = build_book(applications(months=14), tmp_path, month=dt.date(2024, 6, 1))
    rows = tables.read("select * from risk.application_label")
    mart = tables.read("select * from marts.fct_application")
    rows = rows.merge(mart[["application_key", "decided_at", "disbursed_at"]])
    assert rows["cohort_month"].max() == pd.Timestamp("2024-06-01")
    assert rows.loc[rows["funnel_end"] == "disbursed", "disbursed_at"].max() < (
        pd.Timestamp("2024-07-01")
    )
    late = rows["decided_at"] >= "2024-07-01"
    assert (rows.loc[late, "funnel_end"] == "undecided").all()
    known = rows[rows["performance_label"].notna()]
    assert known["disbursed_at"].max() < pd.Timestamp("2024-01-01")
    assert known["disbursed_at"].max() > pd.Timestamp("2023-12-20")
    cell = tables.cell(stage="disbursed", label="performance", cohort_month="2024-03")
    assert (cell.status, cell.is_mature) == ("no labels", False)


@pytest.mark.slow
def test_without_a_drift_5_percent_of_cells_are_beyond_chance(tmp_path: Path) -> None:
    """But for 2; without a tolerance, which would leave fewer still."""
    flagged, judged = 0, 0
    for seed in (1, 2):
        tables = build_book(
            applications(months=42, a_month=700, seed=seed),
            tmp_path / str(seed),
            drift_tolerance_ks=0.0,
        )
        cells = tables.read(
            "select * from risk.score_drift "
            "where drift_reference is not null and status = 'judged' and not is_baseline"
        )
        assert {"policy", "performance"} == set(cells["label"])
        flagged, judged = flagged + cells["is_drift"].sum(), judged + len(cells)
    assert judged > 300
    assert flagged / judged <= 0.07


def test_a_run_again_gives_the_same_matrix(book: Tables) -> None:
    table = "select * exclude (run_id) from risk.score_drift order by all"
    before = book.read(table)
    build_drift(
        book.settings, run_id="again", month=dt.date(2024, 12, 1), tell=lambda _: None
    )
    pd.testing.assert_frame_equal(before, book.read(table))


def test_before_the_first_application_there_is_nothing_to_build(book: Tables) -> None:
    with pytest.raises(WarehouseError, match="no application up to 2020-01"):
        build_drift(book.settings, run_id="early", month=dt.date(2020, 1, 1))
