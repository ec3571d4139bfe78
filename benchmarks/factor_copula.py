"""Fitting the factor copula, beside a plain PyMC model with a row per borrower.

Counts simulated from the model (20 regions, 10 industries, 36 months, 8 bands of PD,
mean PD 1 % a month); each job in a process of its own:

- ``cold``: from counts to a posterior, with nothing compiled before;
- ``cached``: the same again, from PyTensor's and numba's caches;
- ``few``, ``many``: the same with a tenth of the borrowers, and with ten times as many;
- ``gradient``: one evaluation of density and gradient;
- ``ours``, ``plain``: a small portfolio (4 regions, 3 industries, 24 months), by counts
  and by a Bernoulli observation per borrower and month with non-centred factors.

    python -m benchmarks factor_copula --json figures.json
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from comove.joint_risk.panel import Panel

JOBS = ("cold", "cached", "few", "many", "gradient", "ours", "plain")
BANDS = 8
# Shared by a large and a small portfolio: loadings of nation, regions, industries.
LOADINGS, PHIS, OFFSET, SPREAD = (0.25, 0.15, 0.15), (0.85, 0.7, 0.75), 0.03, 0.2
COMMON = (
    "loading_national",
    "loading_region",
    "loading_industry",
    "phi_national",
    "phi_region",
    "phi_industry",
    "offset_region",
    "offset_industry",
)
Figures = dict[str, Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
console = Console(width=100)


@dataclass(frozen=True)
class Design:
    """Numbers of regions, industries and months."""

    regions: int
    industries: int
    months: int


LARGE, SMALL = Design(20, 10, 36), Design(4, 3, 24)


def main() -> None:
    """Measure the sizes asked for and show the figures."""
    given = _arguments()
    if given.job:
        _in_this_process(given)
        return
    with tempfile.TemporaryDirectory() as cache:
        measured: dict[str, Figures] = {}
        for job in given.only:
            measured[job] = _run_apart(job, given, given.cache or cache)
            # Whoever stops it keeps what was measured so far.
            if given.json:
                Path(given.json).write_text(json.dumps(measured, indent=2) + "\n")
    _show(measured, given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks factor_copula",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--borrowers", type=int, default=1_000_000)
    parser.add_argument("--small-borrowers", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=2_000, help="per chain")
    parser.add_argument("--plain-draws", type=int, default=300, help="per chain")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--cache", help="keep compiled code here (else nothing is kept)")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_apart(job: str, given: argparse.Namespace, cache: str) -> Figures:
    """Run a job in a process of its own; caches are those of the jobs before it."""
    console.print(f"{job} … (load {os.getloadavg()[0]:.1f})", highlight=False)
    arguments = [
        *("--job", job),
        *("--borrowers", str(given.borrowers)),
        *("--small-borrowers", str(given.small_borrowers)),
        *("--draws", str(given.draws)),
        *("--plain-draws", str(given.plain_draws)),
    ]
    compiled = {
        "NUMBA_CACHE_DIR": f"{cache}/numba",
        "PYTENSOR_FLAGS": f"base_compiledir={cache}/pytensor",
    }
    before = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | compiled,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures | {"load_before": before, "load_after": os.getloadavg()[0]}


def _in_this_process(given: argparse.Namespace) -> None:
    jobs: dict[str, Callable[[argparse.Namespace], Figures]] = {
        "cold": lambda one: _fit(one, one.borrowers),
        "cached": lambda one: _fit(one, one.borrowers),
        "few": lambda one: _fit(one, one.borrowers // 10),
        "many": lambda one: _fit(one, one.borrowers * 10),
        "gradient": _gradient,
        "ours": _ours,
        "plain": _plain,
    }
    print(json.dumps(jobs[given.job](given)))


@dataclass(frozen=True)
class Truth:
    """Effects of regions, industries and months on the latent variable."""

    effect: FloatArray
    sigma: FloatArray


def _truth(design: Design, rng: np.random.Generator) -> Truth:
    national, region, industry = (
        _paths(rng, phi, count, design.months)
        for phi, count in zip(PHIS, (1, design.regions, design.industries), strict=True)
    )
    of_region = LOADINGS[1] * np.exp(SPREAD * rng.normal(size=design.regions))
    of_industry = LOADINGS[2] * np.exp(SPREAD * rng.normal(size=design.industries))
    by_region = of_region[:, None] * region
    by_region += OFFSET * rng.normal(size=(design.regions, 1))
    by_industry = of_industry[:, None] * industry
    by_industry += OFFSET * rng.normal(size=(design.industries, 1))
    effect = LOADINGS[0] * national[0] + by_region[:, None] + by_industry[None]
    own = 1 - LOADINGS[0] ** 2 - of_region[:, None] ** 2 - of_industry[None] ** 2
    return Truth(effect, np.sqrt(own))


def _paths(rng: np.random.Generator, phi: float, count: int, months: int) -> FloatArray:
    path = rng.normal(size=(count, months))
    for month in range(1, months):
        path[:, month] = phi * path[:, month - 1] + np.sqrt(1 - phi**2) * path[:, month]
    return path


def _simulated(borrowers: int, design: Design = LARGE) -> "Panel":
    """Simulate counts of a large portfolio; everyone is at risk in every month."""
    from comove.joint_risk.panel import Panel

    rng = np.random.default_rng(0)
    truth = _truth(design, rng)
    margins = _margins(np.linspace(-1, 1, BANDS) * 0.7)
    shape = design.regions, design.industries, design.months, BANDS
    weights = np.outer(
        rng.dirichlet(np.full(design.regions, 3.0)),
        rng.dirichlet(np.full(design.industries, 3.0)),
    )
    n = rng.poisson(np.broadcast_to(borrowers / BANDS * weights[..., None, None], shape))
    latent = ndtri(margins) + truth.effect[..., None]
    events = rng.binomial(n, ndtr(latent / truth.sigma[..., None, None]))
    places = np.indices(shape).reshape(4, -1)
    kept = n.ravel() > 0
    return Panel(
        **_names(design),
        region=places[0][kept],
        industry=places[1][kept],
        month=places[2][kept],
        pd=margins[places[3][kept]],
        n=n.ravel()[kept],
        events=events.ravel()[kept],
    )


def _margins(spread: FloatArray) -> FloatArray:
    """Probabilities so spread on the probit scale whose mean is 1 %."""
    low, high = -6.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        above = ndtr(middle + spread).mean() > 0.01
        low, high = (low, middle) if above else (middle, high)
    return np.asarray(ndtr(low + spread))


def _names(design: Design) -> dict[str, Any]:
    return {
        "regions": tuple(f"region {i:02}" for i in range(design.regions)),
        "industries": tuple(f"industry {i:02}" for i in range(design.industries)),
        "months": tuple(
            dt.date(2020 + i // 12, i % 12 + 1, 1) for i in range(design.months)
        ),
    }


def _fit(given: argparse.Namespace, borrowers: int) -> Figures:
    panel = _simulated(borrowers)
    begun, processor = time.monotonic(), time.process_time()
    from comove.joint_risk.evidence import ThresholdEvidence
    from comove.joint_risk.sampler import Sampler
    from comove.settings import Settings

    settings = Settings(joint_draws=given.draws)
    imported = time.monotonic()
    quality = Sampler(settings).fit(ThresholdEvidence(panel)).quality
    return asdict(quality) | {
        "borrowers": borrowers,
        "events": int(panel.events.sum()),
        "import_seconds": imported - begun,
        "counts_to_posterior": time.monotonic() - begun,
        # Of all threads: on a busy machine, what the wall-clock would hide.
        "processor_seconds": time.process_time() - processor,
        "passes": bool(
            quality.r_hat <= settings.joint_gate_max_r_hat
            and min(quality.ess_bulk, quality.ess_tail) >= settings.joint_gate_min_ess
            and quality.divergences == 0
            and quality.bfmi >= settings.joint_gate_min_bfmi
        ),
    }


def _gradient(given: argparse.Namespace) -> Figures:
    from comove.joint_risk.evidence import Effects, ThresholdEvidence
    from comove.joint_risk.model import build_model
    from comove.joint_risk.pilot import look
    from comove.settings import Settings

    panel = _simulated(given.borrowers)
    evidence = ThresholdEvidence(panel)
    regions, industries, months = panel.shape
    effects = Effects(
        np.zeros(months), np.zeros((regions, months)), np.zeros((industries, months))
    )
    sigma = np.full((regions, industries), 0.9)
    pilot = look(evidence, 0.2, 0.12, 0.12)
    model = build_model(evidence, pilot, Settings())
    evaluate = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    evaluate.set_extra_values({})
    start = np.zeros(sum(np.size(one) for one in model.initial_point().values()))
    return {
        "cells": len(panel.n),
        # Likelihood with gradient, and the Fisher information the pilot wants.
        "likelihood_and_information_ms": _milliseconds(
            lambda: evidence.derivatives(effects, sigma)
        ),
        "whole_gradient_ms": _milliseconds(lambda: evaluate(start)),
    }


def _milliseconds(job: Callable[[], object], times: int = 200) -> float:
    job()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        job()
        taken.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(taken))


@dataclass(frozen=True)
class People:
    """A row per borrower and month: positions, margin, and whether an event happened."""

    region: IntArray
    industry: IntArray
    month: IntArray
    pd: FloatArray
    happened: IntArray


def _people(given: argparse.Namespace) -> People:
    rng = np.random.default_rng(1)
    truth, count = _truth(SMALL, rng), given.small_borrowers
    region = rng.integers(0, SMALL.regions, count)[:, None]
    industry = rng.integers(0, SMALL.industries, count)[:, None]
    margin = _margins(rng.normal(0, 0.45, count))[:, None]
    month = np.arange(SMALL.months)[None]
    latent = ndtri(margin) + truth.effect[region, industry, month]
    p = ndtr(latent / truth.sigma[region, industry])
    columns = np.broadcast_arrays(region, industry, month, margin)
    r, s, t, pd = (one.ravel() for one in columns)
    return People(r, s, t, pd, rng.binomial(1, p).ravel())


def _counted(people: People) -> "Panel":
    """Count the same in bands of equally many expected events."""
    import pandas as pd

    from comove.joint_risk.panel import Panel

    rows = pd.DataFrame(vars(people)).sort_values("pd", kind="stable")
    share = rows["pd"].cumsum() / rows["pd"].sum()
    rows["band"] = np.minimum((share * BANDS).astype(int), BANDS - 1)
    cells = rows.groupby(["region", "industry", "month", "band"]).agg(
        pd=("pd", "mean"), n=("pd", "size"), events=("happened", "sum")
    )
    places = cells.index.to_frame(index=False)
    return Panel(
        **_names(SMALL),
        region=places["region"].to_numpy(np.int64),
        industry=places["industry"].to_numpy(np.int64),
        month=places["month"].to_numpy(np.int64),
        pd=cells["pd"].to_numpy(),
        n=cells["n"].to_numpy(np.int64),
        events=cells["events"].to_numpy(np.int64),
    )


def _ours(given: argparse.Namespace) -> Figures:
    from comove.joint_risk.evidence import ThresholdEvidence
    from comove.joint_risk.sampler import Sampler
    from comove.settings import Settings

    panel = _counted(_people(given))
    settings = Settings(joint_draws=given.draws)
    sampler = Sampler(settings)
    # The first one compiles.
    sampler.fit(ThresholdEvidence(panel))
    begun, processor = time.monotonic(), time.process_time()
    posterior = sampler.fit(ThresholdEvidence(panel))
    spent = time.monotonic() - begun, time.process_time() - processor
    arrays = {name: posterior.trace[name].values for name in COMMON}
    return _efficiency(arrays, spent) | {"steps": posterior.quality.steps}


def _plain(given: argparse.Namespace) -> Figures:
    import nutpie

    compiled = nutpie.compile_pymc_model(_plain_model(_people(given)))
    begun, processor = time.monotonic(), time.process_time()
    tree = nutpie.sample(
        compiled,
        draws=given.plain_draws,
        tune=given.plain_draws,
        chains=2,
        cores=2,
        seed=1,
        progress_bar=False,
    )
    spent = time.monotonic() - begun, time.process_time() - processor
    posterior = tree.posterior.to_dataset()
    arrays = {name: posterior[name].values for name in COMMON}
    steps = float(tree.sample_stats["n_steps"].mean())
    return _efficiency(arrays, spent) | {"steps": steps}


def _plain_model(people: People) -> Any:
    """Build the model as a textbook writes it: non-centred paths, a row per borrower."""
    import pymc as pm
    import pytensor.tensor as pt

    from comove.joint_risk.loading import bounded_loading
    from comove.settings import Settings

    priors = Settings()

    def path(name: str, count: int) -> Any:
        phi = pm.Beta(
            f"phi_{name}", priors.joint_prior_phi_alpha, priors.joint_prior_phi_beta
        )
        noise = pm.Normal(f"noise_{name}", shape=(count, SMALL.months))
        steps = [noise[:, 0]]
        for month in range(1, SMALL.months):
            steps.append(phi * steps[-1] + pt.sqrt(1 - phi**2) * noise[:, month])
        return pt.stack(steps, axis=1)

    def group(name: str, count: int) -> tuple[Any, Any, Any]:
        middle = pm.Normal(
            f"mean_{name}",
            np.log(priors.joint_prior_group_loading),
            priors.joint_prior_log_loading_spread,
        )
        spread = pm.HalfNormal(f"spread_{name}", priors.joint_prior_pooling_spread)
        log_loading = middle + spread * pm.Normal(f"own_{name}", shape=count)
        loading = pm.Deterministic(f"loading_{name}", bounded_loading(log_loading))
        width = pm.HalfNormal(f"width_{name}", priors.joint_prior_offset_spread)
        offset = pm.Deterministic(
            f"offset_{name}", width * pm.Normal(f"shift_{name}", shape=count)
        )
        return loading, offset, path(name, count)

    with pm.Model() as model:
        log_national = pm.Normal(
            "log_national",
            np.log(priors.joint_prior_national_loading),
            priors.joint_prior_log_loading_spread,
        )
        national = pm.Deterministic("loading_national", bounded_loading(log_national))
        level = national * path("national", 1)[0]
        region, region_offset, region_path = group("region", SMALL.regions)
        industry, industry_offset, industry_path = group("industry", SMALL.industries)
        r, s, t = people.region, people.industry, people.month
        effect = level[t] + region_offset[r] + industry_offset[s]
        effect += region[r] * region_path[r, t] + industry[s] * industry_path[s, t]
        sigma = pt.sqrt(1 - national**2 - region[r] ** 2 - industry[s] ** 2)
        p = pm.math.invprobit((ndtri(people.pd) + effect) / sigma)
        pm.Bernoulli("happened", p, observed=people.happened)
    return model


def _efficiency(arrays: dict[str, FloatArray], spent: tuple[float, float]) -> Figures:
    import arviz as az

    least = min(
        float(np.min(az.ess(one, chain_axis=0, draw_axis=1, method="bulk")))
        for one in arrays.values()
    )
    means = {f"mean_{name}": float(one.mean()) for name, one in arrays.items()}
    return {
        "seconds": spent[0],
        "processor_seconds": spent[1],
        "ess_bulk": least,
        "ess_per_processor_second": least / spent[1],
        "loadings": [means[f"mean_{name}"] for name in COMMON[:3]],
    }


def _show(measured: dict[str, Figures], given: argparse.Namespace) -> None:
    table = Table(title=f"{given.borrowers:,} borrowers, {given.draws:,} draws a chain")
    for column in ("", "figures"):
        table.add_column(column)
    for job, figures in measured.items():
        shown = [
            f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in figures.items()
        ]
        table.add_row(job, ", ".join(shown))
    console.print(table)
    if {"ours", "plain"} <= set(measured):
        ours, plain = (
            measured[job]["ess_per_processor_second"] for job in ("ours", "plain")
        )
        console.print(f"ESS a second: {ours / plain:,.0f} times the plain model's")
    if {"few", "many"} <= set(measured):
        few, many = (measured[job]["seconds"] for job in ("few", "many"))
        console.print(f"Sampling {given.borrowers * 10:,}: {many / few:.2f} times few")


if __name__ == "__main__":
    main()
