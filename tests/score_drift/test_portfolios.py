"""Every cell of every portfolio against scipy and toad; stages as each records them.

Any score will do for that: real portfolios get a plain one made of delivered columns, so
that nothing has to be trained.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.portfolios.published import PUBLISHED, require_published
from tests.score_drift.book import Tables
from tests.score_drift.plain import assert_matrix_is_plain

from comove.audit import open_run
from comove.connection import connect
from comove.landing import land
from comove.portfolio import load_portfolio
from comove.recalibration.assess import factors_of, find_drifts
from comove.recalibration.factor import main_factor
from comove.risk_model.tables import ensure_risk_tables
from comove.score_drift.build import build_drift
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import Part, build, build_part

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

RECORDED = {
    "xente": {"credit_applied", "credit_approved", "credit_rejected", "disbursed"},
    "sba_7a": {"credit_approved", "disbursed"},
    "superlender": {"disbursed"},
}
# The two months before the fall of acceptance; left to itself it would hold April, too.
BASELINES: dict[str, dict[str, Any]] = {
    "xente": {"drift_baseline_from": dt.date(2019, 2, 1), "drift_baseline_months": 2}
}


def _built(settings: Settings, month: object) -> None:
    assert isinstance(month, type(load_portfolio("xente").last_month))
    open_run(settings, run_id="drift_test", dag_id="warehouse", month=month)
    land(settings, run_id="drift_test")
    build(settings, run_id="drift_test", month=month)
    build_part(Part.FEATURES, settings, run_id="drift_test", month=month)


def _score_plainly(settings: Settings) -> None:
    with connect(settings) as connection:
        ensure_risk_tables(connection)
        connection.execute(
            """
            insert into risk.score by name
            select application_key, false as is_mature, date '2014-01-01' as as_of,
                round(850 - 90 * log10(greatest(requested_amount, 1))
                    + 2 * (coalesce(age_years, 30) - 30), 2) as score
            from features.feat_application
            """
        )


def _assert_plain(tables: Tables) -> int:
    return assert_matrix_is_plain(
        tables.read("select * from risk.score_drift"),
        tables.read("select * from risk.application_label"),
        tables.read("select * from audit.drift_request").iloc[0],
    )


@pytest.mark.parametrize("name", RECORDED)
def test_real_portfolios(name: str, tmp_path: Path) -> None:
    require_published(name)
    settings = Settings(
        portfolio=name, home=tmp_path, data=PUBLISHED / name, **BASELINES.get(name, {})
    )
    settings.places.make()
    month = load_portfolio(name).last_month
    assert month is not None
    _built(settings, month)
    _score_plainly(settings)
    report = build_drift(settings, run_id="drift", month=month, tell=lambda _: None)
    tables = Tables(settings, report)
    assert _assert_plain(tables) == report.cells > 0
    matrix = tables.read("select * from risk.score_drift")
    assert set(matrix.loc[matrix["is_available"], "stage"]) == RECORDED[name]
    absent = matrix[~matrix["is_available"]]
    assert (absent["status"] == "not available").all()
    assert absent["n"].isna().all()
    if name == "xente":
        _assert_acceptance_falls(tables)
        _assert_others_are_turned_away(tables)


def _assert_acceptance_falls(tables: Tables) -> None:
    """It fell in April 2019: README of the published files."""
    shares = tables.read(
        """
        select cohort_month, share_of_parent from risk.funnel_count
        where stage = 'credit_approved' and n > 100
        """
    )
    shares = shares.set_index("cohort_month")["share_of_parent"].sort_index()
    before = shares["2018-11":"2019-03"]
    assert shares["2019-04-01"] < before.min()
    assert shares["2019-04-01"] < 0.6 < before.mean()


def _assert_others_are_turned_away(tables: Tables) -> None:
    """From April on scores of the rejected lie elsewhere than in February and March.

    Those of the approved do not: whoever still passes looks like those who passed. Both
    by chance alone (Smirnov's 1 % point), whatever the matrix itself makes of it.
    """
    shifts = _shifts(tables, "credit_rejected")
    approved = _shifts(tables, "credit_approved")
    april = pd.Timestamp("2019-04-01")
    assert shifts["score_shift_ks"][april] > 1.63 * shifts["scale"][april]
    assert shifts["psi"][april] > 0.25
    before = shifts.loc[shifts["is_baseline"], "score_shift_ks"]
    assert shifts["score_shift_ks"][april] > 2 * before.max()
    assert approved["score_shift_ks"][april] < 1.36 * approved["scale"][april]


def _shifts(tables: Tables, stage: str) -> pd.DataFrame:
    """Shift of the months from February 2019 on, and the scale of chance."""
    rows = tables.read(
        f"""
        select cohort_month, score_shift_ks, psi, n_scored, is_baseline
        from risk.score_drift
        where stage = '{stage}' and label = 'policy' and cohort_month >= date '2019-02-01'
        order by cohort_month
        """
    ).set_index("cohort_month")
    of_baseline = rows.loc[rows["is_baseline"], "n_scored"].sum()
    rows["scale"] = (1 / rows["n_scored"] + 1 / of_baseline) ** 0.5
    return rows


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The default lender, by its own score."""
    settings = Settings(portfolio="simulated", home=tmp_path_factory.mktemp("lender"))
    settings.places.make()
    simulate(settings, borrowers=20_000, months=36)
    month = pd.Timestamp("2024-12-01").date()
    _built(settings, month)
    report = build_drift(
        settings, run_id="drift", month=month, score="lender", tell=lambda _: None
    )
    return Tables(settings, report)


def test_every_cell_of_the_simulated_lender(simulated: Tables) -> None:
    assert _assert_plain(simulated) == simulated.report.cells > 300


def test_planted_drifts_are_found_where_and_when_they_are(simulated: Tables) -> None:
    planted = pd.read_parquet(
        simulated.settings.places.root / "truth" / "score_drift.parquet"
    )
    keys = ["stage", "cohort_month"]
    planted["cohort_month"] = pd.to_datetime(planted["cohort_month"])
    matrix = simulated.read("select * from risk.score_drift where label = 'policy'")
    rows = planted.merge(matrix, on=keys)
    assert len(rows) == 14
    assert rows["is_drift"].all()
    judged = matrix[
        matrix["drift_reference"].notna()
        & ~matrix["is_baseline"]
        & (matrix["status"] == "judged")
    ]
    others = judged.merge(planted, on=keys, how="left")
    others = others[others["strength"].isna()]
    assert others["is_drift"].mean() <= 0.07


# docs/simulation.md: what the lender adjusted when it was planted.
PLANTED_FACTORS = {
    "credit_applied": "management",
    "credit_approved": "policy",
    "drawdown_applied": "competition",
    "disbursed": "policy",
}


def test_the_main_factor_of_each_planted_drift_is_the_one_planted(
    simulated: Tables,
) -> None:
    planted = pd.read_parquet(
        simulated.settings.places.root / "truth" / "score_drift.parquet"
    )
    month = dt.date(2024, 12, 1)
    with connect(simulated.settings, read_only=True) as connection:
        found = {
            (drift.flag.stage, drift.first, drift.last): main_factor(
                factors_of(connection, drift, month)
            )
            for drift in find_drifts(connection, simulated.settings, month)
            if drift.flag.label == "policy"
        }
    for stage, months in planted.groupby("stage")["cohort_month"]:
        ends = (pd.Timestamp(one).date() for one in (months.min(), months.max()))
        assert found.get((stage, *ends)) == PLANTED_FACTORS[stage], stage
    assert set(planted["stage"]) == set(PLANTED_FACTORS)
