"""The operator of every task: one stage, one call; and what tasks begin with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from comove_airflow.notify import FAILURE, SUCCESS

if TYPE_CHECKING:
    from airflow.sdk import Context

# Of every task of every DAG, unless it says otherwise: it may write to the warehouse.
DEFAULTS = {
    "owner": "comove",
    "pool": "duckdb_writer",
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "execution_timeout": timedelta(hours=3),
    "on_failure_callback": FAILURE,
    "on_success_callback": SUCCESS,
}
# Reads files, or the published copy: it need not wait for who writes.
WITHOUT_THE_WAREHOUSE = {"pool": "default_pool"}
LONG = WITHOUT_THE_WAREHOUSE | {"execution_timeout": timedelta(hours=24)}


class StageOperator(BaseOperator):
    """Run one stage and keep its counts as the task's result.

    Parameters
    ----------
    run : callable
        Takes Airflow's context, gives back counts; its docstring is the task's
        documentation.
    **kwargs : Any
        As of any operator.
    """

    def __init__(self, *, run: Callable[[Context], Any], **kwargs: Any) -> None:
        super().__init__(doc_md=run.__doc__, **kwargs)
        self.run_stage = run

    def execute(self, context: Context) -> Any:
        """Run the stage."""
        return self.run_stage(context)
