"""A published copy of two months, drawn at random; tests count it anew, in pandas."""

from collections.abc import Iterable

import duckdb
import numpy as np
import pandas as pd

from comove.settings import Settings

BEFORE, MONTH, NEXT = pd.to_datetime(["2024-05-01", "2024-06-01", "2024-07-01"])
KEYS = [f"{number:032x}" for number in range(1, 61)]
Tables = dict[str, pd.DataFrame]
# What may become of an application, and how its decision says so.
DECIDED = ("admission", "proposed_decision", "final_decision", "review_status")
FATES = {
    "admitted": ("admit", "admit", "admit", "not needed"),
    "admitted, unless a person refuses": ("admit", "admit", None, "waiting"),
    "admitted by a person": ("refuse", "refuse", "admit", "overruled"),
    "refused": ("refuse", "refuse", "refuse", "not asked"),
    "refused for its limit": ("admit", "refuse", "refuse", "not asked"),
    "refused, unless a person admits": ("refuse", "refuse", None, "waiting"),
    "refused, returned by a person": ("refuse", "refuse", None, "returned"),
    "refused by a person": ("admit", "admit", "refuse", "overruled"),
}


def made_tables(seed: int = 7) -> Tables:
    """Draw every table a figure is counted from."""
    draw = np.random.default_rng(seed)
    return {
        **_of_portfolio(draw),
        **_of_models(draw),
        **_of_joint_risk(draw),
        **_of_response(draw),
        **_of_score(draw),
        **_of_overdue(draw),
        **_of_audit(),
    }


def _months(months: Iterable[pd.Timestamp]) -> pd.DataFrame:
    return pd.DataFrame(
        [(key, month) for month in months for key in KEYS],
        columns=["borrower_key", "month"],
    )


def _of_portfolio(draw: np.random.Generator) -> Tables:
    rows = _months([BEFORE, MONTH])
    return {
        "marts.fct_borrower_month": rows.assign(
            is_at_risk=draw.random(len(rows)) < 0.8,
            is_event=draw.random(len(rows)) < 0.1,
            current_dpd_max=np.where(draw.random(len(rows)) < 0.3, 12, 0),
            exposure=draw.gamma(2.0, 500.0, len(rows)),
        )
    }


def _of_models(draw: np.random.Generator) -> Tables:
    known, ahead = _months([BEFORE, MONTH]), _months([NEXT])
    return {
        "risk.pd_prediction": known.assign(
            pd=draw.beta(2, 60, len(known)),
            is_event=draw.random(len(known)) < 0.05,
            model_version="pd-old",
        ),
        "risk.pd_forecast": ahead.assign(
            pd=draw.beta(2, 50, len(ahead)), model_version="pd-new"
        ),
    }


def _of_joint_risk(draw: np.random.Generator) -> Tables:
    rows = _months([NEXT]).assign(as_of_month=MONTH, model_version="copula")
    n = len(rows)
    middle = draw.lognormal(0, 0.4, n)
    factors = pd.DataFrame(
        [
            (f"factor_{kind}", name, month)
            for kind, name in (
                ("national", None), ("region", "R01"), ("region", "R07"),
                ("industry", "retail"),
            )
            for month in (BEFORE, MONTH)
        ],
        columns=["parameter", "group_name", "month"],
    )  # fmt: skip
    mean = draw.normal(size=len(factors))
    losses = pd.DataFrame(
        [
            (NEXT, MONTH, copula, measure, draw.gamma(5.0, 900.0))
            for copula in ("factor", "independent")
            for measure in ("expected", "var_99", "var_999", "es_99")
        ],
        columns=["month", "as_of_month", "copula", "measure", "amount"],
    )
    return {
        "risk.joint_risk_index": rows.assign(
            pd=draw.beta(2, 50, n),
            joint_probability=draw.beta(2, 45, n),
            joint_risk_index=middle,
            joint_risk_change=np.where(draw.random(n) < 0.9, middle, np.nan),
            change_q05=middle - 0.3,
            change_q95=middle + 0.3,
        ),
        "risk.factor_posterior": factors.assign(
            as_of_month=MONTH, mean=mean, q05=mean - 1.0, q95=mean + 1.0,
            model_version="copula", run_id="joint run",
        ),
        "risk.portfolio_loss": losses.assign(model_version="copula"),
    }  # fmt: skip


def _of_response(draw: np.random.Generator) -> Tables:
    events = pd.DataFrame({"event_id": [f"e{number}" for number in range(9)]})
    events["month"] = draw.choice([BEFORE, MONTH], len(events))
    actions = pd.DataFrame(
        {
            "event_id": draw.choice(events["event_id"], 80),
            "borrower_key": draw.choice(KEYS, 80),
            "strategy": draw.choice(["collection", "freeze", "lending_control"], 80),
            "status": draw.choice(["proposed", "done"], 80),
        }
    )
    return {
        "risk.default_event": events.assign(
            model_version="copula", run_id="response run"
        ),
        # The month of an action is the one it acts in.
        "risk.strategy_action": actions.assign(month=NEXT, run_id="response run"),
    }


def _of_score(draw: np.random.Generator) -> Tables:
    stages = ["credit_applied", "credit_approved", "drawdown_applied", "disbursed"]
    cells = pd.DataFrame(
        [
            (stage, label, month)
            for stage in stages
            for label in ("policy", "performance")
            for month in (BEFORE, MONTH)
        ],
        columns=["stage", "label", "cohort_month"],
    )
    judged = draw.random(len(cells)) < 0.8
    decisions = pd.DataFrame(
        {
            "cohort_month": draw.choice([BEFORE, MONTH], 90),
            "fate": draw.choice(list(FATES), 90),
        }
    )
    return {
        "risk.score_drift": cells.assign(
            as_of_month=MONTH,
            status=np.where(judged, "judged", "thin"),
            is_drift=judged & (draw.random(len(cells)) < 0.6),
            run_id="drift run",
        ),
        "risk.credit_decision": decisions.assign(
            **{
                column: decisions["fate"].map(lambda fate, at=place: FATES[fate][at])
                for place, column in enumerate(DECIDED)
            },
            model_version="admission",
            run_id="decision run",
        ),
        "risk.score_assessment": pd.DataFrame(
            {"month": [MONTH], "main_factor": ["policy"], "run_id": ["recalibration"]}
        ),
        "risk.strategy_version": pd.DataFrame(
            {"version": [1, 2, 3], "status": ["retired", "in force", "proposed"]}
        ),
    }


def _of_overdue(draw: np.random.Generator) -> Tables:
    ends = [BEFORE + pd.offsets.MonthEnd(0), MONTH + pd.offsets.MonthEnd(0)]
    # One was asked for by hand, in the middle of the month.
    days = [*draw.choice(ends, 50), MONTH + pd.Timedelta(days=12)]
    letters = ["A", "B", "C"]
    moves = pd.DataFrame(
        [(month, a, b) for month in (BEFORE, MONTH) for a in letters for b in letters],
        columns=["month", "from_grade", "to_grade"],
    )
    return {
        "risk.overdue_assessment": pd.DataFrame(
            {
                "as_of": days,
                "overdue_amount": draw.gamma(2.0, 200.0, len(days)),
                "rating": draw.choice(["low", "medium", "high"], len(days)),
                "model_version": "overdue",
                "run_id": "overdue run",
            }
        ),
        "risk.overdue_grade": pd.DataFrame({"month": [MONTH], "grade": ["A"]}),
        "risk.overdue_grade_transition": moves.assign(
            borrowers=draw.integers(0, 30, len(moves)), run_id="overdue run"
        ),
        # Letters need not come in the order of the bands.
        "risk.overdue_grade_bands": pd.DataFrame(
            {"grade": ["C", "A", "B"], "composite_from_days": [0, 10, 30]}
        ),
    }


def _of_audit() -> Tables:
    runs = pd.DataFrame(
        [
            ("old", "warehouse", MONTH, "2024-07-01 05:00"),
            ("new", "warehouse", MONTH, "2024-07-02 05:00"),
            ("risk run", "risk_model", MONTH, "2024-07-02 06:00"),
            ("earlier", "warehouse", BEFORE, "2024-06-01 05:00"),
        ],
        columns=["run_id", "dag_id", "month", "started_at"],
    )
    checks = pd.DataFrame(
        [
            ("old", False, "critical"),
            ("new", False, "warning"),
            ("new", True, "critical"),
            ("new", False, "info"),
            ("risk run", False, "critical"),
            ("earlier", False, "critical"),
        ],
        columns=["run_id", "success", "severity"],
    )
    return {
        "audit.run": runs.assign(
            started_at=pd.to_datetime(runs["started_at"]), status="success", git_sha="abc"
        ),
        "audit.quality_result": checks,
        "audit.quarantine": pd.DataFrame({"raw": [f'{{"name": "{KEYS[0]}"}}'] * 3}),
        "audit.unavailable_model": pd.DataFrame(
            [("risk run", "joint_risk", "no region is known.")],
            columns=["run_id", "purpose", "reason"],
        ),
    }


def publish_tables(settings: Settings, tables: Tables) -> None:
    """Write them as the published copy, and say which run published each."""
    settings.places.make()
    settings.places.serving.unlink(missing_ok=True)
    origins = pd.DataFrame(
        [(*name.split("."), f"run of {name}", MONTH) for name in tables],
        columns=["schema_name", "table_name", "run_id", "month"],
    )
    with duckdb.connect(settings.places.serving) as connection:
        for schema in ("marts", "risk", "audit"):
            connection.execute(f"create schema {schema}")
        for name, frame in {**tables, "audit.published_table": origins}.items():
            dates = [c for c in frame if c in _DAYS]
            casts = ", ".join(f"{day}::date as {day}" for day in dates)
            chosen = f"* replace ({casts})" if casts else "*"
            connection.register("frame", frame)
            connection.execute(f"create table {name} as select {chosen} from frame")
            connection.unregister("frame")


_DAYS = ("month", "cohort_month", "as_of_month", "as_of")
