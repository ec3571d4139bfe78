"""``python -m benchmarks``: the warehouse against a bare DuckDB script."""

from benchmarks.warehouse import main

main()
