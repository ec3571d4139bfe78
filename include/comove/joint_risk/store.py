"""Loading what the joint model gave into the warehouse, in one short transaction."""

import datetime as dt
from dataclasses import dataclass

from comove.audit import ensure_tables
from comove.connection import connect
from comove.joint_risk.export import run_folder
from comove.joint_risk.tables import ensure_joint_tables
from comove.risk_model.folds import month_of, number
from comove.settings import Settings
from comove.warehouse.load import Load, check_load, replace_rows

MODELS = ("independent", "ewma", "single_factor", "factor_copula", "student_t")
MEASURES = ("expected", "var_99", "var_999", "es_99")
LOSS_COPULAS = ("independent", "factor")

_NEXT = "month = $next"
_NOT_NEXT = {
    "a month that is not the one to come": "month != $next or as_of_month != $last"
}


def _no_probability(*columns: str) -> str:
    # An interval may reach 0 or 1 where its ends are rounded.
    bad = "isnan({0}) or {0} < 0 or {0} > 1"
    return " or ".join(bad.format(column) for column in columns)


def _no_ratio(*columns: str) -> str:
    bad = "isnan({0}) or isinf({0}) or {0} < 0"
    return " or ".join(bad.format(column) for column in columns)


def _not_in(column: str, values: tuple[str, ...]) -> str:
    return f"{column} not in ({', '.join(repr(value) for value in values)})"


LOADS = (
    Load(
        file="index.parquet",
        table="risk.joint_risk_index",
        key=("borrower_key", "month"),
        replaced=_NEXT,
        faults=_NOT_NEXT
        | {
            "a probability not between 0 and 1": _no_probability(
                "pd", "joint_probability", "probability_q05", "probability_q95"
            ),
            "an index that is no ratio": _no_ratio(
                "joint_risk_index",
                "q05",
                "q95",
                "coalesce(joint_risk_index_previous, 1)",
                "coalesce(joint_risk_change, 1)",
            ),
            "an interval turned round": """
                q05 > q95 or probability_q05 > probability_q95
                or previous_q05 > previous_q95 or change_q05 > change_q95
            """,
        },
    ),
    Load(
        file="links.parquet",
        table="risk.cell_link",
        key=("month", "region_a", "industry_a", "region_b", "industry_b"),
        replaced=_NEXT,
        faults=_NOT_NEXT
        | {
            "a correlation not between -1 and 1": (
                "isnan(correlation) or abs(correlation) > 1"
            ),
            "a lift that is no ratio": _no_ratio("lift", "lift_q05", "lift_q95"),
            "an interval turned round": "lift_q05 > lift_q95",
        },
    ),
    Load(
        file="factors.parquet",
        table="risk.factor_posterior",
        key=("parameter", "group_name", "month"),
        replaced="as_of_month = $last",
        faults={
            "a fit as of another month": "as_of_month != $last",
            "a value that is no number": """
                not (isfinite(mean) and isfinite(sd) and isfinite(q05) and isfinite(q95))
            """,
            "an interval turned round": "q05 > q95",
        },
    ),
    Load(
        file="validation.parquet",
        table="risk.index_validation",
        key=("month", "model"),
        replaced="month between $first and $last",
        faults={
            "a month that is not validated": "month < $first or month > $last",
            "an unknown model": _not_in("model", MODELS),
            "a score that is no number": "not (isfinite(log_loss) and isfinite(brier))",
            "impossible counts": "events < 0 or events > n",
        },
    ),
    Load(
        file="comparison.parquet",
        table="risk.model_comparison",
        key=("month", "model"),
        replaced="month = $last",
        faults={
            "a month that is not the run's": "month != $last",
            "an unknown model": _not_in("model", MODELS),
            "a score that is no number": """
                not (isfinite(elpd_loo) and isfinite(elpd_loo_se) and isfinite(p_loo))
            """,
            "a share not between 0 and 1": _no_probability("pareto_k_above"),
        },
    ),
    Load(
        file="loss.parquet",
        table="risk.portfolio_loss",
        key=("month", "copula", "measure"),
        replaced=_NEXT,
        faults=_NOT_NEXT
        | {
            "an unknown copula or measure": (
                f"{_not_in('copula', LOSS_COPULAS)} or {_not_in('measure', MEASURES)}"
            ),
            "an amount that is none": _no_ratio("amount", "mc_error"),
        },
    ),
    Load(
        file="loss_cell.parquet",
        table="risk.portfolio_loss_cell",
        key=("month", "copula", "region", "industry", "measure"),
        replaced=_NEXT,
        faults=_NOT_NEXT
        | {
            "an unknown copula or measure": (
                f"{_not_in('copula', LOSS_COPULAS)} or {_not_in('measure', MEASURES)}"
            ),
            "an amount that is none": "not isfinite(contribution)",
        },
    ),
)


@dataclass(frozen=True)
class StoreReport:
    """What was stored.

    Parameters
    ----------
    rows : dict of str to int
        Rows loaded, by table; a table whose file is absent is not named.
    """

    rows: dict[str, int]


def store_joint_risk(settings: Settings, *, run_id: str, month: dt.date) -> StoreReport:
    """Load what the run derived from its posterior; loading it again changes nothing.

    A run for month T replaces the rows of month T + 1 (index, links, losses), of fits as
    of T, and of the months it validated; every other row stays. A file that is absent
    leaves its table alone.

    Parameters
    ----------
    settings : Settings
        Say which home, and how many months are validated.
    run_id : str
        Names the folder of the files, `run_folder`.
    month : date
        First day of the run's month.

    Returns
    -------
    StoreReport
        Rows by table.

    Raises
    ------
    LoadError
        Before anything is written, naming the file and what is wrong in it.
    """
    folder, months = run_folder(settings, run_id), _months(settings, month)
    loads = [load for load in LOADS if (folder / load.file).is_file()]
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_joint_tables(connection)
        rows = {
            load.table: check_load(connection, folder, load, months) for load in loads
        }
        connection.execute("begin")
        for load in loads:
            replace_rows(connection, folder, load, months)
        connection.execute("commit")
    return StoreReport(rows)


def _months(settings: Settings, month: dt.date) -> dict[str, dt.date]:
    return {
        "first": month_of(number(month) - settings.joint_validation_months + 1),
        "last": month,
        "next": month_of(number(month) + 1),
    }
