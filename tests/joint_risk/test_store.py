"""What may be stored of a joint-risk run, and what a second run replaces."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from comove.connection import connect
from comove.joint_risk.export import run_folder
from comove.joint_risk.store import StoreReport, store_joint_risk
from comove.settings import Settings
from comove.warehouse.load import LoadError

RUN = "manual__2024-06"
JUNE, JULY = dt.date(2024, 6, 1), dt.date(2024, 7, 1)
FILES = {
    "index": """
        select 'b' || who as borrower_key, date '2024-07-01' as month,
            date '2024-06-01' as as_of_month, 'north' as region, 'all' as industry,
            100e0 as exposure, 0.02e0 as pd, 0.02e0 as pd_star, 0.03e0 as
            joint_probability, 0.01e0 as probability_q05, 0.05e0 as probability_q95,
            1.5e0 as joint_risk_index, 0.5e0 as q05, 2.5e0 as q95,
            null::double as joint_risk_index_previous, 'v1' as model_version
        from range(3) as borrowers (who)
    """,
    "links": """
        select date '2024-07-01' as month, date '2024-06-01' as as_of_month,
            'north' as region_a, 'all' as industry_a, 'south' as region_b,
            'all' as industry_b, 0.1e0 as correlation, 1.5e0 as lift, 1.1e0 as lift_q05,
            2.2e0 as lift_q95, 'v1' as model_version
    """,
    "factors": """
        select 'loading_national' as parameter, null::varchar as group_name,
            null::date as month, 0.2e0 as mean, 0.1e0 as sd, 0.1e0 as q05, 0.3e0 as q95,
            date '2024-06-01' as as_of_month, 'v1' as model_version, 'r' as run_id
    """,
    "validation": """
        select (date '2024-06-01' - to_months(back::int))::date as month, model,
            0.1e0 as log_loss, 0.02e0 as brier, 100 as n, 2 as events
        from range(12) as months (back),
            (values ('independent'), ('factor_copula')) as models (model)
    """,
    "comparison": """
        select date '2024-06-01' as month, date '2024-05-01' as as_of_month,
            'factor_copula' as model, -900e0 as elpd_loo, 30e0 as elpd_loo_se,
            0e0 as elpd_difference, 0e0 as elpd_difference_se, 40e0 as p_loo,
            0.01e0 as pareto_k_above, 500 as groups, 0.1e0 as out_of_time_log_loss,
            'v1' as model_version
    """,
    "loss": """
        select date '2024-07-01' as month, date '2024-06-01' as as_of_month,
            'factor' as copula, measure, 10e0 as amount, 0.1e0 as mc_error,
            'v1' as model_version
        from (values ('expected'), ('var_99')) as measures (measure)
    """,
    "loss_cell": """
        select date '2024-07-01' as month, date '2024-06-01' as as_of_month,
            'factor' as copula, 'north' as region, 'all' as industry,
            'expected' as measure, 10e0 as contribution, 'v1' as model_version
    """,
}
TABLES = {
    "risk.joint_risk_index": 3,
    "risk.cell_link": 1,
    "risk.factor_posterior": 1,
    "risk.index_validation": 24,
    "risk.model_comparison": 1,
    "risk.portfolio_loss": 2,
    "risk.portfolio_loss_cell": 1,
}


def write(settings: Settings, name: str, query: str, run_id: str = RUN) -> Path:
    file = run_folder(settings, run_id) / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{file}' (format parquet)")
    return file


@pytest.fixture
def derived(settings: Settings) -> Settings:
    """A home whose run for June has derived everything."""
    settings = settings.model_copy(update={"joint_validation_months": 12})
    for name, query in FILES.items():
        write(settings, name, query)
    return settings


def store(settings: Settings, run_id: str = RUN, month: dt.date = JUNE) -> StoreReport:
    return store_joint_risk(settings, run_id=run_id, month=month)


def rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


def content(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(rows(settings, f"from {name}"), key=str) for name in TABLES}


def test_every_file_goes_to_its_table(derived: Settings) -> None:
    assert store(derived).rows == TABLES
    assert {name: len(found) for name, found in content(derived).items()} == TABLES


def test_storing_twice_changes_nothing(derived: Settings) -> None:
    store(derived)
    before = content(derived)
    store(derived)
    assert content(derived) == before


def test_a_second_run_of_a_month_replaces_its_rows(derived: Settings) -> None:
    store(derived)
    write(derived, "index", f"from ({FILES['index']}) where borrower_key = 'b1'")
    store(derived)
    assert rows(derived, "select borrower_key from risk.joint_risk_index") == [("b1",)]


def test_other_months_are_left_alone(derived: Settings) -> None:
    store(derived)
    later = "replace (month + interval 1 month as month, as_of_month + interval 1 month"
    for name in ("index", "links", "loss", "loss_cell"):
        query = f"select * {later} as as_of_month) from ({FILES[name]})"
        write(derived, name, query, "july")
    store(derived, "july", JULY)
    months = rows(derived, "select distinct month from risk.joint_risk_index order by 1")
    assert months == [(JULY,), (dt.date(2024, 8, 1),)]
    # July validates June again, and leaves the month before its window as it was.
    write(
        derived, "validation", f"from ({FILES['validation']}) where month > '2023-07-01'"
    )
    write(
        derived,
        "validation",
        f"select * replace (9e0 as log_loss) from ({FILES['validation']}) "
        "where month > '2023-07-01'",
        "july",
    )
    store(derived, "july", JULY)
    kept = rows(
        derived,
        "select min(log_loss), max(log_loss) from risk.index_validation "
        "group by month order by month",
    )
    assert kept == [(0.1, 0.1), *[(9.0, 9.0)] * 11]


def test_a_file_that_is_absent_leaves_its_table_alone(derived: Settings) -> None:
    store(derived)
    (run_folder(derived, RUN) / "loss.parquet").unlink()
    assert "risk.portfolio_loss" not in store(derived).rows
    assert len(content(derived)["risk.portfolio_loss"]) == 2


FAULTS = {
    "index": [
        ("month + 1 as month", "a month that is not the one to come"),
        ("1.2e0 as joint_probability", "a probability not between 0 and 1"),
        ("'nan'::double as joint_risk_index", "an index that is no ratio"),
        ("9e0 as q05", "an interval turned round"),
        ("'b1' as borrower_key", "rows that repeat borrower_key, month"),
    ],
    "links": [
        ("1.5e0 as correlation", "a correlation not between -1 and 1"),
        ("'inf'::double as lift", "a lift that is no ratio"),
        ("3e0 as lift_q05", "an interval turned round"),
    ],
    "factors": [
        ("date '2024-05-01' as as_of_month", "a fit as of another month"),
        ("'nan'::double as mean", "a value that is no number"),
    ],
    "validation": [
        ("date '2023-06-01' as month", "a month that is not validated"),
        ("'oracle' as model", "an unknown model"),
        ("'inf'::double as log_loss", "a score that is no number"),
        ("101 as events", "impossible counts"),
    ],
    "comparison": [
        ("date '2024-05-01' as month", "a month that is not the run's"),
        ("'oracle' as model", "an unknown model"),
        ("'nan'::double as elpd_loo", "a score that is no number"),
        ("1.5e0 as pareto_k_above", "a share not between 0 and 1"),
    ],
    "loss": [
        ("'gumbel' as copula", "an unknown copula or measure"),
        ("-1e0 as amount", "an amount that is none"),
    ],
    "loss_cell": [("'nan'::double as contribution", "an amount that is none")],
}


@pytest.mark.parametrize(
    ("name", "fault", "sentence"),
    [(name, *fault) for name, faults in FAULTS.items() for fault in faults],
)
def test_what_a_table_must_not_hold_is_refused_before_anything_is_written(
    derived: Settings, name: str, fault: str, sentence: str
) -> None:
    write(derived, name, f"select * replace ({fault}) from ({FILES[name]})")
    with pytest.raises(LoadError, match=sentence) as caught:
        store(derived)
    assert f"{name}.parquet" in str(caught.value)
    assert all(not found for found in content(derived).values())
