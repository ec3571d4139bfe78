"""The model's joint density, written with dense matrices and scipy's distributions.

The model samples white noise (`comove.joint_risk.model`); here the density stands in what
has a meaning, and the change of variables between the two is differentiated numerically.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pytensor.compile.mode import Mode
from scipy import stats

from comove.joint_risk.evidence import Effects, Evidence, OrdinalEvidence
from comove.joint_risk.loading import log_of_loading
from comove.joint_risk.pilot import Kind, Pilot
from comove.settings import Settings

FloatArray = NDArray[np.float64]
Values = dict[str, FloatArray]

_PLAIN = Mode(linker="py", optimizer=None)
KINDS = "region", "industry"


@dataclass(frozen=True)
class Compiled:
    """A PyMC model as two functions of one vector."""

    log_density: Callable[[FloatArray], float]
    meanings: Callable[[FloatArray], Values]
    start: FloatArray

    def jacobian(
        self, at: FloatArray, name_vector: Callable[[Values], FloatArray]
    ) -> Any:
        step, columns = 1e-5, []
        for place in range(len(at)):
            move = np.zeros_like(at)
            move[place] = step
            up = name_vector(self.meanings(at + move))
            down = name_vector(self.meanings(at - move))
            columns.append((up - down) / (2 * step))
        return np.stack(columns, axis=1)


def compiled(model: pm.Model) -> Compiled:
    """Interpret the graph: what compiles a whole model takes a minute."""
    start = model.initial_point()
    shapes = {name: np.shape(value) for name, value in start.items()}
    variables = [*model.free_RVs, *model.deterministics]
    outputs = model.replace_rvs_by_values(variables)
    values = model.compile_fn(outputs, mode=_PLAIN, on_unused_input="ignore")
    density = model.compile_logp(mode=_PLAIN)

    def point(at: FloatArray) -> Values:
        found, place = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            found[name] = at[place : place + size].reshape(shape)
            place += size
        return found

    def meanings(at: FloatArray) -> Values:
        found = values(point(at))
        return {v.name: np.asarray(f) for v, f in zip(variables, found, strict=True)}

    flat = np.concatenate([np.ravel(value) for value in start.values()])
    return Compiled(lambda at: float(density(point(at))), meanings, flat)


def coordinates(pilot: Pilot, values: Values) -> FloatArray:
    """What the dense density is of: as many numbers as the sampler has."""
    parts = [
        log_of_loading(values["loading_national"]),
        values["phi_national"],
        values["level"],
    ]
    for name in KINDS:
        parts += [
            values[f"log_loading_{name}_mean"],
            values[f"log_loading_{name}_spread"],
            log_of_loading(values[f"loading_{name}"]),
            values[f"offset_{name}_spread"],
            values[f"offset_{name}"],
            values[f"phi_{name}"],
            _paths(name, getattr(pilot, name), values),
        ]
    if "nu" in values:
        parts += [np.log(values["nu"] - 2), np.log(values["scale"])]
    return np.concatenate([np.ravel(part) for part in parts])


def log_density(
    pilot: Pilot, evidence: Evidence, values: Values, settings: Settings
) -> float:
    """Prior, paths' law and likelihood, up to a constant."""
    found = _priors(values, settings) + _law_of_paths(pilot, values)
    if "nu" in values:
        found += _law_of_scale(values, settings)
    likelihood = (
        _ordinal_likelihood
        if isinstance(evidence, OrdinalEvidence)
        else _count_likelihood
    )
    return float(found + likelihood(evidence, values))


def _paths(name: str, kind: Kind, values: Values) -> FloatArray:
    if kind.basis is None:
        return values[f"{name}_own"]
    return kind.basis.inward @ values[f"{name}_effect"]


def _priors(values: Values, settings: Settings) -> float:
    spread = settings.joint_prior_log_loading_spread
    phi = stats.beta(settings.joint_prior_phi_alpha, settings.joint_prior_phi_beta)
    national = np.log(settings.joint_prior_national_loading)
    found = stats.norm(national, spread).logpdf(
        log_of_loading(values["loading_national"])
    )
    found += phi.logpdf(values["phi_national"])
    for name in KINDS:
        mean = values[f"log_loading_{name}_mean"]
        pooling = values[f"log_loading_{name}_spread"]
        offset = values[f"offset_{name}_spread"]
        group = np.log(settings.joint_prior_group_loading)
        found += stats.norm(group, spread).logpdf(mean)
        found += stats.halfnorm(0, settings.joint_prior_pooling_spread).logpdf(pooling)
        found += stats.halfnorm(0, settings.joint_prior_offset_spread).logpdf(offset)
        log_loading = log_of_loading(values[f"loading_{name}"])
        found += stats.norm(mean, pooling).logpdf(log_loading).sum()
        found += stats.norm(0, offset).logpdf(values[f"offset_{name}"]).sum()
        found += phi.logpdf(values[f"phi_{name}"])
    return float(found)


def _law_of_paths(pilot: Pilot, values: Values) -> float:
    """Level and groups' coordinates are linear in the factors: one normal density."""
    months = len(values["level"])
    lags = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    national = values["loading_national"] ** 2 * values["phi_national"] ** lags
    blocks = [national]
    level_row, level_mean = [np.eye(months)], np.zeros(months)
    rows, means, seen = [], [], []
    for name in KINDS:
        kind, loading = getattr(pilot, name), values[f"loading_{name}"]
        offset = values[f"offset_{name}"]
        blocks.append(np.kron(np.diag(loading**2), values[f"phi_{name}"] ** lags))
        # What is sampled by itself has no part in the level.
        share = kind.share if kind.basis is not None else np.zeros(len(loading))
        level_row.append(np.kron(share, np.eye(months)))
        level_mean += share @ offset
        inward = np.eye(len(loading)) if kind.basis is None else kind.basis.inward
        rows.append(np.kron(inward, np.eye(months)))
        shift = inward @ offset if kind.basis is not None else np.zeros(len(loading))
        means.append(np.repeat(shift, months))
        seen.append(_paths(name, kind, values).ravel())
    covariance = _block_diagonal(blocks)
    widths = [block.shape[0] for block in blocks]
    starts = np.cumsum([0, *widths])
    matrix = [np.concatenate(level_row, axis=1)]
    for place, row in enumerate(rows, start=1):
        wide = np.zeros((row.shape[0], starts[-1]))
        wide[:, starts[place] : starts[place + 1]] = row
        matrix.append(wide)
    a = np.concatenate(matrix)
    law = stats.multivariate_normal(
        np.concatenate([level_mean, *means]), a @ covariance @ a.T
    )
    return float(law.logpdf(np.concatenate([values["level"], *seen])))


def _block_diagonal(blocks: list[FloatArray]) -> FloatArray:
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks))


def _law_of_scale(values: Values, settings: Settings) -> float:
    """Of log(nu - 2), and of log c where nu c^2 is chi-square."""
    nu, c = values["nu"], values["scale"]
    prior = stats.norm(
        np.log(settings.joint_prior_nu), settings.joint_prior_log_nu_spread
    )
    of_square = stats.chi2(nu).logpdf(nu * c**2)
    return float(prior.logpdf(np.log(nu - 2)) + (of_square + np.log(2 * nu * c**2)).sum())


def _eta_and_sigma(evidence: Evidence, values: Values) -> tuple[FloatArray, FloatArray]:
    panel = evidence.panel
    r, s, t = panel.region, panel.industry, panel.month
    effects = Effects(values["level"], values["region_effect"], values["industry_effect"])
    eta = effects.level[t] + effects.region[r, t] + effects.industry[s, t]
    shared = values["loading_national"] ** 2 + values["loading_region"][r] ** 2
    return eta, np.sqrt(1 - shared - values["loading_industry"][s] ** 2)


def _count_likelihood(evidence: Any, values: Values) -> float:
    panel = evidence.panel
    eta, sigma = _eta_and_sigma(evidence, values)
    if "nu" in values:
        z = values["scale"][panel.month] * stats.t(values["nu"]).ppf(panel.pd)
    else:
        z = stats.norm.ppf(panel.pd)
    p = stats.norm.cdf((z + eta) / sigma)
    return float(stats.binom(panel.n, p).logpmf(panel.events).sum())


def _ordinal_likelihood(evidence: Any, values: Values) -> float:
    panel = evidence.panel
    eta, sigma = _eta_and_sigma(evidence, values)
    shares = panel.counts.sum(axis=0) / panel.counts.sum()
    edges = np.r_[-np.inf, stats.norm.ppf(np.cumsum(shares)[:-1]), np.inf]
    below = stats.norm.cdf((edges[None, :] - eta[:, None]) / sigma[:, None])
    law = stats.multinomial
    rows = zip(panel.counts, np.diff(below, axis=1), strict=True)
    return float(sum(law(row.sum(), p).logpmf(row) for row, p in rows))
