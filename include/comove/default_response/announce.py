"""Telling people what a run has done about defaults."""

from collections.abc import Mapping

from comove.notify import Entry, Message, Run
from comove.settings import Settings


def response_message(
    settings: Settings, run: Run, counts: Mapping[str, object]
) -> Message:
    """Write what is told of a run's response: sums only.

    The freezes that wait are told of when a person is asked about them.

    Parameters
    ----------
    settings : Settings
        Name the portfolio.
    run : Run
        That responded.
    counts : mapping
        Of `ResponseReport`: events, linked_debtors, actions, rules.
    """
    return Message(
        kinds=frozenset({"response"}),
        title=f"comove {settings.portfolio}: {run.what}",
        # An event is responded to once, so that runs which tell the same counts tell of
        # different events.
        entries=(Entry(run.run_id, "\n".join(_sentences(counts))),),
        group=run.group("response"),
        link=run.page("joint-risk"),
    )


def _sentences(counts: Mapping[str, object]) -> list[str]:
    actions = counts.get("actions")
    named = actions if isinstance(actions, Mapping) else {}
    return [
        f"{_number(counts, 'events')} new default events, "
        f"{_number(counts, 'linked_debtors')} linked debtors.",
        *(f"{name.replace('_', ' ')}: {n:,}." for name, n in sorted(named.items())),
        f"{_number(counts, 'rules')} new rules for applications.",
    ]


def _number(counts: Mapping[str, object], name: str) -> str:
    return f"{int(str(counts.get(name) or 0)):,}"
