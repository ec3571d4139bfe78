"""How decisions compare with what became of the loans, and with the lender's own.

Not a matter of time but of quality: every application of a home whose features and scores
are built is decided in a copy of it, and the tables of ``docs/credit-decision.md`` are
printed.
"""

import argparse
import datetime as dt
import shutil
import tempfile
from pathlib import Path

from comove.connection import connect
from comove.decision.applications import export_cases
from comove.decision.decide import decide
from comove.decision.estimate import estimate
from comove.decision.identity import link_identities
from comove.decision.report_facts import LOSSES
from comove.decision.request import Wish
from comove.decision.tables import ensure_decision_tables
from comove.decision.trail import replay_all
from comove.portfolio import load_portfolio
from comove.settings import Settings
from comove.warehouse import Part, build_part

RUN = "benchmark"
NEEDED = ("warehouse", "secrets", "artifacts/models/application")
# Outcomes of what no model judged tell nothing of a model.
JUDGED = "coalesce(decisions.refused_at, '') <> 'no model'"

BY_STRATEGY = f"""
    select
        coalesce(strategy, 'refused') as strategy, count(*) as applications,
        round(100 * count(*) / sum(count(*)) over (), 1) as of_all_percent,
        count(cases.is_bad) as known,
        round(100 * avg(cases.is_bad::integer), 1) as bad_percent
    from risk.credit_decision as decisions
    inner join risk.decision_case as cases using (application_key)
    where {JUDGED} and ($since is null or decisions.cohort_month >= $since)
    group by all order by bad_percent, strategy
"""
AGREEMENT = f"""
    select
        count(*) as applications,
        round(100 * avg((lender = 'admit')::integer), 1) as lender_admits_percent,
        round(100 * avg((ours = 'admit')::integer), 1) as we_admit_percent,
        round(100 * avg((lender = ours)::integer), 1) as agree_percent,
        round(100 * avg((lender = as_strict)::integer), 1) as agree_as_strict_percent
    from (
        select lender, ours,
            -- As many refused as by the lender, the least probable first.
            if(percent_rank() over (order by p) >= avg((lender <> 'admit')::integer)
                over (), 'admit', 'refuse') as as_strict
        from (
            select
                if(applications.decision = 'approved', 'admit', 'refuse') as lender,
                proposed_decision as ours, admission_probability as p
            from risk.credit_decision as decisions
            inner join marts.fct_application as applications using (application_key)
            where {JUDGED} and applications.decision is not null
                and ($since is null or decisions.cohort_month >= $since)
        )
    )
"""
# Every month: those of the home.
BY_BAND = f"from ({LOSSES.format(month="date '9999-12-01'")})"


def main() -> None:
    """Decide, and print the tables."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        settings = _copied(options, Path(scratch) / "home")
        _decide(settings, options.month or load_portfolio(options.portfolio).last_month)
        since = options.since
        with connect(settings) as connection:
            for title, query in (
                ("By strategy", BY_STRATEGY),
                ("The lender's decision and ours", AGREEMENT),
                ("By limit band", BY_BAND),
            ):
                print(f"\n{title}")
                given = {"since": since} if "$since" in query else {}
                print(connection.execute(query, given).df().to_string(index=False))
            print("\nMade again:", replay_all(connection, settings))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    day = dt.date.fromisoformat
    parser.add_argument("--home", type=Path, required=True, help="built and scored")
    parser.add_argument("--portfolio", required=True)
    parser.add_argument("--month", type=day, help="last month of applications")
    parser.add_argument("--since", type=day, help="first month that is counted")
    parser.add_argument("--refit-months", type=int, default=3)
    parser.add_argument("--scratch", type=Path, help="where the copy is put")
    return parser.parse_args()


def _copied(options: argparse.Namespace, home: Path) -> Settings:
    for name in NEEDED:
        if (options.home / name).is_dir():
            shutil.copytree(options.home / name, home / name)
    settings = Settings(
        home=home,
        portfolio=options.portfolio,
        decision_refit_months=options.refit_months,
    )
    settings.places.make()
    with connect(settings) as connection:
        ensure_decision_tables(connection)
        for table in ("credit_decision", "decision_input"):
            connection.execute(f"delete from risk.{table}")
    return settings


def _decide(settings: Settings, month: dt.date | None) -> None:
    if month is None:
        raise SystemExit("Say --month: the portfolio has no last month of its own.")
    link_identities(settings, run_id=RUN)
    build_part(Part.DECISION_CASES, settings, run_id=RUN)
    print(export_cases(settings, run_id=RUN, wish=Wish(month)))
    print(estimate(settings, run_id=RUN, tell=print))
    done = decide(settings, run_id=RUN, wish=Wish(month))
    print(f"decided {done.decided:,}, refused {done.refused:,}: {done.refused_at}")
