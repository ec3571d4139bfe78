"""One assessment: performance, drift, factors, candidates, and what is proposed."""

import datetime as dt
import math
from dataclasses import dataclass, field

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, utc_now
from comove.portfolio import load_portfolio
from comove.recalibration.assessed import answered_cells, keep_assessed
from comove.recalibration.candidates import (
    BANDS,
    NO_BANDS,
    Candidate,
    band_candidates,
    cutoff_candidates,
)
from comove.recalibration.drift import (
    Drift,
    calling,
    drifts_of,
    first_cohort,
    read_flags,
)
from comove.recalibration.evidence import evidence_of
from comove.recalibration.factor import (
    NOT_AVAILABLE,
    Factor,
    main_factor,
    month_gaps,
    read_adjustments,
    read_labels,
    weigh_factors,
)
from comove.recalibration.loans import LoansByScore, read_loans
from comove.recalibration.performance import (
    Performance,
    over_window,
    read_performance,
    requirement,
)
from comove.recalibration.request import Wish
from comove.recalibration.strategy import RecalibrationError, Strategy, read_seed
from comove.recalibration.tables import ensure_recalibration_tables
from comove.recalibration.versions import (
    PROPOSED,
    RECALIBRATED,
    RESTORED,
    Origin,
    keep_seed,
    propose,
    read_version,
    score_kind_of,
    version_in_force,
    waiting_restored,
    withdraw,
)
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

# A candidate that was not chosen; chosen, but what is in force already; chosen, but
# nothing calls for a change; called for, but a version to be restored waits first.
NOT_SELECTED, KEPT, NOT_NEEDED = "not selected", "kept", "not needed"
POSTPONED = "postponed"
NO_DRIFT = "no drift"
_TABLES = (
    "score_assessment",
    "recalibration",
    "recalibration_factor",
    "score_performance",
)
_REFERENCES = {
    "baseline": "the baseline months",
    "selection": "what selection alone makes of the stage above",
}


@dataclass(frozen=True)
class Assessment:
    """Everything found out about a month.

    Parameters
    ----------
    month : date
        Last cohort month looked at, first day.
    months : list of Performance
        Of each mature cohort.
    window : Performance or None
        Of the newest of them together, on which candidates are tried.
    drifts : list of Drift
        All of them, oldest first.
    drift : Drift or None
        The newest that calls for a change; where none does, the newest.
    factors : list of Factor
        What it may come from.
    main_factor : str
        The main one of them, or why there is none.
    calls : tuple of str
        Sentences that call for a change; empty where nothing does.
    candidates : list of Candidate
        Cut-offs and bands; empty where there is nothing to try them on.
    why_none : str or None
        Why there are none, or none of the bands.
    before, after : Strategy
        In force; what would be, if the candidates selected were.
    score_kind : str
        Whose score it is about: ``own`` or ``lender``.
    """

    month: dt.date
    months: list[Performance]
    window: Performance | None
    drifts: list[Drift]
    drift: Drift | None
    factors: list[Factor]
    main_factor: str
    calls: tuple[str, ...]
    candidates: list[Candidate]
    why_none: str | None
    before: Strategy
    after: Strategy
    score_kind: str

    @property
    def is_proposal(self) -> bool:
        """Whether there is something to ask a person about."""
        return bool(self.calls) and self.before.bands != self.after.bands


@dataclass(frozen=True)
class AssessReport:
    """What was written, and what waits for a person.

    Parameters
    ----------
    candidates : int
        Tried.
    main_factor : str
        Of the newest drift.
    calls : int
        Sentences that call for a change.
    why_none : str or None
        Why no candidate, or no bands, were tried.
    proposals_waiting : int
        0 or 1.
    version : int or None
        The version that waits.
    content_hash : str or None
        Of what it says.
    evidence : str
        The same for a person to read, as Markdown.
    """

    candidates: int = 0
    main_factor: str = NO_DRIFT
    calls: int = 0
    why_none: str | None = None
    proposals_waiting: int = 0
    version: int | None = None
    content_hash: str | None = None
    evidence: str = field(default="", repr=False)


def assess(settings: Settings, *, run_id: str, wish: Wish) -> AssessReport:
    """Assess a month and write what was found; propose a strategy where one is better.

    Run again for a month, its rows are replaced. What was decided stays with the
    versions, which nothing replaces.

    Parameters
    ----------
    settings : Settings
        Bounds, window and candidates.
    run_id : str
        Kept with what is written.
    wish : Wish
        Month; or the version to bring back, in which case nothing is assessed.

    Returns
    -------
    AssessReport
        What waits for a person.

    Raises
    ------
    RecalibrationError
        When there is no score drift of the month, or no such version.
    """
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_recalibration_tables(connection)
        connection.execute("begin")
        keep_seed(
            connection,
            read_seed(connection),
            run_id=run_id,
            score_kind=settings.drift_score,
        )
        report = (
            _restored(connection, wish.restore, wish, run_id)
            if wish.restore is not None
            else _assessed(connection, settings, wish, run_id)
        )
        connection.execute("commit")
        return report


def find_out(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> Assessment:
    """Find out about a month, without writing anything.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with the tables of the score drift.
    settings : Settings
        Bounds, window and candidates.
    month : date
        Last cohort month looked at, first day; that of the score drift.

    Raises
    ------
    RecalibrationError
        When the score drift is not that of the month, or not of the score that the
        settings and the strategy in force speak of.
    """
    _require_drift(connection, month, settings.drift_score)
    in_force, before = version_in_force(connection)
    _require_kind(connection, in_force, settings.drift_score)
    months = read_performance(connection, settings, month)
    newest = months[-settings.recalibration_window_months :]
    loans = _loans(connection, newest)
    window = over_window(newest, loans, settings)
    drifts = find_drifts(connection, settings, month)
    call = calling_drifts(connection, drifts, window)
    drift = next(iter([*call, *reversed(drifts)]), None)
    factors = factors_of(connection, drift, month)
    calls = (*map(_drift_call, call), *requirement(window, settings).unmet)
    why_none = _why_no_candidates(loans, before, settings)
    candidates, after = ([], before) if why_none else _try(loans, before, settings)
    why_none = why_none or _why_no_bands(candidates, after)
    return Assessment(
        month,
        months,
        window,
        drifts,
        drift,
        factors,
        _named_factor(settings, drift, factors),
        calls,
        candidates,
        why_none,
        before,
        after,
        settings.drift_score,
    )


def read_window(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> Performance | None:
    """Read the performance of the newest mature cohorts; None without any."""
    newest = read_performance(connection, settings, month)
    newest = newest[-settings.recalibration_window_months :]
    return over_window(newest, _loans(connection, newest), settings)


def calling_drifts(
    connection: duckdb.DuckDBPyConnection,
    drifts: list[Drift],
    window: Performance | None,
) -> list[Drift]:
    """Find the drifts nobody has answered yet, newest first; see `calling`."""
    since = window.first if window else None
    return calling(drifts, answered_cells(connection), since)


def find_drifts(
    connection: duckdb.DuckDBPyConnection, settings: Settings, month: dt.date
) -> list[Drift]:
    """Find the drifts up to a month, oldest first; none where no flag holds.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.score_drift`.
    settings : Settings
        Chance of error of a month's flags.
    month : date
        Last cohort month looked at, first day.
    """
    first = first_cohort(connection)
    if first is None:
        return []
    flags = read_flags(connection, month, settings.recalibration_error_chance)
    return drifts_of(flags, month_of(number(first) - 1))


def factors_of(
    connection: duckdb.DuckDBPyConnection, drift: Drift | None, month: dt.date
) -> list[Factor]:
    """Weigh what the lender adjusted before a drift; none where there is no drift.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, with `risk.score_histogram` and `fct_business_adjustment`.
    drift : Drift or None
        As of `find_drifts`.
    month : date
        Last cohort month looked at, first day; that of the score drift.
    """
    if drift is None:
        return []
    labels = read_labels(connection, drift.flag.stage, drift.flag.label, month)
    known = sorted({m.astype(dt.date) for m in labels.month})
    since = [m for m in known if drift.after < m <= drift.last]
    # What the score says of a month is what it said in the months without the drift.
    calm = [m for m in known if m < drift.first]
    gaps = month_gaps(labels, calm, since)
    return weigh_factors(read_adjustments(connection, month), drift, gaps)


def _require_drift(
    connection: duckdb.DuckDBPyConnection, month: dt.date, score_kind: str
) -> None:
    """Refuse to assess a month on what was known in another, or on another score."""
    try:
        row = connection.execute(
            "select max(as_of_month), max(score_kind) from risk.score_drift"
        ).fetchone()
    except duckdb.CatalogException:
        row = None
    known, kind = row or (None, None)
    if known != month:
        found = f"is that of {known:%Y-%m}" if known else "has not been built"
        raise RecalibrationError(
            f"the score drift {found}.",
            where="risk.score_drift",
            remedy=f"Run the DAG `score_drift` for {month:%Y-%m} to its end first.",
        )
    if kind != score_kind:
        raise RecalibrationError(
            f"the score drift is that of the score {kind!r}, and the setting "
            f"drift_score says {score_kind!r}.",
            where="risk.score_drift",
            remedy=f"Run the DAG `score_drift` for {month:%Y-%m} with the field score "
            "empty, or change the setting drift_score.",
        )


def _require_kind(
    connection: duckdb.DuckDBPyConnection, version: int, score_kind: str
) -> None:
    """Refuse to hold points of one score against points of another."""
    if (kind := score_kind_of(connection, version)) == score_kind:
        return
    row = connection.execute(
        "select max(version) from risk.strategy_version where score_kind = ?",
        [score_kind],
    ).fetchone()
    remedy = "Write the strategy in its points into the seed score_strategies, and run."
    if row and row[0]:
        remedy = f"Run with restore set to {row[0]}, and approve it."
    raise RecalibrationError(
        f"version {version}, in force, is in points of the score {kind!r}, and the "
        f"setting drift_score says {score_kind!r}.",
        where="risk.strategy_version",
        remedy=f"{remedy} Or set drift_score back.",
    )


def _loans(
    connection: duckdb.DuckDBPyConnection, months: list[Performance]
) -> LoansByScore:
    if not months:
        return read_loans(connection, dt.date.max, dt.date.min)
    return read_loans(connection, months[0].first, months[-1].last)


def _named_factor(settings: Settings, drift: Drift | None, factors: list[Factor]) -> str:
    if drift is None:
        return NO_DRIFT
    if "business_adjustments" in load_portfolio(settings.portfolio).absent:
        return NOT_AVAILABLE
    return main_factor(factors)


def _drift_call(drift: Drift) -> str:
    flag = drift.flag
    until = f" to {drift.last:%Y-%m}" if drift.last != drift.first else ""
    reference = _REFERENCES.get(flag.reference, flag.reference)
    if (flag.label, flag.reference) == ("performance", "selection"):
        reference = "the baseline's loans at the same scores"
    return (
        f"The score drifted at the stage {flag.stage} ({flag.label} label), cohorts "
        f"{drift.first:%Y-%m}{until}: KS {flag.change:+.3f} against "
        f"{reference}, {flag.errors:.1f} standard "
        "errors."
    )


def _why_no_candidates(
    loans: LoansByScore, before: Strategy, settings: Settings
) -> str | None:
    if before.cutoff == math.inf:
        return "The strategy in force refuses everybody: there is no cut-off to move."
    least = settings.recalibration_min_bad
    if loans.n_bad >= least and loans.n_good >= least:
        return None
    return (
        f"Of the newest {settings.recalibration_window_months} mature cohorts "
        f"{loans.n_bad} loans are bad and {loans.n_good} good; candidates need "
        f"{least} of either."
    )


def _why_no_bands(candidates: list[Candidate], after: Strategy) -> str | None:
    if any(one.kind == BANDS for one in candidates):
        return None
    return f"{NO_BANDS}: no mature loan scores {after.cutoff:g} or more, the cut-off."


def _try(
    loans: LoansByScore, before: Strategy, settings: Settings
) -> tuple[list[Candidate], Strategy]:
    cutoffs = cutoff_candidates(loans, before, settings)
    moved = _applied(next(one for one in cutoffs if one.is_selected), before, loans)
    bands = band_candidates(loans, moved, settings)
    best = next((one for one in bands if one.is_selected), None)
    after = _applied(best, moved, loans) if best else moved
    return [*cutoffs, *bands], after


def _applied(candidate: Candidate, strategy: Strategy, loans: LoansByScore) -> Strategy:
    if candidate.is_in_force:
        return strategy
    if candidate.kind == "cutoff":
        return strategy.moved(candidate.threshold)
    return strategy.regrouped(candidate.edges, loans)


def _assessed(
    connection: duckdb.DuckDBPyConnection, settings: Settings, wish: Wish, run_id: str
) -> AssessReport:
    found = find_out(connection, settings, wish.month)
    based_on, _ = version_in_force(connection)
    if (waits := waiting_restored(connection)) is not None:
        # What a person asked for goes before what is worked out here.
        _write(connection, found, None, run_id, is_postponed=True)
        return _asked_again(connection, waits, found)
    version = None
    if found.is_proposal:
        why = " ".join(found.calls)
        origin = Origin(
            RECALIBRATED, why, run_id, wish.asked_by, based_on, wish.month,
            found.main_factor, found.score_kind,
        )  # fmt: skip
        version = propose(connection, found.after, origin)
    else:
        withdraw(connection, f"{run_id} found nothing to change.")
    _write(connection, found, version, run_id)
    return AssessReport(
        candidates=len(found.candidates),
        main_factor=found.main_factor,
        calls=len(found.calls),
        why_none=found.why_none,
        proposals_waiting=int(version is not None),
        version=version,
        content_hash=found.after.content_hash if version else None,
        evidence=_evidence(found) if version else "",
    )


def _asked_again(
    connection: duckdb.DuckDBPyConnection, version: int, found: Assessment
) -> AssessReport:
    """Ask anew about a version that is to be restored, as it was asked before."""
    row = connection.execute(
        "select why, score_kind from risk.strategy_version where version = ?", [version]
    ).fetchone()
    why, kind = row or ("", found.score_kind)
    after = read_version(connection, version)
    return AssessReport(
        candidates=len(found.candidates),
        main_factor=found.main_factor,
        calls=len(found.calls),
        why_none=found.why_none,
        proposals_waiting=1,
        version=version,
        content_hash=after.content_hash,
        evidence=evidence_of(found.before, after, None, why, score_kind=kind),
    )


def _evidence(found: Assessment) -> str:
    return evidence_of(found.before, found.after, found, score_kind=found.score_kind)


def _restored(
    connection: duckdb.DuckDBPyConnection, old: int, wish: Wish, run_id: str
) -> AssessReport:
    based_on, before = version_in_force(connection)
    after = read_version(connection, old)
    kind = score_kind_of(connection, old)
    is_same_kind = kind == score_kind_of(connection, based_on)
    if after.content_hash == before.content_hash and is_same_kind:
        raise RecalibrationError(
            f"what version {old} says is in force already.",
            where="restore",
            remedy=f"Nothing was changed. Version {based_on} stays in force.",
        )
    why = f"Version {old} is to be restored."
    origin = Origin(
        RESTORED, why, run_id, wish.asked_by, based_on, wish.month, score_kind=kind
    )
    version = propose(connection, after, origin)
    return AssessReport(
        proposals_waiting=1,
        version=version,
        content_hash=after.content_hash,
        evidence=evidence_of(before, after, None, why, score_kind=kind),
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    found: Assessment,
    version: int | None,
    run_id: str,
    *,
    is_postponed: bool = False,
) -> None:
    for table in _TABLES:
        connection.execute(f"delete from risk.{table} where month = ?", [found.month])  # noqa: S608 - a name of ours
    _insert(
        connection,
        "score_assessment",
        [_assessment_row(connection, found, version, run_id)],
    )
    candidates = _candidate_rows(found, version, run_id, is_postponed=is_postponed)
    _insert(connection, "recalibration", candidates)
    if not is_postponed:
        keep_assessed(connection, found.month, found.drifts, version, run_id)
    _insert(connection, "recalibration_factor", _factor_rows(found, run_id))
    _insert(connection, "score_performance", _performance_rows(found, run_id))


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[object, ...]]
) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into risk.{table} values ({marks})", rows)  # noqa: S608 - a name of ours


def _assessment_row(
    connection: duckdb.DuckDBPyConnection,
    found: Assessment,
    version: int | None,
    run_id: str,
) -> tuple[object, ...]:
    drift = found.drift
    in_force, _ = version_in_force(connection)
    return (
        found.month,
        found.main_factor,
        drift.flag.stage if drift else None,
        drift.flag.label if drift else None,
        drift.after if drift else None,
        drift.first if drift else None,
        drift.last if drift else None,
        " ".join(found.calls),
        found.why_none,
        in_force,
        version,
        run_id,
        utc_now(),
        found.score_kind,
    )


def _candidate_rows(
    found: Assessment, version: int | None, run_id: str, *, is_postponed: bool
) -> list[tuple[object, ...]]:
    now = utc_now()
    return [
        (
            found.month,
            one.name,
            one.kind,
            None if math.isinf(one.threshold) else one.threshold,
            ", ".join(f"{edge:g}" for edge in one.edges),
            one.effect,
            one.low,
            one.high,
            one.loans,
            one.bad_loans,
            one.is_selected,
            found.main_factor,
            _status(found, one, is_postponed=is_postponed),
            version if one.is_selected and not one.is_in_force else None,
            run_id,
            now,
            found.score_kind,
        )
        for one in found.candidates
    ]


def _status(found: Assessment, candidate: Candidate, *, is_postponed: bool) -> str:
    if not candidate.is_selected:
        return NOT_SELECTED
    if candidate.is_in_force:
        return KEPT
    if not found.is_proposal:
        return NOT_NEEDED
    return POSTPONED if is_postponed else PROPOSED


def _factor_rows(found: Assessment, run_id: str) -> list[tuple[object, ...]]:
    if (drift := found.drift) is None:
        return []
    return [
        (
            found.month,
            one.factor,
            drift.flag.stage,
            drift.flag.label,
            drift.after,
            drift.first,
            drift.last,
            one.adjustments,
            one.magnitude,
            one.weight,
            one.exposed,
            one.gap,
            one.weighted_gap,
            one.is_main,
            run_id,
        )
        for one in found.factors
    ]


def _performance_rows(found: Assessment, run_id: str) -> list[tuple[object, ...]]:
    spans = [*found.months, *([found.window] if found.window else [])]
    return [
        (
            found.month,
            one.span,
            one.first,
            one.last,
            one.loans,
            one.bad,
            one.predicted_bad,
            one.ratio,
            one.ratio_low,
            one.ratio_high,
            one.ks,
            one.ks_low,
            one.ks_high,
            one.band,
            one.is_band_sure,
            run_id,
        )
        for one in spans
    ]
