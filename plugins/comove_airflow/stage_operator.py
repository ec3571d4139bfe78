"""The operator of every task of comove: one stage, one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


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
