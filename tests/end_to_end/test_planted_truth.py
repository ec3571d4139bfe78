"""What the simulator planted against what the pipeline, which never reads it, found."""

import datetime as dt
import json
from collections.abc import Iterator

import duckdb
import pytest

from comove.connection import connect
from comove.landing import land
from comove.settings import Settings
from comove.simulation import simulate
from comove.warehouse import build

BORROWERS, MONTHS = 3_000, 24


@pytest.fixture(scope="module")
def warehouse(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Landed and built by comove, the truth beside it as views."""
    settings = Settings(portfolio="simulated", home=tmp_path_factory.mktemp("truth"))
    simulate(settings, borrowers=BORROWERS, months=MONTHS)
    told = json.loads((settings.places.root / "simulation.json").read_text())
    land(settings, run_id="truth")
    build(settings, run_id="truth", month=dt.date.fromisoformat(told["last_month"]))
    with connect(settings) as connection:
        for name in ("borrower_month/*", "dirty_rows"):
            connection.execute(
                f"create temp view {name.split('/')[0]} as "
                f"select * from read_parquet('{settings.places.truth}/{name}.parquet')"
            )
        yield connection


def test_borrowers_at_risk_and_their_events_are_exactly_those_planted(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    planted = """
        select borrowers.borrower_key, truth.month, truth.is_event
        from borrower_month as truth
        inner join raw.base_contract__borrowers as borrowers
            on truth.borrower_id = borrowers.borrower_id
            and borrowers._status = 'accepted'
        where not truth.is_in_default
    """
    found = """
        select borrower_key, month, is_event
        from marts.fct_borrower_month where is_at_risk
    """
    differing, compared, events = warehouse.execute(
        f"""
        with planted as ({planted}), found as ({found})
        select
            (select count(*) from (from planted except all from found))
            + (select count(*) from (from found except all from planted)),
            (select count(*) from found),
            (select count(*) from found where is_event)
        """
    ).fetchone()
    assert differing == 0
    # Roughly 11 months at risk a borrower and 1 % of events in them: enough to compare.
    assert compared > 5 * BORROWERS
    assert events > 100


def test_every_dirty_row_is_judged_as_planted(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    entities = warehouse.execute("select distinct entity from dirty_rows").fetchall()
    judged = " union all ".join(
        f"select '{entity}' as entity, _file, _row, _status, _rule "
        f"from raw.base_contract__{entity}"
        for (entity,) in entities
    )
    wrong = warehouse.execute(
        f"""
        select planted.entity, planted.kind, planted.file, planted.row_number,
            found._status, found._rule
        from dirty_rows as planted
        left join (
            {judged}
            union all
            select entity, file, row_number, 'quarantined', rule
            from audit.unreadable_row
        ) as found
            on planted.entity = found.entity
            and planted.file = found._file
            and planted.row_number = found._row
        where found._status is distinct from planted.expected
            or planted.rule is distinct from found._rule
        """
    ).fetchall()
    assert wrong == []


def test_landed_rows_and_amounts_are_all_accounted_for(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    batches, unbalanced = warehouse.execute(
        """
        select
            count(*),
            count(*) filter (
                rows_landed <> rows_accepted + rows_quarantined + rows_superseded
                or amount_landed <> amount_accepted + amount_quarantined
                    + amount_superseded
            )
        from audit.reconciliation
        """
    ).fetchone()
    assert batches == 9
    assert unbalanced == 0
