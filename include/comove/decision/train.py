"""Fits the models of admission and limit of each time, and judges them before use.

Models are walked forward: one for applications from month ``b`` on (month number
divisible by ``decision_refit_months``) has learned from outcomes known before the first
day of ``b``. It is named by the hash of what it follows from; one that is there already
is read, not fitted again. Before it may judge anybody it has to pass a gate on
predictions of borrowers it had not seen (cross-fitted); one that fails is kept as
refused, and the one before goes on.
"""

# ruff: noqa: S608 - SQL of dates and conditions of our own making

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

from comove.decision import admission, limit
from comove.decision.admission import Admission, admission_features
from comove.decision.judges import EVERYONE, EXISTING, Judges, Named
from comove.decision.limit import LimitModel
from comove.decision.numbers import read_numbers
from comove.risk_model.artifact import (
    ModelRecord,
    find_version,
    keep_version,
    library_versions,
    model_folder,
    name_version,
    relation_hash,
    without_nan,
)
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

if TYPE_CHECKING:
    from comove.risk_model.judgement import Check

Tell = Callable[[str], None]
FloatArray = NDArray[np.float64]
FeatureMatrix = NDArray[np.float32]
Mask = NDArray[np.bool_]

# Parts of the borrowers for cross-fitting within what a model learns from.
PARTS = 3
_GROUPS = {EXISTING: "is_existing_borrower", EVERYONE: "true"}
_LEAST = {
    EXISTING: admission.LEAST_OUTCOMES_EXISTING,
    EVERYONE: admission.LEAST_OUTCOMES,
}
# The source files that make a number of these models, or say which is in force.
_RECIPE = ("admission.py", "forest.py", "limit.py", "limit_gate.py", "train.py")


class _Model(Protocol):
    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Rows:
    """What a model learns from.

    Parameters
    ----------
    select : str
        SQL; oldest outcome first.
    x : ndarray of float32, shape (n, k)
        Features.
    target : ndarray, shape (n,)
        1 where a loan turned out bad, else 0; or the amount lent, in currency.
    part : ndarray of int, shape (n,)
        Part of the borrower, 0 to `PARTS` - 1.
    known_on : ndarray of datetime64, shape (n,)
        Day the outcome was known.
    """

    select: str
    x: FeatureMatrix
    target: FloatArray
    part: NDArray[np.int64]
    known_on: NDArray[np.datetime64]

    def without(self, part: int) -> Mask:
        """Rows of the borrowers of the other parts."""
        found: Mask = self.part != part
        return found

    def since(self, day: dt.date) -> Mask:
        """Rows whose outcome was known from a day on."""
        found: Mask = self.known_on >= np.datetime64(day)
        return found


class _Kind[M: _Model](Protocol):
    """A kind of model: what it learns from, how it is fitted and judged."""

    @property
    def purpose(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def target(self) -> str: ...
    def condition(self) -> str: ...
    def is_enough(self, good: int, bad: int) -> bool: ...
    def fit(self, x: FeatureMatrix, target: FloatArray) -> M: ...
    def load(self, folder: Path) -> M: ...
    def say(self, model: M, x: FeatureMatrix) -> FloatArray: ...
    def judge(
        self, rows: Rows, said: FloatArray, is_new: Mask, before: FloatArray | None
    ) -> tuple[dict[str, Any], tuple[Check, ...]]: ...


@dataclass(frozen=True)
class _Line:
    """Who repays, by a line learned on a group of applications."""

    settings: Settings
    group: str
    purpose: str = admission.PURPOSE
    target: str = "is_bad::integer"

    @property
    def algorithm(self) -> str:
        return f"line-{self.group}"

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(one.name for one in admission_features())

    def condition(self) -> str:
        return _GROUPS[self.group]

    def is_enough(self, good: int, bad: int) -> bool:
        return min(good, bad) >= _LEAST[self.group]

    def fit(self, x: FeatureMatrix, target: FloatArray) -> Admission:
        return Admission.fit(x, target)

    def load(self, folder: Path) -> Admission:
        return Admission.load(folder)

    def say(self, model: Admission, x: FeatureMatrix) -> FloatArray:
        return model.bad(x)

    def judge(
        self, rows: Rows, said: FloatArray, is_new: Mask, before: FloatArray | None
    ) -> tuple[dict[str, Any], tuple[Check, ...]]:
        # Seconds of imports that only training needs.
        from comove.risk_model.feature_shift import newest_third_figures
        from comove.risk_model.judgement import Evidence, judge_challenger
        from comove.risk_model.metrics import measured

        told = newest_third_figures(rows.x, self.features)
        evidence = Evidence(
            y=rows.target[is_new],
            p=said[is_new],
            p_champion=before,
            feature_psi=told.psi,
            known_psi=told.known_psi,
            missing_trained=told.missing_trained,
            missing_now=told.missing_now,
        )
        metrics = {"group": self.group, "cross_fitted": measured(rows.target, said)}
        return metrics, judge_challenger(evidence, self.settings)


@dataclass(frozen=True)
class _Trees:
    """How much can be lent, learned on loans that turned out well."""

    settings: Settings
    purpose: str = limit.PURPOSE
    algorithm: str = "quantile-trees"
    target: str = "granted_amount::double"
    features: tuple[str, ...] = limit.FEATURES

    def condition(self) -> str:
        return "not is_bad and granted_amount > 0"

    def is_enough(self, good: int, bad: int) -> bool:
        return good >= limit.LEAST_LOANS

    def fit(self, x: FeatureMatrix, target: FloatArray) -> LimitModel:
        return LimitModel.fit(x, target, self.settings)

    def load(self, folder: Path) -> LimitModel:
        return LimitModel.load(folder)

    def say(self, model: LimitModel, x: FeatureMatrix) -> FloatArray:
        return model.amounts(x)

    def judge(
        self, rows: Rows, said: FloatArray, is_new: Mask, before: FloatArray | None
    ) -> tuple[dict[str, Any], tuple[Check, ...]]:
        from comove.decision.limit_gate import LimitEvidence, judge_limits

        evidence = LimitEvidence(
            amounts=rows.target[is_new],
            estimates=said[is_new],
            before=before,
            quantile=self.settings.limit_quantile,
        )
        below = float(np.mean(rows.target < said))
        return {"quantile": evidence.quantile, "below": below}, judge_limits(evidence)


@dataclass(frozen=True)
class _Fitted:
    """A version that was fitted, whether or not it may judge."""

    record: ModelRecord
    refused: str | None


@dataclass
class _Walk[M: _Model]:
    """The models of one kind, by the month from which they judge."""

    kind: _Kind[M]
    settings: Settings
    connection: duckdb.DuckDBPyConnection
    tell: Tell
    fitted: dict[dt.date, _Fitted | None] = field(default_factory=dict)

    def in_force(self, first: dt.date) -> tuple[dt.date, ModelRecord] | None:
        """Find the newest version up to a month that passed its gate."""
        found = self._at(first)
        if found is None or found.refused is None:
            return (first, found.record) if found else None
        return self.in_force(self._before(first))

    def load(self, record: ModelRecord) -> M:
        """Read a version."""
        places = self.settings.places
        return self.kind.load(model_folder(places, record.purpose, record.model_version))

    def _before(self, first: dt.date) -> dt.date:
        return month_of(number(first) - self.settings.decision_refit_months)

    def _at(self, first: dt.date) -> _Fitted | None:
        """Give the version of a month; None where too little was known."""
        if first not in self.fitted:
            self.fitted[first] = self._find_or_fit(first)
        return self.fitted[first]

    def _find_or_fit(self, first: dt.date) -> _Fitted | None:
        select = self._select(first)
        good, bad = self._count(first)
        if not self.kind.is_enough(good, bad):
            self.tell(
                f"{first:%Y-%m}: {good} good and {bad} bad loans known, no model "
                f"{self.kind.algorithm}"
            )
            return None
        record = self._record(first, select, (good, bad))
        kept = find_version(self.settings.places, self.kind.purpose, record.model_version)
        if kept is None:
            kept = self._fit(first, select, record)
        return _Fitted(kept, kept.metrics.get("refused_because"))

    def _fit(self, first: dt.date, select: str, record: ModelRecord) -> ModelRecord:
        """Fit a version, judge it against the one in force before it, and keep both."""
        from comove.risk_model.judgement import refusal

        before = self.in_force(self._before(first))
        self.tell(f"fitting {record.model_version} on {record.rows_trained:,} loans")
        rows = self._rows(select)
        is_new = rows.since(before[0]) if before else np.ones(len(rows.x), np.bool_)
        # Where nothing has become known since, all it learned from has to do.
        is_new = is_new if is_new.any() else np.ones(len(rows.x), np.bool_)
        said = self._cross_fitted(rows)
        told, checks = self.kind.judge(
            rows, said, is_new, self._said_before(before, rows.x[is_new], is_new)
        )
        why = refusal(checks)
        if why:
            self.tell(f"{record.model_version} failed its gate: {why}")
        gate = [check.to_json() for check in checks]
        metrics = without_nan({**told, "gate": gate, "refused_because": why})
        judged = replace(record, metrics=metrics)
        model = self.kind.fit(rows.x, rows.target)
        keep_version(self.settings.places, judged, model.save)
        return judged

    def _said_before(
        self, before: tuple[dt.date, ModelRecord] | None, x: FeatureMatrix, is_new: Mask
    ) -> FloatArray | None:
        """Say what the one before says of rows it has not seen; None where it saw all."""
        if before is None or is_new.all():
            return None
        return self.kind.say(self.load(before[1]), x)

    def _cross_fitted(self, rows: Rows) -> FloatArray:
        said = np.empty(len(rows.x))
        for part in range(PARTS):
            others = rows.without(part)
            if others.all():
                continue
            model = self.kind.fit(rows.x[others], rows.target[others])
            said[~others] = self.kind.say(model, rows.x[~others])
        return said

    def _known(self, first: dt.date) -> str:
        return f"outcome_known_on < date '{first}' and is_bad is not null"

    def _select(self, first: dt.date) -> str:
        names = ", ".join(self.kind.features)
        return (
            f"select application_key, borrower_key, cohort_month, outcome_known_on, "
            f"{names}, {self.kind.target} as target from case_row "
            f"where {self._known(first)} and {self.kind.condition()} "
            "order by outcome_known_on, application_key"
        )

    def _count(self, first: dt.date) -> tuple[int, int]:
        row = self.connection.execute(
            "select count(*) filter (not is_bad), count(*) filter (is_bad) from case_row "
            f"where {self._known(first)} and {self.kind.condition()}"
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _rows(self, select: str) -> Rows:
        seed = self.settings.seed
        found = self.connection.execute(
            "select target::double as target, outcome_known_on, "
            f"md5_number_lower(borrower_key || ':{seed}') % {PARTS} as part "
            f"from ({select})"
        ).fetchnumpy()
        return Rows(
            select=select,
            x=read_numbers(self.connection, select, self.kind.features),
            target=np.asarray(found["target"], np.float64),
            part=np.asarray(found["part"], np.int64),
            known_on=np.asarray(found["outcome_known_on"], "datetime64[D]"),
        )

    def _record(
        self, first: dt.date, select: str, counts: tuple[int, int]
    ) -> ModelRecord:
        kind, settings = self.kind, self.settings
        data_hash = relation_hash(self.connection, select)
        version = name_version(
            settings, kind.purpose, kind.algorithm, first, data_hash=data_hash,
            decision_recipe=recipe_hash(),
        )  # fmt: skip
        row = self.connection.execute(
            f"select min(cohort_month) from ({select})"
        ).fetchone()
        return ModelRecord(
            model_version=version,
            purpose=kind.purpose,
            algorithm=kind.algorithm,
            data_hash=data_hash,
            settings_hash=settings.fingerprint(),
            seed=settings.seed,
            features=kind.features,
            library_versions=library_versions(),
            metrics={},
            trained_from=row[0] if row else None,
            trained_to=month_of(number(first) - 1),
            first_month_predicted=first,
            rows_trained=sum(counts),
            events_trained=counts[1],
        )


class Trainer:
    """Gives the models of each time.

    Parameters
    ----------
    settings : Settings
        Home, seed, quantile, months of the walk-forward, limits of the gate.
    connection : duckdb.DuckDBPyConnection
        With ``case_row``: rows of ``risk.decision_case`` with ``as_of``.
    tell : callable
        Takes a sentence of progress.
    """

    def __init__(
        self, settings: Settings, connection: duckdb.DuckDBPyConnection, tell: Tell
    ) -> None:
        self._existing = _Walk(_Line(settings, EXISTING), settings, connection, tell)
        self._everyone = _Walk(_Line(settings, EVERYONE), settings, connection, tell)
        self._limit = _Walk(_Trees(settings), settings, connection, tell)
        self._used: dict[str, ModelRecord] = {}

    def judges(self, first: dt.date) -> Judges:
        """Give the models that judge applications from a month on.

        Parameters
        ----------
        first : date
            First day of the month.
        """
        return Judges(
            existing=self._named(self._existing, first),
            everyone=self._named(self._everyone, first),
            limit=self._named(self._limit, first),
        )

    @property
    def models(self) -> list[dict[str, Any]]:
        """Records of the models that judged, and of those refused on the way."""
        walks: tuple[_Walk[Any], ...] = (self._existing, self._everyone, self._limit)
        refused = [
            one.record.to_json() | {"status": "refused", "refused_because": one.refused}
            for walk in walks
            for one in walk.fitted.values()
            if one and one.refused
        ]
        return [one.to_json() for one in self._used.values()] + refused

    def _named[M: _Model](self, walk: _Walk[M], first: dt.date) -> Named[M] | None:
        found = walk.in_force(first)
        if found is None:
            return None
        record = found[1]
        self._used[record.model_version] = record
        return Named(walk.load(record), record.model_version)


def recipe_hash() -> str:
    """Hash of the source files that make the numbers of admission and limit."""
    digest = hashlib.sha256()
    for name in _RECIPE:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()
