"""The stages of the DAG `identity_review`, as its tasks call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comove.errors import SettingsError
from comove_airflow.request import check_fields, check_portfolio, id_given
from comove_airflow.stage import close_run as close_run
from comove_airflow.stage import month_of, publish_schemas, settings_of, stage

if TYPE_CHECKING:
    from airflow.sdk import Context

    from comove.decision.identity import Verdict

SAME, DIFFERENT = "one person", "two persons"


@stage
def open_run(context: Context) -> dict[str, str]:
    """Check what was said, and begin the run's record."""
    from comove.audit import open_run

    run = context["dag_run"]
    check_fields(run.conf or {}, context["dag"].params)
    settings, month = settings_of(context), month_of(context)
    check_portfolio(settings, context["params"].get("portfolio"))
    verdict_of(context)
    open_run(settings, run_id=run.run_id, dag_id=run.dag_id, month=month)
    return {"verdict": context["params"]["verdict"]}


@stage
def settle(context: Context) -> Any:
    """Record the verdict on the pair; gives back how it stood, and no key."""
    from comove.decision.identity import settle_pair

    return settle_pair(
        settings_of(context), verdict_of(context), run_id=context["dag_run"].run_id
    )


@stage
def publish(context: Context) -> Any:
    """Swap links and pairs into the serving copy; nothing else."""
    return publish_schemas(context, "identity", "audit")


def verdict_of(context: Context) -> Verdict:
    """Read the form.

    Raises
    ------
    SettingsError
        For the first field that is missing, or cannot be obeyed.
    """
    from comove.decision.identity import Verdict

    params = context["params"]
    # None where the trigger came from Airflow's own command line.
    person = context["dag_run"].triggering_user_name or "command line"
    return Verdict(
        borrower=_id(params, "borrower"),
        other=_id(params, "other"),
        is_same=params["verdict"] == SAME,
        decided_by=person,
        reason=(params.get("reason") or "").strip() or None,
    )


def _id(params: Any, field: str) -> str:
    # One wording for every id; the form has two fields for borrowers.
    given = id_given(
        {"borrower": params.get(field)}, "borrower", otherwise="judge no pair"
    )
    if given is None:
        raise SettingsError(
            "a pair has two ids, and one is missing.",
            where=field,
            remedy="Write borrower_id or borrower_key of both; risk.identity_review, "
            "page Decisions, lists the keys of pairs that wait.",
        )
    return given
