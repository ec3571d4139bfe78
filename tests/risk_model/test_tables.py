import duckdb
import pytest

from comove.risk_model.tables import ensure_risk_tables


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [row[0] for row in connection.execute(f"describe {relation}").fetchall()]


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        ensure_risk_tables(connection)
        yield connection


# Columns of the design contract, section 3, that checks read.
CONTRACT = {
    "risk.pd_prediction": {
        "borrower_key",
        "month",
        "pd",
        "is_event",
        "model_version",
        "is_out_of_sample",
    },
    "risk.score": {
        "application_key",
        "score",
        "pd",
        "model_version",
        "performance_label",
        "is_mature",
    },
    "audit.model_registry": {
        "model_version",
        "purpose",
        "algorithm",
        "data_hash",
        "settings_hash",
        "seed",
        "metrics",
        "is_champion",
    },
}


@pytest.mark.parametrize("relation", CONTRACT)
def test_every_column_of_the_contract_is_there(connection, relation):
    assert CONTRACT[relation] <= set(columns_of(connection, relation))


def test_tables_that_are_there_keep_their_rows(connection):
    connection.execute(
        "insert into audit.risk_request values "
        "('2024-06-01', '2018-01-01', '2024-06-01', '2018-01-01', 7)"
    )
    ensure_risk_tables(connection)
    assert connection.execute("select seed from audit.risk_request").fetchall() == [(7,)]
