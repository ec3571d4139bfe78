"""Words for what a check expects and what was observed."""

import datetime as dt
import numbers
from typing import Any

import pandas as pd

from comove.quality.suite import Check

SHOWN_ROWS = 8

PLAIN_NAMES = {
    "column_values_to_be_null": "empty in every row",
    "column_values_to_not_be_null": "filled in every row",
    "column_values_to_be_unique": "different in every row",
    "column_values_to_be_in_set": "one of",
}


def expected_in_words(check: Check) -> str:
    """Say what a check expects, as a phrase.

    Returns
    -------
    str
        Such as ``psi of columns at most 0.25, in at least 90 % of rows``.
    """
    arguments = dict(check.arguments)
    low, high = arguments.pop("min_value", None), arguments.pop("max_value", None)
    mostly = arguments.pop("mostly", None)
    wanted = _bounds(low, high) or _plain_name(check.expectation, arguments)
    parts = [f"{check.measure} of {check.table}" if check.measure else check.table]
    parts.append(wanted)
    parts += [f"{name} {readable(value)}" for name, value in arguments.items()]
    if mostly is not None:
        parts.append(f"in at least {readable(100 * mostly)} % of rows")
    return " ".join(parts)


def observed_in_words(
    check: Check, data: pd.DataFrame, labels: tuple[str, ...], result: dict[str, Any]
) -> str:
    """Say what was observed, naming the rows that do not meet the expectation.

    Parameters
    ----------
    check : Check
        Says which measures it is about.
    data : DataFrame
        The frame that was judged.
    labels : tuple of str
        Columns that name its rows.
    result : dict
        Of the expectation.
    """
    unexpected = result.get("unexpected_index_list") or []
    if unexpected and len(data) > 1:
        return _named_rows(check, data, labels, unexpected)
    if check.measure and data[check.measure].isna().all():
        return f"empty in all {len(data)} rows"
    if check.columns and len(data) == 1:
        row = {column: readable(data[column].iloc[0]) for column in check.columns}
        named = (f"{column} {value}" for column, value in row.items())
        return ", ".join(row.values() if check.measure else named)
    if check.measure and pd.api.types.is_numeric_dtype(data[check.measure]):
        return _range(data[check.measure])
    return readable(result.get("observed_value", f"{len(data)} rows"))


def readable(value: Any) -> str:
    """Write a value as a person would: 4 significant digits, dates without time."""
    if isinstance(value, (list, tuple, set)):
        return "[" + ", ".join(readable(one) for one in value) + "]"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else str(value)
    if isinstance(value, (bool, str)) or not isinstance(value, numbers.Real):
        return str(value)
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{float(value):.4g}"


def _bounds(low: Any, high: Any) -> str:
    if low is None and high is None:
        return ""
    if low == high:
        return f"exactly {readable(low)}"
    if low is None:
        return f"at most {readable(high)}"
    if high is None:
        return f"at least {readable(low)}"
    return f"between {readable(low)} and {readable(high)}"


def _plain_name(expectation: str, arguments: dict[str, Any]) -> str:
    """Name an expectation in words, taking out the arguments the words tell."""
    if expectation == "expect_column_pair_values_to_be_equal":
        return f"with {arguments.pop('column_A')} equal to {arguments.pop('column_B')}"
    plain = expectation.removeprefix("expect_")
    return PLAIN_NAMES.get(plain, plain.replace("_", " "))


def _range(values: pd.Series) -> str:
    low, high = readable(values.min()), readable(values.max())
    spread = f"{low} in all" if low == high else f"{low} to {high} over"
    return f"{spread} {values.notna().sum()} rows"


def _named_rows(
    check: Check, data: pd.DataFrame, labels: tuple[str, ...], unexpected: list[Any]
) -> str:
    shown = data.loc[unexpected[:SHOWN_ROWS]]
    rows = [
        f"{'.'.join(readable(row[label]) for label in labels) or index}: "
        + ", ".join(readable(row[column]) for column in check.columns)
        for index, row in shown.iterrows()
    ]
    hidden = len(unexpected) - len(shown)
    more = f"; and {hidden} more" if hidden else ""
    return f"{'; '.join(rows)}{more} ({len(unexpected)} of {len(data)} rows)"
