"""A published copy as the stages before the report leave it, of simulated rows."""

import datetime as dt
import json

import duckdb
import numpy as np
import pandas as pd
import xgboost as xgb

from comove.home import Home
from comove.risk_model.artifact import ModelRecord, model_folder, write_record
from comove.risk_model.export import BORROWER_MONTHS, run_folder
from comove.risk_model.features import Feature
from comove.risk_model.judgement import Check
from comove.risk_model.matrix import Encoding
from comove.risk_model.tables import ensure_risk_tables
from comove.risk_model.trees import MODEL_FILE

RUN = "manual__2024-07-01T00:00:00+00:00"
MONTH = dt.date(2024, 6, 1)
FOLDS = (dt.date(2023, 7, 1), dt.date(2024, 1, 1))
ALGORITHMS = ("xgboost", "logit", "blend")
FEATURES = (
    Feature("days_past_due", "number", 1, "days past due at the start of the month"),
    Feature("utilisation", "number", 1, "share of the limit that is drawn"),
    Feature("region", "category", 0, "region of the borrower"),
)
REGIONS = ("east", "north", "west")

# Columns of the dbt models of schema risk that the report reads, and of the marts.
OTHERS = """
    create schema marts;
    create table marts.dim_borrower (
        borrower_key varchar, region varchar, industry varchar, kind varchar
    );
    create table marts.fct_borrower_month (
        borrower_key varchar, month date, is_at_risk boolean, is_event boolean
    );
    create table risk.residual (
        borrower_key varchar, month date, quantile_residual double, uniform double,
        is_in_window boolean
    );
    create table risk.model_performance (
        algorithm varchar, month date, segment_kind varchar, segment varchar, n bigint,
        events bigint, mean_pd double, log_loss double, brier double, auc double,
        ks double, expected_observed double
    );
    create table risk.model_performance_window (
        algorithm varchar, segment_kind varchar, segment varchar, n bigint,
        events bigint, mean_pd double, log_loss double, brier double, auc double,
        ks double, expected_observed double
    );
    create table risk.feature_stability (month date, feature varchar, psi double);
    create table risk.vintage_curve (
        vintage date, months_on_book integer, loans bigint, events bigint,
        cumulative_event_rate double
    );
    create table risk.residual_uniformity (
        segment_kind varchar, segment varchar, n bigint, ks_statistic double,
        p_value double, ks_statistic_uniform double, p_value_uniform double,
        events bigint
    );
    create table risk.residual_dependence (
        dependence varchar, scope varchar, lag_months integer, n bigint,
        correlation double, standard_error double, n_groups bigint, f_statistic double,
        degrees_between bigint, degrees_within bigint, level_ratio double,
        variance_ratio double, variance_ratio_as_predicted double
    );
    create table audit.quality_result (
        run_id varchar, stage varchar, check_name varchar, severity varchar,
        success boolean, observed varchar, expected varchar
    );
"""
_PERFORMANCE = """
    n, events, mean_pd, 0.05 + mean_pd as log_loss, mean_pd as brier,
    case when events > 0 then 0.7 + 0.02 * sin(n) end as auc,
    case when events > 0 then 0.3 + 0.02 * cos(n) end as ks, mean_pd * n / events as eo
"""


def publish(home: Home, *, rows: int = 1500, events: bool = True) -> None:
    """Publish a portfolio of so many borrowers; without events if so wished."""
    home.make()
    home.serving.unlink(missing_ok=True)
    with duckdb.connect(str(home.serving)) as connection:
        ensure_risk_tables(connection)
        connection.execute(OTHERS)
        _predict(connection, rows, has_events=events)
        _aggregate(connection)
        _score(connection)
        _register(connection, home)
        _judge(connection)


def publish_empty(home: Home) -> None:
    """Publish every table without a row."""
    home.make()
    with duckdb.connect(str(home.serving)) as connection:
        ensure_risk_tables(connection)
        connection.execute(OTHERS)


def export_features(home: Home, settings) -> None:
    """Leave the features of the run where `build_features` leaves them."""
    folder = run_folder(settings, RUN)
    folder.mkdir(parents=True)
    x = matrix(600)
    frame = pd.DataFrame(
        {
            "borrower_key": [f"b{i}" for i in range(len(x))],
            "month": [pd.Timestamp(FOLDS[1]), pd.Timestamp(MONTH)] * (len(x) // 2),
            "days_past_due": x[:, 0],
            "utilisation": x[:, 1],
            "region": [REGIONS[int(code)] for code in x[:, 2]],
        }
    )
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        file = str(folder / BORROWER_MONTHS)
        connection.execute(
            f"copy (select * replace (month::date as month) from frame) to '{file}'"
        )


def matrix(rows: int):
    rng = np.random.default_rng(5)
    columns = [rng.exponential(8, rows), rng.random(rows), rng.integers(0, 3, rows)]
    return np.column_stack(columns).astype(np.float32)


def _predict(connection, rows: int, *, has_events: bool) -> None:
    rng = np.random.default_rng(11)
    base = rng.normal(-3.4, 1.0, rows)
    months = pd.date_range(FOLDS[0], MONTH, freq="MS")
    parts = []
    for i, month in enumerate(months):
        common = 0.5 * np.sin(i / 2)
        y = rng.random(rows) < 1 / (1 + np.exp(-(base + common)))
        wobble = {name: base + rng.normal(0, s, rows) for name, s in _NOISE.items()}
        pds = {f"pd_{n}": 1 / (1 + np.exp(-m)) for n, m in wobble.items()}
        keys = [f"b{k}" for k in range(rows)]
        fold = FOLDS[0] if month < pd.Timestamp(FOLDS[1]) else FOLDS[1]
        parts.append(
            pd.DataFrame(
                {
                    "borrower_key": keys,
                    "month": month,
                    "is_event": y & has_events,
                    "fold": fold,
                    **pds,
                }
            )
        )
    frame = pd.concat(parts)
    connection.register("frame", frame)
    connection.execute("insert into risk.pd_candidate by name select * from frame")
    connection.execute(
        """
        insert into risk.pd_prediction
        select borrower_key, month, pd_blend, is_event,
            'pd-blend-' || strftime(fold, '%Y-%m') || '-0a1b2c3d', 'blend', true
        from risk.pd_candidate
        """
    )
    connection.execute(
        """
        insert into marts.dim_borrower
        select distinct borrower_key,
            ['east', 'north', 'west'][cast(1 + hash(borrower_key) % 3 as integer)],
            if(borrower_key < 'b11', 'mining', 'retail'),
            if(hash(borrower_key) % 4 = 0, 'company', 'person')
        from risk.pd_candidate
        """
    )
    connection.execute(
        """
        insert into marts.fct_borrower_month
        select borrower_key, month, true, is_event from risk.pd_candidate
        """
    )


_NO_TEST = ", ".join(["null"] * 7)
_NOISE = {"xgboost": 0.3, "logit": 0.7, "blend": 0.2}


def _aggregate(connection) -> None:
    connection.execute(
        f"""
        create temp view long as
        select *, 'all' as one from (
            unpivot risk.pd_candidate on pd_xgboost, pd_logit, pd_blend
            into name named value pd
        ) join marts.dim_borrower using (borrower_key);

        insert into risk.model_performance
        select substr(named, 4), month, 'all', 'all', {_PERFORMANCE}
        from (
            select named, month, count(*) as n, count(*) filter (is_event) as events,
                avg(pd) as mean_pd
            from long group by all
        );

        insert into risk.model_performance_window
        select substr(named, 4), segment_kind, segment, {_PERFORMANCE}
        from (
            select named, segment_kind, segment, count(*) as n,
                count(*) filter (is_event) as events, avg(pd) as mean_pd
            from (unpivot long on one, region, industry, kind
                into name segment_kind_ value segment)
            , lateral (select replace(segment_kind_, 'one', 'all') as segment_kind)
            group by all
        );

        insert into risk.residual
        select borrower_key, month, u, least(0.999, u * 0.98 + 0.01), true
        from (
            select *, (hash(borrower_key, month) % 1000000 + 0.5) / 1e6 as v,
                if(is_event, 1 - pd + v * pd, v * (1 - pd)) as u
            from risk.pd_prediction
        );

        insert into risk.vintage_curve
        select vintage, age, 500, cast(500 * rate as bigint), rate
        from (
            select date '2022-01-01' + to_months(3 * cast(q as integer)) as vintage,
                age, 0.01 * pow(age, 0.7) * (1 + 0.1 * q) as rate
            from range(8) as quarters (q), range(30) as ages (age)
            where age <= 29 - 3 * q
        );

        insert into risk.feature_stability
        select distinct month, 'feature_' || f, 0.02 * f * (1 + sin(f * month(month)) / 2)
        from risk.pd_candidate, range(12) as features (f);

        insert into risk.residual_uniformity
        select 'region', region, count(*), 0.0123, 0.21, 0.004, 0.9,
            count(*) filter (is_event)
        from risk.pd_prediction join marts.dim_borrower using (borrower_key)
        group by region;

        insert into risk.residual_dependence values
            ('serial', 'borrower', 1, 9000, 0.01, 0.01, {_NO_TEST}),
            ('serial', 'borrower', 3, 8000, 0.005, 0.011, {_NO_TEST}),
            ('serial', 'portfolio', 1, 11, 0.7, 0.2, {_NO_TEST}),
            ('serial', 'portfolio', 3, 9, 0.3, 0.3, {_NO_TEST}),
            ('cross_section', 'month', null, 18000, 0.00004, 0.00005,
                18, 1.385422, 17, 174778, 0.82, 8.463801, 11.316057),
            ('cross_section', 'month_region', null, 18000, 0.001, 0.006,
                36, 1.02, 35, 174760, 0.82, 1.1, 1.0);
        """
    )


def _score(connection) -> None:
    rng = np.random.default_rng(8)
    rows = 3000
    bad = rng.random(rows) < 0.1
    score = np.clip(rng.normal(620 - 60 * bad, 60, rows), 300, 850)
    label = np.where(bad, "bad", "good").astype(object)
    label[::4] = None
    frame = pd.DataFrame(
        {
            "application_key": [f"a{i}" for i in range(rows)],
            "as_of": MONTH,
            "score": score,
            "pd": 1 / (1 + 20 * 2 ** ((score - 600) / 50)),
            "model_version": "application-blend-2024-01-0a1b2c3d",
            "scoring": np.where(np.arange(rows) < 1000, "cross_fitted", "out_of_time"),
            "reason_codes": "[]",
            "performance_label": label,
            "is_mature": label != None,  # noqa: E711 - elementwise
        }
    )
    frame.loc[0, "score"] = np.nan
    connection.register("scores", frame)
    connection.execute("insert into risk.score by name select * from scores")


def gate(algorithm: str) -> list[dict]:
    refused = algorithm == "logit"
    first = Check(
        "Borrowers are ranked", "critical", not refused, "AUC 0.53", "at least 0.55", "-"
    )
    second = Check(
        "Features are distributed as in training",
        "warning",
        False,
        "PSI 0.3",
        "0.25",
        "-",
    )
    return [first.to_json(), second.to_json()]


def _register(connection, home: Home) -> None:
    for fold in FOLDS:
        for algorithm in ALGORITHMS:
            version = f"pd-{algorithm}-{fold:%Y-%m}-0a1b2c3d"
            record = _record(version, algorithm, fold)
            folder = model_folder(home, "pd", version)
            write_record(folder, record)
            _save_trees(folder, algorithm)
            _insert(connection, home, record, is_newest=fold == FOLDS[-1])
    application = ModelRecord(
        **{
            **vars(_record("application-blend-2024-01-0a1b2c3d", "blend", FOLDS[1])),
            "purpose": "application",
            "metrics": {
                "scoring": "cross_fitted",
                "all_models_out_of_sample": RIVALS,
                "out_of_sample": RIVALS[:1],
                "by_cohort_month": [COHORT],
                "by_segment": [{**COHORT, "group": "region", "label": "north"}],
            },
            "parameters": {
                "importance": {"hour_applied": 0.1, "requested_amount": 0.4},
                "figures": {"feature_psi": {"hour_applied": 0.3, "kind": None}},
            },
        }
    )
    write_record(
        model_folder(home, "application", application.model_version), application
    )
    _insert(connection, home, application, is_newest=True)


COHORT = {
    "group": "", "label": "2024-02", "rows": 800, "events": 80, "expected": 100.0,
    "log_loss": 0.31, "auc": 0.74, "ks": None,
}  # fmt: skip
RIVALS = [
    {
        "model": name,
        "applications": 2250,
        "bad": 220,
        "auc": auc,
        "auc_standard_error": 0.011,
        "ks": 0.36,
        "log_loss": 0.29,
        "calibration_slope": 1.02,
        "auc_below_own": 0.7423 - auc,
        "difference_standard_error": 0.004,
    }
    for name, auc in (
        ("own", 0.7423),
        ("plain_logistic", 0.731),
        ("plain_xgboost", 0.712),
    )
]


def _record(version: str, algorithm: str, fold: dt.date) -> ModelRecord:
    measured = {
        "rows": 9000.0, "events": 400.0, "log_loss": 0.15123, "brier": 0.04, "auc": 0.71,
        "ks": 0.33, "expected_over_observed": 0.95, "calibration_slope": 0.98,
        "calibration_intercept": -0.01,
    }  # fmt: skip
    return ModelRecord(
        model_version=version,
        purpose="pd",
        algorithm=algorithm,
        data_hash="d" * 64,
        settings_hash="e" * 64,
        seed=20_260_101,
        features=tuple(one.name for one in FEATURES),
        library_versions={"xgboost-cpu": "3.4.1"},
        metrics={"validation": measured},
        trained_from=dt.date(2021, 1, 1),
        trained_to=dt.date(fold.year, fold.month, 1),
        first_month_predicted=fold,
        rows_trained=24_000,
        events_trained=900,
        parameters={
            "weights": {"xgboost": 0.7, "logit": 0.3},
            "trees": {"max_depth": 3, "rounds": 20},
            "calibration": {"slope": 1.03, "intercept": -0.02},
            "dropped": {"colour": "no value in the window"},
            "logit_dropped": {"utilisation": "information value 0.004"},
            "figures": {"feature_psi": {"days_past_due": 0.31, "utilisation": None}},
        },
    )


def _save_trees(folder, algorithm: str) -> None:
    if algorithm == "logit":
        return
    encoding = Encoding(FEATURES, {"region": REGIONS})
    (folder / "encoding.json").write_text(json.dumps(encoding.to_json()))
    x = matrix(800)
    chance = 1 / (1 + np.exp(3 - 0.1 * x[:, 0] - x[:, 1]))
    y = np.random.default_rng(9).random(len(x)) < chance
    data = xgb.DMatrix(
        x,
        y,
        feature_names=list(encoding.names),
        feature_types=["q", "q", "c"],
        enable_categorical=True,
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, data, 8)
    (folder / "xgboost").mkdir()
    booster.save_model(folder / "xgboost" / MODEL_FILE)


def _insert(connection, home: Home, record: ModelRecord, *, is_newest: bool) -> None:
    is_champion = is_newest and record.algorithm == "blend"
    refused = record.algorithm == "logit"
    since = {**record.metrics.get("validation", {}), "auc": 0.69}
    metrics = {**record.metrics, "out_of_time": since, "gate": gate(record.algorithm)}
    folder = model_folder(home, record.purpose, record.model_version)
    place = str(folder.relative_to(home.root))
    connection.execute(
        f"insert into audit.model_registry values ({', '.join('?' * 21)})",
        [
            record.model_version, record.purpose, record.algorithm,
            "champion" if is_champion else ("refused" if refused else "challenger"),
            is_champion, record.data_hash, record.settings_hash, record.seed,
            json.dumps(record.features), json.dumps(dict(record.library_versions)),
            json.dumps(metrics), record.trained_from, record.trained_to,
            record.first_month_predicted, record.rows_trained, record.events_trained,
            place, f"{place}/card.md", "AUC was 0.53." if refused else None,
            RUN if is_newest else "an earlier run", dt.datetime(2024, 7, 1),
        ],
    )  # fmt: skip


def _judge(connection) -> None:
    connection.execute(
        "insert into audit.quality_result values "
        "(?, 'models', 'Borrowers are ranked', 'critical', true, 'AUC 0.7', '0.55'), "
        "(?, 'risk', 'Shift <b>is</b> small', 'warning', false, 'PSI 0.3', '0.25')",
        [RUN, RUN],
    )
