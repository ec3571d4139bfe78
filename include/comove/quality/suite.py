"""Suites: what a gate expects, as a risk analyst writes it in ``suites/*.yml``."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from comove.contract import load_source
from comove.errors import SettingsError

Stage = Literal[
    "landed",
    "staging",
    "marts",
    "risk",
    "joint_risk",
    "default_response",
    "score_drift",
    "recalibration",
    "credit_decision",
    "overdue",
    "overdue_grade",
]
Severity = Literal["critical", "warning", "info"]
Sentence = Annotated[
    str, Field(min_length=5), AfterValidator(lambda text: " ".join(text.split()))
]

SUITES = Path(__file__).with_name("suites")

# Frames every stage has without the suite saying so: a row per table, a row per column.
BUILT_IN_TABLES = ("tables", "columns")

# Arguments of an expectation that name columns of the frame it judges.
COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list")


class SuiteError(SettingsError):
    """A suite names something that does not exist, or cannot be read."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Compare(_Entry):
    """Two groups of rows whose distributions are compared.

    Parameters
    ----------
    now, before : str
        SQL conditions on the table's own columns; ``before`` is the reference.
    leave_out : tuple of str
        Columns that move by nature, such as a running number.
    """

    now: str
    before: str
    leave_out: tuple[str, ...] = ()


class SuiteTable(_Entry):
    """What is profiled: an entity, a table of the warehouse, or a query.

    Parameters
    ----------
    about : str
        What one row of it is, as a sentence.
    entity : str or None
        Contract entity; its accepted rows (``stg_…``) are profiled.
    relation : str or None
        ``schema.table``, written ``from`` in the file.
    query : str or None
        SQL whose rows are judged as they come, without a profile.
    key : tuple of str
        Columns that name a row of `relation`.
    needs : tuple of str
        Contract entities without which the query is not available.
    labels : tuple of str
        Columns of `query` that name its rows in what is observed.
    measures : dict of str to str
        Further figures of the table, each a SQL aggregate.
    compare : Compare or None
        Groups whose distributions are compared; an entity has its own: the newest
        delivery against all before it.
    leave_out : tuple of str
        Columns of an entity that are not compared.
    """

    about: Sentence
    entity: str | None = None
    relation: Annotated[str | None, Field(alias="from")] = None
    query: str | None = None
    key: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    measures: dict[str, str] = {}
    compare: Compare | None = None
    leave_out: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if sum(map(bool, (self.entity, self.relation, self.query))) != 1:
            raise ValueError("give exactly one of entity, from, query")
        if self.relation and not self.key:
            raise ValueError("a table given by `from` needs its `key`")
        return self


class Check(_Entry):
    """One expectation.

    Parameters
    ----------
    name : str
        Plain sentence that is true when all is well.
    table : str
        Table of the suite, or ``tables`` or ``columns``.
    measure : str or None
        Column of the table's frame the expectation is about.
    expectation : str
        Name as Great Expectations writes it.
    arguments : dict
        Arguments of the expectation.
    severity : str
        ``critical`` stops what follows, ``warning`` and ``info`` are kept.
    why : str
        Why it is expected.
    remedy : str
        What to do when it fails.
    """

    name: Sentence
    table: str
    measure: str | None = None
    expectation: str
    arguments: dict[str, Any] = {}
    severity: Severity
    why: Sentence
    remedy: Sentence

    @property
    def all_arguments(self) -> dict[str, Any]:
        """Arguments with the measure as the column."""
        return self.arguments | ({"column": self.measure} if self.measure else {})

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the frame that it reads."""
        found: list[str] = []
        for name in COLUMN_ARGUMENTS:
            value = self.all_arguments.get(name, [])
            found += [value] if isinstance(value, str) else value
        return tuple(found)


class Suite(_Entry):
    """All that a gate expects.

    Parameters
    ----------
    stage : str
        Where in the chain it stands.
    about : str
        What it is for.
    tables : dict of str to SuiteTable
        What is profiled, by the name its checks use.
    checks : tuple of Check
        The expectations, in the order of the page.
    """

    stage: Stage
    about: Sentence
    tables: dict[str, SuiteTable] = {}
    checks: tuple[Check, ...]


def load_suite(stage: str, folder: Path = SUITES) -> Suite:
    """Read the suite of a stage.

    Parameters
    ----------
    stage : str
        One of `Stage`.
    folder : Path
        Where the suite files are.

    Returns
    -------
    Suite
        With every name in it resolved, as far as the file alone can tell.

    Raises
    ------
    SuiteError
        Naming file and entry, when it cannot be read or names what does not exist.
    """
    file = folder / f"{stage}.yml"
    if not file.is_file():
        raise SuiteError(
            f"there is no suite for stage {stage!r}.",
            where=str(file),
            remedy=f"Use one of {', '.join(get_args(Stage))}.",
        )
    suite = _parse(file)
    _reject_unknown_entities(suite, file)
    _reject_unknown_tables(suite, file)
    _reject_repeated_names(suite, file)
    return suite


def closest(name: str, known: list[str]) -> str:
    """Sentence that offers the closest known name, or all of them."""
    near = get_close_matches(name, known, n=1)
    offered = f"did you mean {near[0]!r}" if near else f"known are {', '.join(known)}"
    return offered[0].upper() + offered[1:] + ("?" if near else ".")


def _parse(file: Path) -> Suite:
    try:
        described = yaml.safe_load(file.read_text())
        return Suite.model_validate(described)
    except yaml.YAMLError as error:
        raise SuiteError(
            f"it is not readable YAML ({' '.join(str(error).split())}).",
            where=str(file),
            remedy="Check the indentation and quotes around that line.",
        ) from error
    except ValidationError as error:
        raise _misdescribed(file, described, error) from error


def _misdescribed(file: Path, described: Any, error: ValidationError) -> SuiteError:
    first = error.errors()[0]
    return SuiteError(
        f"{_entry_of(described, first['loc'])}: {first['msg']}.",
        where=str(file),
        remedy="docs/quality.md lists what an entry may hold.",
    )


def _entry_of(described: Any, place: tuple[int | str, ...]) -> str:
    if len(place) > 1 and place[0] == "checks" and isinstance(place[1], int):
        name = described["checks"][place[1]].get("name", f"number {place[1] + 1}")
        return f"check {name!r}, field {'.'.join(map(str, place[2:]))!r}"
    return f"field {'.'.join(map(str, place))!r}"


def _reject_unknown_entities(suite: Suite, file: Path) -> None:
    known = [table.name for table in load_source("contract")]
    for name, table in suite.tables.items():
        for entity in filter(None, (table.entity, *table.needs)):
            if entity not in known:
                raise SuiteError(
                    f"table {name!r} names the unknown entity {entity!r}.",
                    where=str(file),
                    remedy=closest(entity, known),
                )


def _reject_unknown_tables(suite: Suite, file: Path) -> None:
    known = [*BUILT_IN_TABLES, *suite.tables]
    for check in suite.checks:
        if check.table not in known:
            raise SuiteError(
                f"check {check.name!r} is about the unknown table {check.table!r}.",
                where=str(file),
                remedy=closest(check.table, known),
            )


def _reject_repeated_names(suite: Suite, file: Path) -> None:
    names = [check.name for check in suite.checks]
    for name in names:
        if names.count(name) > 1:
            raise SuiteError(
                f"check {name!r} stands there twice.",
                where=str(file),
                remedy="Give each check a name of its own: results are kept by name.",
            )
