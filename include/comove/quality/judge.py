"""Judging: Great Expectations on the frames of a suite."""

import datetime as dt
import logging
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from comove.connection import utc_now
from comove.quality.frames import NOT_AVAILABLE, Frame
from comove.quality.suite import Check, Suite, SuiteError, closest
from comove.quality.wording import expected_in_words, observed_in_words

# On numpy 2.5 it raises inside Great Expectations 1.24; `<column>.q05`, `.median` and
# `.q95` of a profile are judged with expect_column_values_to_be_between instead.
BROKEN = {"expect_column_quantile_values_to_be_between"}

# For these a measure without any value is an answer, not the lack of one.
ABOUT_EMPTINESS = {
    "expect_column_values_to_be_null",
    "expect_column_values_to_not_be_null",
}


@dataclass(frozen=True)
class Verdict:
    """What came of one check.

    Parameters
    ----------
    check : Check
        As the suite has it.
    success : bool
        Whether it holds; true as well where it is not available.
    observed, expected : str
        In words.
    is_available : bool
        Whether there was anything to judge.
    """

    check: Check
    success: bool
    observed: str
    expected: str
    is_available: bool = True

    @property
    def severity(self) -> str:
        """Severity of the check; ``info`` where there was nothing to judge."""
        return self.check.severity if self.is_available else "info"

    @property
    def blocks(self) -> bool:
        """Whether what follows must not run."""
        return not self.success and self.severity == "critical"


@dataclass(frozen=True)
class Judgement:
    """Verdicts of a gate, in the order of the suite.

    Parameters
    ----------
    verdicts : tuple of Verdict
        One per check.
    worst : str or None
        Highest severity among the failures, as Great Expectations ranks them.
    checked_at : datetime
        When, in UTC without a zone.
    """

    verdicts: tuple[Verdict, ...]
    worst: str | None
    checked_at: dt.datetime


def preload() -> ModuleType:
    """Import Great Expectations, once per process; 5 to 7 seconds the first time.

    A parent process that calls this before it forks spares its children the import.
    Nearly all of it is scipy, pandas, altair and SQLAlchemy, which the package's own
    ``__init__`` imports, so no narrower path exists.

    Returns
    -------
    module
        ``great_expectations``.
    """
    import great_expectations as gx
    import great_expectations.expectations as _expectations  # noqa: F401 - gx.expectations

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


def judge(suite: Suite, frames: dict[str, Frame], where: str) -> Judgement:
    """Let Great Expectations judge the frames.

    Parameters
    ----------
    suite : Suite
        What is expected.
    frames : dict of str to Frame
        What was found, by table.
    where : str
        The suite file, for messages.

    Returns
    -------
    Judgement
        A verdict per check.

    Raises
    ------
    SuiteError
        When a check names an expectation, argument or measure that does not exist.
    """
    gx = preload()
    expectations = [_expectation(gx, n, c, where) for n, c in enumerate(suite.checks)]
    absences = [_absence(check, frames[check.table], where) for check in suite.checks]
    source = _pandas_source(gx)
    outcomes = []
    for table, frame in frames.items():
        asked = [
            expectations[n]
            for n, check in enumerate(suite.checks)
            if check.table == table and absences[n] is None
        ]
        if asked:
            outcomes.append(_validate(gx, source, table, frame.data, asked))
    results = {_number(result): result for o in outcomes for result in o.results}
    verdicts = tuple(
        _verdict(check, absences[n], results.get(n), frames[check.table], where)
        for n, check in enumerate(suite.checks)
    )
    return Judgement(verdicts, _worst(outcomes), utc_now())


def _expectation(gx: ModuleType, number: int, check: Check, where: str) -> Any:
    kind = _expectation_class(gx, check, where)
    try:
        return kind(
            **check.all_arguments, severity=check.severity, meta={"number": number}
        )
    except Exception as error:
        # Great Expectations raises pydantic 1 errors and bare ValueErrors alike.
        raise SuiteError(
            f"check {check.name!r}: the arguments do not fit {check.expectation} "
            f"({' '.join(str(error).split())}).",
            where=where,
            remedy="Correct `measure` and `arguments`; docs/quality.md lists examples.",
        ) from error


def _expectation_class(gx: ModuleType, check: Check, where: str) -> Any:
    name = check.expectation
    if name in BROKEN:
        raise SuiteError(
            f"check {check.name!r}: {name} does not work with this numpy.",
            where=where,
            remedy="Use expect_column_max_to_be_between on `<column>.q05`, `.median` or "
            "`.q95`.",
        )
    known = _known_expectations(gx)
    if name not in known:
        raise SuiteError(
            f"check {check.name!r} names the unknown expectation {name!r}.",
            where=where,
            remedy=closest(name, sorted(known)),
        )
    return known[name]


def _known_expectations(gx: ModuleType) -> dict[str, Any]:
    kinds = (getattr(gx.expectations, name) for name in dir(gx.expectations))
    return {
        kind.expectation_type: kind
        for kind in kinds
        if getattr(kind, "expectation_type", "").startswith("expect_")
    }


def _absence(check: Check, frame: Frame, where: str) -> str | None:
    """Why a check has nothing to judge; None where it has."""
    if frame.absent:
        return frame.absent
    for column in check.columns:
        if column not in frame.data:
            raise SuiteError(
                f"check {check.name!r}: table {check.table!r} has no measure {column!r}.",
                where=where,
                remedy=closest(column, [str(name) for name in frame.data.columns]),
            )
    if check.expectation in ABOUT_EMPTINESS or not check.columns:
        return None
    if absence := _column_is_empty(check, frame):
        return absence
    is_empty = frame.data[list(check.columns)].isna().all(axis=None)
    return _nothing_measured(check) if is_empty else None


def _nothing_measured(check: Check) -> str:
    measures = ", ".join(check.columns)
    if any(word in measures for word in ("psi", "change", "before", "earlier")):
        return f"not available yet: {measures} needs an earlier delivery to compare with"
    return f"{NOT_AVAILABLE}: {measures} has no value"


def _column_is_empty(check: Check, frame: Frame) -> str | None:
    """Tell why figures of a column no row fills mean nothing."""
    for measure in check.columns:
        column, _, metric = measure.rpartition(".")
        fill = f"{column}.null_share"
        if metric and fill in frame.data and (frame.data[fill] == 1).all():
            return f"{NOT_AVAILABLE}: column {column} is empty"
    return None


def _pandas_source(gx: ModuleType) -> Any:
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_pandas("frames")


def _validate(
    gx: ModuleType, source: Any, table: str, data: pd.DataFrame, asked: list[Any]
) -> Any:
    asset = source.add_dataframe_asset(table)
    definition = asset.add_batch_definition_whole_dataframe("all")
    batch = definition.get_batch(batch_parameters={"dataframe": data})
    suite = gx.ExpectationSuite(name=table, expectations=asked)
    return batch.validate(suite, result_format="COMPLETE")


def _number(result: Any) -> int:
    return int(result.expectation_config.meta["number"])


def _verdict(
    check: Check, absence: str | None, result: Any, frame: Frame, where: str
) -> Verdict:
    expected = expected_in_words(check)
    if absence is not None:
        return Verdict(check, True, absence, expected, is_available=False)
    if raised := _exception_of(result):
        raise SuiteError(
            f"check {check.name!r} could not be judged ({raised}).",
            where=where,
            remedy="Check that the expectation suits the kind of its measure.",
        )
    observed = observed_in_words(check, frame.data, frame.labels, result.result)
    return Verdict(check, bool(result.success), observed, expected)


def _exception_of(result: Any) -> str | None:
    """Message of what the expectation raised; it nests by metric for some kinds."""
    found = result.exception_info or {}
    for info in (found, *(v for v in found.values() if isinstance(v, dict))):
        if info.get("raised_exception"):
            return " ".join(str(info.get("exception_message")).split())
    return None


def _worst(outcomes: list[Any]) -> str | None:
    failures = [outcome.get_max_severity_failure() for outcome in outcomes]
    found = {failure.value for failure in failures if failure is not None}
    return next((s for s in ("critical", "warning", "info") if s in found), None)
