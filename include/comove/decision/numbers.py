"""Features of cases as one array, without the imports that training needs.

`comove.risk_model.matrix` does the same for tables of any size and imports xgboost, which
takes seconds; an application asked about by form is answered in seconds.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from comove.connection import quoted

FeatureMatrix = NDArray[np.float32]


def read_numbers(
    connection: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]
) -> FeatureMatrix:
    """Read columns of numbers, in the order the rows come.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the rows can be read.
    rows : str
        SQL of a select, in a fixed order.
    names : sequence of str
        Columns.

    Returns
    -------
    ndarray of float32, shape (n, k), C order
        NaN where a value is missing, not finite, or too large for 32 bits.
    """
    columns = ", ".join(f"try_cast({quoted(n)} as float) as {quoted(n)}" for n in names)
    found = connection.execute(f"select {columns} from ({rows})").fetchnumpy()  # noqa: S608 - names of the catalogue
    x = np.column_stack([_filled(np.ma.asarray(found[name])) for name in names])
    x[~np.isfinite(x)] = np.nan
    return np.ascontiguousarray(x)


def _filled(column: NDArray[Any]) -> FeatureMatrix:
    filled: FeatureMatrix = np.ma.filled(column.astype(np.float32), np.float32(np.nan))
    return filled
