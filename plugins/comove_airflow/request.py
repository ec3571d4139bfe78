"""What a run was asked for: the month, the folder, a full refresh."""

import calendar
import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from comove.errors import SettingsError
from comove.portfolio import MONTH_PATTERN, load_portfolio
from comove.settings import Settings

# Longer than any id: whatever stands there was pasted by mistake.
MOST_DIGITS = 200
ARTICLES = {"borrower": "a", "application": "an"}


def settings_for(params: Mapping[str, Any]) -> Settings:
    """Give the settings of a run, with the data folder its form names.

    Parameters
    ----------
    params : mapping
        The run's ``data_folder``, if any.

    Raises
    ------
    SettingsError
        When there is no such folder.
    """
    named = params.get("data_folder")
    if not named:
        return Settings()
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise SettingsError(
            f"there is no folder {str(folder)!r} on the machine that runs the tasks.",
            where="data_folder",
            remedy="Give the full path of the folder with the lender's files.",
        )
    return Settings(data=folder)


def check_fields(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse fields the form does not have: left alone, they would change nothing.

    Parameters
    ----------
    given : iterable of str
        Names a run was triggered with.
    known : iterable of str
        Names of the form's fields.

    Raises
    ------
    SettingsError
        When one of them is not on the form.
    """
    fields = sorted(known)
    if strange := sorted(set(given) - set(fields)):
        raise SettingsError(
            f"the form has no field {strange[0]!r}.",
            where="conf",
            remedy=f"Use {', '.join(fields)}.",
        )


def check_portfolio(settings: Settings, named: str | None) -> None:
    """Refuse a form that names another portfolio than this Airflow works for.

    Parameters
    ----------
    settings : Settings
        Say which it works for.
    named : str or None
        What the form says; empty for that one.

    Raises
    ------
    SettingsError
        When it is another.
    """
    if named and named != settings.portfolio:
        raise SettingsError(
            f"this Airflow works for the portfolio {settings.portfolio!r}, not for "
            f"{named!r}.",
            where="portfolio",
            remedy=f"Leave it empty, or run `make up PORTFOLIO={named}`.",
        )


def id_given(params: Mapping[str, Any], field: str, *, otherwise: str) -> str | None:
    """Read the field that names one borrower or application; None where it is empty.

    Parameters
    ----------
    params : mapping
        Fields of the form.
    field : str
        ``borrower`` or ``application``.
    otherwise : str
        What an empty field asks for, in words.

    Raises
    ------
    SettingsError
        When it cannot be an id. It does not repeat what was given.
    """
    given = params.get(field)
    if given is None or given == "":
        return None
    text = str(given).strip()
    if not text or len(text) > MOST_DIGITS or not text.isprintable():
        raise SettingsError(
            f"this is no id of {ARTICLES[field]} {field}: it is "
            + ("empty." if not text else "too long or holds line breaks."),
            where=field,
            remedy=f"Write one {field}_id or {field}_key, or leave the field empty to "
            f"{otherwise}.",
        )
    return text


def month_for(
    settings: Settings,
    *,
    asked: str | None,
    partition: str | None,
    run_after: dt.datetime,
) -> dt.date:
    """First day of the month a run builds.

    Parameters
    ----------
    settings : Settings
        Say which portfolio, and so which month is its last.
    asked : str or None
        Month on the form, ``YYYY-MM``.
    partition : str or None
        Partition key of the run, ``YYYY-MM``: its scheduled month.
    run_after : datetime
        When the run was due; a month must have ended by then.

    Returns
    -------
    date
        The month asked for; else the scheduled one; else the last complete one. The
        last two stop at the last month the portfolio holds.

    Raises
    ------
    SettingsError
        When the month asked for is no month, has not ended, lies after the portfolio's
        last, or is not the run's own partition.
    """
    complete = _last_complete_month(run_after)
    end = min(complete, last_month(settings) or complete)
    if asked is None:
        return min(_parsed(partition, "partition key") if partition else end, end)
    month = _parsed(asked, "month")
    if partition and _parsed(partition, "partition key") != month:
        raise SettingsError(
            f"the form says {asked}, the run's partition {partition}.",
            where="month",
            remedy="Leave one of them empty.",
        )
    if month > end:
        raise _too_late(month, complete, end, settings)
    return month


def last_month(settings: Settings) -> dt.date | None:
    """Last complete month a portfolio holds; None where only the run can say it.

    A simulated lender's stands in its ``simulation.json``.
    """
    if known := load_portfolio(settings.portfolio).last_month:
        return known
    said = settings.places.root / "simulation.json"
    if settings.portfolio != "simulated" or not said.is_file():
        return None
    return dt.date.fromisoformat(json.loads(said.read_text())["last_month"])


def _parsed(text: str, where: str) -> dt.date:
    if not re.fullmatch(MONTH_PATTERN, text):
        raise SettingsError(
            f"{text!r} is not a month.", where=where, remedy="Write it as 2026-09."
        )
    return dt.date(int(text[:4]), int(text[5:]), 1)


def _last_complete_month(moment: dt.datetime) -> dt.date:
    return (moment.date().replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def _too_late(
    month: dt.date, complete: dt.date, end: dt.date, settings: Settings
) -> SettingsError:
    if month > complete:
        last_day = calendar.monthrange(month.year, month.month)[1]
        return SettingsError(
            f"{month:%Y-%m} is not over before {month.replace(day=last_day)}.",
            where="month",
            remedy=f"Only complete months are built: use {end:%Y-%m} or earlier.",
        )
    return SettingsError(
        f"{month:%Y-%m} is after {end:%Y-%m}, the last month of the portfolio "
        f"{settings.portfolio!r}.",
        where="month",
        remedy=f"Use {end:%Y-%m} or earlier, or leave the month empty.",
    )
