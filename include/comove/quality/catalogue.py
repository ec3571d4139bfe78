"""What the warehouse holds, and how its relations and columns are written in SQL."""

import duckdb

Columns = dict[str, str]

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")


def read_catalogue(connection: duckdb.DuckDBPyConnection) -> dict[str, Columns]:
    """Tables and views of the warehouse.

    Returns
    -------
    dict of str to dict of str to str
        ``schema.table`` → column → type, columns in their order.
    """
    rows = connection.execute(
        """
        select schema_name || '.' || table_name as relation, column_name, data_type
        from duckdb_columns()
        where database_name = current_database() and not internal
        order by relation, column_index
        """
    ).fetchall()
    catalogue: dict[str, Columns] = {}
    for relation, column, data_type in rows:
        catalogue.setdefault(relation, {})[column] = data_type
    return catalogue


def is_number(data_type: str) -> bool:
    """Whether a SQL type can be averaged."""
    return data_type.upper().lstrip("U").startswith((*NUMBERS, "DECIMAL"))


def is_text(data_type: str) -> bool:
    """Whether a SQL type is text."""
    return data_type.upper() == "VARCHAR"
