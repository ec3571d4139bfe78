"""What is said at the end of `make run` and by `comove status`."""

import datetime as dt
from io import StringIO

import duckdb
import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import log_loss, roc_auc_score

from comove.audit.tables import ensure_tables
from comove.embedded.summary import last_run_ids, read_summary, show_summary
from comove.errors import WarehouseError
from comove.joint_risk.tables import ensure_joint_tables
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings

NOW = dt.datetime(2024, 4, 1)
# Severity, success, observed.
CHECKS = {
    "No file was refused": ("critical", False, "loans/a.csv.gz: truncated_gz"),
    "Few rows are unreadable": ("warning", False, "0.3"),
    "No unknown column": ("info", False, "note"),
    "Every row is there": ("critical", True, "0"),
    "Like the delivery before": ("info", True, "not available yet"),
}


@pytest.fixture
def failed_run(settings: Settings) -> Settings:
    settings.places.make()
    with duckdb.connect(settings.places.serving) as connection:
        ensure_tables(connection)
        connection.execute(
            "insert into audit.run (run_id, dag_id, portfolio, month, status, git_sha,"
            " settings_hash, seed, versions, started_at)"
            " values ('r1', 'warehouse', 'contract', '2024-03-01', 'failed', 'abc', 'h',"
            " 1, '{}', ?)",
            [NOW],
        )
        for name, (severity, success, observed) in CHECKS.items():
            connection.execute(
                "insert into audit.quality_result values"
                " ('r1', 'landed', ?, ?, ?, ?, '', null, null, 'Deliver it again.', ?)",
                [name, severity, success, observed, NOW],
            )
    return settings


def test_checks_are_counted_as_on_the_page_of_the_gates(failed_run: Settings) -> None:
    found = read_summary(failed_run, last_run_ids(failed_run))
    assert found.gates == [("landed", 1, 1, 1, 1, 1)]


def test_the_summary_says_which_run_failed_why_and_what_to_do(
    failed_run: Settings,
) -> None:
    said = StringIO()
    console = Console(file=said, width=150)
    show_summary(console, read_summary(failed_run, ["r1"]), failed_run)
    for words in ("r1", "2024-03", "failed", "loans/a.csv.gz", "Deliver it again."):
        assert words in said.getvalue()


def test_a_run_that_was_never_opened_has_an_empty_summary(failed_run: Settings) -> None:
    found = read_summary(failed_run, ["another"])
    assert (found.run, found.failures, found.gates) == ([], [], [])


def test_an_audit_trail_of_another_version_is_a_sentence_not_a_stack(
    failed_run: Settings,
) -> None:
    with duckdb.connect(failed_run.places.serving) as connection:
        connection.execute("alter table audit.quality_result drop column severity")
    with pytest.raises(WarehouseError, match="audit trail cannot be read"):
        read_summary(failed_run, ["r1"])


def test_the_last_run_of_each_dag_is_named_in_the_order_they_began(
    failed_run: Settings,
) -> None:
    with duckdb.connect(failed_run.places.serving) as connection:
        for run_id, hour in (("old", 1), ("new", 2)):
            connection.execute(
                "insert into audit.run (run_id, dag_id, portfolio, status, settings_hash,"
                " seed, versions, started_at) values (?, 'risk_model', 'contract',"
                " 'success', 'h', 1, '{}', ?)",
                [run_id, NOW.replace(hour=hour)],
            )
    assert last_run_ids(failed_run) == ["r1", "new"]


@pytest.fixture
def trained(failed_run: Settings) -> tuple[Settings, np.ndarray, np.ndarray]:
    """A published copy with the predictions of two algorithms; outcomes, and logit's."""
    generator = np.random.default_rng(5)
    p = generator.beta(1, 30, size=4_000)
    y = generator.random(4_000) < p
    with duckdb.connect(failed_run.places.serving) as connection:
        ensure_risk_tables(connection)
        connection.execute(
            """
            insert into risk.pd_candidate by name
            select
                i::varchar as borrower_key,
                if(i % 2 = 0, date '2024-01-01', date '2024-02-01') as month,
                date '2024-01-01' as fold,
                y as is_event,
                p as pd_logit,
                0.02 as pd_xgboost,
            from (select unnest(range(4000)) as i, unnest(?) as y, unnest(?) as p)
            """,
            [y.tolist(), p.tolist()],
        )
        connection.execute(
            """
            insert into risk.pd_prediction
            select borrower_key, month, pd_logit, is_event, 'pd-logit', 'logit', true
            from risk.pd_candidate
            """
        )
        connection.execute(
            "insert into audit.unavailable_model values"
            " ('r1', 'application', 'Too few outcomes.')"
        )
    return failed_run, y, p


def test_each_algorithm_is_shown_with_its_figures_and_who_is_champion(
    trained: tuple[Settings, np.ndarray, np.ndarray],
) -> None:
    settings, y, p = trained
    found = {row[1]: row for row in read_summary(settings, ["r1"]).models}
    assert found.keys() == {"logit", "xgboost"}
    expected = ("pd", "logit", "2024-01 to 2024-02", 4_000, y.sum())
    assert found["logit"][:5] == expected
    assert found["logit"][5] == pytest.approx(log_loss(y, p), abs=1e-4)
    assert found["logit"][6] == pytest.approx(roc_auc_score(y, p), abs=1e-3)
    assert found["logit"][7] == "champion"
    # One PD for everybody puts nobody before anybody else.
    assert found["xgboost"][6:] == (0.5, "")


def test_a_model_that_could_not_be_made_says_why(
    trained: tuple[Settings, np.ndarray, np.ndarray],
) -> None:
    said = StringIO()
    console = Console(file=said, width=150)
    show_summary(console, read_summary(trained[0], ["r1"]), trained[0])
    assert "Too few outcomes." in said.getvalue()


@pytest.fixture
def joint(failed_run: Settings) -> Settings:
    """A published copy with two validated months and the newest concentration."""
    with duckdb.connect(failed_run.places.serving) as connection:
        ensure_joint_tables(connection)
        connection.execute(
            """
            insert into risk.index_validation by name
            select * from (values
                (date '2024-01-01', 'independent', 0.10, 0.1, 100, 4),
                (date '2024-02-01', 'independent', 0.30, 0.1, 300, 20),
                (date '2024-02-01', 'factor_copula', 0.27, 0.1, 300, 20)
            ) as rows (month, model, log_loss, brier, n, events)
            """
        )
        connection.execute(
            """
            create table risk.concentration as
            select * from (values
                (date '2024-03-01', 'region', 'old', 9.0, 9.0, 1.0, null),
                (date '2024-04-01', 'region', 'north', 3.0, 2.0, 0.6, 0.10),
                (date '2024-04-01', 'region', 'south', 2.0, 2.5, 0.4, -0.10)
            ) as rows (month, attribute, group_name, joint_mass, pd_mass, joint_share,
                joint_share_change)
            """
        )
    return failed_run


def test_models_are_compared_with_the_pd_on_the_months_they_share(
    joint: Settings,
) -> None:
    found = {row[0]: row[1:] for row in read_summary(joint, ["r1"]).validation}
    assert found["independent"] == ("2024-01 to 2024-02", 400, 24, 0.25, 0.0)
    # 1 - 0.27 / 0.30
    assert found["factor_copula"] == ("2024-02 to 2024-02", 300, 20, 0.27, 10.0)


def test_the_newest_concentration_is_shown_heaviest_first(joint: Settings) -> None:
    assert read_summary(joint, ["r1"]).concentration == [
        ("2024-04", "region", "north", 3.0, 2.0, 60.0, 10.0),
        ("2024-04", "region", "south", 2.0, 2.5, 40.0, -10.0),
    ]


def test_a_stage_that_is_not_available_is_named_as_such(failed_run: Settings) -> None:
    with duckdb.connect(failed_run.places.serving) as connection:
        connection.execute(
            "insert into audit.unavailable_model values"
            " ('r1', 'joint_risk', 'There is no PD by month.')"
        )
    absences = dict(read_summary(failed_run, ["r1"]).absences)
    assert absences["joint risk"] == "There is no PD by month."
