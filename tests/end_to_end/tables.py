"""What tables hold, in a form that two warehouses can be compared by."""

import duckdb

Contents = dict[str, tuple[int, int]]
# Statistics are sums that threads add up in any order: their last digits are no result.
DIGITS = 9


def contents(connection: duckdb.DuckDBPyConnection, *schemas: str) -> Contents:
    """Rows, and a hash of all rows whatever their order, of every table of schemas."""
    names = connection.execute(
        """
        select schema_name || '.' || table_name from duckdb_tables()
        where list_contains(?, schema_name) order by 1
        """,
        [list(schemas)],
    ).fetchall()
    return {name: content(connection, name) for (name,) in names}


def content(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int, int]:
    """Rows of a table or view, and a hash of them whatever their order."""
    doubles = connection.execute(
        f"""
        select column_name from (describe {name})
        where column_type = 'DOUBLE' and '{name}' like 'risk.%'
        """
    ).fetchall()
    rounded = ", ".join(f"round({c}, {DIGITS}) as {c}" for (c,) in doubles)
    # Which run wrote a row, and when, is not what it says.
    told = connection.execute(
        f"""
        select column_name from (describe {name})
        where '{name}' like 'risk.%'
            and (column_name = 'run_id' or column_type like 'TIMESTAMP%')
        """
    ).fetchall()
    left_out = ", ".join(column for (column,) in told)
    columns = f"* exclude ({left_out})" if told else "*"
    columns += f" replace ({rounded})" if doubles else ""
    row = connection.execute(
        f"""
        select count(*), coalesce(sum(hash(t)::hugeint), 0)
        from (select {columns} from {name}) as t
        """
    ).fetchone()
    assert row
    return int(row[0]), int(row[1])
