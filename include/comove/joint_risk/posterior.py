"""A posterior on disk: compact NetCDF files, whole or not at all, readable again."""

import datetime as dt
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from comove.errors import ComoveError
from comove.home import Home
from comove.joint_risk.draws import Draws
from comove.joint_risk.sampler import Posterior, Quality
from comove.joint_risk.summary import factor_table
from comove.risk_model.artifact import RECORD, new_artifact

DRAWS, TRACE, SUMMARY = "draws.nc", "trace.nc", "summary.parquet"
# Enough for every figure derived later: the Monte-Carlo error of a mean over so many
# near-independent draws is a thirtieth of the posterior's own spread.
KEPT_DRAWS = 1000

_NAMES = ("regions", "industries")
_DIMENSIONS = {
    "loading_national": (),
    "loading_region": ("regions",),
    "loading_industry": ("industries",),
    "phi_national": (),
    "phi_region": (),
    "phi_industry": (),
    "offset_region": ("regions",),
    "offset_industry": ("industries",),
    "national": ("months",),
    "region": ("regions", "months"),
    "industry": ("industries", "months"),
    "nu": (),
}
# Large, and told by the draws.
_LEFT_OUT = (
    "level",
    "region_effect",
    "industry_effect",
    "region_own",
    "industry_own",
)


class PosteriorError(ComoveError):
    """A posterior that cannot be read."""


def posterior_folder(home: Home, version: str) -> Path:
    """Folder of a posterior; it need not be there."""
    return home.artifacts / "posteriors" / version


def write_posterior(folder: Path, posterior: Posterior, record: dict[str, Any]) -> None:
    """Store a posterior.

    Parameters
    ----------
    folder : Path
        From `posterior_folder`; replaced where it is there.
    posterior : Posterior
        Of a fit. Of its draws at most 1000 are kept, evenly spaced and equally many of
        each chain; their summary is of all of them.
    record : dict
        How it was made, as JSON knows it.
    """
    with new_artifact(folder) as draft:
        _to_netcdf(_dataset(_thinned(posterior)), draft / DRAWS)
        _to_netcdf(_trace(posterior), draft / TRACE)
        summary = factor_table(posterior.draws, posterior.chains)
        summary.to_parquet(draft / SUMMARY, index=False)
        content = record | {"quality": asdict(posterior.quality)}
        (draft / RECORD).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _thinned(posterior: Posterior) -> Draws:
    """Keep at most `KEPT_DRAWS`, equally many of each chain."""
    chains, each = posterior.chains, posterior.draws.count // posterior.chains
    kept = min(max(KEPT_DRAWS // chains, 1), each)
    within = np.arange(kept) * each // kept
    return posterior.draws.take(
        (np.arange(chains)[:, None] * each + within).ravel().astype(np.int64)
    )


def read_summary(folder: Path) -> pd.DataFrame | None:
    """Read the summary of all draws; None where the posterior is from before it was kept.

    Parameters
    ----------
    folder : Path
        From `posterior_folder`.

    Returns
    -------
    pandas.DataFrame or None
        As `factor_table` gives it.
    """
    file = folder / SUMMARY
    return pd.read_parquet(file) if file.is_file() else None


def read_draws(folder: Path) -> Draws:
    """Read the draws of a posterior.

    Raises
    ------
    PosteriorError
        When there are none, or they cannot be read.
    """
    stored = _read(folder / DRAWS)
    given: dict[str, Any] = {
        name: stored[name].values.astype(np.float64)
        for name in _DIMENSIONS
        if name in stored
    }
    given |= {name: tuple(json.loads(stored.attrs[name])) for name in _NAMES}
    months = tuple(
        dt.date.fromisoformat(one) for one in json.loads(stored.attrs["months"])
    )
    return Draws(months=months, **given)


def read_trace(folder: Path) -> xr.Dataset:
    """Read the sampler's parameters by chain and draw, and the energy.

    Raises
    ------
    PosteriorError
        When there are none, or they cannot be read.
    """
    return _read(folder / TRACE)


def read_record(folder: Path) -> dict[str, Any] | None:
    """Read how a posterior was made; None where there is none, or not a whole one."""
    file = folder / RECORD
    if not all((folder / name).is_file() for name in (RECORD, DRAWS, TRACE)):
        return None
    try:
        return dict(json.loads(file.read_text()))
    except ValueError:
        return None


def read_quality(record: dict[str, Any]) -> Quality:
    """Take the sampler's diagnostics from a record."""
    return Quality(**record["quality"])


def _dataset(draws: Draws) -> xr.Dataset:
    arrays = {}
    for field in fields(draws):
        values = getattr(draws, field.name)
        if field.name in _DIMENSIONS and values is not None:
            dims = ("draws", *_DIMENSIONS[field.name])
            arrays[field.name] = (dims, values.astype(np.float32))
    # Names are attributes: classic NetCDF knows text of one length only.
    names = {name: json.dumps(getattr(draws, name)) for name in _NAMES}
    months = json.dumps([month.isoformat() for month in draws.months])
    return xr.Dataset(arrays, attrs=names | {"months": months})


def _trace(posterior: Posterior) -> xr.Dataset:
    kept = posterior.trace.drop_vars(_LEFT_OUT, errors="ignore").astype(np.float32)
    kept = kept.drop_vars(list(kept.coords))
    kept["energy"] = (("chain", "draw"), posterior.energy.astype(np.float32))
    kept.attrs = {}
    return kept


def _to_netcdf(dataset: xr.Dataset, file: Path) -> None:
    # SciPy writes the classic format: it needs no library of its own.
    dataset.to_netcdf(file, engine="scipy")


def _read(file: Path) -> xr.Dataset:
    try:
        with xr.open_dataset(file, engine="scipy") as stored:
            return stored.load()
    except (OSError, TypeError, ValueError) as error:
        raise PosteriorError(
            f"it cannot be read ({error}).",
            where=str(file),
            remedy="Delete its folder and run the DAG `joint_risk`: it is fitted anew.",
        ) from error
