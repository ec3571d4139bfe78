"""Fills a model card from the registry, the model's record and the published tables."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from comove.risk_model import pictures
from comove.risk_model.artifact import ArtifactError, ModelRecord, read_record
from comove.risk_model.card import (
    CardContent,
    FeatureLine,
    PerformanceLine,
    percent_text,
)
from comove.risk_model.explain import Contributions, importance
from comove.risk_model.features import Purpose, load_features
from comove.risk_model.findings import Findings
from comove.risk_model.judgement import Check
from comove.settings import Settings

Row = Mapping[str, Any]
MOST_SHIFTED = 10

_METHODS = {
    "xgboost": "Boosted trees (xgboost, logistic loss), held to the signs below; the "
    "number of trees by early stopping on later months.",
    "logit": "Logistic regression on weight-of-evidence bins (optbinning), so that each "
    "feature adds a fixed number of log-odds per bin.",
    "blend": "Weighted mean of the log-odds of the boosted trees and of the logit; the "
    "weights make the log loss on later months least.",
}
_APPLICATION_METHODS = {
    "xgboost": "Boosted trees (xgboost, logistic loss), held to the signs below and "
    "averaged over seeds; the number of trees by cross-fitting.",
    "logit": _METHODS["logit"],
    "blend": "Weighted mean of the log-odds of boosted trees and of a logit on "
    "weight-of-evidence bins; the weights make the cross-fitted log loss least, or give "
    "one of the two all where that ranks better.",
}
_CALIBRATED_APPLICATION = (
    " The log-odds are then put on a line fitted to what was said of each row trained on "
    "by a model of other borrowers. No rows are reweighted."
)
# What the figures under 6 are, by purpose or by how an application was scored.
_EVIDENCE = {
    "pd": "No row of the months predicted was trained on. The line of the validation "
    "months is no such test: they stopped the trees, weighed the blend and set the slope "
    "of the calibration, and the final model was fitted on them too.",
    "out_of_time": "Applications are judged by the scores they got from a model whose "
    "outcomes were all known before their month.",
    "cross_fitted": "Applications are judged by the scores they got from a model of "
    "other borrowers. Those borrowers' outcomes are of the same time: this is out of "
    "sample, not out of time.",
}
_RULES = {
    "pd": "By rule, the algorithm with the least out-of-time log loss of the last months "
    "predicts, if its model passes the gate.",
    "application": "By rule, the blend scores, if it passes the gate.",
}
_COMPARED = {
    "pd": "validation against training",
    "application": "newest third of the rows trained on against the others",
}
_CALIBRATED = (
    " The log-odds are then stretched and shifted, so that the PDs are neither too "
    "spread nor, over the training window, too high or too low. No rows are reweighted."
)
_USES = {
    "pd": (
        "Probability that a borrower at risk has its event in the next month, from what "
        "was known at the end of the month before.",
        "Its residuals feed the joint-risk stage; its PDs rank borrowers for review.",
        "Not for pricing, capital or accounting without a validation of its own: the "
        "horizon is one month, and no margin of conservatism is added.",
    ),
    "application": (
        "Probability that a loan applied for turns bad, as a score of 300 to 850 points "
        "with reasons in plain words.",
        "Supports decisions on applications; refusals go to a person.",
        "Not a PD over the life of a loan, nor a price.",
    ),
}
_TIERS = {
    "pd": "high (purpose: every later stage of comove rests on it; exposure: the whole "
    "portfolio)",
    "application": "high (purpose: it bears on decisions about people; exposure: every "
    "application)",
}
_EXCLUSIONS = {
    "pd": (
        "Borrowers already in default, or without a loan at risk, at the start of the "
        "month.",
        "The gap between the last month trained on and the first one predicted, because "
        "its outcomes may still change.",
        "Calendar time and macroeconomic series: they would swallow the common factor.",
    ),
    "application": (
        "Applications without a known outcome: refused, not drawn, or not yet mature.",
    ),
}
_LIMITS = {
    "pd": (
        "Only borrowers who were accepted have outcomes; there is no reject inference.",
        "Attributes of borrowers (income, region, industry) are snapshots of the last "
        "delivery unless the lender delivers their history.",
        "Events are taken as independent given the features. They are not: the "
        "dependence left over is what the joint-risk stage estimates, and the intervals "
        "here are too narrow for it.",
        "Calibrated over the training window, not to the present month: in a downturn "
        "observed events exceed the expected ones, and are meant to.",
        "Segments and months with fewer than 30 events tell nothing about the model.",
        "It must not be concluded that a feature causes an event, nor that the order "
        "holds where few or no borrowers like these were trained on.",
    ),
    "application": (
        "Trained on accepted and disbursed applications only; there is no reject "
        "inference, so scores of the kind that was refused are extrapolations.",
        "Bad outcomes of young loans are not known yet; those loans are left out.",
        "Segments with fewer than 30 bad loans tell nothing about the model.",
        "No test of fairness towards protected groups is part of this card.",
    ),
}


def card_content(
    row: Row, findings: Findings, settings: Settings, found: Contributions | None = None
) -> CardContent:
    """Say what the card of a model version says.

    Parameters
    ----------
    row : mapping
        Of ``audit.model_registry``.
    findings : Findings
        Of the run.
    settings : Settings
        Limits of the gates, for the monitoring plan.
    found : Contributions, optional
        SHAP values of its trees.

    Returns
    -------
    CardContent
        Sections without facts are empty and say why.
    """
    record = _record(settings.places.root / str(row["artifact_path"]))
    metrics, purpose = _json(row["metrics"]), str(row["purpose"])
    first = _day(row["first_month_predicted"])
    parameters = dict(record.parameters) if record else {}
    return CardContent(
        model_version=str(row["model_version"]),
        purpose=purpose,
        algorithm=str(row["algorithm"]),
        status=str(row["status"]),
        is_champion=bool(row["is_champion"]),
        portfolio=findings.portfolio,
        run_id=findings.run_id,
        month=findings.month,
        uses=_USES.get(purpose, ()),
        tier=_TIERS.get(purpose, "not set"),
        owner="the lender's head of credit risk, who names a validator; whoever decides "
        "a promotion is recorded under 12",
        trained_from=_day(row["trained_from"]),
        trained_to=_day(row["trained_to"]),
        first_month_predicted=first,
        rows_trained=int(row["rows_trained"]),
        events_trained=int(row["events_trained"]),
        seed=int(row["seed"]),
        data_hash=str(row["data_hash"]),
        settings_hash=str(row["settings_hash"]),
        method=_method(row),
        evidence=_EVIDENCE.get(str(metrics.get("scoring")), _EVIDENCE["pd"]),
        exclusions=_EXCLUSIONS.get(purpose, ()),
        features=_features(row, parameters, found),
        parameters=_shown_parameters(parameters),
        library_versions=_json(row["library_versions"]),
        calibration=_calibration(metrics, parameters),
        overall=_overall(metrics, first),
        months=_months(row, findings, metrics),
        segments=_segments(row, findings, metrics),
        comparison=_comparison(row, findings, metrics),
        checks=tuple(Check.from_json(one) for one in metrics.get("gate", ())),
        refused_because=_text(row["refused_because"]),
        stability=_stability(purpose, parameters),
        limits=_LIMITS.get(purpose, ()),
        monitoring=_monitoring(settings, purpose, metrics),
        decisions=_decisions(purpose, findings),
        changes=_changes(row, findings),
        unavailable=_reasons(purpose),
    )


def card_pictures(
    row: Row, findings: Findings, found: Contributions | None = None
) -> dict[str, Figure]:
    """Draw what the card shows, by what it shows.

    Parameters
    ----------
    row : mapping
        Of ``audit.model_registry``.
    findings : Findings
        Of the run.
    found : Contributions, optional
        SHAP values of its trees.

    Returns
    -------
    dict of str to Figure
        Only those there is something to draw for.
    """
    name = str(row["algorithm"])
    origin = f"run {findings.run_id} · month {findings.month:%Y-%m} · "
    origin += f"model {row['model_version']}"
    drawn: dict[str, Figure] = {}
    counted = "applications" if row["purpose"] == "application" else "borrower-months"
    counts = _counts(row, findings)
    if counts is not None and counts["events"].sum() > 0:
        drawn |= {
            "Calibration": pictures.calibration_picture({name: counts}, origin),
            "ROC curve": pictures.roc_picture({name: counts}, origin, counted),
            "Separation of good and bad": pictures.ks_picture(
                counts, name, origin, counted=counted
            ),
        }
    if len(months := _own(row, findings.months, findings)):
        drawn["Observed and expected by month"] = pictures.months_picture(
            months, name, origin
        )
    if found is not None and len(found.values):
        table = importance(found)
        drawn["Importance of the features"] = pictures.importance_picture(table, origin)
        drawn["SHAP values"] = pictures.shap_picture(found, origin)
    return drawn


def _method(row: Row) -> str:
    name = str(row["algorithm"])
    if row["purpose"] == "application":
        return _APPLICATION_METHODS.get(name, "") + _CALIBRATED_APPLICATION
    return _METHODS.get(name, "") + _CALIBRATED


def _json(text: Any) -> dict[str, Any]:
    try:
        told = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _day(value: Any) -> dt.date | None:
    return None if value is None or pd.isna(value) else pd.Timestamp(value).date()


def _record(folder: Path) -> ModelRecord | None:
    try:
        return read_record(folder)
    except ArtifactError:
        return None


def _counts(row: Row, findings: Findings) -> pd.DataFrame | None:
    if row["purpose"] == "application":
        newest = findings.of_purpose("application")
        is_newest = (
            len(newest) and newest["model_version"].iloc[0] == row["model_version"]
        )
        return findings.all_scores if is_newest and len(findings.all_scores) else None
    first = _day(row["first_month_predicted"])
    return findings.fold_counts.get((first, str(row["algorithm"]))) if first else None


def _own(row: Row, frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Rows of a frame of the PD models that this version predicted."""
    if row["purpose"] != "pd" or not {"fold", "algorithm"} <= set(frame.columns):
        return frame.iloc[:0]
    first = pd.to_datetime(row["first_month_predicted"])
    mine = (pd.to_datetime(frame["fold"]) == first).to_numpy(bool)
    same = (frame["algorithm"] == row["algorithm"]).to_numpy(bool)
    own: pd.DataFrame = frame.loc[mine & same]
    return own


def _features(
    row: Row, parameters: Row, found: Contributions | None
) -> tuple[FeatureLine, ...]:
    told = _json_list(row["features"])
    dropped = {**parameters.get("dropped", {}), **parameters.get("logit_dropped", {})}
    if row["algorithm"] != "logit":
        dropped = dict(parameters.get("dropped", {}))
    table = importance(found) if found is not None else pd.DataFrame()
    # A bag of trees and a logit tell together what they moved as they scored.
    weights = (
        dict(zip(table["feature"], table["mean_abs_shap"], strict=True))
        if len(table)
        else parameters.get("importance", {})
    )
    known = _described(str(row["purpose"]))
    names = [*told, *(name for name in dropped if name not in told)]
    lines = [
        FeatureLine(
            name=name,
            about=known[name].about if name in known else "",
            direction=known[name].direction if name in known else 0,
            is_kept=name not in dropped,
            reason=str(dropped.get(name, "")),
            importance=weights.get(name),
        )
        for name in names
    ]
    return tuple(sorted(lines, key=lambda one: (not one.is_kept, -(one.importance or 0))))


def _json_list(text: Any) -> list[str]:
    told = json.loads(text) if isinstance(text, str) else text
    return [str(name) for name in told] if isinstance(told, list) else []


def _described(purpose: str) -> dict[str, Any]:
    purposes: dict[str, Purpose] = {"pd": "pd", "application": "application"}
    if purpose not in purposes:
        return {}
    return {one.name: one for one in load_features(purposes[purpose])}


def _shown_parameters(parameters: Row) -> dict[str, object]:
    hidden = {"figures", "dropped", "logit_dropped", "calibration", "importance"}
    return {name: one for name, one in parameters.items() if name not in hidden and one}


def _calibration(metrics: Row, parameters: Row) -> dict[str, object]:
    told: dict[str, object] = {
        f"applied {name}": value
        for name, value in (parameters.get("calibration") or {}).items()
    }
    for key, words in (("validation", "validation"), ("out_of_time", "out of time")):
        for name in ("calibration_slope", "calibration_intercept"):
            if (value := (metrics.get(key) or {}).get(name)) is not None:
                told[f"{name.replace('_', ' ')}, {words}"] = value
    return told


def _overall(metrics: Row, first: dt.date | None) -> tuple[PerformanceLine, ...]:
    lines = []
    for key, words in (("validation", "validation months"), ("out_of_time", "predicted")):
        if one := metrics.get(key):
            since = f" since {first:%Y-%m}" if key == "out_of_time" and first else ""
            lines.append(_measured(f"{words}{since}", one))
    for one in metrics.get("out_of_sample", ()):
        lines.append(_compared(one))
    return tuple(lines)


def _measured(label: str, one: Row) -> PerformanceLine:
    events, ratio = one.get("events") or 0, one.get("expected_over_observed")
    return PerformanceLine(
        label=label,
        rows=int(one.get("rows") or 0),
        events=int(events),
        expected=ratio * events if ratio is not None else None,
        log_loss=one.get("log_loss"),
        auc=one.get("auc"),
        ks=one.get("ks"),
        slope=one.get("calibration_slope"),
    )


def _compared(one: Row) -> PerformanceLine:
    return PerformanceLine(
        label=str(one.get("model", "")).replace("_", " "),
        rows=int(one.get("applications") or 0),
        events=int(one.get("bad") or 0),
        log_loss=one.get("log_loss"),
        auc=one.get("auc"),
        ks=one.get("ks"),
        slope=one.get("calibration_slope"),
    )


def _months(row: Row, findings: Findings, metrics: Row) -> tuple[PerformanceLine, ...]:
    if row["purpose"] == "application":
        return _told(metrics, "by_cohort_month")
    return tuple(
        PerformanceLine(
            label=f"{pd.Timestamp(one['month']):%Y-%m}",
            rows=int(one["rows"]),
            events=int(one["events"]),
            expected=float(one["expected"]),
            log_loss=_number(one.get("log_loss")),
            auc=_number(one.get("auc")),
            ks=_number(one.get("ks")),
        )
        for one in _own(row, findings.months, findings).to_dict("records")
    )


def _told(metrics: Row, name: str) -> tuple[PerformanceLine, ...]:
    return tuple(PerformanceLine(**one) for one in metrics.get(name, ()))


def _segments(row: Row, findings: Findings, metrics: Row) -> tuple[PerformanceLine, ...]:
    if row["purpose"] == "application":
        return _told(metrics, "by_segment")
    mine = _own(row, findings.segments, findings)
    if not len(mine):
        return ()
    ordered = mine.sort_values(["dimension", "rows"], ascending=[True, False])
    return tuple(
        PerformanceLine(
            label=str(one["segment"]),
            group=str(one["dimension"]),
            rows=int(one["rows"]),
            events=int(one["events"]),
            expected=float(one["expected"]),
            log_loss=float(one["loss"]) / int(one["rows"]),
        )
        for one in ordered.to_dict("records")
    )


def _comparison(
    row: Row, findings: Findings, metrics: Row
) -> tuple[PerformanceLine, ...]:
    if row["purpose"] != "pd":
        return tuple(_compared(o) for o in metrics.get("all_models_out_of_sample", ()))
    first = pd.to_datetime(row["first_month_predicted"])
    rivals = findings.of_purpose("pd")
    rivals = rivals[
        pd.to_datetime(rivals["first_month_predicted"]) == pd.Timestamp(first)
    ]
    return tuple(
        _measured(
            f"{one['algorithm']} ({one['status']})",
            _json(one["metrics"]).get("out_of_time") or {},
        )
        for one in rivals.to_dict("records")
    )


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _stability(purpose: str, parameters: Row) -> tuple[tuple[str, str, float], ...]:
    shifts = (parameters.get("figures") or {}).get("feature_psi") or {}
    known = [(name, float(psi)) for name, psi in shifts.items() if psi is not None]
    worst = sorted(known, key=lambda one: -one[1])[:MOST_SHIFTED]
    return tuple((name, _COMPARED.get(purpose, ""), psi) for name, psi in worst)


def _refitted(settings: Settings, purpose: str, metrics: Row) -> str:
    if purpose == "pd":
        return f"refitted every {settings.pd_refit_months} months"
    if metrics.get("scoring") == "cross_fitted":
        return "refitted whenever the outcomes it learns from change"
    return f"refitted every {settings.application_refit_months} months"


def _monitoring(settings: Settings, purpose: str, metrics: Row) -> tuple[str, ...]:
    return (
        f"Every month: observed and expected events, log loss, AUC and KS; "
        f"{_refitted(settings, purpose, metrics)}.",
        f"Trigger: AUC below {settings.gate_min_auc:g}, or observed events beyond "
        f"{settings.gate_max_calibration_ratio:g} times the expected ones either way "
        f"(judged with their intervals): the challenger is refused and the champion "
        f"goes on.",
        f"Trigger: population stability index above {settings.gate_max_psi:g}, or a "
        f"feature's missing share up by more than "
        f"{percent_text(settings.gate_max_missing_share_rise)}: look at the deliveries "
        f"first.",
        "Trigger: a change of the event's definition, of a delivery or of credit policy: "
        "validate anew before the next promotion.",
    )


def _decisions(purpose: str, findings: Findings) -> tuple[str, ...]:
    rule = (_RULES.get(purpose, ""),)
    known = findings.promotions
    mine = known[known["purpose"] == purpose] if len(known) else known
    if not len(mine):
        return (*rule, "No person has decided otherwise.")
    return rule + tuple(
        f"{one['decided_by']} chose {_text(one['algorithm']) or 'the rule'} from "
        f"{pd.Timestamp(one['effective_from']):%Y-%m} on: {one['reason']}"
        for one in mine.to_dict("records")
    )


def _changes(row: Row, findings: Findings) -> tuple[str, ...]:
    all_ = findings.of_purpose(str(row["purpose"]))
    same = all_[all_["algorithm"] == row["algorithm"]]
    ordered = same.sort_values("first_month_predicted", ascending=False)
    first = pd.to_datetime(row["first_month_predicted"])
    until = pd.to_datetime(ordered["first_month_predicted"]) <= first
    return tuple(
        f"{one['model_version']}: predicts from "
        f"{pd.Timestamp(one['first_month_predicted']):%Y-%m}, trained on "
        f"{int(one['rows_trained']):,} rows with {int(one['events_trained']):,} events, "
        f"{one['status']}"
        for one in ordered[until].head(12).to_dict("records")
    )


def _reasons(purpose: str) -> dict[str, str]:
    no_months = (
        "it has predicted no month whose outcome is known"
        if purpose == "pd"
        else "it has scored no application whose outcome is known"
    )
    return {
        "overall": no_months,
        "months": no_months,
        "segments": no_months,
        "comparison": no_months,
        "checks": "the gate judged no model of this kind",
        "stability": "its record holds no population stability index",
        "calibration": "its record holds no calibration",
        "parameters": "its record holds no parameters",
    }
