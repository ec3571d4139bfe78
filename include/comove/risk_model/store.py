"""Loading what training made into the warehouse, in one short transaction."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from comove.audit import ensure_tables
from comove.connection import connect, utc_now
from comove.quality.record import replace_results
from comove.risk_model.artifact import CARD, ModelRecord, model_folder, without_nan
from comove.risk_model.export import run_folder
from comove.risk_model.folds import month_of, number
from comove.risk_model.request import FILE, RiskRequest, read_request, request_for
from comove.risk_model.tables import ensure_risk_tables
from comove.settings import Settings
from comove.warehouse.load import Load, check_load, faulty, replace_rows

if TYPE_CHECKING:
    from comove.risk_model.judgement import Check

STAGE = "risk_model"
STATUSES = ("champion", "challenger", "refused", "retired")


@dataclass(frozen=True)
class StoreReport:
    """What was stored.

    Parameters
    ----------
    rows : dict of str to int
        Rows loaded, by table; a table whose file is absent is not named.
    models : int
        Model versions registered, new or again.
    """

    rows: dict[str, int]
    models: int


_PROBABILITY = "isnan({0}) or {0} <= 0 or {0} >= 1"
_MONTHS = "month >= $first and month <= $last"
_KEYS = {"an empty key or month": "borrower_key is null or month is null"}
_OUTCOMES = {
    "an unknown event": "is_event is null",
    "a month the run was not asked for": f"not ({_MONTHS})",
}
_PREDICTIONS = {
    "a PD that is not between 0 and 1": f"pd is null or {_PROBABILITY.format('pd')}",
    "no model version": "model_version is null or algorithm is null",
}
_LOADS = (
    Load(
        file="candidates.parquet",
        table="risk.pd_candidate",
        key=("borrower_key", "month"),
        replaced=_MONTHS,
        faults={
            **_KEYS,
            **_OUTCOMES,
            "a PD that is not between 0 and 1": " or ".join(
                _PROBABILITY.format(name)
                for name in ("pd_xgboost", "pd_logit", "pd_blend")
            ),
        },
    ),
    Load(
        file="predictions.parquet",
        table="risk.pd_prediction",
        key=("borrower_key", "month"),
        replaced=_MONTHS,
        faults={
            **_KEYS,
            **_OUTCOMES,
            **_PREDICTIONS,
            "a PD not out of sample": "not coalesce(is_out_of_sample, false)",
        },
    ),
    Load(
        file="forecast.parquet",
        table="risk.pd_forecast",
        key=("borrower_key", "month"),
        replaced="month = $next",
        faults={
            **_KEYS,
            "a month that is not the one to come": "month != $next",
            **_PREDICTIONS,
        },
    ),
    Load(
        file="scores.parquet",
        table="risk.score",
        key=("application_key",),
        replaced="as_of <= $last",
        # What a later month's run has scored since is newer than this.
        left_out="application_key in (select application_key from risk.score)",
        faults={
            "a month that is not the run's": "as_of != $last",
            "an empty key": "application_key is null",
            "a PD that is not between 0 and 1": _PROBABILITY.format("pd"),
            "a score not within 300 to 850": "isnan(score) or score < 300 or score > 850",
        },
    ),
)


def store_training(settings: Settings, *, run_id: str) -> StoreReport:
    """Load what the run's training made; loading it again changes nothing.

    A file that is absent (its purpose was not asked for) leaves its table alone; one
    without rows empties the months of the run.

    Parameters
    ----------
    settings : Settings
        Say which home; the files are in `run_folder`.
    run_id : str
        Kept with models that were not registered before.

    Returns
    -------
    StoreReport
        Rows by table, and how many models.

    Raises
    ------
    LoadError
        Before anything is written, naming the file and what is wrong in it.
    """
    folder = run_folder(settings, run_id)
    request = _request(settings, folder, run_id)
    loads = [load for load in _LOADS if (folder / load.file).is_file()]
    models, months = _read_models(folder), _months(request)
    with connect(settings) as connection:
        ensure_tables(connection)
        ensure_risk_tables(connection)
        rows = {
            load.table: check_load(connection, folder, load, months) for load in loads
        }
        connection.execute("begin")
        for load in loads:
            replace_rows(connection, folder, load, months)
        register_models(connection, settings, models, run_id, request.month)
        _write_request(connection, settings, request)
        connection.execute("commit")
    return StoreReport(rows, len(models))


def hand_on_models(
    folder: Path,
    purpose: str,
    in_force: Sequence[ModelRecord],
    refused: Sequence[tuple[ModelRecord, str]] = (),
) -> Path:
    """Write ``models_<purpose>.json`` for `store_training`, the newest as champion.

    Parameters
    ----------
    folder : Path
        Of the run.
    purpose : str
        ``pd`` or ``application``.
    in_force : sequence of ModelRecord
        Models that predicted or scored something, oldest first.
    refused : sequence of tuple of ModelRecord and str
        Models that failed the gate, with the reason.
    """
    newest = in_force[-1] if in_force else None
    models = [
        one.to_json()
        | {"status": "champion" if newest and _beside(one, newest) else "retired"}
        for one in in_force
    ]
    models += [
        one.to_json() | {"status": "refused", "refused_because": why}
        for one, why in refused
    ]
    file = folder / f"models_{purpose}.json"
    file.write_text(json.dumps(without_nan(models), indent=1, allow_nan=False))
    return file


def _beside(one: ModelRecord, newest: ModelRecord) -> bool:
    """Tell whether a model predicts now: the newest one, or another part of it.

    Cross-fitted models of the parts of the borrowers are in force together.
    """
    if one.model_version == newest.model_version:
        return True
    parts = {m.metrics.get("scoring") for m in (one, newest)} == {"cross_fitted"}
    return parts and one.first_month_predicted == newest.first_month_predicted


def record_checks(settings: Settings, *, run_id: str) -> dict[str, int]:
    """Record how the challengers were judged, as stage ``risk_model`` of the gates.

    A failed check refuses one model and stops nothing, so it is kept as a warning; a
    warning is kept for information.

    Parameters
    ----------
    settings : Settings
        Say which home; ``checks*.json`` in `run_folder` holds a list of checks, each with
        its ``model_version``.
    run_id : str
        Whose results.

    Returns
    -------
    dict of str to int
        How many checks ``passed`` and ``failed``.
    """
    # Seconds of imports that registering models alone does not need.
    from comove.risk_model.judgement import Check

    results = [
        (str(entry.pop("model_version")), Check.from_json(entry))
        for entry in _read_lists(run_folder(settings, run_id), "checks")
    ]
    rows = [_result(version, check) for version, check in results]
    with connect(settings) as connection:
        ensure_tables(connection)
        connection.execute("begin")
        replace_results(connection, run_id, STAGE, rows, utc_now())
        connection.execute("commit")
    failed = sum(not check.success for _, check in results)
    return {"passed": len(results) - failed, "failed": failed}


def _request(settings: Settings, folder: Path, run_id: str) -> RiskRequest:
    """Read the run's request; a run that trains no PD has none of its own."""
    if (folder / FILE).is_file():
        return read_request(folder)
    with connect(settings, read_only=True) as connection:
        row = connection.execute(
            "select month from audit.run where run_id = ?", [run_id]
        ).fetchone()
    if row is None or row[0] is None:
        return read_request(folder)
    return request_for(settings, row[0])


def _result(model_version: str, check: "Check") -> Sequence[object]:
    softened = {"critical": "warning", "warning": "info", "info": "info"}
    refused = f"{model_version} does not replace the champion. " if check.refuses else ""
    return [
        f"{model_version}: {check.name}",
        softened[check.severity],
        check.success,
        check.observed,
        check.expected,
        "audit.model_registry",
        None,
        None if check.success else f"{refused}What to do: {check.remedy}",
    ]


def _months(request: RiskRequest) -> dict[str, dt.date]:
    """Months of a run by the names the conditions of `_LOADS` use."""
    return {
        "first": request.first_month or dt.date(1, 1, 1),
        "last": request.last_month,
        "next": request.forecast_month,
    }


def _read_models(folder: Path) -> list[dict[str, Any]]:
    models = _read_lists(folder, "models")
    for model in models:
        if model["status"] not in STATUSES:
            raise faulty(folder, f"the unknown status {model['status']!r} of a model")
    versions = [model["model_version"] for model in models]
    if twice := {version for version in versions if versions.count(version) > 1}:
        raise faulty(folder, f"the model {sorted(twice)[0]} twice")
    return models


def _read_lists(folder: Path, name: str) -> list[dict[str, Any]]:
    """Read ``<name>.json`` and ``<name>_<purpose>.json``, each a list of objects."""
    return [
        entry
        for file in sorted(folder.glob(f"{name}*.json"))
        for entry in json.loads(file.read_text())
    ]


def register_models(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    models: list[dict[str, Any]],
    run_id: str,
    month: dt.date,
) -> None:
    """Register the models of a run, whichever months were run before it.

    A version is described by the newest month that knew it: what an older month knows
    of it is less, and of who is champion now, nothing.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse, open for writing.
    settings : Settings
        Say which home.
    models : list of dict
        Records as JSON, each with its ``status``.
    run_id : str
        Kept with versions that were not registered before.
    month : date
        Of the run, first day.
    """
    for model in models:
        _upsert(connection, settings, model, run_id, month)
    for purpose in {model["purpose"] for model in models}:
        mine = [one["model_version"] for one in models if one["purpose"] == purpose]
        _retire(connection, purpose, mine, month)


def _upsert(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    model: dict[str, Any],
    run_id: str,
    month: dt.date,
) -> None:
    record = ModelRecord.from_json(model)
    folder = model_folder(settings.places, record.purpose, record.model_version)
    row = {
        "model_version": record.model_version,
        "purpose": record.purpose,
        "algorithm": record.algorithm,
        "status": model["status"],
        "is_champion": model["status"] == "champion",
        "data_hash": record.data_hash,
        "settings_hash": record.settings_hash,
        "seed": record.seed,
        "features": json.dumps(record.features),
        "library_versions": json.dumps(dict(record.library_versions), sort_keys=True),
        "metrics": json.dumps(_metrics(record, month), sort_keys=True, allow_nan=False),
        "trained_from": record.trained_from,
        "trained_to": record.trained_to,
        "first_month_predicted": record.first_month_predicted,
        "rows_trained": record.rows_trained,
        "events_trained": record.events_trained,
        "artifact_path": str(folder.relative_to(settings.places.root)),
        # Written by `report`, which reads what is stored here.
        "card_path": str((folder / CARD).relative_to(settings.places.root)),
        "refused_because": model.get("refused_because"),
        "run_id": run_id,
        "registered_at": utc_now(),
    }
    # Who registered a version first, and when, stays: the same content is no new model.
    changing = [n for n in row if n not in {"model_version", "run_id", "registered_at"}]
    connection.execute(
        f"""
        insert into audit.model_registry ({", ".join(row)})
        values ({", ".join("?" * len(row))})
        on conflict (model_version) do update
        set {", ".join(f"{name} = excluded.{name}" for name in changing)}
        where coalesce({_KNOWN_BY.format("model_registry")}, '')
            <= {_KNOWN_BY.format("excluded")}
        """,  # noqa: S608 - names of ours
        list(row.values()),
    )


# Month of the newest run that described a version, as text; null before comove kept it.
_KNOWN_BY = """regexp_extract({0}.metrics, '"known_by": "([0-9-]+)"', 1)"""


def _metrics(record: ModelRecord, month: dt.date) -> dict[str, Any]:
    told: dict[str, Any] = without_nan({**record.metrics, "known_by": f"{month}"})
    return told


def _retire(
    connection: duckdb.DuckDBPyConnection,
    purpose: str,
    mine: list[str],
    month: dt.date,
) -> None:
    """Retire what was fitted on data that has changed since, and former champions."""
    # Versions a run has described share a generation, which sorts by the run's month; of
    # two runs of one month this one is the newer.
    connection.execute(
        f"""
        with described as (
            select model_version, status, first_month_predicted,
                {_KNOWN_BY.format("registry")} as known_by,
                known_by || if(known_by = $month and list_contains($mine, model_version),
                    ' again', '') as generation,
                if(status = 'champion', generation || ' ' || first_month_predicted, '')
                    as reign
            from audit.model_registry as registry
            where purpose = $purpose
        ),

        judged as (
            select model_version,
                generation < max(generation) over (partition by first_month_predicted)
                    as is_replaced,
                status = 'champion' and reign < max(reign) over () as is_former
            from described
        )

        update audit.model_registry set status = 'retired', is_champion = false
        where model_version in (
            select model_version from judged where is_replaced or is_former
        )
        """,  # noqa: S608 - SQL of ours
        {"purpose": purpose, "mine": mine, "month": f"{month}"},
    )


def _write_request(
    connection: duckdb.DuckDBPyConnection, settings: Settings, request: RiskRequest
) -> None:
    """Say which months the SQL that follows covers: all that are predicted by now.

    Its month is the newest trained, whichever was trained last: what the tables show of
    it must not be cut off by an older month that is trained again.
    """
    row = connection.execute(
        "select min(month), max(month) from risk.pd_prediction"
    ).fetchone()
    before = connection.execute("select max(month) from audit.risk_request").fetchone()
    month = max(request.month, before[0] if before and before[0] else request.month)
    first, last = row if row and row[0] else (request.first_month, request.last_month)
    window_from = month_of(number(last) - settings.residual_window_months + 1)
    connection.execute("delete from audit.risk_request")
    connection.execute(
        "insert into audit.risk_request values (?, ?, ?, ?, ?)",
        [month, first or last, last, window_from, request.seed],
    )
