"""The operator that asks a person whether debtors' limits are to be frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


class FreezeApproval(ApprovalOperator):
    """Ask once for all freezes that wait; skipped where there is none.

    Unlike its parent it skips nothing when a person rejects: a rejection is recorded by
    the task after it. Without an answer in time it is skipped, and the next run asks.

    Parameters
    ----------
    asked_by : str
        Task whose result holds ``freezes_waiting`` and ``evidence``.
    **kwargs : Any
        As of `ApprovalOperator`.
    """

    def __init__(self, *, asked_by: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asked_by = asked_by

    def execute(self, context: Context) -> Any:
        """Show the evidence and wait, holding no slot of a worker."""
        asked = context["ti"].xcom_pull(task_ids=self.asked_by) or {}
        if not asked.get("freezes_waiting"):
            raise AirflowSkipException("No freeze waits for approval.")
        self.subject = f"{self.subject} ({asked['freezes_waiting']:,})"
        self.body = f"{asked['evidence']}\n\n{self.body or ''}"
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Hand on the answer, whichever it is.

        Returns
        -------
        dict
            ``is_approved``, ``decided_by``, ``decided_at`` (ISO 8601), ``reason``; and
            ``seconds``, 0 because waiting for a person is no work of this machine.
        """
        try:
            answer = HITLOperator.execute_complete(self, context, event)
        except HITLTimeoutError:
            raise AirflowSkipException(
                "Nobody has answered in time: the freezes stay proposed, and the next "
                "run asks again."
            ) from None
        user = answer["responded_by_user"] or {}
        return {
            "is_approved": answer["chosen_options"] == [self.APPROVE],
            "decided_by": user.get("name") or user.get("id") or "unknown",
            "decided_at": answer["responded_at"].isoformat(),
            "reason": (answer["params_input"] or {}).get("reason"),
            "seconds": 0.0,
        }
