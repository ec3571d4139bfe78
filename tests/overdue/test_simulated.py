"""A simulated lender: cases against pandas, the model against the planted type."""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from tests.features.conftest import STAGES, Built, compiled
from tests.overdue import plain_cases
from tests.overdue.plain import Case, Strategy, decide
from tests.overdue_grade.lender import SEED
from tests.overdue_grade.plain import grade_all

from comove.audit import open_run
from comove.connection import connect
from comove.decision.identity import link_identities
from comove.landing import land
from comove.overdue.assess import store_assessments
from comove.overdue.borrower import assess_borrower
from comove.overdue.cases import build_cases
from comove.overdue.report import write_report
from comove.overdue.request import Wish, last_day
from comove.overdue.train import TrainReport, train_type
from comove.overdue_grade.build import build_grades
from comove.overdue_grade.request import month_end, rules_of
from comove.quality import run_gate
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import Part, build, build_part, publish, run_dbt

BORROWERS, MONTHS, RUN_ID = 3_000, 28, "simulated"
EARLIER = dt.date(2023, 6, 1)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DECISIONS = """
    select * exclude (origin, asked_by, run_id, assessed_at)
    from risk.overdue_assessment {where} order by as_of, borrower_key
"""


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The cases of a simulated lender, whose files hold no dirt."""
    settings = Settings(
        portfolio="simulated", home=tmp_path_factory.mktemp("overdue"), pd_max_rounds=40
    )
    simulate(settings, borrowers=BORROWERS, months=MONTHS, dirty=False)
    month = last_month(settings)
    open_run(settings, run_id=RUN_ID, dag_id="overdue_assessment", month=month)
    land(settings, run_id=RUN_ID)
    build(settings, run_id=RUN_ID, month=month)
    build_part(Part.FEATURES, settings, run_id=RUN_ID, month=month)
    build_cases(settings, run_id=RUN_ID, month=month)
    return settings


@pytest.fixture(scope="module")
def trained(lender: Settings) -> TrainReport:
    """The lender's models and assessments of its last month."""
    month = last_month(lender)
    report = train_type(lender, run_id=RUN_ID, month=month, tell=lambda _: None)
    store_assessments(lender, run_id=RUN_ID, wish=Wish(month))
    return report


def last_month(settings: Settings) -> dt.date:
    """Last month of the window, as the simulator's record says."""
    told = json.loads((settings.places.root / "simulation.json").read_text())
    return dt.date.fromisoformat(told["last_month"])


def read(settings: Settings, query: str) -> pd.DataFrame:
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).df()


@pytest.mark.parametrize("day", ["2022-12-31", "2023-09-30", "2024-04-30"])
def test_cases_of_every_borrower_equal_those_of_pandas(
    lender: Settings, day: str
) -> None:
    tables = plain_cases.read_files(lender.places.landing)
    expected = plain_cases.cases(tables, dt.date.fromisoformat(day))
    found = read(
        lender,
        f"""
        select borrowers.borrower_id, cases.* exclude (repaid_amount),
            case when outcome_known_on <= date '2024-04-30' then repaid_amount end
                as repaid_amount
        from features.feat_overdue_case as cases
        inner join raw.base_contract__borrowers as borrowers using (borrower_key)
        where as_of = '{day}'
        """,
    ).set_index("borrower_id")
    if day == "2024-04-30":
        expected["repaid_amount"] = float("nan")
    assert len(expected) > 50
    columns = list(expected.columns)
    pd.testing.assert_frame_equal(
        found[columns].astype(float).sort_index(),
        expected.astype(float).sort_index(),
        check_exact=False,
        atol=1e-6,
    )


def test_grades_and_weights_of_every_borrower_equal_plain_python(
    lender: Settings,
) -> None:
    month = last_month(lender)
    build_grades(lender, run_id=RUN_ID, month=month, tell=lambda _: None)
    tables = plain_cases.read_files(lender.places.landing)
    expected = grade_all(
        plain_cases.loans(tables),
        plain_cases.instalments(tables),
        as_of=month_end(month),
        rules=rules_of(lender),
        bands=pd.read_csv(SEED),
    )
    found = read(
        lender,
        """
        select borrowers.borrower_id as borrower, grades.*
        from risk.overdue_grade as grades
        inner join raw.base_contract__borrowers as borrowers using (borrower_key)
        """,
    )
    found["observed_on"] = found["observed_on"].dt.date
    assert found["grade"].nunique() == 6
    assert found["borrower"].nunique() > BORROWERS / 2
    order = ["borrower", "point_no"]
    pd.testing.assert_frame_equal(
        found[expected.columns].sort_values(order, ignore_index=True),
        expected.sort_values(order, ignore_index=True),
        check_dtype=False,
        rtol=0,
        atol=1e-9,
    )


def test_who_repays_is_the_type_that_was_planted(lender: Settings) -> None:
    found = planted(lender, "features.feat_overdue_case")
    # A borrower with a second loan overdue repays for both or for one.
    only = found[found["overdue_loans"] == 1].dropna(subset="is_repaid")
    agree = (only["is_repaid"] == only["is_recoverable"]).mean()
    assert len(only) > 100
    assert agree > 0.99


def planted(settings: Settings, relation: str) -> pd.DataFrame:
    """Cases at the month end of an event, with the planted type."""
    return read(
        settings,
        f"""
        select cases.*, truth.is_recoverable
        from {relation} as cases
        inner join raw.base_contract__borrowers as borrowers using (borrower_key)
        inner join read_parquet('{settings.places.truth}/overdue/*.parquet') as truth
            on borrowers.borrower_id = truth.borrower_id and cases.as_of = truth.as_of
        """,
    )


def test_the_model_ranks_the_planted_type_it_never_saw(
    lender: Settings, trained: TrainReport
) -> None:
    assert (trained.models, trained.refused, trained.unavailable) == (2, 0, None)
    assert trained.auc is not None
    assert trained.auc > 0.85
    found = planted(lender, "risk.overdue_probability")
    area = roc_auc_score(found["is_recoverable"], found["repaid_probability"])
    # On 20,000 borrowers 0.744; the chance the type was drawn with ranks it at 0.794.
    assert len(found) > 150
    assert area > 0.65


def test_assessments_of_every_borrower_equal_plain_python(
    lender: Settings, trained: TrainReport
) -> None:
    found = read(
        lender,
        """
        select overdue.*, said.repaid_probability, said.recovery_share,
            people.liquid_assets as liquid, people.fixed_assets as fixed
        from risk.overdue_assessment as overdue
        inner join raw.base_contract__borrowers as people using (borrower_key)
        left join risk.overdue_probability as said using (borrower_key, as_of)
        """,
    )
    seed = read(
        lender,
        """
        select strategy, rating, amount_from, amount_to, contacts_per_week, weeks,
            cost_per_contact, max_cost_share
        from risk.collection_strategies
        """,
    ).astype(object)
    strategies = [
        Strategy(*row) for row in seed.where(seed.notna(), None).itertuples(index=False)
    ]
    rows = found.astype(object).where(found.notna(), None)
    for row in rows.itertuples(index=False):
        case = Case(
            row.overdue_amount,
            row.liquid,
            row.fixed,
            row.repaid_probability,
            row.recovery_share,
        )
        status, capacity, rating, strategy = decide(case, strategies)
        expected = None if capacity is None else pytest.approx(capacity, rel=1e-9)
        assert (row.status, row.repayment_capacity) == (status, expected)
        assert (row.rating, row.collection_strategy) == (rating, strategy)
    assert {"low", "medium", "high"} <= set(found["rating"].dropna())


def test_one_borrower_gets_the_row_of_the_month(
    lender: Settings, trained: TrainReport
) -> None:
    month = last_month(lender)
    where = f"where as_of = '{last_day(month)}'"
    before = read(lender, DECISIONS.format(where=where))
    key = before["borrower_key"].iloc[0]
    report = assess_borrower(lender, run_id="one", wish=Wish(month, borrower=key))
    assert report.model_version == before["model_version"].iloc[0]
    pd.testing.assert_frame_equal(read(lender, DECISIONS.format(where=where)), before)


def test_an_earlier_month_run_later_decides_what_was_decided(
    lender: Settings, trained: TrainReport
) -> None:
    before = read(lender, DECISIONS.format(where=""))
    build_cases(lender, run_id="earlier", month=EARLIER)
    train_type(lender, run_id="earlier", month=EARLIER, tell=lambda _: None)
    report = store_assessments(lender, run_id="earlier", wish=Wish(EARLIER))
    assert report.days == 1
    pd.testing.assert_frame_equal(read(lender, DECISIONS.format(where="")), before)


def test_the_gate_passes_and_the_page_is_written(
    lender: Settings, trained: TrainReport
) -> None:
    gate = run_gate(lender, run_id=RUN_ID, stage="overdue")
    assert (gate.failed, gate.warned, gate.not_available) == ((), (), ())
    month = last_month(lender)
    publish(lender, run_id=RUN_ID, month=month, schemas=("marts", "overdue", "audit"))
    said = write_report(lender, run_id=RUN_ID, month=month)
    page = (lender.places.root / said["page"]).read_text()
    assert "AUC over all" in page
    keys = read(lender, "select borrower_key from risk.overdue_assessment limit 20")
    assert not any(key in page for key in keys["borrower_key"])


DAY = "2023-06-30"
# Everything the lender delivers of the days after, taken away or changed.
LATER = (
    f"""
    update raw.base_contract__repayments set paid_on = null, paid_amount = null
    where paid_on > date '{DAY}'
    """,
    f"delete from raw.base_contract__loan_events where occurred_on > date '{DAY}'",
    f"delete from raw.base_contract__collections where contacted_at > date '{DAY}' + 1",
    f"delete from raw.base_contract__loans where disbursed_on > date '{DAY}'",
)
FEATURES = f"""
    select * exclude (repaid_amount, is_repaid) from features.feat_overdue_case
    where as_of <= date '{DAY}' order by as_of, borrower_key
"""


def test_no_case_knows_what_came_after_its_day(lender: Settings, tmp_path: Path) -> None:
    outcome = run_dbt(lender, ["compile"], log_level="none")
    assert outcome.success, outcome.exception
    models = compiled(lender, (*STAGES, "models/overdue/feat_overdue_case"))
    built = Built({}, lender, models)
    with built.changed(tmp_path, *LATER) as connection:
        found = connection.execute(FEATURES).df()
        known = connection.execute(
            "select count(*) from features.feat_overdue_case where repaid_amount > 0 "
            f"and as_of = date '{DAY}'"
        ).fetchall()
    pd.testing.assert_frame_equal(found, read(lender, FEATURES))
    assert known == [(0,)]


def test_planted_returning_persons_are_known_by_both_keys(lender: Settings) -> None:
    """Names, birth dates and addresses as the simulator delivers them, without dirt."""
    report = link_identities(lender, run_id=RUN_ID)
    found = read(
        lender,
        f"""
        select count(*) as planted, count(persons.known_from) as known
        from read_parquet('{lender.places.truth}/borrower/*.parquet') as truth
        inner join raw.base_contract__borrowers as later using (borrower_id)
        inner join raw.base_contract__borrowers as former
            on truth.former_borrower_id = former.borrower_id
        left join risk.identity_person as persons
            on later.borrower_key = persons.borrower_key
            and former.borrower_key = persons.known_as
        """,
    ).iloc[0]
    # 0.4 % of 3,000 borrowers.
    assert found["planted"] == 12
    assert found["known"] >= 11
    assert report.linked - found["known"] <= 1
