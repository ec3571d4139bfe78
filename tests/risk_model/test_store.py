import datetime as dt
import json

import duckdb
import pytest

from comove.audit import open_run
from comove.connection import connect, connect_serving
from comove.risk_model.artifact import ModelRecord
from comove.risk_model.export import run_folder
from comove.risk_model.judgement import Check
from comove.risk_model.registry import champion_algorithm, record_decision
from comove.risk_model.request import RiskRequest, read_request, write_request
from comove.risk_model.store import (
    hand_on_models,
    record_checks,
    store_training,
)
from comove.settings import Settings
from comove.warehouse import refresh_published_audit
from comove.warehouse.load import LoadError

RUN = "manual__2024-06"
JUNE = dt.date(2024, 6, 1)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, residual_window_months=12)


def ask(settings, month=JUNE, run_id=RUN, first_month=None):
    folder = run_folder(settings, run_id)
    write_request(folder, RiskRequest(month, first_month, month, seed=7))
    return folder


def write(folder, name, query):
    with duckdb.connect() as connection:
        connection.execute(
            f"copy ({query}) to '{folder / name}.parquet' (format parquet)"
        )


def predictions(last="2024-06-01", pd="0.02", version="pd-logit-2024-01-aa", **changed):
    columns = {
        "borrower_key": "'b' || who",
        "month": "month",
        "pd": pd,
        "is_event": "who = 1",
        "model_version": f"'{version}'",
        "algorithm": "'logit'",
        "is_out_of_sample": "true",
    } | changed
    chosen = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    return f"""
        select {chosen} from range(1, 4) as borrowers (who), (
            select unnest(generate_series(
                date '2024-01-01', date '{last}', interval 1 month
            ))::date as month
        )
    """


def model(version="pd-logit-2024-01-aa", first=dt.date(2024, 1, 1), **changed):
    record = ModelRecord(
        model_version=version,
        purpose="pd",
        algorithm=version.split("-")[1],
        data_hash="d",
        settings_hash="s",
        seed=7,
        features=("exposure",),
        library_versions={"numpy": "2.5.5"},
        metrics={"auc": 0.7},
        trained_from=dt.date(2022, 1, 1),
        trained_to=dt.date(2023, 11, 1),
        first_month_predicted=first,
        rows_trained=1000,
        events_trained=60,
    )
    return record.to_json() | {"status": "champion", "refused_because": None} | changed


def write_models(folder, *models):
    (folder / "models.json").write_text(json.dumps(models))


def rows(settings, query):
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


def content(settings):
    tables = ("risk.pd_candidate", "risk.pd_prediction", "risk.pd_forecast", "risk.score")
    registry = "(select * exclude (registered_at) from audit.model_registry)"
    return {
        name: sorted(rows(settings, f"select * from {name}"), key=str)
        for name in (*tables, registry, "audit.risk_request")
    }


def everything(folder):
    write(folder, "predictions", predictions())
    write(
        folder,
        "candidates",
        """
        select 'b1' as borrower_key, date '2024-06-01' as month, true as is_event,
            date '2024-01-01' as fold, 0.1 as pd_xgboost, 0.2 as pd_logit,
            null::double as pd_blend
        """,
    )
    write(
        folder,
        "forecast",
        """
        select 'b1' as borrower_key, date '2024-07-01' as month, 0.03 as pd,
            'pd-logit-2024-01-aa' as model_version, 'logit' as algorithm
        """,
    )
    write(folder, "scores", scores())
    write_models(folder, model())


def scores(score="640.0", pd="0.05", key="'a1'", as_of=JUNE):
    return f"""
        select {key} as application_key, date '{as_of}' as as_of,
            {score} as score, {pd} as pd,
            'application-logit-2024-01-aa' as model_version, 'out_of_time' as scoring,
            '["late before"]' as reason_codes, 'good' as performance_label,
            true as is_mature
    """


# Loading


def test_everything_training_made_is_loaded(settings):
    everything(ask(settings))
    report = store_training(settings, run_id=RUN)
    assert report.rows == {
        "risk.pd_candidate": 1,
        "risk.pd_prediction": 18,
        "risk.pd_forecast": 1,
        "risk.score": 1,
    }
    assert report.models == 1
    assert rows(settings, "select count(*), sum(pd) from risk.pd_prediction") == [
        (18, pytest.approx(0.36))
    ]


def test_storing_twice_is_as_storing_once(settings):
    everything(ask(settings))
    store_training(settings, run_id=RUN)
    once = content(settings)
    store_training(settings, run_id=RUN)
    assert content(settings) == once


def test_the_order_of_months_does_not_matter(tmp_path):
    homes = []
    for order in (("2024-05-01", "2024-06-01"), ("2024-06-01", "2024-05-01")):
        settings = Settings(home=tmp_path / order[0])
        for last in order:
            month = dt.date.fromisoformat(last)
            folder = ask(settings, month, run_id=last)
            write(folder, "predictions", predictions(last))
            write(folder, "scores", scores(f"600.0 + {month.month}", as_of=month))
            store_training(settings, run_id=last)
        homes.append(content(settings))
    for table in ("risk.pd_prediction", "risk.score"):
        assert homes[0][table] == homes[1][table]
    assert homes[0]["risk.score"][0][2] == 606


def test_months_after_the_runs_own_stay(settings):
    write(ask(settings), "predictions", predictions())
    store_training(settings, run_id=RUN)
    april = ask(settings, dt.date(2024, 4, 1), run_id="april")
    write(april, "predictions", predictions("2024-04-01", pd="0.5"))
    store_training(settings, run_id="april")
    query = "from risk.pd_prediction select month, max(pd) group by 1 order by 1"
    assert rows(settings, query)[3:] == [
        (dt.date(2024, 4, 1), 0.5),
        (dt.date(2024, 5, 1), 0.02),
        (JUNE, 0.02),
    ]


def test_what_was_not_trained_is_left_alone(settings):
    everything(ask(settings))
    store_training(settings, run_id=RUN)
    ask(settings, run_id="scores only")
    write(run_folder(settings, "scores only"), "scores", scores(score="700.0"))
    store_training(settings, run_id="scores only")
    assert rows(settings, "select count(*) from risk.pd_prediction") == [(18,)]
    assert rows(settings, "select score from risk.score") == [(700.0,)]


def test_a_file_without_rows_empties_the_months_of_the_run(settings):
    folder = ask(settings)
    write(folder, "predictions", predictions())
    store_training(settings, run_id=RUN)
    write(folder, "predictions", f"{predictions()} where who > 99")
    store_training(settings, run_id=RUN)
    assert rows(settings, "select count(*) from risk.pd_prediction") == [(0,)]


def test_a_run_without_a_request_is_for_the_month_of_its_record(settings):
    open_run(settings, run_id="application", dag_id="risk_model", month=JUNE)
    folder = run_folder(settings, "application")
    folder.mkdir(parents=True)
    write(folder, "scores", scores())
    store_training(settings, run_id="application")
    assert rows(settings, "select as_of from risk.score") == [(JUNE,)]


# The request the SQL reads


def test_the_request_covers_all_that_is_predicted(settings):
    write(ask(settings), "predictions", predictions())
    store_training(settings, run_id=RUN)
    ask(settings, dt.date(2024, 3, 1), "march")
    store_training(settings, run_id="march")
    # A backfilled March ends in June all the same, and what June knows is not forgotten;
    # twelve months to June begin in July.
    assert rows(settings, "from audit.risk_request") == [
        (JUNE, dt.date(2024, 1, 1), JUNE, dt.date(2023, 7, 1), 7)
    ]


def test_without_predictions_the_request_is_the_runs_own(settings):
    ask(settings, first_month=dt.date(2024, 2, 1))
    store_training(settings, run_id=RUN)
    assert rows(settings, "from audit.risk_request") == [
        (JUNE, dt.date(2024, 2, 1), JUNE, dt.date(2023, 7, 1), 7)
    ]


# What the warehouse must not hold


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (predictions(pd="1.0"), "18 rows with a PD that is not between 0 and 1"),
        (predictions(pd="if(who = 1, 0.0, 0.1)"), "6 rows with a PD"),
        (predictions(pd="'nan'::double"), "18 rows with a PD"),
        (predictions(pd="null::double"), "18 rows with a PD"),
        (predictions(borrower_key="'b1'"), "12 rows that repeat borrower_key, month"),
        (predictions(is_event="null::boolean"), "18 rows with an unknown event"),
        (predictions(last="2024-07-01"), "3 rows with a month the run was not asked"),
        (predictions(is_out_of_sample="false"), "18 rows with a PD not out of sample"),
        ("select 'b1' as borrower_key", "no column "),
    ],
)
def test_predictions_that_are_wrong_are_refused_whole(settings, query, found):
    folder = ask(settings)
    everything(folder)
    store_training(settings, run_id=RUN)
    before = content(settings)
    write(folder, "predictions", query)
    with pytest.raises(
        LoadError, match=f"predictions.parquet: the stage before wrote {found}"
    ):
        store_training(settings, run_id=RUN)
    assert content(settings) == before


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (scores(score="299.0"), "1 rows with a score not within 300 to 850"),
        (scores(pd="0.0"), "1 rows with a PD"),
        (f"{scores()} union all {scores()}", "1 rows that repeat application_key"),
        (scores(as_of=dt.date(2024, 7, 1)), "1 rows with a month that is not the run's"),
    ],
)
def test_scores_that_are_wrong_are_refused(settings, query, found):
    write(ask(settings), "scores", query)
    with pytest.raises(LoadError, match=found):
        store_training(settings, run_id=RUN)


def test_a_forecast_is_of_the_month_to_come(settings):
    columns = "borrower_key, month, pd, model_version, algorithm"
    write(ask(settings), "forecast", f"select {columns} from ({predictions()})")
    with pytest.raises(LoadError, match="18 rows with a month that is not the one to"):
        store_training(settings, run_id=RUN)


def test_an_interrupted_store_leaves_everything_as_it_was(settings):
    folder = ask(settings)
    everything(folder)
    store_training(settings, run_id=RUN)
    before = content(settings)
    write(folder, "predictions", predictions(pd="0.9"))
    write_models(folder, model(), {**model("pd-xgboost-2024-01-bb"), "seed": "no number"})
    with pytest.raises(duckdb.ConversionException):
        store_training(settings, run_id=RUN)
    assert content(settings) == before


# The registry


def registry(settings):
    query = "from audit.model_registry select model_version, status, is_champion"
    found = rows(settings, query)
    return {version: (status, is_champion) for version, status, is_champion in found}


def test_the_newest_champion_is_crowned_and_the_ones_before_are_retired(settings):
    july = "pd-xgboost-2024-07-cc"
    write_models(
        ask(settings),
        model(),
        model("pd-blend-2024-01-bb", status="challenger"),
        model(july, dt.date(2024, 7, 1)),
        model("pd-logit-2024-07-dd", dt.date(2024, 7, 1), status="refused"),
    )
    store_training(settings, run_id=RUN)
    assert registry(settings) == {
        "pd-logit-2024-01-aa": ("retired", False),
        "pd-blend-2024-01-bb": ("challenger", False),
        july: ("champion", True),
        "pd-logit-2024-07-dd": ("refused", False),
    }
    assert champion_algorithm(settings, purpose="pd") == "xgboost"


def test_a_backfilled_month_does_not_dethrone_the_champion(settings):
    newest = model("pd-xgboost-2024-07-cc", dt.date(2024, 7, 1))
    write_models(ask(settings), model(), newest)
    store_training(settings, run_id=RUN)
    march = dt.date(2024, 3, 1)
    write_models(ask(settings, march, run_id="backfill"), model())
    store_training(settings, run_id="backfill")
    assert registry(settings)["pd-xgboost-2024-07-cc"] == ("champion", True)
    assert registry(settings)["pd-logit-2024-01-aa"] == ("retired", False)


def test_a_model_fitted_anew_on_changed_data_retires_the_one_before(settings):
    write_models(ask(settings), model())
    store_training(settings, run_id=RUN)
    write_models(ask(settings, run_id="changed"), model("pd-logit-2024-01-ee"))
    store_training(settings, run_id="changed")
    assert registry(settings) == {
        "pd-logit-2024-01-aa": ("retired", False),
        "pd-logit-2024-01-ee": ("champion", True),
    }


def test_a_version_keeps_the_run_that_registered_it_first(settings):
    write_models(ask(settings), model())
    store_training(settings, run_id=RUN)
    write_models(ask(settings, run_id="again"), model(metrics={"auc": 0.71}))
    store_training(settings, run_id="again")
    query = """
        from audit.model_registry
        select run_id, (metrics ->> '$.auc')::double, artifact_path, card_path
    """
    path = "artifacts/models/pd/pd-logit-2024-01-aa"
    assert rows(settings, query) == [(RUN, 0.71, path, f"{path}/card.md")]


def described(version, out_of_time, **changed):
    metrics = {"out_of_time": {"rows": out_of_time}}
    return model(version, metrics=metrics, **changed)


def test_an_older_month_shortens_no_models_record(tmp_path):
    """In either order: what June knows of January's models, and that July's reigns."""
    months = {
        dt.date(2024, 3, 1): [described("pd-logit-2024-01-aa", 500)],
        JUNE: [
            described("pd-logit-2024-01-aa", 1500, status="retired"),
            model("pd-blend-2024-07-bb", dt.date(2024, 7, 1)),
        ],
    }
    found = []
    for order in (list(months), list(reversed(months))):
        settings = Settings(home=tmp_path / f"{order[0]}")
        for month in order:
            write_models(ask(settings, month, run_id=f"{month}"), *months[month])
            store_training(settings, run_id=f"{month}")
        told = "from audit.model_registry select * exclude (run_id, registered_at)"
        found.append(sorted(rows(settings, told)))
        query = "select max(metrics -> '$.out_of_time.rows') from audit.model_registry"
        assert rows(settings, query) == [("1500",)]
        assert registry(settings)["pd-blend-2024-07-bb"] == ("champion", True)
    assert found[0] == found[1]


@pytest.mark.parametrize("order", [(3, 6), (6, 3)])
def test_models_of_all_that_is_known_are_those_of_the_newest_month(settings, order):
    """Cross-fitted models of every month begin with the first application."""
    for number in order:
        month = dt.date(2024, number, 1)
        write_models(ask(settings, month, f"{month}"), model(f"pd-logit-of-{number}"))
        store_training(settings, run_id=f"{month}")
    assert registry(settings) == {
        "pd-logit-of-3": ("retired", False),
        "pd-logit-of-6": ("champion", True),
    }


def test_a_figure_that_could_not_be_had_is_null(settings):
    write_models(ask(settings), model(metrics={"auc": float("nan"), "gate": [1, None]}))
    store_training(settings, run_id=RUN)
    query = "select metrics::json -> '$.auc', metrics from audit.model_registry"
    [(auc, metrics)] = rows(settings, query)
    assert auc == "null"
    assert json.loads(metrics, parse_constant=pytest.fail)["gate"] == [1, None]


def test_models_handed_on_in_their_order_end_with_the_champion(settings):
    folder = ask(settings)
    older, newer = "pd-logit-2024-01-aa", "pd-logit-2024-07-bb"
    firsts = {older: dt.date(2024, 1, 1), newer: dt.date(2024, 7, 1)}
    records = [ModelRecord.from_json(model(name, firsts[name])) for name in firsts]
    hand_on_models(folder, "pd", records)
    assert store_training(settings, run_id=RUN).models == 2
    assert registry(settings) == {older: ("retired", False), newer: ("champion", True)}


def test_parts_of_a_cross_fitted_model_are_in_force_together(settings):
    folder = ask(settings)
    parts = [f"application-blend-2024-01-{part}" for part in "abc"]
    metrics = {"scoring": "cross_fitted"}
    records = [
        ModelRecord.from_json(model(name, purpose="application", metrics=metrics))
        for name in parts
    ]
    hand_on_models(folder, "application", records)
    store_training(settings, run_id=RUN)
    assert registry(settings) == dict.fromkeys(parts, ("champion", True))
    assert champion_algorithm(settings, purpose="application") == "blend"


def test_a_status_nobody_knows_is_refused(settings):
    write_models(ask(settings), model(status="best"))
    with pytest.raises(LoadError, match="unknown status 'best'"):
        store_training(settings, run_id=RUN)


def test_registry_and_promotions_are_published(settings):
    write_models(ask(settings), model())
    store_training(settings, run_id=RUN)
    record_decision(
        settings,
        {"pd": "logit"},
        month=JUNE,
        decided_by="Ada",
        reason="reasons must be explained",
    )
    refresh_published_audit(settings)
    with connect_serving(settings) as connection:
        for table in ("audit.model_registry", "audit.model_promotion"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (1,)


# The checks


PASSED = Check("It ranks", "critical", True, "AUC 0.7", "AUC at least 0.55", "Look.")
FAILED = Check("It ranks", "critical", False, "AUC 0.5", "AUC at least 0.55", "Look.")


def judged(version, check):
    return {"model_version": version, **check.to_json()}


def test_a_refused_challenger_is_recorded_and_stops_nothing(settings):
    blend, logit = "pd-blend-2024-01-bb", "pd-logit-2024-01-aa"
    checks = [judged(blend, FAILED), judged(logit, PASSED)]
    (ask(settings) / "checks.json").write_text(json.dumps(checks))
    for _ in range(2):
        assert record_checks(settings, run_id=RUN) == {"passed": 1, "failed": 1}
    query = """
        from audit.quality_result
        select stage, check_name, severity, success, reason order by check_name
    """
    why = f"{blend} does not replace the champion. What to do: Look."
    assert rows(settings, query) == [
        ("risk_model", f"{blend}: It ranks", "warning", False, why),
        ("risk_model", f"{logit}: It ranks", "warning", True, None),
    ]


def test_a_run_that_judged_nothing_records_nothing(settings):
    ask(settings)
    assert record_checks(settings, run_id=RUN) == {"passed": 0, "failed": 0}


# The request


def test_a_request_is_read_as_it_was_written(tmp_path):
    request = RiskRequest(JUNE, dt.date(2024, 1, 1), JUNE, 7)
    write_request(tmp_path, request)
    assert read_request(tmp_path) == request
    assert request.forecast_month == dt.date(2024, 7, 1)
