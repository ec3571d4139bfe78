"""The gate of the joint-risk tables: what it lets through and what it notices."""

import pytest

from comove.connection import connect
from comove.errors import GateFailedError
from comove.joint_risk.tables import ensure_joint_tables
from comove.quality import run_gate
from comove.quality.suite import load_suite
from comove.risk_model.tables import ensure_risk_tables

# What dbt makes from residuals and indices.
DBT_TABLES = """
    create table risk.residual (borrower_key varchar, month date, is_event boolean);
    create table marts.fct_copula_cell (
        region varchar, industry varchar, month date, pd_band integer, n bigint,
        events bigint, mean_pd double, mean_model_pd double
    );
    create table risk.concentration (
        month date, attribute varchar, group_name varchar, pd_mass double,
        joint_mass double, joint_share double, excess_ratio double
    );
"""
# 600 borrowers of two regions over a year at 2 %, one event in fifty borrowers.
COUNTS = """
    update audit.run set month = '2026-06-01';
    insert into audit.joint_request
    values ('2026-06-01', '2025-07-01', 1, 10, 'region', 'none', 300);
    insert into risk.residual
    select
        'b' || who, (date '2025-07-01' + to_months(cast(month as integer)))::date,
        (who * 13 + month) % 50 = 0
    from range(600) as b (who), range(12) as m (month);
    insert into marts.fct_copula_cell
    select
        if(borrower_key < 'b3', 'north', 'south'), 'all', month, 1, count(*),
        count(*) filter (is_event), 0.02, 0.02
    from risk.residual
    group by all;
"""
RESULTS = """
    insert into audit.posterior
    select
        version, '2026-06-01', 'gaussian', 'multi', version = 'good', null, 1.0, 900, 800,
        0, 0.9, 2, 1000, 20, 'd', 's', 'artifacts', 'run', now()
    from (values ('good'), ('bad')) as versions (version);
    insert into risk.pd_forecast
    select 'b' || who, '2026-07-01', 0.02, 'pd', 'logit' from range(600) as b (who);
    insert into risk.joint_risk_index
    select
        'b' || who, (date '2026-06-01' + to_months(cast(later as integer)))::date,
        (date '2026-05-01' + to_months(cast(later as integer)))::date, 'north', 'all',
        100, 0.02, 0.02, 0.02 * index, 0.01, 0.05, index, 0.5 * index, 2 * index,
        1.25, 0.6, 2, index / 1.25, 0.5, 2, 0.9, 'good'
    from (
        select who, later, 1 + who / 600 as index
        from range(600) as b (who), range(2) as l (later)
    );
    insert into risk.cell_link by name
    select
        date '2026-07-01' as month, date '2026-06-01' as as_of_month, 'north' as region_a,
        'all' as industry_a, 'south' as region_b, 'all' as industry_b,
        0.1 as correlation, 1.5 as lift, 1.1 as lift_q05, 2.2 as lift_q95,
        'good' as model_version;
    insert into risk.factor_posterior
    values ('loading_national', null, null, 0.2, 0.05, 0.1, 0.3, 1, 900, 800,
        '2026-06-01', 'good', 'run');
    insert into risk.index_validation
    select
        (date '2025-07-01' + to_months(cast(month as integer)))::date, model, loss, 0.02,
        0.7, 600, 12, 12, 0, 0, 0, 0, 'good'
    from range(12) as m (month),
        (values ('independent', 0.1), ('factor_copula', 0.099)) as models (model, loss);
    insert into risk.portfolio_loss
    select
        '2026-07-01', '2026-06-01', copula, measure, amount, amount / 100, 'good'
    from (values ('independent'), ('factor')) as copulas (copula),
        (values ('expected', 10), ('var_99', 20), ('var_999', 30), ('es_99', 24))
            as measures (measure, amount);
    insert into risk.portfolio_loss_cell
    select
        month, as_of_month, copula, region, 'all', measure, amount / 2, null, 'good'
    from risk.portfolio_loss, (values ('north'), ('south')) as regions (region);
    insert into risk.concentration
    values
        ('2026-07-01', 'region', 'north', 4, 6, 0.6, 1.5),
        ('2026-07-01', 'region', 'south', 4, 4, 0.4, 1),
        -- Nobody there can fall.
        ('2026-07-01', 'region', 'west', 0, 0, 0, null);
"""


@pytest.fixture
def joint(warehouse):
    """Settings of a home whose joint-risk tables are there and empty."""
    with connect(warehouse) as connection:
        ensure_risk_tables(connection)
        ensure_joint_tables(connection)
        connection.execute(DBT_TABLES)
    return warehouse


@pytest.fixture
def derived(joint, execute):
    """Settings of a home whose joint-risk tables are in order."""
    execute(COUNTS, RESULTS)
    return joint


def test_joint_risk_tables_in_order_pass_every_check(derived):
    report = run_gate(derived, run_id="run", stage="joint_risk")
    assert report.warned == report.failed == report.not_available == ()


# One way each to break tables that are in order, and the check that must notice.
INDEX, NEWEST = "update risk.joint_risk_index set", "where month = '2026-07-01'"
DAMAGE = [
    (
        "No key stands twice",
        "insert into risk.joint_risk_index from risk.joint_risk_index limit 1",
    ),
    ("Cells hold possible counts", "update marts.fct_copula_cell set events = n + 1"),
    (
        "The cells reach the month of the run",
        "update audit.run set month = '2026-07-01'",
    ),
    (
        "About as many events happened in the cells as were expected",
        "update marts.fct_copula_cell set mean_model_pd = 0.05",
    ),
    (
        "Every borrower of the window stands in one cell",
        "update marts.fct_copula_cell set n = n + 1 where month = '2026-06-01'",
    ),
    (
        "Every event of the window stands in one cell",
        "update marts.fct_copula_cell set events = 0 where month = '2026-06-01'",
    ),
    (
        "Every joint probability is a probability",
        f"{INDEX} joint_probability = 1 where borrower_key = 'b7'",
    ),
    (
        "Every joint probability is a probability",
        f"{INDEX} joint_probability = 'nan' where borrower_key = 'b7'",
    ),
    (
        "Every index is the joint probability over the PD",
        f"{INDEX} joint_risk_index = 2.5 where borrower_key = 'b7'",
    ),
    (
        "Every change is the index over the previous one",
        f"{INDEX} joint_risk_change = 3 where borrower_key = 'b7'",
    ),
    (
        "No interval of an index is turned round",
        f"{INDEX} q05 = 9 where borrower_key = 'b7'",
    ),
    (
        "The indices reach the month after the run's",
        f"delete from risk.joint_risk_index {NEWEST}",
    ),
    (
        "The joint model expects about as many events as the PD",
        f"{INDEX} joint_probability = 0.5, joint_risk_index = 25, joint_risk_change = 1, "
        "joint_risk_index_previous = 25",
    ),
    (
        "The indices are distributed as a month before",
        f"{INDEX} pd = pd / 3, joint_risk_index = joint_risk_index * 3, "
        f"joint_risk_change = joint_risk_change * 3 {NEWEST}",
    ),
    (
        "Every borrower with a forecast has an index",
        f"delete from risk.joint_risk_index {NEWEST} and borrower_key = 'b7'",
    ),
    (
        "Every correlation lies between -1 and 1",
        "update risk.cell_link set correlation = 1.1",
    ),
    (
        "Every lift is a ratio of probabilities",
        "update risk.cell_link set lift = 'inf'",
    ),
    (
        "Every figure of a posterior is a number",
        "update risk.factor_posterior set mean = 'nan'",
    ),
    (
        "Every validated month has finite scores",
        "update risk.index_validation set log_loss = 'inf' where month = '2026-06-01'",
    ),
    (
        "The validation reaches the month of the run",
        "delete from risk.index_validation where month = '2026-06-01'",
    ),
    (
        "The joint model predicts no worse than the PD alone",
        "update risk.index_validation set log_loss = 0.11 where model = 'factor_copula'",
    ),
    ("Every loss is an amount", "update risk.portfolio_loss set amount = -1"),
    (
        "The loss of one in a thousand is no smaller than of one in a hundred",
        "update risk.portfolio_loss set amount = 19 where measure = 'var_999'",
    ),
    (
        "The mean loss beyond a quantile is no smaller than the quantile",
        "update risk.portfolio_loss set amount = 19 where measure = 'es_99'",
    ),
    (
        "The simulation error of the tail is small",
        "update risk.portfolio_loss set mc_error = 3 where measure = 'es_99'",
    ),
    (
        "The parts of the cells add up to the loss",
        "update risk.portfolio_loss_cell set contribution = 1 where region = 'north'",
    ),
    (
        "Shares of the joint mass are shares",
        "update risk.concentration set joint_share = 1.2",
    ),
    (
        "Every excess of a group is a ratio",
        "update risk.concentration set excess_ratio = 'nan'",
    ),
    (
        "Everything comes from a fit that was accepted",
        "update risk.cell_link set model_version = 'bad'",
    ),
    (
        "Everything comes from a fit that was accepted",
        "update risk.joint_risk_index set model_version = 'x' where borrower_key = 'b7'",
    ),
]


@pytest.mark.parametrize(("check", "damage"), DAMAGE, ids=[name for name, _ in DAMAGE])
def test_damage_is_noticed(derived, execute, results, check, damage):
    execute(damage)
    checks = load_suite("joint_risk").checks
    severity = next(c.severity for c in checks if c.name == check)
    if severity == "critical":
        with pytest.raises(GateFailedError, match=check):
            run_gate(derived, run_id="run", stage="joint_risk")
    else:
        assert check in run_gate(derived, run_id="run", stage="joint_risk").warned
    assert not results("joint_risk")[check]["success"]


def test_every_check_is_shown_to_notice_damage():
    checks = load_suite("joint_risk").checks
    assert {name for name, _ in DAMAGE} == {check.name for check in checks}


def test_a_portfolio_without_monthly_pds_passes_with_nothing_judged(joint):
    report = run_gate(joint, run_id="run", stage="joint_risk")
    assert report.warned == report.failed == ()
    assert "Every joint probability is a probability" in report.not_available


def test_counts_without_results_are_judged_by_themselves(joint, execute):
    execute(COUNTS)
    report = run_gate(joint, run_id="run", stage="joint_risk")
    assert "Every borrower of the window stands in one cell" in report.passed


def test_few_validated_months_judge_nobody(derived, execute):
    execute("delete from risk.index_validation where month < '2026-02-01'")
    report = run_gate(derived, run_id="run", stage="joint_risk")
    skill = "The joint model predicts no worse than the PD alone"
    assert skill in report.not_available
