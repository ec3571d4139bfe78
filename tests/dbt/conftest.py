"""SQL of the project's macros, compiled once for all tests of macros."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from comove.home import project_root

EXPRESSIONS = {
    "date": "parse_date('value')",
    "date_mdy": "parse_date('value', order='mdy')",
    "date_pivot_30": "parse_date('value', pivot=30)",
    "timestamp": "parse_timestamp('value')",
    "timestamp_mdy": "parse_timestamp('value', order='mdy')",
    "decimal": "parse_decimal('value')",
    "integer": "parse_integer('value')",
    "double": "parse_double('value')",
    "id": "parse_id('value')",
    "text": "parse_text('value')",
    "text_na": "parse_text('value', missing=['NA'])",
    "code": "parse_code('value')",
    "code_lower": "parse_code('value', case='lower')",
    "is_blank": "is_blank('value')",
    "keyed_hash": "keyed_hash('value')",
}
_MARK = "-- next expression"

Read = Callable[[str, str | None], object]


@pytest.fixture(scope="session")
def expressions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """SQL of each of `EXPRESSIONS`, over a column called ``value``."""
    folder: Path = tmp_path_factory.mktemp("macros")
    project = str(project_root() / "dbt_project")
    inline = f"\n{_MARK}\n".join(f"{{{{ {call} }}}}" for call in EXPRESSIONS.values())
    outcome = dbtRunner().invoke(
        [
            *("compile", "--inline", inline, "--quiet"),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(folder), "--log-path", str(folder)),
        ]
    )
    assert outcome.success, outcome.exception
    compiled = outcome.result.results[0].node.compiled_code
    return dict(zip(EXPRESSIONS, compiled.split(_MARK), strict=True))


@pytest.fixture(scope="session")
def read(expressions: dict[str, str]) -> Read:
    """What one macro makes of one text."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")

    def value_of(macro: str, text: str | None) -> object:
        sql = f"select {expressions[macro]} from (select ?::varchar as value)"
        row = connection.execute(sql, [text]).fetchone()
        assert row is not None
        return row[0]

    return value_of
