"""A matrix of the score drift made by hand, with every kind of cell a report shows."""

import datetime as dt

import numpy as np
import pandas as pd

from comove.score_drift.report_facts import DriftFacts

PARENTS = {
    "credit_applied": None,
    "credit_approved": "credit_applied",
    "drawdown_applied": "credit_approved",
    "disbursed": "drawdown_applied",
    "credit_rejected": "credit_applied",
    "approved_undrawn": "credit_approved",
    "drawdown_rejected": "drawdown_applied",
}
WAY = list(PARENTS)[:4]
MONTHS = pd.date_range("2022-01-01", periods=36, freq="MS")
# The committee overrules the score; absent, thin, immature and empty cells lie elsewhere.
DRIFTED = ("credit_approved", "policy", pd.DatetimeIndex(MONTHS[20:23]))
ABSENT = "drawdown_rejected"


def made_drift() -> pd.DataFrame:
    """One row per stage, cohort month and label, with the columns of the table."""
    generator = np.random.default_rng(7)
    rows = [
        _cell(generator, number, stage, label, month, place)
        for number, stage in enumerate(PARENTS, start=1)
        for label in ("performance", "policy")
        for place, month in enumerate(MONTHS)
    ]
    return pd.DataFrame(rows)


def _cell(
    generator: np.random.Generator,
    number: int,
    stage: str,
    label: str,
    month: pd.Timestamp,
    place: int,
) -> dict[str, object]:
    is_available = stage != ABSENT
    is_drift = (stage, label) == DRIFTED[:2] and month in DRIFTED[2]
    # By the policy label the top is mature to the end, whatever is below.
    ripe = len(MONTHS) if number == 1 else 34
    is_mature = place < (29 if label == "performance" else ripe)
    has_ks = is_available and (label == "policy" or (stage == "disbursed" and is_mature))
    expected = 0.42 - 0.05 * min(number, 4)
    change = (-0.22 if is_drift else 0.0) + generator.normal(0, 0.015)
    is_thin = has_ks and (place == 6 or number > 4)
    counts = (12, 8) if is_thin else (800, 300)
    row: dict[str, object] = {
        "stage": stage,
        "stage_no": number,
        "parent_stage": PARENTS[stage],
        "cohort_month": month,
        "label": label,
        "is_available": is_available,
        "n": 1100.0 if is_available else np.nan,
        "n_good": counts[0] if has_ks else np.nan,
        "n_bad": counts[1] if has_ks else np.nan,
        "ks": expected + change if has_ks else np.nan,
        "ks_binned": expected + change - 0.01 if has_ks else np.nan,
        "expected_ks": expected if has_ks and number in (2, 3, 4) else np.nan,
        "baseline_ks": expected if has_ks else np.nan,
        "psi": abs(generator.normal(0, 0.05)) if is_available else np.nan,
        "score_shift_ks": abs(generator.normal(0, 0.04)) if is_available else np.nan,
        "drift_reference": "selection" if number in (2, 3, 4) else "baseline",
        "is_baseline": place < 6,
        "is_mature": is_mature,
        "is_thin": is_thin,
        "is_drift": is_drift,
        "score_kind": "own",
        "status": _status(is_available, has_ks, is_mature, is_thin),
        "run_id": "made",
    }
    values = {
        "vertical_change": -0.05 + change if number > 1 else np.nan,
        "horizontal_change": change,
        "baseline_change": change,
        "selection_change": change if number in (2, 3, 4) else np.nan,
        "drift_change": change,
    }
    for name, value in values.items():
        row[name] = value if has_ks else np.nan
        row[f"{name}_low"] = value - 0.05 if has_ks else np.nan
        row[f"{name}_high"] = value + 0.05 if has_ks else np.nan
    row["ks_low"], row["ks_high"] = _ends(row["ks"])
    return row


def _ends(ks: object) -> tuple[float, float]:
    return float(str(ks)) - 0.04, float(str(ks)) + 0.04


def _status(is_available: bool, has_ks: bool, is_mature: bool, is_thin: bool) -> str:
    if not is_available:
        return "not available"
    if not has_ks:
        return "no labels"
    if not is_mature:
        return "immature"
    return "thin" if is_thin else "judged"


def made_funnel() -> pd.DataFrame:
    """One row per stage and cohort month, with the columns of the table."""
    rows = [
        {
            "cohort_month": month,
            "stage": stage,
            "stage_no": number,
            "parent_stage": parent,
            "is_available": stage != ABSENT,
            "n": 1000.0 / number if stage != ABSENT else np.nan,
            "n_scored": 990.0 / number if stage != ABSENT else np.nan,
            "share_of_parent": 0.8 if parent and stage != ABSENT else np.nan,
        }
        for number, (stage, parent) in enumerate(PARENTS.items(), start=1)
        for month in MONTHS
    ]
    return pd.DataFrame(rows)


def made_facts(**given: object) -> DriftFacts:
    """What a report is written from."""
    facts: dict[str, object] = {
        "portfolio": "A made lender",
        "run_id": "made",
        "month": dt.date(2024, 12, 1),
        "score_kind": "own",
        "drift": made_drift(),
        "funnel": made_funnel(),
        "cuts": pd.DataFrame(),
        "checks": pd.DataFrame(),
        "why_nothing": None,
    }
    return DriftFacts(**(facts | given))  # type: ignore[arg-type] - as given
