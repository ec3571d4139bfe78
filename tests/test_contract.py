import pytest

from comove.contract import load_source
from comove.errors import SettingsError
from comove.portfolio import load_portfolio, load_portfolios

SOURCES = sorted({portfolio.source for portfolio in load_portfolios().values()})


@pytest.mark.parametrize("source", SOURCES)
def test_every_delivered_column_is_described(source: str) -> None:
    for table in load_source(source):
        assert all(column.description for column in table.columns), table.name


@pytest.mark.parametrize("source", SOURCES)
def test_keys_and_amounts_are_columns_of_their_table(source: str) -> None:
    for table in load_source(source):
        named = {*table.key, *([table.amount] if table.amount else [])}
        assert named <= set(table.column_names), table.name


def test_parents_named_in_the_contract_are_tables_of_it() -> None:
    tables = load_source("contract")
    parents = {c.meta["parent"] for t in tables for c in t.columns if "parent" in c.meta}
    assert parents <= {table.name for table in tables}


def test_names_and_addresses_are_personal() -> None:
    borrowers = next(t for t in load_source("contract") if t.name == "borrowers")
    personal = {column.name for column in borrowers.columns if column.is_personal}
    assert personal >= {"name", "address", "born_or_founded_on", "borrower_id"}


def test_an_unknown_source_is_named_with_the_file_it_would_need() -> None:
    with pytest.raises(SettingsError, match=r"_acme__sources\.yml.*'acme'"):
        load_source("acme")


def test_an_unknown_portfolio_lists_those_that_exist() -> None:
    with pytest.raises(SettingsError, match="Use one of contract, sba_7a, simulated"):
        load_portfolio("acme")
