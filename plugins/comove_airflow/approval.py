"""The operator that asks a person, and hands on the answer whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from comove_airflow.notify import APPROVAL
from comove_airflow.question import kept_evidence
from comove_airflow.stage import failing_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context


class PersonApproval(ApprovalOperator):
    """Ask once about what waits; skipped where nothing does.

    Unlike its parent it skips nothing when a person rejects: a rejection is recorded by
    the task after it. Without an answer in time it is skipped, and the next run asks.

    Parameters
    ----------
    asked_by : str
        Task whose result holds `counted_as`, and that has kept its evidence.
    **kwargs : Any
        As of `ApprovalOperator`.
    """

    counted_as = "waiting"
    nothing_waits = "Nothing waits for approval."
    not_answered = "Nobody has answered in time: the next run asks again."

    def __init__(self, *, asked_by: str, **kwargs: Any) -> None:
        super().__init__(notifiers=APPROVAL, **kwargs)
        self.asked_by = asked_by
        self.subject_asked = str(self.subject)
        self.waiting, self.waiting_id = 0, ""

    def execute(self, context: Context) -> Any:
        """Show the evidence and wait, holding no slot of a worker."""
        asked = context["ti"].xcom_pull(task_ids=self.asked_by) or {}
        if not asked.get(self.counted_as):
            raise AirflowSkipException(self.nothing_waits)
        self.waiting = asked[self.counted_as]
        self.waiting_id = asked.get("waiting_id") or asked.get("content_hash") or ""
        self.subject = f"{self.subject_asked} ({self.waiting:,})"
        with failing_at_once():
            evidence = kept_evidence(context)
        self.body = f"{evidence}\n\n{self.body or ''}"
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
            raise AirflowSkipException(self.not_answered) from None
        user = answer["responded_by_user"] or {}
        return {
            "is_approved": answer["chosen_options"] == [self.APPROVE],
            "decided_by": user.get("name") or user.get("id") or "unknown",
            "decided_at": answer["responded_at"].isoformat(),
            "reason": (answer["params_input"] or {}).get("reason"),
            "seconds": 0.0,
        }
