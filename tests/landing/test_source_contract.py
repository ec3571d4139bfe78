"""docs/source-contract.md says what the contract says, and its example works."""

import re

import pytest

from comove.contract import Column, Table, load_source
from comove.home import project_root
from comove.landing.csv_file import REJECTS, UNKNOWN_REJECT

DOCUMENT = project_root() / "docs" / "source-contract.md"
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "not_after_delivery": "not after its delivery",
    "parent": "one of `{}`",
}


def written_columns(table: Table) -> str:
    """To write the section anew: join these for all tables below the comment."""
    key = ", ".join(f"`{name}`" for name in table.key)
    lines = [
        f"### {table.name}",
        "",
        f"Key: {key}.",
        "",
        "| column | type | required | personal | limits | meaning |",
        "|---|---|---|---|---|---|",
        *(written_column(column) for column in table.columns),
    ]
    return "\n".join(lines)


def written_column(column: Column) -> str:
    cells = (
        f"`{column.name}`",
        column.data_type,
        "yes" if column.is_required else "",
        "yes" if column.is_personal else "",
        written_limits(column),
        column.description,
    )
    return re.sub(" +", " ", "| " + " | ".join(cells) + " |")


def written_limits(column: Column) -> str:
    named = [
        text.format(column.meta[limit])
        for limit, text in LIMITS.items()
        if limit in column.meta
    ]
    accepted = [str(value) for value in column.meta.get("accepted_values", ())]
    return "; ".join([*named, *([" / ".join(accepted)] if accepted else [])])


@pytest.mark.parametrize("table", load_source("contract"), ids=lambda table: table.name)
def test_the_columns_in_the_document_are_those_of_the_contract(table):
    assert written_columns(table) in DOCUMENT.read_text()


def test_the_example_in_the_document_lands_without_loss(lender):
    example = re.findall(
        r"`(\w+/[\w.-]+)`\n\n```csv\n(.*?)```", DOCUMENT.read_text(), re.S
    )
    assert len(example) == 3
    for name, content in example:
        lender.write(name, content)
    report = lender.land()
    counts = {name: entity.rows_landed for name, entity in report.entities.items()}
    assert {name: rows for name, rows in counts.items() if rows} == {
        "borrowers": 2,
        "loans": 2,
        "repayments": 4,
    }
    assert lender.unreadable() == []


def test_every_rule_of_an_unreadable_row_is_in_the_document():
    text = DOCUMENT.read_text()
    rules = {rule for rule, _, _ in REJECTS.values()} | {UNKNOWN_REJECT[0]}
    assert {rule for rule in rules if f"`{rule}`" not in text} == set()
