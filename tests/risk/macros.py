"""What a macro of dbt gives for columns of numbers."""

import tempfile
from functools import cache

import duckdb
import numpy as np
import pandas as pd
from dbt.cli.main import dbtRunner
from numpy.typing import NDArray

from comove.home import project_root

CALLS = (
    "kolmogorov_p_value('d', 'n')",
    "normal_quantile('p')",
    "hash_uniform('k', 'cast(m as date)', 's')",
)
_MARK = "-- next expression"


@cache
def compiled() -> dict[str, str]:
    """SQL of each of `CALLS`."""
    project = str(project_root() / "dbt_project")
    inline = f"\n{_MARK}\n".join(f"{{{{ {call} }}}}" for call in CALLS)
    with tempfile.TemporaryDirectory() as folder:
        outcome = dbtRunner().invoke(
            [
                *("compile", "--inline", inline, "--quiet"),
                *("--project-dir", project, "--profiles-dir", project),
                *("--target-path", folder, "--log-path", folder),
            ]
        )
    assert outcome.success, outcome.exception
    sql = outcome.result.results[0].node.compiled_code
    return dict(zip(CALLS, sql.split(_MARK), strict=True))


def evaluate(call: str, **columns: NDArray[np.generic]) -> NDArray[np.float64]:
    """Value of one of `CALLS` in each row of the columns, in their order."""
    connection = duckdb.connect()
    connection.register("rows", pd.DataFrame(columns))
    found = connection.execute(f"select {compiled()[call]} as value from rows").df()
    return found["value"].to_numpy(dtype=float)
