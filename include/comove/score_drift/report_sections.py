"""The sections of the score-drift page: words, tables and pictures from the facts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from comove.risk_model.card import figure_text, percent_text
from comove.risk_model.sections import Picture, Section, Table, checks_section
from comove.score_drift import report_pictures as pictures
from comove.score_drift.report_facts import LABELS, STEPS, WAY, DriftFacts

MOST_ROWS = 60
# Findings are read at one look: what more there is stands in the section.
MOST_CUTS_TOLD = 10
_LABEL_WORDS = {
    "policy": "policy label (all applications)",
    "performance": "performance label (mature loans)",
}


def all_sections(facts: DriftFacts, origin: str) -> list[Section]:
    """Make every section, in the order of the page.

    Parameters
    ----------
    facts : DriftFacts
        What the tables hold.
    origin : str
        Run, month and score, for the pictures.

    Returns
    -------
    list of Section
        All of them, whatever is missing: what cannot be shown says why.
    """
    summary = Section("summary", "Findings", tuple(findings(facts)))
    if facts.drift.empty:
        return [summary, checks_section(facts.checks)]
    sections = [
        summary,
        _matrix(facts, origin),
        _vertical(facts, origin),
        _horizontal(facts, origin),
        _funnel(facts, origin),
        _cuts(facts),
        checks_section(facts.checks),
    ]
    return [section for section in sections if section.pictures or section.tables
            or section.words]  # fmt: skip


def findings(facts: DriftFacts) -> Iterable[str]:
    """Say in sentences what drifted, and what could not be judged.

    Parameters
    ----------
    facts : DriftFacts
        What the tables hold.
    """
    if facts.why_nothing:
        yield f"Not available for this portfolio: {facts.why_nothing}"
    elif not facts.labels:
        yield (
            f"No cell of the matrix has a KS: {facts.why_missing}."
            if facts.drift.empty
            else "No cell of the matrix has a KS: none has a score and both outcomes."
        )
    if facts.drift.empty:
        return
    yield _said_of_score(facts)
    yield from _drifts(facts.flagged())
    yield from _drifts_of_cuts(facts)
    yield from _left_out(facts)


def _said_of_score(facts: DriftFacts) -> str:
    whose = {"own": "comove's own score", "lender": "the lender's own score"}
    judged = facts.drift[(facts.drift["status"] == "judged") & facts.drift["ks"].notna()]
    return (
        f"Judged: {whose.get(facts.score_kind, facts.score_kind)}, "
        f"{len(judged):,} cells of stage, cohort month and label, "
        f"{int(judged['is_drift'].sum()):,} of them flagged."
    )


def _drifts(flagged: pd.DataFrame) -> Iterable[str]:
    if flagged.empty:
        yield "No cell drifted beyond the tolerance and beyond chance."
    for (stage, label), rows in flagged.groupby(["stage", "label"], sort=False):
        yield _drift(stage, f"{label} label", rows)


def _drift(stage: object, where: str, rows: pd.DataFrame) -> str:
    months = ", ".join(f"{m:%Y-%m}" for m in sorted(rows["cohort_month"]))
    largest = rows.iloc[int(rows["drift_change"].abs().to_numpy().argmax())]
    step = STEPS.get(str(stage))
    return (
        f"Drift at {str(stage).replace('_', ' ')}"
        f"{f' ({step.lower()})' if step else ''}, {where}: {months}; the "
        f"largest, in {largest['cohort_month']:%Y-%m}, "
        f"{_signed(largest, 'drift_change')} of KS "
        f"({_interval(largest, 'drift_change')})."
    )


def _drifts_of_cuts(facts: DriftFacts) -> Iterable[str]:
    if facts.cuts.empty:
        return
    flagged = facts.flagged_cuts()
    if flagged.empty:
        names = ", ".join(sorted(facts.cuts["cut_by"].unique()))
        yield f"No cell of the further cuts ({names}) drifted."
        return
    keys = ["cut_by", "cut_value", "stage", "label"]
    parts = list(flagged.groupby(keys, sort=False))
    for (cut_by, value, stage, label), rows in parts[:MOST_CUTS_TOLD]:
        yield _drift(stage, f"{label} label, {cut_by} {value}", rows)
    if (more := len(parts) - MOST_CUTS_TOLD) > 0:
        yield f"{more:,} more stages of further cuts drifted."


def _left_out(facts: DriftFacts) -> Iterable[str]:
    for label in LABELS:
        if facts.labels and label not in facts.labels:
            yield f"No cell has good and bad applications by the {label} label."
    absent = facts.drift.loc[~facts.drift["is_available"], "stage"].unique()
    if len(absent):
        names = ", ".join(str(stage).replace("_", " ") for stage in absent)
        yield f"Not available for this portfolio: {names}."
    known = facts.drift[facts.drift["is_available"]]
    thin = int((known["status"] == "thin").sum())
    immature = int((known["status"] == "immature").sum())
    yield f"Not judged: {immature:,} immature cells and {thin:,} thin ones."
    alone = int((known["status"] == "not compared").sum())
    if alone:
        yield f"Not judged either: {alone:,} cells the baseline is too small for."


def _matrix(facts: DriftFacts, origin: str) -> Section:
    shown = []
    for label in facts.labels:
        words = _LABEL_WORDS[label]
        matrix = pictures.matrix_picture(facts.of(label), words, origin)
        shown.append(Picture(matrix, f"KS by stage and cohort month, {words}"))
        if facts.of(label)["drift_change"].notna().any():
            change = pictures.change_picture(facts.of(label), words, origin)
            shown.append(
                Picture(change, f"Drift of KS by stage and cohort month, {words}")
            )
    flagged = facts.flagged()
    tables = (_flags(flagged),) if len(flagged) else ()
    return Section(
        "matrix",
        "Matrix: every stage and cohort month",
        (
            "KS is the largest distance between the scores of good and of bad "
            "applications: 0 where the score tells nothing, 100 where it tells all. "
            "Grey cells are not judged: immature (dotted) or with too few of one outcome "
            "(hatched). Framed cells drifted: their change is beyond the tolerance, and "
            "its 95 % interval excludes zero.",
        ),
        tuple(shown),
        tables,
    )


def _flags(flagged: pd.DataFrame) -> Table:
    return _table(
        f"Cells that drifted, newest {min(len(flagged), MOST_ROWS)} of {len(flagged)}.",
        flagged.head(MOST_ROWS),
        ("Stage", "Label", "Cohort", "Against", "Good", "Bad", "KS", "Change", "95 %"),
        _stage,
        _text("label"),
        _month,
        *_against_reference(),
        texts=4,
    )


def _vertical(facts: DriftFacts, origin: str) -> Section:
    policy = facts.of("policy")
    month = facts.judged_month("policy")
    return Section(
        "vertical",
        "Vertical: what each step down the funnel does to the score",
        (
            "Who comes through a step was chosen by the score, so good and bad ones lie "
            "closer together afterwards, and KS falls by selection alone. The effect of "
            "a step is what is left beyond that: credit policy (approved among applied), "
            "draw-down willingness (drawn among approved), draw-down control (paid out "
            "among drawn).",
        ),
        (
            Picture(
                pictures.vertical_picture(policy, month, origin),
                "KS down the funnel for the newest mature cohort",
            ),
            Picture(
                pictures.effects_picture(policy, origin),
                "Effect of each step over cohort months",
            ),
        ),
        (_steps(policy, month),) if month is not None else (),
    )


def _steps(policy: pd.DataFrame, month: pd.Timestamp) -> Table:
    own = policy[(policy["cohort_month"] == month) & policy["stage"].isin(WAY)]
    return _table(
        f"Cohort of {month:%Y-%m}, the newest that is mature at every stage.",
        own.sort_values("stage_no"),
        (
            "Stage", "Step", "Status", "Applications", "Good", "Bad", "KS",
            "KS against the stage above", "95 %", "KS by selection alone", "Effect",
            "95 %",
        ),
        _stage,
        lambda row: STEPS.get(str(row["stage"]), "-"),
        _status,
        _count("n"),
        _count("n_good"),
        _count("n_bad"),
        _figure("ks"),
        lambda row: _signed(row, "vertical_change"),
        lambda row: _interval(row, "vertical_change"),
        _figure("expected_ks"),
        lambda row: _signed(row, "selection_change"),
        lambda row: _interval(row, "selection_change"),
        texts=3,
    )  # fmt: skip


def _horizontal(facts: DriftFacts, origin: str) -> Section:
    shift = facts.of("policy") if len(facts.of("policy")) else facts.drift
    newest = [facts.of(label) for label in facts.labels]
    tables = [_newest(rows, label) for rows, label in zip(newest, facts.labels,
                                                          strict=True)]  # fmt: skip
    return Section(
        "horizontal",
        "Horizontal: each stage over cohort months",
        (
            "Bands are 95 % intervals. Shift compares the scores themselves, good and "
            "bad together, with those of the baseline months: it moves when other people "
            "apply, KS when the score tells them apart less well.",
        ),
        (
            Picture(
                pictures.horizontal_picture(facts.drift, origin),
                "KS of each stage over cohort months",
            ),
            Picture(
                pictures.shift_picture(shift, origin),
                "Shift of the scores of each stage over cohort months",
            ),
        ),
        tuple(tables),
    )


def _newest(rows: pd.DataFrame, label: str) -> Table:
    known = rows[rows["ks"].notna()].sort_values(
        ["cohort_month", "stage_no"], ascending=[False, True]
    )
    return _table(
        f"{_LABEL_WORDS[label]}, newest {min(len(known), MOST_ROWS)} of {len(known)} "
        "cells.",
        known.head(MOST_ROWS),
        (
            "Cohort", "Stage", "Status", "Good", "Bad", "KS", "95 %", "On 10 groups",
            "Against the month before", "95 %", "Against the baseline", "95 %", "PSI",
            "Shift",
        ),
        _month,
        _stage,
        _status,
        _count("n_good"),
        _count("n_bad"),
        _figure("ks"),
        lambda row: _between(row["ks_low"], row["ks_high"]),
        _figure("ks_binned"),
        lambda row: _signed(row, "horizontal_change"),
        lambda row: _interval(row, "horizontal_change"),
        lambda row: _signed(row, "baseline_change"),
        lambda row: _interval(row, "baseline_change"),
        _figure("psi"),
        _figure("score_shift_ks"),
        texts=3,
    )  # fmt: skip


def _funnel(facts: DriftFacts, origin: str) -> Section:
    shown = facts.funnel
    if shown.empty:
        return Section("funnel", "Funnel")
    newest = shown[shown["cohort_month"] == shown["cohort_month"].max()]
    return Section(
        "funnel",
        "Funnel",
        ("Newest cohorts still move down: their shares are not final.",),
        (
            Picture(
                pictures.funnel_picture(shown, origin),
                "Share of the stage above that came through, over cohort months",
            ),
        ),
        (
            _table(
                f"Cohort of {newest['cohort_month'].iloc[0]:%Y-%m}.",
                newest,
                (
                    "Stage",
                    "Of",
                    "Applications",
                    "With a score",
                    "Share of the stage above",
                ),
                _stage,
                lambda row: str(row["parent_stage"] or "-").replace("_", " "),
                _or_absent("n"),
                _or_absent("n_scored"),
                lambda row: percent_text(_number(row["share_of_parent"])),
                texts=2,
            ),
        ),
    )


def _cuts(facts: DriftFacts) -> Section:
    cuts = facts.cuts
    if cuts.empty:
        return Section("cuts", "Further cuts")
    flagged = facts.flagged_cuts()
    newest = cuts[cuts["cohort_month"] == cuts["cohort_month"].max()]
    newest = newest.sort_values("is_drift", ascending=False, kind="stable")
    drifted = _cut_table(
        f"Cells of cuts that drifted, newest {min(len(flagged), MOST_ROWS)} of "
        f"{len(flagged)}.",
        flagged,
    )
    return Section(
        "cuts",
        "Further cuts",
        (
            "Each cell is judged for itself, with a chance of error of 5 %: of many cuts "
            "some are flagged by chance.",
        ),
        (),
        (
            *([drifted] if len(flagged) else []),
            _cut_table(
                f"Newest cohort, {min(len(newest), MOST_ROWS)} of {len(newest)} cells, "
                "those that drifted first.",
                newest,
            ),
        ),
    )


def _cut_table(caption: str, cells: pd.DataFrame) -> Table:
    return _table(
        caption,
        cells.head(MOST_ROWS),
        ("Cut by", "Value", "Stage", "Label", "Cohort", "Status", "Against", "Good",
         "Bad", "KS", "Change", "95 %"),
        _text("cut_by"),
        _text("cut_value"),
        _stage,
        _text("label"),
        _month,
        _status,
        *_against_reference(),
        texts=7,
    )  # fmt: skip


_Row = Mapping[Any, Any]
_Cell = Callable[[_Row], str]


def _against_reference() -> tuple[_Cell, ...]:
    """Against, Good, Bad, KS, Change, 95 %."""
    return (
        _text("drift_reference"),
        _count("n_good"),
        _count("n_bad"),
        _figure("ks"),
        lambda row: _signed(row, "drift_change"),
        lambda row: _interval(row, "drift_change"),
    )


def _table(
    caption: str,
    frame: pd.DataFrame,
    head: tuple[str, ...],
    *cells: _Cell,
    texts: int = 1,
) -> Table:
    records = frame.to_dict("records")
    rows = tuple(tuple(cell(row) for cell in cells) for row in records)
    unsure = frozenset(
        place
        for place, row in enumerate(records)
        if row.get("status") in ("thin", "immature")
    )
    return Table(caption, head, rows, texts, unsure)


def _stage(row: _Row) -> str:
    return str(row["stage"]).replace("_", " ")


def _status(row: _Row) -> str:
    return "drift" if row["is_drift"] else str(row["status"])


def _month(row: _Row) -> str:
    return f"{row['cohort_month']:%Y-%m}"


def _text(column: str) -> _Cell:
    return lambda row: "-" if pd.isna(row[column]) else str(row[column])


def _count(column: str) -> _Cell:
    return lambda row: f"{row[column]:,.0f}" if pd.notna(row[column]) else "-"


def _or_absent(column: str) -> _Cell:
    return lambda row: "not available" if not row["is_available"] else _count(column)(row)


def _figure(column: str) -> _Cell:
    return lambda row: figure_text(_number(row[column]), 3)


def _signed(row: _Row | pd.Series, column: str) -> str:
    return f"{row[column]:+.3f}" if pd.notna(row[column]) else "-"


def _interval(row: _Row | pd.Series, column: str) -> str:
    return _between(row[f"{column}_low"], row[f"{column}_high"])


def _between(low: Any, high: Any) -> str:
    return "-" if pd.isna(low) or pd.isna(high) else f"{low:.3f} to {high:.3f}"


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
