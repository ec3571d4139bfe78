"""The fits of a month: the one published, the one a month before, and its rivals."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from comove.errors import ComoveError
from comove.joint_risk.evidence import Evidence, OrdinalEvidence, ThresholdEvidence
from comove.joint_risk.export import run_folder
from comove.joint_risk.fit_gate import Fit, Role, why_refused, write_fits
from comove.joint_risk.information import sufficiency
from comove.joint_risk.inputs import Inputs
from comove.joint_risk.panel import OrdinalPanel, Panel
from comove.joint_risk.posterior import (
    posterior_folder,
    read_quality,
    read_record,
    write_posterior,
)
from comove.joint_risk.request import FitRequest
from comove.joint_risk.sampler import Posterior, Quality, Sampler, Variant
from comove.joint_risk.sufficiency import warning, write_sufficiency
from comove.risk_model.folds import month_of, number
from comove.settings import Settings

Tell = Callable[[str], None]

# What each name in risk.index_validation stands for.
VARIANTS = {
    "single_factor": Variant(factors="single"),
    "factor_copula": Variant(),
    "student_t": Variant(copula="student_t"),
}

# The source files and packages that make a posterior's numbers.
_DECISIVE_FILES = (
    "basis.py",
    "evidence.py",
    "graph.py",
    "kernel.py",
    "loading.py",
    "model.py",
    "month_scale.py",
    "ordinal.py",
    "path_prior.py",
    "pilot.py",
    "recovery.py",
    "sampler.py",
    "whitening.py",
)
_DECISIVE_PACKAGES = ("pymc", "pytensor", "nutpie", "numba", "numpy", "scipy")
# A fit that misses the gate by chance passes when sampled so much longer.
_SECOND_TRY = 2


class FitError(ComoveError):
    """A fit that cannot be what it is asked for."""


@dataclass(frozen=True)
class Wanted:
    """One fit a run needs.

    Parameters
    ----------
    as_of : date
        First day of the last month it may know.
    variant : Variant
        Which model.
    role : str
        ``published`` or ``validation``.
    """

    as_of: dt.date
    variant: Variant
    role: Role


def wanted_fits(
    settings: Settings, month: dt.date, variant: Variant, first_month: dt.date
) -> list[Wanted]:
    """List the fits of a run, its own first.

    Parameters
    ----------
    settings : Settings
        Months that are validated.
    month : date
        First day of the run's month.
    variant : Variant
        What is published.
    first_month : date
        First month with counts: no fit ends before it.

    Raises
    ------
    FitError
        When the Student-t copula is wanted with the ordinal likelihood.
    """
    wanted = [Wanted(month, variant, "published")]
    for back in range(1, max(settings.joint_validation_months, 1) + 1):
        as_of = month_of(number(month) - back)
        rivals = VARIANTS.values() if back <= settings.joint_validation_months else ()
        if as_of >= first_month:
            needed = dict.fromkeys([variant, *rivals])
            wanted += [Wanted(as_of, one, "validation") for one in needed]
    if settings.joint_likelihood == "threshold":
        return wanted
    if variant.copula == "student_t":
        raise _no_student_t()
    return [one for one in wanted if one.variant.copula == "gaussian"]


def fit_month(
    settings: Settings,
    *,
    run_id: str,
    month: dt.date,
    request: FitRequest,
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """Fit the model of a month, of the month before, and those it is compared with.

    A posterior's name is made of its data and settings; one that is there already is
    used again. `fits.json` in the run's folder says how each was sampled.

    Parameters
    ----------
    settings : Settings
        Priors, windows, seed.
    run_id : str
        Names the folder of the counts.
    month : date
        First day of the run's month.
    request : FitRequest
        Draws, copula and factors of what is published.
    tell : callable
        Takes sentences about the progress.

    Returns
    -------
    dict
        ``fits``, ``model_version`` of the published one, and ``warning`` where the
        portfolio is too small to tell its loadings; or ``why_not``.
    """
    settings = settings.model_copy(update={"joint_draws": request.draws})
    folder = run_folder(settings, run_id)
    inputs = Inputs(settings, folder, month)
    if reason := why_not(inputs):
        write_fits(folder, [])
        return {"fits": 0, "why_not": reason}
    variant = Variant(request.copula, request.factors)
    fitter = Fitter(settings, tell)
    fits = []
    for wanted in wanted_fits(settings, month, variant, inputs.first_month):
        tell(f"Fit as of {wanted.as_of:%Y-%m}: {_named(wanted.variant)}")
        fits.append(fitter.fit(inputs.counts(wanted.as_of), wanted))
    write_fits(folder, fits)
    summary = {"fits": len(fits), "model_version": fits[0].model_version}
    found = sufficiency(
        _evidence(inputs.counts(month)), settings, single=variant.factors == "single"
    )
    write_sufficiency(folder, found)
    if lacking := warning(found):
        tell(lacking)
        summary["warning"] = lacking
    return summary


def why_not(inputs: Inputs) -> str | None:
    """Say why nothing can be fitted; None where it can."""
    if inputs.cells.empty or not inputs.has_history(inputs.month):
        return f"no borrower at risk up to {inputs.month:%Y-%m} was predicted."
    seen = inputs.cells[inputs.cells["month"] <= inputs.month]
    if seen["month"].nunique() < 2:
        return (
            f"only {inputs.month:%Y-%m} has predictions; with a single month nothing "
            "can be told about what moves together. Two are the least, twelve advisable."
        )
    if seen["events"].sum() == 0:
        return f"there was no event up to {inputs.month:%Y-%m}."
    return None


class Fitter:
    """Fits panels, or finds their posteriors on disk.

    Parameters
    ----------
    settings : Settings
        Priors, sampling, seed, home.
    tell : callable
        Takes sentences about the progress.
    """

    def __init__(self, settings: Settings, tell: Tell = lambda _: None) -> None:
        self._settings = settings
        self._tell = tell
        self._sampler = Sampler(settings, tell)

    def fit(self, panel: Panel | OrdinalPanel, wanted: Wanted) -> Fit:
        """Fit a panel, unless the same was fitted before.

        Parameters
        ----------
        panel : Panel or OrdinalPanel
            Counts; their kind decides the likelihood.
        wanted : Wanted
            Which model, as of when, what for.
        """
        hashes = {"data_hash": panel_hash(panel), "settings_hash": self._settings_hash()}
        name = self._name(wanted, hashes)
        folder = posterior_folder(self._settings.places, name)
        record = read_record(folder)
        if record is None:
            posterior = self._sampled(panel, wanted, hashes, name)
            record = self._record(wanted, hashes, posterior)
            write_posterior(folder, posterior, record)
            quality = posterior.quality
        else:
            self._tell(f"{name} is there already")
            quality = read_quality(record)
        return self._fit(wanted, hashes, name, record, quality)

    def _sampled(
        self,
        panel: Panel | OrdinalPanel,
        wanted: Wanted,
        hashes: dict[str, str],
        name: str,
    ) -> Posterior:
        evidence = _evidence(panel)
        posterior = self._sampler.fit(evidence, wanted.variant)
        record = self._record(wanted, hashes, posterior)
        refused = why_refused(
            self._settings, self._fit(wanted, hashes, name, record, posterior.quality)
        )
        if refused is None:
            return posterior
        self._tell(
            f"Sampled too little: {refused}. Once more, {_SECOND_TRY} times longer"
        )
        return self._sampler.fit(evidence, wanted.variant, longer=_SECOND_TRY)

    def _name(self, wanted: Wanted, hashes: dict[str, str]) -> str:
        content = json.dumps(hashes | asdict(wanted.variant), sort_keys=True)
        short = hashlib.sha256(content.encode()).hexdigest()[:8]
        return f"copula-{_named(wanted.variant)}-{wanted.as_of:%Y-%m}-{short}"

    def _settings_hash(self) -> str:
        digest = hashlib.sha256(self._settings.fingerprint().encode())
        for file in _DECISIVE_FILES:
            digest.update((Path(__file__).parent / file).read_bytes())
        for package in _DECISIVE_PACKAGES:
            digest.update(f"{package}=={version(package)}".encode())
        return digest.hexdigest()

    def _record(
        self, wanted: Wanted, hashes: dict[str, str], posterior: Posterior
    ) -> dict[str, Any]:
        return hashes | {
            "as_of_month": wanted.as_of.isoformat(),
            "variant": asdict(wanted.variant),
            "seed": self._settings.seed,
            "chains": posterior.chains,
            "draws": posterior.energy.shape[1],
            "libraries": {name: version(name) for name in _DECISIVE_PACKAGES},
        }

    def _fit(
        self,
        wanted: Wanted,
        hashes: dict[str, str],
        name: str,
        record: dict[str, Any],
        quality: Quality,
    ) -> Fit:
        folder = posterior_folder(self._settings.places, name)
        return Fit(
            model_version=name,
            as_of_month=wanted.as_of,
            role=wanted.role,
            copula=wanted.variant.copula,
            factors=wanted.variant.factors,
            r_hat=quality.r_hat,
            ess_bulk=quality.ess_bulk,
            ess_tail=quality.ess_tail,
            divergences=quality.divergences,
            bfmi=quality.bfmi,
            chains=record["chains"],
            draws=record["draws"],
            seconds=quality.seconds,
            **hashes,
            artifact_path=str(folder.relative_to(self._settings.places.root)),
        )


def panel_hash(panel: Panel | OrdinalPanel) -> str:
    """Hash of counts and names.

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    names = [panel.regions, panel.industries, [f"{m:%Y-%m}" for m in panel.months]]
    digest = hashlib.sha256(json.dumps(names).encode())
    for values in _arrays(panel):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _arrays(panel: Panel | OrdinalPanel) -> Iterator[np.ndarray[Any, Any]]:
    yield from (panel.groups[:, :3], panel.counts)
    if isinstance(panel, Panel):
        # Margins come from sums whose last digits may depend on the machine.
        yield np.round(np.log(panel.pd[panel.order]), 9)


def _evidence(panel: Panel | OrdinalPanel) -> Evidence:
    if isinstance(panel, Panel):
        return ThresholdEvidence(panel)
    return OrdinalEvidence(panel)


def _no_student_t() -> FitError:
    return FitError(
        "the ordinal likelihood knows the Gaussian copula only: ranks tell too little of "
        "a scale common to a month.",
        where="joint_likelihood",
        remedy="Set COMOVE_JOINT_LIKELIHOOD to threshold, or run with copula gaussian.",
    )


def _named(variant: Variant) -> str:
    copula = "t" if variant.copula == "student_t" else "gaussian"
    return copula if variant.factors == "multi" else f"{copula}-single"
