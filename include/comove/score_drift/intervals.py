"""95 % intervals of KS and of its changes."""

import numpy as np
import pandas as pd

from comove.connection import connect
from comove.score_drift.request import STAGES
from comove.score_drift.tables import ensure_drift_tables
from comove.settings import Settings

_Z = 1.959963984540054


def write_intervals(settings: Settings) -> int:
    """Write the intervals of every cell into `risk.score_interval`.

    Parameters
    ----------
    settings : Settings
        Say which home; the cells have been built.

    Returns
    -------
    int
        Rows.
    """
    with connect(settings) as connection:
        ensure_drift_tables(connection)
        cells = connection.execute("select * from intermediate.int_score_cell").df()
        rows = _intervals(cells)
        connection.execute("begin")
        connection.execute("delete from risk.score_interval")
        connection.execute("insert into risk.score_interval by name select * from rows")
        connection.execute("commit")
    return len(rows)


def _intervals(cells: pd.DataFrame) -> pd.DataFrame:
    cells = cells[cells["ks"].notna()].copy()
    n = cells["n_good"] * cells["n_bad"] / (cells["n_good"] + cells["n_bad"])
    cells["se"] = np.sqrt((1 - cells["ks"] ** 2).clip(lower=0.05) / 4 / n)
    base = cells[cells["is_baseline"]].set_index(["stage", "label"])[["ks", "se"]]
    cells = cells[~cells["is_baseline"]].join(base, on=["stage", "label"], rsuffix="_b")
    cells["parent"] = cells["stage"].map(STAGES)
    own = cells.set_index(["stage", "label", "cohort_month"])[["ks", "se"]]
    cells = cells.join(own, on=["parent", "label", "cohort_month"], rsuffix="_p")
    cells["before"] = cells["cohort_month"] - pd.DateOffset(months=1)
    cells = cells.join(own, on=["stage", "label", "before"], rsuffix="_h")
    made = cells[["stage", "cohort_month", "label"]].copy()
    made["ks_low"] = (cells["ks"] - _Z * cells["se"]).clip(lower=0)
    made["ks_high"] = (cells["ks"] + _Z * cells["se"]).clip(upper=1)
    for name, suffix in (("vertical", "_p"), ("horizontal", "_h"), ("baseline", "_b")):
        change = cells["ks"] - cells[f"ks{suffix}"]
        width = _Z * np.sqrt(cells["se"] ** 2 + cells[f"se{suffix}"] ** 2)
        made[f"{name}_change_low"] = change - width
        made[f"{name}_change_high"] = change + width
    return made
