"""Lists that dbt needs while it parses, held equal to the source files."""

import pytest
from dbt.cli.main import dbtRunner

from comove.contract import load_source
from comove.home import project_root

SOURCES = ("contract", "sba_7a", "superlender", "xente")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    project = str(project_root() / "dbt_project")
    folder = str(tmp_path_factory.mktemp("listed"))
    lines = "\n".join(
        f"{{{{ delivered_tables('{name}') | join(' ') }}}}" for name in SOURCES
    )
    outcome = dbtRunner().invoke(
        [
            *("compile", "--inline", lines, "--quiet"),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", folder, "--log-path", folder),
        ]
    )
    assert outcome.success, outcome.exception
    compiled = outcome.result.results[0].node.compiled_code.splitlines()
    return {name: line.split() for name, line in zip(SOURCES, compiled, strict=True)}


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_lists_the_tables_it_describes(
    listed: dict[str, list[str]], source: str
) -> None:
    assert listed[source] == [table.name for table in load_source(source)]
