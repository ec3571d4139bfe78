"""Pages of one thing: an event's network, a cell's KS curve, a model's card."""

import duckdb
import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.stats import ks_2samp
from tests.pages.conftest import site_of
from tests.pages.small_copy import KEY

from comove.pages.ks_curve import MOST_POINTS
from comove.settings import Settings

CURVE = "/score-drift/cell/curve?cohort_month=2024-06-01&label=policy&stage="


@pytest.mark.parametrize(
    ("stage", "ends"),
    [("disbursed", ["disbursed"]), ("credit_applied", ["disbursed", "rejected"])],
)
def test_the_largest_distance_of_a_cell_is_its_two_sample_ks(
    published: Settings, site: TestClient, stage: str, ends: list[str]
) -> None:
    """Against scipy, on the same applications."""
    with duckdb.connect(published.places.serving, read_only=True) as connection:
        rows = connection.execute(
            "select score, policy_label from risk.application_label "
            "where list_contains(?, funnel_end)",
            [ends],
        ).df()
    good, bad = (rows.score[rows.policy_label == one] for one in ("good", "bad"))
    expected = ks_2samp(good, bad)
    found = site.get(CURVE + stage).json()
    assert found["mark"]["high"] - found["mark"]["low"] == pytest.approx(
        expected.statistic
    )
    assert {row["series"] for row in found["rows"]} == {
        f"good ({len(good)})",
        f"bad ({len(bad)})",
    }


def test_a_curve_of_many_scores_is_thinned_and_keeps_its_largest_distance(
    own: Settings,
) -> None:
    middles = np.array([[610], [590]])
    scores = np.random.default_rng(3).normal(middles, 50, (2, 5_000))
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(
            "insert into risk.application_label by name select score, label as "
            "policy_label, date '2024-06-01' as cohort_month, 'refused' as funnel_end, "
            "from (select unnest(?::double[]) as score, 'good' as label union all "
            "select unnest(?::double[]), 'bad')",
            scores.tolist(),
        )
        connection.execute(
            "insert into risk.score_drift by name select * replace "
            "('drawdown_rejected' as stage) from risk.score_drift where stage_no = 4"
        )
    found = site_of(own).get(CURVE + "drawdown_rejected").json()
    expected = ks_2samp(*scores).statistic
    assert found["mark"]["high"] - found["mark"]["low"] == pytest.approx(expected)
    assert len(found["rows"]) <= 2 * (MOST_POINTS + 30)


def test_a_cell_of_a_cut_stands_beside_its_own_baseline(own: Settings) -> None:
    """Only the cut's applications count, in the month and in the baseline months."""
    with duckdb.connect(own.places.serving) as connection:
        connection.execute(
            """
            update risk.application_label set region = 'q' where score > 580;
            insert into risk.application_label by name
            select * replace (date '2024-02-01' as cohort_month, score + 9 as score)
            from risk.application_label;
            create table risk.score_drift_cut as
            select 'region' as cut_by, 'r' as cut_value, * from risk.score_drift;
            create table audit.drift_request as
            select date '2024-01-01' as baseline_from, date '2024-03-01' as baseline_to;
            """
        )
        good, bad = (
            connection.execute(
                "select score from risk.application_label where region = 'r' and "
                "policy_label = ? and cohort_month = date '2024-06-01'",
                [label],
            ).fetchnumpy()["score"]
            for label in ("good", "bad")
        )
    cut = "credit_applied&cut_by=region&cut_value=r"
    found = site_of(own).get(CURVE + cut).json()
    expected = ks_2samp(good, bad).statistic
    assert found["mark"]["high"] - found["mark"]["low"] == pytest.approx(expected)
    ends = {name: max(r["x"] for r in found["rows"] if r["series"] == name)
            for name in {row["series"] for row in found["rows"]}}  # fmt: skip
    last = max(good.max(), bad.max())
    assert ends == {
        f"good ({len(good)})": last,
        f"bad ({len(bad)})": last,
        f"good ({len(good)}), baseline months": last + 9,
        f"bad ({len(bad)}), baseline months": last + 9,
    }


def test_a_cut_of_nobody_has_no_curve(site: TestClient) -> None:
    answer = site.get(CURVE + "disbursed&cut_by=channel&cut_value=' or 1=1 --")
    assert answer.status_code == 404


def test_linked_debtors_stand_around_their_event(site: TestClient) -> None:
    """The stronger the lift, the nearer; those with an action come first."""
    rows = site.get("/event/e1/network").json()["rows"]
    assert [row["strategy"] for row in rows] == ["freeze", "freeze", *["no action"] * 2]
    assert [row["status"] for row in rows] == ["approved", "approved", None, None]
    far = [np.hypot(row["x"], row["y"]) for row in rows]
    lifts = [row["link_lift"] for row in rows]
    assert np.argsort(far).tolist() == np.argsort(lifts)[::-1].tolist()
    assert min(far) == pytest.approx(0.45)
    assert max(far) == pytest.approx(1.2)


def test_the_table_beside_the_network_leads_to_the_borrowers(site: TestClient) -> None:
    text = site.get("/event/e1").text
    assert f'href="../borrower/{4:032d}"' in text
    assert text.count("approved") == 2


def test_a_borrowers_rows_are_those_of_the_borrower(site: TestClient) -> None:
    found = site.get(f"/borrower/{KEY}/table/risk-joint_risk_index").json()
    assert found["total"] == 2
    assert {row[0] for row in found["rows"]} == {KEY}


def test_pages_of_runs_show_no_rows_of_persons(site: TestClient) -> None:
    text = site.get("/run/run1").text
    assert "audit-quality_result" in text
    assert "risk-" not in text


def test_a_model_shows_its_card(site: TestClient) -> None:
    text = site.get("/model/m1").text
    assert "<h1>Card of m1</h1>" in text
    assert "<td>1</td>" in text


@pytest.mark.parametrize("version", ["m2", "m3"])
def test_a_card_is_one_of_the_models_own_or_none(own: Settings, version: str) -> None:
    secret = own.places.root / "secrets" / "key.md"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("hidden words")
    text = site_of(own).get(f"/model/{version}").text
    assert "hidden words" not in text
    assert "There is no model card" in text
