"""What is told of a run that published: warnings, drift flags, the index alarm."""

import datetime as dt

import duckdb
import pytest

from comove.errors import WarehouseError
from comove.notify import Message, Run
from comove.notify.news import news
from comove.pages.catalogue import PAGES
from comove.settings import Settings

MARCH = dt.date(2024, 3, 1)
UI = "https://risk.example/airflow/"

CHECKS = """
    create schema audit;
    create table audit.quality_result (
        run_id varchar, stage varchar, check_name varchar, severity varchar,
        success boolean, observed varchar
    );
    insert into audit.quality_result values
        ('run', 'marts', 'Keys are unique', 'critical', true, null),
        ('run', 'marts', 'Exposure moves slowly', 'warning', false, '12 of B17'),
        ('run', 'landed', 'No file brings an unknown column', 'info', false, 'one'),
        ('other', 'marts', 'Months follow each other', 'warning', false, 'two')
"""
FLAGS = """
    create schema risk;
    create table risk.score_drift (
        stage varchar, stage_no integer, label varchar, cohort_month date,
        as_of_month date, score_kind varchar, is_drift boolean, drift_reference varchar,
        drift_change double, drift_change_low double, drift_change_high double
    );
    insert into risk.score_drift values
        ('disbursed', 4, 'performance', '2023-09-01', '2024-03-01', 'own', true,
         'baseline', -0.12, -0.2, -0.05),
        ('credit_applied', 1, 'policy', '2024-03-01', '2024-03-01', 'own', true,
         null, null, null, null),
        ('credit_applied', 1, 'policy', '2024-02-01', '2024-03-01', 'own', false,
         'baseline', 0.01, -0.1, 0.1),
        ('credit_applied', 1, 'policy', '2024-04-01', '2024-04-01', 'own', true,
         'baseline', 0.3, 0.2, 0.4)
"""
# Three of ten borrowers, with six tenths of the exposure, rose above 1.5.
INDEX = """
    create schema risk;
    create table risk.joint_risk_index as
    select
        n as borrower_key,
        date '2024-03-01' as as_of_month,
        if(n < 3, 20.0, 40.0 / 7) as exposure,
        if(n < 3, 1.51, 1.5) as joint_risk_change
    from range(10) as borrowers (n)
    union all
    select 99, date '2024-02-01', 1000, 9
    union all
    select 98, date '2024-03-01', 1000, null
"""


def published(settings: Settings, *statements: str) -> Settings:
    settings.places.make()
    with duckdb.connect(settings.places.serving) as connection:
        for statement in (CHECKS, *statements):
            connection.execute(statement)
    return settings


def run(dag_id: str = "warehouse", run_id: str = "run") -> Run:
    return Run(dag_id, run_id, MARCH, UI)


def lines(message: Message) -> list[str]:
    return [entry.line for entry in message.entries]


def test_before_anything_is_published_there_is_no_news(settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="nothing has been published"):
        news(settings, run())


def test_warnings_of_the_run_are_named_and_what_was_observed_is_not(
    settings: Settings,
) -> None:
    (found,) = news(published(settings), run())
    assert found.kinds == {"warning"}
    assert found.title == "comove contract: warnings of warehouse of 2024-03"
    assert lines(found) == ["marts: Exposure moves slowly."]
    assert "B17" not in found.body(found.entries)


def test_without_warnings_there_is_nothing_to_tell(settings: Settings) -> None:
    assert news(published(settings), run(run_id="a good one")) == []


def test_flags_of_the_month_are_told_newest_first_with_their_change(
    settings: Settings,
) -> None:
    (found,) = news(published(settings, FLAGS), run("score_drift", "a good one"))
    assert found.kinds == {"drift"}
    assert lines(found) == [
        "Applications of 2024-03, credit_applied, policy label.",
        "Applications of 2023-09, disbursed, performance label: KS -0.120 (-0.200 to "
        "-0.050) against baseline.",
    ]
    assert found.link == f"{UI}comove/score-drift?month=2024-03"


def test_a_flag_is_told_once_whichever_month_finds_it(settings: Settings) -> None:
    (march,) = news(published(settings, FLAGS), run("score_drift", "a good one"))
    with duckdb.connect(settings.places.serving) as connection:
        connection.execute(
            "update risk.score_drift set as_of_month = '2024-04-01', drift_change = -0.1 "
            "where as_of_month = '2024-03-01'"
        )
    april = Run("score_drift", "a good one", dt.date(2024, 4, 1))
    (found,) = news(settings, april)
    assert found.group == march.group
    assert all(entry.is_told_once for entry in found.entries)
    about = {entry.about for entry in found.entries}
    assert about - {entry.about for entry in march.entries} == {
        "own credit_applied policy 2024-04"
    }


def test_an_index_that_rose_for_many_is_an_alarm(settings: Settings) -> None:
    (found,) = news(published(settings, INDEX), run("joint_risk", "a good one"))
    assert found.kinds == {"index"}
    assert lines(found) == [
        "30.0% of 10 borrowers, with 60.0% of the exposure, have a joint-risk index more "
        "than 1.5 times that of a month ago. The alarm is set to 25% of borrowers."
    ]


@pytest.mark.parametrize(
    ("change", "share", "of", "is_alarm"),
    [
        (1.5, 0.29, "borrowers", True),
        (1.5, 0.3, "borrowers", False),
        (1.5, 0.59, "exposure", True),
        (1.5, 0.61, "exposure", False),
        (1.52, 0.0, "borrowers", False),
        (1.49, 0.99, "borrowers", True),
    ],
)
def test_when_it_is_an_alarm_is_set(
    settings: Settings, change: float, share: float, of: str, is_alarm: bool
) -> None:
    set_so = settings.model_copy(
        update={
            "notify_index_change_above": change,
            "notify_index_share_above": share,
            "notify_index_share_of": of,
        }
    )
    found = news(published(set_so, INDEX), run("joint_risk", "a good one"))
    assert bool(found) == is_alarm


def test_a_month_without_indices_is_no_alarm(settings: Settings) -> None:
    may = Run("joint_risk", "a good one", dt.date(2024, 5, 1))
    assert news(published(settings, INDEX), may) == []


def test_links_lead_to_pages_that_exist(settings: Settings) -> None:
    slugs = {page.slug for page in PAGES}
    assert {"data-quality", "score-drift", "joint-risk"} <= slugs
