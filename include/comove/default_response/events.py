"""Default events that nobody has responded to yet, and who might fall with them."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, row_count
from comove.default_response.identity import borrower_key
from comove.default_response.scratch import (
    DEBTORS,
    EVENTS,
    Posteriors,
    ResponseError,
    fresh_folder,
    write_parquet,
    write_posteriors,
)
from comove.default_response.tables import ensure_response_tables
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

DETECTED, REPORTED = "detected", "reported"
_RUN_JOINT_RISK = "Run the DAG `joint_risk` for {month:%Y-%m} first."


@dataclass(frozen=True)
class Wish:
    """What a run was asked for.

    Parameters
    ----------
    month : date
        Month of the run, first day.
    is_month_given : bool
        A person named it.
    borrower : str or None
        Id or key of a borrower whose default a person gives by hand; None to take the
        new events of the month.
    given_by : str
        Who, kept with the event.
    """

    month: dt.date
    is_month_given: bool = False
    borrower: str | None = None
    given_by: str = "comove"

    @property
    def is_by_hand(self) -> bool:
        """A person asked for something that must not be passed over in silence."""
        return self.is_month_given or self.borrower is not None


@dataclass(frozen=True)
class EventReport:
    """What was found.

    Parameters
    ----------
    events : int
        Events without a response.
    known_events : int
        Events of the wish that have one already.
    debtors : int
        Borrowers at risk in the month to come, who may be linked.
    without_pd : int
        Events of borrowers without a PD of their own; that of their cell stands for it.
    why_none : str or None
        Why there is no event, as a sentence.
    """

    events: int
    known_events: int
    debtors: int
    without_pd: int = 0
    why_none: str | None = None


@dataclass(frozen=True)
class _Event:
    """One borrower's default: given by hand, or one of many."""

    borrower_key: str
    month: dt.date
    origin: str


def find_events(settings: Settings, *, run_id: str, wish: Wish) -> EventReport:
    """Find the events to respond to; write them and who is at risk as Parquet.

    Without a borrower given, the events are those of the wish's month
    (``marts.fct_borrower_month.is_event``) that are not in `risk.default_event`. A
    borrower given with a month must have had the event in it. Without a month, a borrower
    who is at risk in the month to come has it then, reported before the warehouse can
    know; any other has had it in the last month with one.

    Parameters
    ----------
    settings : Settings
        Say which home, and what makes a cell of the joint model.
    run_id : str
        Names the folder of the files.
    wish : Wish
        What was asked for.

    Returns
    -------
    EventReport
        Counts. No posterior is an error only where a person asked.

    Raises
    ------
    ResponseError
        When the borrower is unknown, had no event, or was not at risk; when the month
        has no posterior or no posterior a month earlier.
    """
    folder = fresh_folder(settings, run_id)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_response_tables(connection)
        if wish.borrower is not None:
            return _given(connection, settings, folder, wish)
        if reason := _why_no_posterior(connection, wish.month):
            if wish.is_by_hand and _has_posteriors(connection):
                raise _no_posterior(wish.month, reason)
            return EventReport(0, 0, 0, why_none=reason)
        return _detected(connection, settings, folder, wish)


def _detected(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, wish: Wish
) -> EventReport:
    connection.execute(
        """
        create or replace temp table wished as
        select borrower_key, month, ? as origin, ? as detected_by
        from marts.fct_borrower_month
        where month = ? and is_event
        """,
        [DETECTED, wish.given_by, wish.month],
    )
    return _write(connection, settings, folder, wish.month)


def _given(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, wish: Wish
) -> EventReport:
    event = _resolve(connection, settings, wish)
    as_of = wish.month if event.origin == REPORTED else event.month
    if reason := _why_no_posterior(connection, as_of):
        raise _no_posterior(as_of, reason)
    connection.execute(
        """
        create or replace temp table wished as
        select ? as borrower_key, ?::date as month, ? as origin, ? as detected_by
        """,
        [event.borrower_key, event.month, event.origin, wish.given_by],
    )
    return _write(connection, settings, folder, as_of)


def _resolve(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish
) -> _Event:
    key = borrower_key(connection, settings, wish.borrower or "")
    if wish.is_month_given:
        _require_event(connection, key, wish.month)
        return _Event(key, wish.month, DETECTED)
    if _is_at_risk_ahead(connection, key, wish.month):
        return _Event(key, _after(wish.month), REPORTED)
    last = _last_event(connection, key, wish.month)
    if last is None:
        raise ResponseError(
            "the borrower has had no default event, and is not at risk in "
            f"{_after(wish.month):%Y-%m}.",
            where="borrower",
            remedy="A default can be given for borrowers at risk (risk.joint_risk_index) "
            "or with an event (marts.fct_borrower_month).",
        )
    return _Event(key, last, DETECTED)


def _require_event(
    connection: duckdb.DuckDBPyConnection, key: str, month: dt.date
) -> None:
    row = connection.execute(
        """
        select is_at_risk, is_event from marts.fct_borrower_month
        where borrower_key = ? and month = ?
        """,
        [key, month],
    ).fetchone()
    if row and row[1]:
        return
    if row is None:
        found = f"the borrower had no open loan in {month:%Y-%m}"
    elif not row[0]:
        found = f"the borrower was not at risk in {month:%Y-%m}"
    else:
        found = f"the borrower had no default event in {month:%Y-%m}"
    last = _last_event(connection, key)
    raise ResponseError(
        f"{found}.",
        where="month",
        remedy=f"The last event was in {last:%Y-%m}: ask for that month."
        if last
        else "There never was one. To report a default the data does not know yet, "
        "leave the month empty.",
    )


def _last_event(
    connection: duckdb.DuckDBPyConnection, key: str, until: dt.date | None = None
) -> dt.date | None:
    row = connection.execute(
        """
        select max(month) from marts.fct_borrower_month
        where borrower_key = ? and is_event and month <= coalesce(?, date '9999-12-01')
        """,
        [key, until],
    ).fetchone()
    return row[0] if row else None


def _is_at_risk_ahead(
    connection: duckdb.DuckDBPyConnection, key: str, as_of: dt.date
) -> bool:
    if not _has_posteriors(connection):
        return False
    row = connection.execute(
        """
        select 1 from risk.joint_risk_index where borrower_key = ? and as_of_month = ?
        """,
        [key, as_of],
    ).fetchone()
    return row is not None


def _has_posteriors(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        """
        select count(*) from information_schema.tables
        where (table_schema, table_name) in
            (('risk', 'joint_risk_index'), ('audit', 'posterior'))
        """
    ).fetchone()
    tables_are_there = bool(row and row[0] == 2)
    return tables_are_there and row_count(connection, "risk.joint_risk_index") > 0


def _why_no_posterior(
    connection: duckdb.DuckDBPyConnection, month: dt.date
) -> str | None:
    if not _has_posteriors(connection):
        return "There is no joint risk of this portfolio: not available."
    row = connection.execute(
        "select 1 from risk.joint_risk_index where as_of_month = ? limit 1", [month]
    ).fetchone()
    return None if row else f"There is no posterior that knows {month:%Y-%m}."


def _no_posterior(month: dt.date, reason: str) -> ResponseError:
    return ResponseError(
        reason,
        where="risk.joint_risk_index",
        remedy=_RUN_JOINT_RISK.format(month=month),
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: Path,
    as_of: dt.date,
) -> EventReport:
    """Write the wished events that are new, and who is at risk after them."""
    posteriors = _posteriors(connection, as_of)
    connection.execute("set variable as_of_month = ?::date", [as_of])
    connection.execute(_debtors_sql())
    connection.execute(_groups_sql(settings))
    connection.execute(_events_sql(settings))
    wished, new = row_count(connection, "wished"), row_count(connection, "new_event")
    if new == 0:
        return EventReport(0, wished, 0, why_none=_why_nothing_new(wished, as_of))
    write_parquet(connection, "(from new_event order by event_id)", folder / EVENTS)
    write_parquet(connection, _STANDING, folder / DEBTORS)
    write_posteriors(folder, posteriors)
    return EventReport(
        events=new,
        known_events=wished - new,
        debtors=row_count(connection, "debtor"),
        without_pd=row_count(
            connection, "(from new_event where pd_source <> 'borrower')"
        ),
    )


# Who is reported to have fallen in the month to come is nobody's debtor any more.
_STANDING = """(
    select debtor.* from debtor
    anti join (
        select borrower_key, month from wished
        union all
        select borrower_key, month from risk.default_event
    ) as fallen using (borrower_key, month)
    order by borrower_key
)"""


def _why_nothing_new(wished: int, as_of: dt.date) -> str:
    if wished:
        return f"All {wished} events have been responded to before."
    return f"Nobody has defaulted in {as_of:%Y-%m}."


def _posteriors(connection: duckdb.DuckDBPyConnection, as_of: dt.date) -> Posteriors:
    row = connection.execute(
        """
        select
            newer.model_version,
            older.model_version,
            newer.artifact_path,
            older.artifact_path
        from audit.posterior as newer
        left join audit.posterior as older
            on
                older.as_of_month = ?
                and older.accepted
                and older.copula = newer.copula
                and older.factors = newer.factors
        where newer.model_version = (
            select max(model_version) from risk.joint_risk_index where as_of_month = ?
        )
        order by older.fitted_at desc
        limit 1
        """,
        [month_of(number(as_of) - 1), as_of],
    ).fetchone()
    if row is None or row[1] is None:
        before = month_of(number(as_of) - 1)
        raise _no_posterior(
            as_of, f"There is no posterior that ends with {before:%Y-%m} to compare with."
        )
    return Posteriors(as_of, _after(as_of), *row)


def _debtors_sql() -> str:
    return """
        create or replace temp table debtor as
        select
            ahead.borrower_key,
            ahead.month,
            ahead.region,
            ahead.industry,
            ahead.pd,
            ahead.pd_star,
            ahead.exposure,
            borrowers.region as own_region,
            borrowers.industry as own_industry,
            borrowers.kind as own_kind
        from risk.joint_risk_index as ahead
        inner join marts.dim_borrower as borrowers using (borrower_key)
        where ahead.as_of_month = getvariable('as_of_month')
    """


def _groups_sql(settings: Settings) -> str:
    """Which group a value belonged to when the posterior was made."""
    kinds = {
        "region": settings.joint_region_attribute,
        "industry": settings.joint_industry_attribute,
    }
    of_each = " union all ".join(
        f"select distinct '{name}' as attribute, {_own(kind)} as value, "  # noqa: S608 - names of ours
        f"{name} as group_name from debtor"
        for name, kind in kinds.items()
    )
    return f"""
        create or replace temp table debtor_group as
        select attribute, value, min(group_name) as group_name
        from ({of_each}) group by attribute, value
    """  # noqa: S608 - names of ours


def _events_sql(settings: Settings) -> str:
    region = _own(settings.joint_region_attribute, "borrowers.{}")
    industry = _own(settings.joint_industry_attribute, "borrowers.{}")
    return f"""
        create or replace temp table new_event as
        with placed as (
            select
                left(
                    sha256(wished.borrower_key || '|' || strftime(wished.month, '%Y-%m')),
                    32
                ) as event_id,
                wished.*,
                getvariable('as_of_month') as as_of_month,
                coalesce(regions.group_name, 'other') as region,
                coalesce(industries.group_name, 'other') as industry,
                borrowers.region as own_region,
                borrowers.industry as own_industry,
                coalesce(known.pd, ahead.pd) as pd,
                coalesce(known.pd_star, ahead.pd_star) as own_pd_star
            from wished
            inner join marts.dim_borrower as borrowers using (borrower_key)
            left join debtor_group as regions
                on regions.attribute = 'region' and regions.value = {region}
            left join debtor_group as industries
                on industries.attribute = 'industry' and industries.value = {industry}
            left join risk.residual as known using (borrower_key, month)
            left join debtor as ahead using (borrower_key, month)
        ),

        of_cell as (
            select region, industry, avg(pd_star) as pd_star
            from debtor group by region, industry
        ),

        of_all as (select avg(pd_star) as pd_star from debtor)

        select
            placed.* exclude (own_pd_star),
            coalesce(placed.own_pd_star, of_cell.pd_star, of_all.pd_star) as pd_star,
            case
                when placed.own_pd_star is not null then 'borrower'
                when of_cell.pd_star is not null then 'cell'
                else 'portfolio'
            end as pd_source
        from placed
        left join of_cell using (region, industry)
        cross join of_all
        where placed.event_id not in (select event_id from risk.default_event)
    """  # noqa: S608 - names of ours


def _own(attribute: str, name: str = "own_{}") -> str:
    return "'all'" if attribute == "none" else name.format(attribute)


def _after(month: dt.date) -> dt.date:
    return month_of(number(month) + 1)
