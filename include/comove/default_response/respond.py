"""Writing events, links, actions and rules, in one transaction."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, literal, row_count, utc_now
from comove.default_response.approval import Waiting, ask_about_freezes
from comove.default_response.rules import write_rules
from comove.default_response.scratch import (
    DEBTORS,
    EVENT_GROUPS,
    EVENTS,
    LINKS,
    Posteriors,
    read_posteriors,
    run_folder,
)
from comove.default_response.strategies import FREEZE, read_strategies
from comove.default_response.strongest import mark_strongest
from comove.default_response.tables import ensure_response_tables
from comove.settings import Settings

# Weeks before the forecast month whose contacts tell how often a debtor is contacted.
_CONTACT_WEEKS = 4


@dataclass(frozen=True)
class ResponseReport:
    """What was written, and what waits for a person.

    Parameters
    ----------
    events, linked_debtors : int
        New ones.
    actions : dict of str to int
        New actions, by strategy.
    below_floor : int
        Linked debtors without a strategy: less likely to fall than the floor of their
        interval, or of an index no strategy is for.
    rules : int
        New rules of lending control.
    freezes_waiting : int
        Freezes to be decided on, those of earlier runs among them.
    waiting_id : str
        Hash of these freezes: a decision holds for no others.
    evidence : str
        The same for a person to read, as Markdown.
    """

    events: int
    linked_debtors: int
    actions: dict[str, int]
    below_floor: int
    rules: int
    freezes_waiting: int
    waiting_id: str
    evidence: str


def respond(settings: Settings, *, run_id: str) -> ResponseReport:
    """Write the response to a run's events; a second time for an event adds nothing.

    Every linked debtor is in `risk.linked_debtor`, with the strategy of the seed whose
    interval holds its index if its joint probability is at or above the floor. Each of
    these is an action: collection and lending control are done as they are written, a
    freeze is proposed. Rules follow from actions that are done.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Kept with what is new.

    Returns
    -------
    ResponseReport
        Counts, and the freezes that wait.

    Raises
    ------
    ResponseError
        When the seed cannot be obeyed; before anything is written.
    """
    folder = run_folder(settings, run_id)
    posteriors = read_posteriors(folder)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_response_tables(connection)
        read_strategies(connection)
        connection.execute("begin")
        before = _counts(connection)
        if posteriors:
            _write_response(connection, folder, posteriors, run_id)
        rules = write_rules(connection, run_id=run_id)
        mark_strongest(connection, run_id=run_id)
        waiting = ask_about_freezes(connection, run_id=run_id)
        after = _counts(connection)
        connection.execute("commit")
        return _report(before, after, rules, waiting)


def _write_response(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    posteriors: Posteriors,
    run_id: str,
) -> None:
    connection.execute("set variable run_id = ?", [run_id])
    connection.execute("set variable now = ?", [utc_now()])
    connection.execute("set variable version = ?", [posteriors.version])
    connection.execute("set variable previous_version = ?", [posteriors.previous_version])
    connection.execute("set variable forecast_month = ?", [posteriors.forecast_month])
    connection.execute("set variable acts_from = ?", [posteriors.acts_from])
    connection.execute(_NEW_EVENTS.format(**_sources(folder)))
    connection.execute(_INSERT_LINKS.format(**_sources(folder)))
    connection.execute(_INSERT_EVENTS)
    connection.execute(_INSERT_ACTIONS)


def _sources(folder: Path) -> dict[str, str]:
    files = {
        "events": EVENTS,
        "groups": EVENT_GROUPS,
        "links": LINKS,
        "debtors": DEBTORS,
    }
    return {
        name: f"read_parquet({literal(folder / file)})" for name, file in files.items()
    }


_NEW_EVENTS = """
    create or replace temp table new_event as
    select events.*, groups.link_group, groups.initial_links
    from {events} as events
    inner join {groups} as groups using (event_id)
    where events.event_id not in (select event_id from risk.default_event)
"""
_INSERT_LINKS = """
    insert into risk.linked_debtor by name
    select
        new_event.event_id,
        links.borrower_key,
        debtors.month,
        debtors.region,
        debtors.industry,
        debtors.exposure,
        debtors.pd,
        links.* exclude (link_group, borrower_key),
        strategies.strategy,
        getvariable('version') as model_version
    from new_event
    inner join {links} as links using (link_group)
    inner join {debtors} as debtors on links.borrower_key = debtors.borrower_key
    left join risk.risk_strategies as strategies
        on
            links.joint_risk_index >= strategies.index_from
            and links.joint_risk_index < coalesce(strategies.index_to, 'infinity'::double)
            and links.joint_probability >= strategies.min_joint_probability
    -- Nobody is linked to his own default.
    where links.borrower_key <> new_event.borrower_key
"""
_INSERT_EVENTS = """
    insert into risk.default_event by name
    select
        new_event.event_id,
        new_event.borrower_key,
        new_event.month,
        new_event.as_of_month,
        getvariable('forecast_month')::date as forecast_month,
        new_event.region,
        new_event.industry,
        new_event.pd,
        new_event.pd_star,
        new_event.pd_source,
        new_event.origin,
        new_event.detected_by,
        new_event.initial_links,
        coalesce(linked.debtors, 0) as linked_debtors,
        getvariable('version') as model_version,
        getvariable('previous_version') as previous_version,
        getvariable('run_id') as run_id,
        getvariable('now') as detected_at
    from new_event
    left join (
        select event_id, count(*) as debtors from risk.linked_debtor group by event_id
    ) as linked using (event_id)
"""
_INSERT_ACTIONS = f"""
    insert into risk.strategy_action by name
    with contacted as (
        select borrower_key, count(*) / {_CONTACT_WEEKS}e0 as contacts_per_week
        from marts.fct_collection
        where
            contacted_at < getvariable('forecast_month')
            and contacted_at
            >= getvariable('forecast_month')::date - interval {_CONTACT_WEEKS} week
        group by borrower_key
    )

    select
        left(
            sha256(
                linked.event_id || '|' || linked.borrower_key || '|' || linked.strategy
            ),
            32
        ) as action_id,
        linked.event_id,
        linked.borrower_key,
        linked.month,
        linked.strategy,
        if(linked.strategy = '{FREEZE}', 'proposed', 'done') as status,
        linked.joint_risk_index,
        linked.joint_probability,
        linked.exposure,
        coalesce(contacted.contacts_per_week, 0) as contacts_per_week_before,
        -- Raised, never lowered.
        if(
            strategies.contacts_per_week is not null,
            greatest(
                strategies.contacts_per_week, coalesce(contacted.contacts_per_week, 0)
            ),
            null
        ) as contacts_per_week,
        strategies.index_from,
        strategies.limit_factor,
        strategies.valid_months,
        strategies.scope,
        strategies.min_share,
        getvariable('acts_from')::date as acts_from,
        false as is_strongest,
        if(linked.strategy = '{FREEZE}', null, 'rule') as decided_by,
        if(linked.strategy = '{FREEZE}', null, getvariable('now')) as decided_at,
        getvariable('run_id') as run_id,
        getvariable('now') as proposed_at
    from risk.linked_debtor as linked
    inner join new_event using (event_id)
    inner join risk.risk_strategies as strategies
        on
            linked.strategy = strategies.strategy
            and linked.joint_risk_index >= strategies.index_from
            and linked.joint_risk_index
            < coalesce(strategies.index_to, 'infinity'::double)
    left join contacted on linked.borrower_key = contacted.borrower_key
"""  # noqa: S608 - names of ours


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    actions = connection.execute(
        "select strategy, count(*) from risk.strategy_action group by strategy"
    ).fetchall()
    return {
        "events": row_count(connection, "risk.default_event"),
        "linked_debtors": row_count(connection, "risk.linked_debtor"),
        **{f"action {strategy}": int(n) for strategy, n in actions},
    }


def _report(
    before: dict[str, int], after: dict[str, int], rules: int, waiting: Waiting
) -> ResponseReport:
    new = {name: n - before.get(name, 0) for name, n in after.items()}
    actions = {
        name.removeprefix("action "): n
        for name, n in new.items()
        if name.startswith("action ")
    }
    return ResponseReport(
        events=new["events"],
        linked_debtors=new["linked_debtors"],
        actions=actions,
        below_floor=new["linked_debtors"] - sum(actions.values()),
        rules=rules,
        freezes_waiting=waiting.freezes,
        waiting_id=waiting.waiting_id,
        evidence=waiting.evidence,
    )
