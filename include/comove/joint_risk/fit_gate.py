"""The gate of the sampler: which fits may be published, and why the others may not."""

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, utc_now
from comove.errors import GateFailedError, WarehouseError
from comove.joint_risk.export import run_folder
from comove.joint_risk.sufficiency import (
    LARGEST_RATIO,
    Sufficiency,
    read_sufficiency,
)
from comove.joint_risk.tables import ensure_joint_tables
from comove.quality.record import replace_results
from comove.quality.suite import Severity
from comove.settings import Settings

FILE = "fits.json"
STAGE = "joint_fit"
Role = Literal["published", "validation"]


@dataclass(frozen=True)
class Fit:
    """One posterior and how well it was sampled.

    Parameters
    ----------
    model_version : str
        Name of the posterior, derived from its data and settings.
    as_of_month : date
        Last month whose events it knows, first day.
    role : str
        ``published``: the run stands or falls by it. ``validation``: a fit to earlier
        months or of another copula, to compare with.
    copula, factors : str
        ``gaussian`` or ``student_t``; ``multi`` or ``single``.
    r_hat : float
        Largest of any parameter.
    ess_bulk, ess_tail : float
        Least of any parameter, in draws.
    divergences : int
        Draws after warm-up whose trajectory diverged.
    bfmi : float
        Least of any chain: estimated Bayesian fraction of missing information, of the
        energies.
    chains, draws : int
        Chains, and draws kept of each.
    seconds : float
        Sampling time.
    data_hash, settings_hash : str
        SHA-256 of the counts and of the settings it was made from.
    artifact_path : str
        Folder of its files, relative to the home.
    """

    model_version: str
    as_of_month: dt.date
    role: Role
    copula: str
    factors: str
    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    bfmi: float
    chains: int
    draws: int
    seconds: float
    data_hash: str
    settings_hash: str
    artifact_path: str

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        return asdict(self) | {"as_of_month": f"{self.as_of_month:%Y-%m-%d}"}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Make it from what `to_json` gave."""
        month = dt.date.fromisoformat(kept["as_of_month"])
        return cls(**kept | {"as_of_month": month})


@dataclass(frozen=True)
class FitCheck:
    """One check of one fit.

    Parameters
    ----------
    name : str
        Plain sentence that is true when all is well.
    success : bool
        Whether it holds; a figure that is no number does not.
    observed, expected : str
        In words.
    remedy : str
        What to do when it fails.
    """

    name: str
    success: bool
    observed: str
    expected: str
    remedy: str


_LONGER = (
    "Sample longer: raise `COMOVE_JOINT_DRAWS` and `COMOVE_JOINT_TUNE`, or the draws on "
    "the form."
)
_GEOMETRY = (
    "Raise `COMOVE_JOINT_TUNE`; if it stays, merge small groups with a higher "
    "`COMOVE_JOINT_MIN_GROUP_EVENTS`, or fit a single factor."
)


def judge_fit(settings: Settings, fit: Fit) -> list[FitCheck]:
    """Judge how well a posterior was sampled.

    The figures are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021) and,
    for the energies, Betancourt (2016).

    Parameters
    ----------
    settings : Settings
        The bounds, ``joint_gate_…``.
    fit : Fit
        The fit.

    Returns
    -------
    list of FitCheck
        All of them; the fit is accepted when each holds.
    """
    r_hat, ess = settings.joint_gate_max_r_hat, settings.joint_gate_min_ess
    bfmi = settings.joint_gate_min_bfmi
    return [
        FitCheck(
            "The chains agree",
            fit.r_hat <= r_hat,
            f"r_hat {fit.r_hat:.4f}",
            f"at most {r_hat}",
            _LONGER,
        ),
        FitCheck(
            "Enough independent draws of the centre",
            fit.ess_bulk >= ess,
            f"bulk ESS {fit.ess_bulk:.0f}",
            f"at least {ess}",
            _LONGER,
        ),
        FitCheck(
            "Enough independent draws of the tails",
            fit.ess_tail >= ess,
            f"tail ESS {fit.ess_tail:.0f}",
            f"at least {ess}",
            _LONGER,
        ),
        FitCheck(
            "No trajectory diverged",
            fit.divergences == 0,
            f"{fit.divergences} divergences",
            "none",
            _GEOMETRY,
        ),
        FitCheck(
            "The energies are explored",
            fit.bfmi >= bfmi,
            f"E-BFMI {fit.bfmi:.2f}",
            f"at least {bfmi}",
            _GEOMETRY,
        ),
    ]


def why_refused(settings: Settings, fit: Fit) -> str | None:
    """Say why a fit may not be used; None where it may."""
    failed = [check for check in judge_fit(settings, fit) if not check.success]
    return "; ".join(f"{check.observed} ({check.expected})" for check in failed) or None


def write_fits(folder: Path, fits: Iterable[Fit]) -> None:
    """Hand on the fits of a run, as ``fits.json`` in its folder."""
    text = json.dumps([fit.to_json() for fit in fits], indent=1)
    (folder / FILE).write_text(text + "\n")


def read_fits(folder: Path) -> list[Fit]:
    """Read the fits of a run.

    Raises
    ------
    WarehouseError
        When the folder has none.
    """
    file = folder / FILE
    if not file.is_file():
        raise WarehouseError(
            "there are no fits of a run.",
            where=str(file),
            remedy="Run the task `fit` of the DAG `joint_risk` first.",
        )
    return [Fit.from_json(kept) for kept in json.loads(file.read_text())]


def gate_fits(settings: Settings, *, run_id: str) -> dict[str, int]:
    """Record how the fits of a run were sampled, and stop if its own may not be used.

    Every fit goes into `audit.posterior`, its checks into `audit.quality_result` as stage
    ``joint_fit``. A refused fit keeps its files, for study; what is published stays the
    last good one.

    Parameters
    ----------
    settings : Settings
        Say which home, and the bounds.
    run_id : str
        Names the folder with ``fits.json``.

    Returns
    -------
    dict of str to int
        How many fits were ``accepted`` and ``refused``.

    Raises
    ------
    GateFailedError
        After recording, when the fit the run was to publish failed a check; names the
        figures.
    """
    fits = read_fits(run_folder(settings, run_id))
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_joint_tables(connection)
        connection.execute("begin")
        results = [row for fit in fits for row in _results(settings, fit)]
        results += _size_results(read_sufficiency(run_folder(settings, run_id)))
        replace_results(connection, run_id, STAGE, results, utc_now())
        for fit in fits:
            _register(connection, settings, fit, run_id)
        connection.execute("commit")
    refused = [fit for fit in fits if why_refused(settings, fit)]
    for fit in refused:
        if fit.role == "published":
            raise _failure(settings, fit)
    return {"accepted": len(fits) - len(refused), "refused": len(refused)}


def _results(settings: Settings, fit: Fit) -> list[list[object]]:
    severity: Severity = "critical" if fit.role == "published" else "warning"
    return [
        [
            f"{fit.model_version}: {check.name}",
            severity,
            check.success,
            check.observed,
            check.expected,
            "audit.posterior",
            None,
            None if check.success else f"What to do: {check.remedy}",
        ]
        for check in judge_fit(settings, fit)
    ]


def _size_results(found: Iterable[Sufficiency]) -> list[list[object]]:
    """Whether the portfolio is large enough: never a reason to stop."""
    return [
        [
            f"The counts can tell a usual {one.kind} loading",
            "warning",
            one.suffices,
            f"{one.counted:.3g} {one.unit} a month each, {one.months} months; "
            f"{100 * one.ratio:.0f} % of the prior's uncertainty left",
            f"at most {100 * LARGEST_RATIO:.0f} % left",
            "marts.fct_copula_cell",
            None,
            None if one.suffices else f"What to do: {one.sentence}",
        ]
        for one in found
    ]


def _register(
    connection: duckdb.DuckDBPyConnection, settings: Settings, fit: Fit, run_id: str
) -> None:
    reason = why_refused(settings, fit)
    row = fit.to_json() | {
        "accepted": reason is None,
        "reason": reason,
        "run_id": run_id,
        "fitted_at": utc_now(),
    }
    del row["role"]
    # Who made a version first, and when, stays: the same content is no new fit.
    changing = [name for name in row if name not in {"run_id", "fitted_at"}]
    connection.execute(
        f"""
        insert into audit.posterior ({", ".join(row)})
        values ({", ".join("?" * len(row))})
        on conflict (model_version) do update
        set {", ".join(f"{n} = excluded.{n}" for n in changing if n != "model_version")}
        """,  # noqa: S608 - names of ours
        list(row.values()),
    )


def _failure(settings: Settings, fit: Fit) -> GateFailedError:
    failed = [check for check in judge_fit(settings, fit) if not check.success]
    remedies = dict.fromkeys(check.remedy for check in failed)
    return GateFailedError(
        f"the fit {fit.model_version} may not be published: "
        f"{why_refused(settings, fit)}. It is kept for study; what is published stays "
        "the last good one.",
        where=str(settings.places.root / fit.artifact_path),
        remedy=" ".join(remedies),
        checks=tuple(check.name for check in failed),
    )
