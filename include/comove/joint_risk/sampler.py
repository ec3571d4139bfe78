"""NUTS by nutpie: compiled once per shape, sampled as often as data come."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import arviz as az
import numba
import numpy as np
import nutpie
import xarray as xr
from numpy.typing import NDArray

from comove.joint_risk.draws import Draws
from comove.joint_risk.evidence import Evidence
from comove.joint_risk.model import build_model
from comove.joint_risk.pilot import Pilot, look
from comove.joint_risk.recovery import Sampled, recover
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Tell = Callable[[str], None]

# Progress is told as often as this.
_TELL_SECONDS = 10.0


@dataclass(frozen=True)
class Variant:
    """Which model.

    Parameters
    ----------
    copula : str
        ``gaussian`` or ``student_t``.
    factors : str
        ``multi``, or ``single`` for the national factor alone.
    """

    copula: str = "gaussian"
    factors: str = "multi"


_STANDARD = Variant()


@dataclass(frozen=True)
class Quality:
    """How well a posterior was sampled.

    Parameters
    ----------
    r_hat : float
        Largest of any parameter (rank-normalised, split; Vehtari et al., 2021).
    ess_bulk, ess_tail : float
        Least of any parameter, in draws.
    divergences : int
        After warm-up.
    bfmi : float
        Least of any chain (Betancourt, 2016).
    steps : float
        Mean gradients per draw.
    seconds : float
        Sampling, without compilation.
    compile_seconds : float
        Compilation; 0 where an earlier one served.
    """

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    bfmi: float
    steps: float
    seconds: float
    compile_seconds: float


@dataclass(frozen=True)
class Posterior:
    """A fitted model.

    Parameters
    ----------
    draws : Draws
        Chain after chain.
    chains : int
        Number of chains.
    trace : xarray.Dataset
        What the sampler stored, with dimensions chain and draw: the model's parameters.
    energy : ndarray, shape (chains, draws)
        Of the Hamiltonian.
    quality : Quality
        Diagnostics.
    """

    draws: Draws
    chains: int
    trace: xr.Dataset
    energy: FloatArray
    quality: Quality


def _acceptance(pilot: Pilot, variant: Variant, longer: int) -> float:
    """Choose the acceptance the step size aims at.

    With many data the posterior is nearly normal, and longer steps than usual (0.8) give
    more for less. Few data leave skewed paths, in which long steps diverge; so do they
    where degrees of freedom are uncertain, and with them the scale of every month.
    """
    kinds = [kind for kind in (pilot.region, pilot.industry) if kind is not None]
    few = any(kind.basis is None for kind in kinds)
    if longer > 1:
        # Of 8,000 draws from 17 months of a lender with 4,000 borrowers, 46 diverged at
        # 0.9, 2 at 0.98, none at 0.99.
        return 0.99 if variant.copula == "student_t" else 0.9
    return 0.8 if few else 0.7


class Sampler:
    """Fits models, and keeps what was compiled for the next one of the same shape.

    Parameters
    ----------
    settings : Settings
        Priors, seed, chains and draws.
    tell : callable
        Takes sentences about the progress.
    """

    def __init__(self, settings: Settings, tell: Tell = lambda _: None) -> None:
        self._settings = settings
        self._tell = tell
        self._compiled: dict[Any, Any] = {}

    def fit(
        self, evidence: Evidence, variant: Variant = _STANDARD, *, longer: int = 1
    ) -> Posterior:
        """Sample the posterior of a model.

        Parameters
        ----------
        evidence : Evidence
            Counts with their likelihood. A kind with one group only has no effect of
            its own: it could not be told from the national factor.
        variant : Variant
            Which model.
        longer : int
            Multiplies the iterations of the settings.
        """
        started = time.monotonic()
        pilot = look(evidence, *self._first_loadings(evidence, variant))
        compiled = self._ready(evidence, pilot, variant)
        ready = time.monotonic()
        tree = nutpie.sample(
            compiled,
            draws=self._settings.joint_draws * longer,
            tune=self._settings.joint_tune * longer,
            chains=self._settings.joint_chains,
            cores=min(self._settings.joint_chains, os.cpu_count() or 1),
            seed=self._settings.seed,
            target_accept=_acceptance(pilot, variant, longer),
            save_warmup=False,
            progress_bar=False,
            progress_callback=_Progress(self._tell),
            progress_rate=1000,
        )
        return self._posterior(evidence, tree, ready - started, time.monotonic() - ready)

    def _first_loadings(
        self, evidence: Evidence, variant: Variant
    ) -> tuple[float, float, float]:
        regions, industries, _ = evidence.panel.shape
        group = self._settings.joint_prior_group_loading
        multi = variant.factors == "multi"
        return (
            self._settings.joint_prior_national_loading,
            group if multi and regions > 1 else 0.0,
            group if multi and industries > 1 else 0.0,
        )

    def _ready(self, evidence: Evidence, pilot: Pilot, variant: Variant) -> Any:
        student_t = variant.copula == "student_t"
        model = build_model(evidence, pilot, self._settings, student_t=student_t)
        # The pilot chooses coordinates by the data, and each choice is other code.
        coordinates = frozenset(model.named_vars)
        key = type(evidence), variant, evidence.panel.shape, coordinates
        if key not in self._compiled:
            self._tell("Compiling the model")
            with _lightly_optimised():
                self._compiled[key] = nutpie.compile_pymc_model(model)
        data = {one.name: one.get_value() for one in model.data_vars}
        return self._compiled[key].with_data(**data)

    def _posterior(
        self, evidence: Evidence, tree: Any, compiling: float, sampling: float
    ) -> Posterior:
        trace = _parameters(tree.posterior.to_dataset())
        flat = {
            str(name): array.values.reshape(-1, *array.shape[2:]).astype(np.float64)
            for name, array in trace.data_vars.items()
        }
        panel = evidence.panel
        draws = recover(
            Sampled(flat),
            panel.regions,
            panel.industries,
            panel.months,
            seed=self._settings.seed,
        )
        statistics = tree.sample_stats.to_dataset()
        return Posterior(
            draws=draws,
            chains=self._settings.joint_chains,
            trace=trace,
            energy=statistics["energy"].values,
            quality=_quality(trace, statistics, compiling, sampling),
        )


@contextmanager
def _lightly_optimised() -> Iterator[None]:
    """Let LLVM spend less on what is compiled inside.

    The likelihood, where the time of a gradient goes, was compiled in full by the pilot.
    The rest is small arrays, which gain next to nothing; but each of some 2,000 functions
    is optimised again in every one that calls it.
    """
    # Numba sets its options at run time: its types do not know them.
    options: Any = numba.config
    full = options.OPT
    options.OPT = type(full)(1)
    try:
        yield
    finally:
        options.OPT = full


def _parameters(posterior: xr.Dataset) -> xr.Dataset:
    """Keep what has a meaning: no white noise."""
    kept = [str(n) for n in posterior.data_vars if not str(n).endswith("_noise")]
    return posterior[kept]


def _quality(
    trace: xr.Dataset, statistics: xr.Dataset, compiling: float, sampling: float
) -> Quality:
    def extreme(measure: Callable[..., Any], largest: bool, **options: Any) -> float:
        found = [
            measure(one.values, chain_axis=0, draw_axis=1, **options)
            for one in trace.data_vars.values()
        ]
        flat = np.concatenate([np.ravel(one) for one in found])
        return float(np.nanmax(flat) if largest else np.nanmin(flat))

    return Quality(
        r_hat=extreme(az.rhat, True),
        ess_bulk=extreme(az.ess, False, method="bulk"),
        ess_tail=extreme(az.ess, False, method="tail", prob=(0.05, 0.95)),
        divergences=int(statistics["diverging"].sum()),
        bfmi=float(np.min(_bfmi(statistics["energy"].values))),
        steps=float(statistics["n_steps"].mean()),
        seconds=sampling,
        compile_seconds=compiling,
    )


def _bfmi(energy: FloatArray) -> FloatArray:
    """Change of the energy between draws over its variance, per chain."""
    changes = np.square(np.diff(energy, axis=1)).mean(axis=1)
    return np.asarray(changes / energy.var(axis=1))


class _Progress:
    """Tells now and then how far the chains are."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._last = time.monotonic()

    def __call__(self, chains: list[Any]) -> None:
        if time.monotonic() - self._last < _TELL_SECONDS:
            return
        self._last = time.monotonic()
        done = sum(chain.finished_draws for chain in chains)
        wanted = sum(chain.total_draws for chain in chains)
        diverged = sum(chain.divergences for chain in chains)
        self._tell(f"Sampled {done} of {wanted} draws; {diverged} diverged")
