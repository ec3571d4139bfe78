"""What is told: counts, months and names of checks; never a row of a person."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import quote

from comove.notify.addresses import Kind

# A message is a hint to look; the page behind its link has the rest.
MOST_LINES = 10


@dataclass(frozen=True)
class Run:
    """The run a message is about, and where it is to be looked at.

    Parameters
    ----------
    dag_id, run_id : str
        As in Airflow.
    month : date or None
        First day of the month it is for; None where its form names no month there is.
    ui : str
        Address of Airflow's UI; empty where it is not known, then no link is made.
    """

    dag_id: str
    run_id: str
    month: dt.date | None
    ui: str = ""

    @property
    def what(self) -> str:
        """DAG and month, as in titles."""
        return f"{self.dag_id} of {self.month:%Y-%m}" if self.month else self.dag_id

    @property
    def link(self) -> str | None:
        """Address of the run in Airflow."""
        return self._at(f"dags/{quote(self.dag_id)}/runs/{quote(self.run_id, safe='')}")

    def page(self, slug: str) -> str | None:
        """Address of one of comove's pages, at the run's month."""
        month = f"?month={self.month:%Y-%m}" if self.month else ""
        return self._at(f"comove/{slug}{month}")

    def required_actions(self, task_id: str) -> str | None:
        """Address of the form on which a person answers a task."""
        return f"{self.link}/tasks/{task_id}/required_actions" if self.link else None

    def group(self, kind: str) -> str:
        """Name under which is kept what was told of this DAG and month."""
        month = f"{self.month:%Y-%m}" if self.month else "no-month"
        return f"{kind}-{self.dag_id}-{month}"

    def _at(self, path: str) -> str | None:
        return f"{self.ui.rstrip('/')}/{path}" if self.ui else None


@dataclass(frozen=True)
class Entry:
    """One thing that is told, and told again only when its figures change.

    Parameters
    ----------
    about : str
        What it is, the same in every run that tells it.
    line : str
        What the message says of it.
    detail : str
        Figures the line leaves out that also make it news when they change.
    is_told_once : bool
        Once told, no figure makes it news again.
    """

    about: str
    line: str
    detail: str = ""
    is_told_once: bool = False


@dataclass(frozen=True)
class Message:
    """What is told of one run at one time.

    Parameters
    ----------
    kinds : frozenset of str
        Goes to every address that is told one of them, once.
    title : str
        In one line.
    entries : tuple of Entry
        An address gets those it has not been told.
    group : str
        Under which is kept what was told, as of `Run.group`.
    link : str or None
        Where to look.
    """

    kinds: frozenset[Kind]
    title: str
    entries: tuple[Entry, ...]
    group: str
    link: str | None = None

    def body(self, entries: tuple[Entry, ...]) -> str:
        """Write some of the entries as text, with the link at the end."""
        lines = [entry.line for entry in entries[:MOST_LINES]]
        if len(entries) > MOST_LINES:
            lines.append(f"and {len(entries) - MOST_LINES:,} more.")
        return "\n".join(lines) + (f"\n\n{self.link}" if self.link else "")
