"""Messages about what a run has published: warnings, drift flags, the index alarm."""

from collections.abc import Callable, Iterator

import duckdb

from comove.connection import connect_serving
from comove.notify.message import Entry, Message, Run
from comove.settings import Settings

_WARNINGS = """
    select stage, check_name, coalesce(observed, '')
    from audit.quality_result
    where run_id = ? and not success and severity in ('critical', 'warning')
    order by stage, check_name
"""
_FLAGS = """
    select
        stage, label, strftime(cohort_month, '%Y-%m') as cohort, score_kind,
        drift_reference, drift_change, drift_change_low, drift_change_high
    from risk.score_drift
    where as_of_month = ? and is_drift
    order by cohort_month desc, stage_no, label
"""
_INDEX = """
    select
        count(*) as borrowers,
        count(*) filter (where joint_risk_change > $above) / count(*) as of_borrowers,
        coalesce(
            sum(exposure) filter (where joint_risk_change > $above)
            / nullif(sum(exposure), 0),
            0
        ) as of_exposure
    from risk.joint_risk_index
    where as_of_month = $month and joint_risk_change is not null
    having count(*) > 0
"""


def news(settings: Settings, run: Run) -> list[Message]:
    """Write what is told of a run that has just published, from the published copy.

    Parameters
    ----------
    settings : Settings
        Name portfolio and home, and say when the index is an alarm.
    run : Run
        That published.

    Returns
    -------
    list of Message
        Only those that have something to tell.

    Raises
    ------
    WarehouseError
        When nothing has been published.
    """
    with connect_serving(settings) as connection:
        return list(_all(connection, settings, run))


def _all(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run: Run
) -> Iterator[Message]:
    yield from _warnings(connection, settings, run)
    special = _OF_DAG.get(run.dag_id)
    if special is not None and run.month is not None:
        yield from special(connection, settings, run)


def _warnings(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run: Run
) -> Iterator[Message]:
    rows = connection.execute(_WARNINGS, [run.run_id]).fetchall()
    if rows:
        yield Message(
            kinds=frozenset({"warning"}),
            title=f"comove {settings.portfolio}: warnings of {run.what}",
            entries=tuple(
                Entry(f"{stage} {check}", f"{stage}: {check}.", detail=observed)
                for stage, check, observed in rows
            ),
            group=run.group("warning"),
            link=run.page("data-quality"),
        )


def _drift(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run: Run
) -> Iterator[Message]:
    rows = connection.execute(_FLAGS, [run.month]).fetchall()
    if rows:
        yield Message(
            kinds=frozenset({"drift"}),
            title=f"comove {settings.portfolio}: score drift flagged, {run.what}",
            entries=tuple(_flag(*row) for row in rows),
            # Whichever month finds a flag, it is told once.
            group="drift",
            link=run.page("score-drift"),
        )


def _flag(
    stage: str,
    label: str,
    cohort: str,
    score: str,
    reference: str | None,
    change: float | None,
    low: float | None,
    high: float | None,
) -> Entry:
    line = f"Applications of {cohort}, {stage}, {label} label"
    if None not in (change, low, high):
        line += f": KS {change:+.3f} ({low:+.3f} to {high:+.3f})"
        line += f" against {reference}" if reference else ""
    return Entry(f"{score} {stage} {label} {cohort}", f"{line}.", is_told_once=True)


def _index(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run: Run
) -> Iterator[Message]:
    above = settings.notify_index_change_above
    asked = {"month": run.month, "above": above}
    row = connection.execute(_INDEX, asked).fetchone()
    borrowers, of_borrowers, of_exposure = row or (0, 0.0, 0.0)
    of = settings.notify_index_share_of
    share = of_borrowers if of == "borrowers" else of_exposure
    if share > settings.notify_index_share_above:
        line = (
            f"{of_borrowers:.1%} of {borrowers:,} borrowers, with {of_exposure:.1%} of "
            f"the exposure, have a joint-risk index more than {above:g} times that of "
            f"a month ago. The alarm is set to {settings.notify_index_share_above:.0%} "
            f"of {of}."
        )
        yield Message(
            kinds=frozenset({"index"}),
            title=f"comove {settings.portfolio}: index alarm, {run.what}",
            entries=(Entry("index", line),),
            group=run.group("index"),
            link=run.page("joint-risk"),
        )


_OF_DAG: dict[
    str, Callable[[duckdb.DuckDBPyConnection, Settings, Run], Iterator[Message]]
] = {"score_drift": _drift, "joint_risk": _index}
