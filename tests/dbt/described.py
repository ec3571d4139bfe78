"""What the dbt project says of every table and column, read from its files."""

from typing import Any

import duckdb
import yaml

from comove.home import project_root

# By table; of a model or a seed, whose schema its folder decides, by its name alone.
Descriptions = dict[str, dict[str, str]]


def described() -> Descriptions:
    """Give the descriptions of the columns of each source, model and seed."""
    found: Descriptions = {}
    for file in (project_root() / "dbt_project").glob("[ms]*/**/*.yml"):
        read = yaml.safe_load(file.read_text()) or {}
        for source in read.get("sources", ()):
            for table in source["tables"]:
                schema = source.get("schema", source["name"])
                found[f"{schema}.{table['name']}"] = _said(table)
        for node in (*read.get("models", ()), *read.get("seeds", ())):
            found[node["name"]] = _said(node)
    return found


def undescribed(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Name the columns of a database's tables that are not described, sorted."""
    said = described()
    rows = connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where not internal and database_name = current_database()"
    ).fetchall()
    return sorted(
        f"{schema}.{table}.{column}"
        for schema, table, column in rows
        if not (said.get(f"{schema}.{table}") or said.get(table, {})).get(column)
    )


def _said(table: dict[str, Any]) -> dict[str, str]:
    # A table without a description of its own is as good as not described.
    columns = table.get("columns", ()) if table.get("description") else ()
    return {one["name"]: one.get("description", "") for one in columns}
