"""A published copy as the stages before the joint-risk report leave it."""

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import xarray as xr
from tests.joint_risk.made_draws import made_draws

import comove.default_response.tables as response
from comove.home import Home
from comove.joint_risk.derive import LOSS_DISTRIBUTION
from comove.joint_risk.posterior import TRACE
from comove.joint_risk.summary import factor_table
from comove.joint_risk.tables import ensure_joint_tables

RUN = "manual__2020-05-01T00:00:00+00:00"
MONTH, NEXT = dt.date(2020, 4, 1), dt.date(2020, 5, 1)
VERSION = "copula-gaussian-2020-04-0a1b2c3d"
REFUSED_RIVAL = "copula-t-2020-03-5e6f7a8b"
FOLDER = f"artifacts/posteriors/{VERSION}"
REGIONS = ("east", "north", "<b>west</b>")
INDUSTRIES = ("mining", "retail")
# Of every borrower and event: nothing of it may be read on the page.
KEY = "5ecre7"

_OTHERS = """
    create table risk.concentration (
        month date, as_of_month date, attribute varchar, group_name varchar, n bigint,
        pd_mass double, joint_mass double, pd_share double, joint_share double,
        excess_ratio double, joint_share_change double, mass_of_change double
    );
    create table audit.quality_result (
        run_id varchar, stage varchar, check_name varchar, severity varchar,
        success boolean, observed varchar, expected varchar
    );
    create table audit.unavailable_model (
        run_id varchar, purpose varchar, reason varchar
    );
"""


def publish_empty(home: Home) -> None:
    """Publish every table without a row."""
    home.make()
    home.serving.unlink(missing_ok=True)
    with duckdb.connect(str(home.serving)) as connection:
        ensure_joint_tables(connection)
        connection.execute(response.DEFINITIONS.read_text())
        connection.execute(_OTHERS)


def publish(home: Home) -> None:
    """Publish a month with everything in it."""
    publish_empty(home)
    with duckdb.connect(str(home.serving)) as connection:
        for table, frame in _tables().items():
            insert(connection, table, frame)
    trace(home.root / FOLDER)
    folder = home.artifacts / "joint_risk" / f"{MONTH:%Y-%m}"
    folder.mkdir(parents=True)
    loss_bins().to_parquet(folder / LOSS_DISTRIBUTION)


def insert(connection, table: str, frame: pd.DataFrame) -> None:
    connection.register("frame", frame)
    connection.execute(f"insert into {table} by name select * from frame")
    connection.unregister("frame")


def borrowers() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = 300
    pd_ = rng.beta(1, 60, rows)
    index = np.exp(rng.normal(0.2, 0.3, rows))
    previous = np.where(np.arange(rows) % 10 == 0, np.nan, index / 1.25)
    change = index / previous
    return pd.DataFrame(
        {
            "borrower_key": [f"{KEY}{i}" for i in range(rows)],
            "month": NEXT,
            "as_of_month": MONTH,
            "region": [REGIONS[i % 3] for i in range(rows)],
            "industry": [INDUSTRIES[i % 2] for i in range(rows)],
            "exposure": 1000.0,
            "pd": pd_,
            "pd_star": pd_,
            "joint_probability": pd_ * index,
            "probability_q05": pd_ * index / 2,
            "probability_q95": pd_ * index * 2,
            "joint_risk_index": index,
            "q05": index / 2,
            "q95": index * 2,
            "joint_risk_index_previous": previous,
            "previous_q05": previous / 2,
            "previous_q95": previous * 2,
            "joint_risk_change": change,
            "change_q05": np.where(np.arange(rows) < 41, change, change / 2),
            "change_q95": change * 2,
            "probability_index_above_one": 0.7,
            "model_version": VERSION,
        }
    )


def left_out() -> pd.DataFrame:
    """Leave-one-out of two models; the single factor tells 12.5 nats less."""
    return pd.DataFrame(
        {
            "month": MONTH,
            "as_of_month": dt.date(2020, 3, 1),
            "model": ["factor_copula", "single_factor"],
            "elpd_loo": [-410.25, -422.75],
            "elpd_loo_se": [20.0, 21.0],
            "elpd_difference": [0.0, -12.5],
            "elpd_difference_se": [0.0, 4.0],
            "p_loo": [31.0, 14.0],
            "pareto_k_above": [0.02, 0.0],
            "groups": 120,
            "out_of_time_log_loss": [0.0301, 0.0305],
            "model_version": VERSION,
        }
    )


def validation() -> pd.DataFrame:
    rows = []
    months = [dt.date(2020, month, 1) for month in range(1, 5)]
    for place, month in enumerate(months):
        for model, saved in (
            ("independent", 0.0),
            ("ewma", 0.002),
            ("factor_copula", 0.01 + 0.001 * place),
        ):
            base = 0.02 + 0.001 * place
            rows.append(
                {
                    "month": month,
                    "model": model,
                    "log_loss": base * (1 - saved),
                    "brier": 0.004,
                    "auc": 0.7,
                    "n": 1000 + 100 * place,
                    "events": 4 + place,
                    "expected_events": 5.0,
                    "skill": saved,
                    "skill_se": 0.004,
                    "skill_q05": saved - 0.0066,
                    "skill_q95": saved + 0.0066,
                }
            )
    return pd.DataFrame(rows)


def linked(event: str, debtors: int, exposure: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": f"{KEY}{event}",
            "borrower_key": [f"{KEY}{i}" for i in range(debtors)],
            "month": NEXT,
            "region": [REGIONS[i % 3] for i in range(debtors)],
            "industry": [INDUSTRIES[i % 2] for i in range(debtors)],
            "exposure": exposure,
            "pd": 0.01,
            "joint_risk_index": 1.5,
            "index_q05": 1.2,
            "index_q95": 2.0,
            "link_lift": [1.2 + 0.1 * (i % 6) for i in range(debtors)],
            "lift_q05": 1.1,
            "lift_q95": 2.5,
            "probability_of_lift": 1.0,
            "joint_probability": 0.015,
            "strategy": "collection",
            "model_version": VERSION,
        }
    )


def event(name: str, as_of: dt.date, region: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "event_id": [f"{KEY}{name}"],
            "borrower_key": f"{KEY}0",
            "month": as_of,
            "as_of_month": as_of,
            "forecast_month": NEXT,
            "region": region,
            "industry": "mining",
            "pd_star": 0.02,
            "pd_source": "model",
            "origin": "observed",
            "detected_by": "run",
            "initial_links": 10,
            "linked_debtors": 10,
            "model_version": VERSION,
            "previous_version": VERSION,
            "run_id": RUN,
            "detected_at": pd.Timestamp("2020-05-01"),
        }
    )


def loss_bins() -> pd.DataFrame:
    edges = np.linspace(0, 20_000, 41)
    parts = []
    for copula, scale in (("factor", 3000.0), ("independent", 2000.0)):
        share = -np.diff(np.exp(-edges / scale))
        parts.append(
            pd.DataFrame(
                {
                    "copula": copula,
                    "bin_from": edges[:-1],
                    "bin_to": edges[1:],
                    "share": share / share.sum(),
                }
            )
        )
    return pd.concat(parts)


def trace(folder: Path, chains: int = 2) -> None:
    rng = np.random.default_rng(4)
    scalar, group = ("chain", "draw"), ("chain", "draw", "region")
    kept = xr.Dataset(
        {
            "loading_national": (scalar, rng.beta(20, 60, (chains, 200))),
            "log_loading_region_mean": (scalar, rng.normal(-2, 0.2, (chains, 200))),
            "phi_national": (scalar, rng.beta(5, 2, (chains, 200))),
            "loading_region": (group, rng.beta(20, 80, (chains, 200, 3))),
            "energy": (scalar, rng.normal(0, 1, (chains, 200))),
        }
    )
    folder.mkdir(parents=True)
    kept.to_netcdf(folder / TRACE, engine="scipy")


def posterior(version: str = VERSION, *, accepted: bool = True) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model_version": [version],
            "as_of_month": MONTH,
            "copula": "gaussian",
            "factors": "multi",
            "accepted": accepted,
            "reason": None if accepted else "3 divergences (none)",
            "r_hat": 1.0031,
            "ess_bulk": 812.0,
            "ess_tail": 640.0,
            "divergences": 0 if accepted else 3,
            "bfmi": 0.91,
            "chains": 2,
            "draws": 200,
            "seconds": 12.0,
            "data_hash": "d",
            "settings_hash": "s",
            "artifact_path": FOLDER,
            "run_id": RUN,
            "fitted_at": pd.Timestamp("2020-05-01"),
        }
    )


def factors() -> pd.DataFrame:
    found = factor_table(made_draws(), 2)
    return found.assign(as_of_month=MONTH, model_version=VERSION, run_id=RUN)


def _tables() -> dict[str, pd.DataFrame]:
    cells = [(r, s) for r in REGIONS for s in INDUSTRIES]
    facts = {"month": NEXT, "as_of_month": MONTH, "model_version": VERSION}
    links = [
        {
            "region_a": a[0],
            "industry_a": a[1],
            "region_b": b[0],
            "industry_b": b[1],
            "correlation": 0.04 + 0.03 * (a[0] == b[0]) + 0.02 * (a[1] == b[1]),
            "lift": 1.4 + 0.3 * (a[0] == b[0]),
            "lift_q05": 1.2,
            "lift_q95": 2.2,
        }
        for a in cells
        for b in cells
    ]
    losses = [
        {"copula": c, "measure": m, "amount": size * amount, "mc_error": amount / 100}
        for c, size in (("factor", 1.5), ("independent", 1.0))
        for m, amount in (
            ("expected", 2000.0),
            ("var_99", 9000.0),
            ("var_999", 14_000.0),
            ("es_99", 11_000.0),
        )
    ]
    loss_cells = [
        {
            "copula": "factor",
            "region": r,
            "industry": s,
            "measure": m,
            "contribution": 100.0 * (place + 1),
            "mc_error": 3.0,
        }
        for place, (r, s) in enumerate(cells)
        for m in ("expected", "es_99")
    ]
    return {
        "risk.joint_risk_index": borrowers(),
        "risk.cell_link": pd.DataFrame(links).assign(**facts),
        "risk.factor_posterior": factors(),
        "risk.index_validation": validation(),
        "risk.model_comparison": left_out(),
        "risk.portfolio_loss": pd.DataFrame(losses).assign(**facts),
        "risk.portfolio_loss_cell": pd.DataFrame(loss_cells).assign(**facts),
        "risk.concentration": _concentration(),
        "risk.default_event": pd.concat(
            [
                event("small", MONTH, "east"),
                event("large", MONTH, "north"),
                event("old", dt.date(2020, 3, 1), "east"),
            ]
        ),
        "risk.linked_debtor": pd.concat(
            [
                linked("small", 20, 10.0),
                linked("large", 12, 500.0),
                linked("old", 60, 9000.0),
            ]
        ),
        "audit.posterior": pd.concat(
            [
                posterior(),
                posterior("copula-gaussian-2020-04-9z", accepted=False),
                posterior(REFUSED_RIVAL, accepted=False).assign(
                    as_of_month=dt.date(2020, 3, 1), copula="student_t"
                ),
            ]
        ),
        "audit.quality_result": pd.DataFrame(
            {
                "run_id": [RUN],
                "stage": "joint_risk",
                "check_name": "every borrower has an index",
                "severity": "critical",
                "success": True,
                "observed": "300",
                "expected": "300",
            }
        ),
    }


def _concentration() -> pd.DataFrame:
    found = borrowers()
    parts = []
    for attribute in ("region", "industry"):
        one = found.groupby(attribute).agg(
            n=("pd", "size"),
            pd_mass=("pd", "sum"),
            joint_mass=("joint_probability", "sum"),
        )
        parts.append(
            one.rename_axis("group_name").reset_index().assign(attribute=attribute)
        )
    whole = pd.concat(parts)
    shares = whole.groupby("attribute")[["pd_mass", "joint_mass"]].transform("sum")
    return whole.assign(
        month=NEXT,
        as_of_month=MONTH,
        pd_share=whole["pd_mass"] / shares["pd_mass"],
        joint_share=whole["joint_mass"] / shares["joint_mass"],
        excess_ratio=whole["joint_mass"] / whole["pd_mass"],
        joint_share_change=0.012,
        mass_of_change=0.3,
    )
