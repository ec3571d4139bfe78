"""Fitting one fold: read its window, fit, calibrate, and keep what the gate asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comove.connection import quoted
from comove.errors import ModelError
from comove.risk_model.blend import Blend, fit_weights
from comove.risk_model.calibration import Calibration, fit_calibration, shift_to_rate
from comove.risk_model.feature_shift import (
    FeatureFigures,
    feature_figures,
    missing_shares,
)
from comove.risk_model.fold_model import FoldModel, Head, Member, probability
from comove.risk_model.folds import Fold, number
from comove.risk_model.judgement import Evidence
from comove.risk_model.level import without_level
from comove.risk_model.logit import WoeLogit
from comove.risk_model.matrix import Encoding, learn_encoding, read_matrix
from comove.risk_model.trees import Sample, Tell, TreeFitter, TreeParameters, Trees

if TYPE_CHECKING:
    import duckdb

    from comove.risk_model.features import Feature
    from comove.settings import Settings

FloatArray = NDArray[np.float64]
Margins = dict[str, FloatArray]

LABEL = "is_event"
# Fewer than this in the last months decide nothing about calibration or weights.
MIN_VALIDATION_EVENTS = 5


class TooLittleError(ModelError):
    """A window holds too little to learn a model from."""


@dataclass(frozen=True)
class Window:
    """The rows one fold learns from, oldest first.

    Parameters
    ----------
    sample : Sample
        Every month of the training window.
    split : int
        Row the validation months begin with.
    encoding : Encoding
        Features that have any value in the window.
    dropped : dict of str to str
        Features without one, with the reason.
    infinite : dict of str to int
        Infinite values by feature, read as missing.
    """

    sample: Sample
    split: int
    encoding: Encoding
    dropped: dict[str, str]
    infinite: dict[str, int]

    @property
    def fit(self) -> Sample:
        """The rows before the validation months."""
        return _part(self.sample, slice(None, self.split))

    @property
    def valid(self) -> Sample:
        """The rows of the validation months."""
        return _part(self.sample, slice(self.split, None))


@dataclass(frozen=True)
class FittedFold:
    """Models of a fold, and the evidence for the gate.

    Parameters
    ----------
    model : FoldModel
        Fitted on the whole window.
    parameters : TreeParameters or None
        Of the trees, for the next fold to start from; None where none were fitted.
    evidence : dict of str to Evidence
        By algorithm, on the validation months.
    logit_dropped : mapping of str to str
        Features the logit left out, with the reason.
    """

    model: FoldModel
    parameters: TreeParameters | None
    evidence: dict[str, Evidence]
    logit_dropped: Mapping[str, str]


def window_relation(source: str, fold: Fold) -> str:
    """Select the labelled rows of a fold's training window, oldest first."""
    return (
        f"select * from {source} where {LABEL} is not null and month between "  # noqa: S608 - SQL of ours
        f"date '{fold.train_from}' and date '{fold.train_to}' "
        "order by month, borrower_key"
    )


def read_window(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    fold: Fold,
    features: Sequence[Feature],
    settings: Settings,
) -> Window:
    """Read a fold's training window.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where `source` can be read.
    source : str
        Relation with a row per borrower and month.
    fold : Fold
        Which months.
    features : sequence of Feature
        All there are; those without any value are dropped, with the reason.
    settings : Settings
        ``pd_min_events``.

    Raises
    ------
    TooLittleError
        When the window holds fewer events than ``pd_min_events``, hardly any in its
        last months, or nothing but events; or no feature has a value.
    """
    counts = _months(connection, source, fold)
    split = sum(rows for month, rows, _ in counts if month < fold.valid_from)
    _require_events(counts, fold, settings.pd_min_events)
    relation = window_relation(source, fold)
    kept, dropped = _with_values(connection, relation, features)
    if not kept:
        raise TooLittleError(
            f"none of the {len(features)} features has a value.",
            where=_place(fold),
            remedy="Look which entities are delivered, and run `build_features` again.",
        )
    encoding = learn_encoding(connection, relation, kept)
    matrix = read_matrix(connection, relation, encoding, label=LABEL)
    group = np.repeat([number(m) for m, _, _ in counts], [n for _, n, _ in counts])
    if matrix.y is None:
        raise TypeError("a label was asked for")
    sample = Sample(matrix.x, matrix.y, group)
    return Window(sample, split, encoding, dropped, matrix.infinite)


def fit_fold(
    window: Window,
    settings: Settings,
    *,
    algorithms: Sequence[str],
    handed: TreeParameters | None,
    tell: Tell,
) -> FittedFold:
    r"""Fit the algorithms of one fold.

    The members are fitted twice: on the months before the validation months, where the
    trees are stopped, the blend weighed and the slope of the calibration found; then on
    the whole window. The level of the validation months is taken out each time, and the
    final intercept makes the mean PD of the window its event rate: a PD that followed
    the newest months would swallow the common factor that the joint-risk stage is for.

    Parameters
    ----------
    window : Window
        From `read_window`.
    settings : Settings
        Seed, threads, and ``pd_…``.
    algorithms : sequence of str
        Of ``xgboost``, ``logit`` and ``blend``.
    handed : TreeParameters or None
        Hyper-parameters of the fold before; None searches anew.
    tell : callable
        Takes sentences of progress.

    Returns
    -------
    FittedFold
        Equal for equal rows, settings and library versions.
    """
    parameters = handed
    early: dict[str, Member] = {}
    final: dict[str, Member] = {}
    if {"xgboost", "blend"} & set(algorithms):
        early["xgboost"], final["xgboost"], parameters = _trees(
            window, settings, handed, tell
        )
    if {"logit", "blend"} & set(algorithms):
        early["logit"] = _logit(window.fit, window, settings)
        final["logit"] = _logit(window.sample, window, settings)
    x = window.sample.x
    before = {name: member.margin(x) for name, member in early.items()}
    after = {name: member.margin(x) for name, member in final.items()}
    blends = {a: _blend(a, before, window) for a in algorithms}
    heads = {a: _head(b, before, after, window) for a, b in blends.items()}
    told = _feature_figures(window)
    evidence = {a: _evidence(head, before, window, told) for a, head in heads.items()}
    model = FoldModel(window.encoding, final, heads)
    dropped = getattr(final.get("logit"), "dropped", {})
    return FittedFold(model, parameters, evidence, dropped)


def _part(sample: Sample, rows: slice) -> Sample:
    group = None if sample.group is None else sample.group[rows]
    return Sample(sample.x[rows], sample.y[rows], group)


def _months(
    connection: duckdb.DuckDBPyConnection, source: str, fold: Fold
) -> list[tuple[dt.date, int, int]]:
    relation = window_relation(source, fold)
    return connection.execute(
        f"select month, count(*), count(*) filter ({LABEL}) from ({relation}) "  # noqa: S608 - SQL of ours
        "group by month order by month"
    ).fetchall()


def _place(fold: Fold) -> str:
    return f"training window {fold.train_from:%Y-%m} to {fold.train_to:%Y-%m}"


def _require_events(
    counts: list[tuple[dt.date, int, int]], fold: Fold, least: int
) -> None:
    rows = sum(n for _, n, _ in counts)
    events = sum(e for _, _, e in counts)
    late = sum(e for month, _, e in counts if month >= fold.valid_from)
    where = _place(fold)
    if events < least or events == rows:
        raise TooLittleError(
            f"{events:,} events among {rows:,} borrower-months; "
            f"at least {least} events and some without are needed.",
            where=where,
            remedy="Wait for more months, or lower COMOVE_PD_MIN_EVENTS.",
        )
    if late < MIN_VALIDATION_EVENTS:
        raise TooLittleError(
            f"its validation months, from {fold.valid_from:%Y-%m}, hold {late} events; "
            f"at least {MIN_VALIDATION_EVENTS} are needed to calibrate.",
            where=where,
            remedy="Wait for more months, or raise COMOVE_PD_VALIDATION_MONTHS.",
        )


def _with_values(
    connection: duckdb.DuckDBPyConnection, relation: str, features: Sequence[Feature]
) -> tuple[list[Feature], dict[str, str]]:
    columns = ", ".join(f"count({quoted(f.name)})" for f in features)
    counts = connection.execute(f"select {columns} from ({relation})").fetchone()  # noqa: S608 - SQL of ours
    found = dict(zip((f.name for f in features), counts or (), strict=True))
    # One value beside missing ones still tells who has it; the models themselves leave
    # out what is constant.
    kept = [f for f in features if found[f.name] > 0]
    empty = [name for name, values in found.items() if not values]
    return kept, dict.fromkeys(empty, "no value in the window")


def _trees(
    window: Window, settings: Settings, handed: TreeParameters | None, tell: Tell
) -> tuple[Trees, Trees, TreeParameters]:
    """Fit trees on the months before validation, and on all; search if need be."""
    fitter = TreeFitter(
        window.encoding, settings.seed, settings.duckdb_threads, settings.pd_max_rounds
    )
    fit, valid, whole = (
        part.drawn(settings.pd_max_tree_rows, settings.seed)
        for part in (window.fit, window.valid, window.sample)
    )
    most, seed = settings.pd_search_max_rows, settings.seed
    parameters = handed or fitter.search(
        fit.drawn(most, seed),
        valid.drawn(most, seed),
        trials=settings.pd_search_trials,
        start=TreeParameters(),
        tell=tell,
    )
    early, parameters = fitter.stopped(fit, valid, parameters)
    return early, fitter.fit(whole, parameters), parameters


def _logit(sample: Sample, window: Window, settings: Settings) -> WoeLogit:
    return WoeLogit.fit(sample.x, sample.y, window.encoding, seed=settings.seed)


def _blend(algorithm: str, before: Margins, window: Window) -> Blend:
    if algorithm != "blend":
        return Blend({algorithm: 1.0})
    valid = window.valid
    level_free = {
        name: without_level(margin[window.split :], valid.y, valid.group)
        for name, margin in before.items()
    }
    return Blend(fit_weights(level_free, valid.y))


def _head(blend: Blend, before: Margins, after: Margins, window: Window) -> Head:
    valid = window.valid
    tried = blend.mix(before)[window.split :]
    slope = fit_calibration(without_level(tried, valid.y, valid.group), valid.y).slope
    return Head(blend, _levelled(slope, blend.mix(after), window.sample.y))


def _levelled(slope: float, margin: FloatArray, y: FloatArray) -> Calibration:
    return Calibration(slope, shift_to_rate(slope * margin, float(y.mean())))


def _feature_figures(window: Window) -> FeatureFigures:
    """Compare the validation months with those before; of missing values, the newest.

    A feature that stops coming is gone from the newest month first.
    """
    names, valid = window.encoding.names, window.valid
    told = feature_figures(window.fit.x, valid.x, names)
    if valid.group is None:
        return told
    newest = valid.x[valid.group == valid.group[-1]]
    return replace(told, missing_now=missing_shares(newest, names))


def _evidence(
    head: Head, before: Margins, window: Window, told: FeatureFigures
) -> Evidence:
    # What the head would have said of the validation months had neither its members nor
    # the slope of its calibration seen them, at the level it has now.
    mixed = head.blend.mix(before)
    p = np.empty(len(window.valid))
    for rows, slope in _slopes_of_others(mixed[window.split :], window.valid, head):
        seen = _levelled(slope, mixed, window.sample.y)
        p[rows] = probability(seen.apply(mixed[window.split :][rows]))
    return Evidence(
        y=window.valid.y,
        p=p,
        feature_psi=told.psi,
        known_psi=told.known_psi,
        missing_trained=told.missing_trained,
        missing_now=told.missing_now,
    )


def _slopes_of_others(
    margin: FloatArray, valid: Sample, head: Head
) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Give each month's rows with the slope that the other months calibrate to.

    The head's own slope where there is no other month, or none with events and without.
    """
    group = valid.group if valid.group is not None else np.zeros(len(valid))
    for month in np.unique(group):
        rows = group == month
        slope = head.calibration.slope
        if 0 < valid.y[~rows].sum() < (~rows).sum():
            free = without_level(margin[~rows], valid.y[~rows], group[~rows])
            slope = fit_calibration(free, valid.y[~rows]).slope
        yield rows, slope
