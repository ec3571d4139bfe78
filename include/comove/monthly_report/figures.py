"""The figures of the month: where each stands, and which table it is counted from."""

from dataclasses import dataclass

from comove.monthly_report.words import Unit


@dataclass(frozen=True)
class Stage:
    """A chapter of the report.

    Parameters
    ----------
    name, title : str
        Its anchor and heading.
    dag_id : str
        The DAG that publishes it.
    table : str
        Without it, the chapter is not available.
    purposes : tuple of str
        Of ``audit.unavailable_model``: where the reason stands.
    runs : str
        When its DAG runs, where that is not every month.
    """

    name: str
    title: str
    dag_id: str
    table: str
    purposes: tuple[str, ...] = ()
    runs: str = ""


@dataclass(frozen=True)
class Figure:
    """One number of the report.

    Parameters
    ----------
    name : str
        How sentences refer to it.
    stage : str
        Chapter it belongs to.
    title : str
        What it is, in words.
    unit : Unit
        Of the number.
    tables : tuple of str
        Published tables it is counted from; the run of the first is given as its origin.
    value : str
        SQL of one number over the rows of a month.
    source : str
        SQL of the relation the rows are read from; empty for the first table.
    when : str
        SQL of the first day of a row's month; empty for what holds now, of any month.
    ahead : int
        So many months after the report's lies the month of the rows.
    note : str
        SQL of a text that goes with the number.
    is_sparse : bool
        No row of a month means none, once the stage has run for it.
    """

    name: str
    stage: str
    title: str
    unit: Unit
    tables: tuple[str, ...]
    value: str
    source: str = ""
    when: str = "month"
    ahead: int = 0
    note: str = "null"
    is_sparse: bool = False


STAGES = (
    Stage("portfolio", "Portfolio", "warehouse", "marts.fct_borrower_month"),
    Stage("pd", "Probability of default", "risk_model", "risk.pd_forecast", ("pd",)),
    Stage(
        "joint_risk", "Joint risk", "joint_risk", "risk.joint_risk_index", ("joint_risk",)
    ),
    Stage("loss", "Portfolio loss", "joint_risk", "risk.portfolio_loss", ("joint_risk",)),
    Stage(
        "response",
        "Response to defaults",
        "default_response",
        "risk.default_event",
        ("default_response", "joint_risk"),
    ),
    Stage(
        "drift",
        "Drift of the application score",
        "score_drift",
        "risk.score_drift",
        ("score_drift", "application"),
    ),
    Stage(
        "recalibration",
        "Recalibration",
        "recalibration",
        "risk.score_assessment",
        ("recalibration", "application"),
        "It runs where a drift is new.",
    ),
    Stage("decisions", "Credit decisions", "credit_decision", "risk.credit_decision"),
    Stage(
        "overdue",
        "Overdue borrowers",
        "overdue_assessment",
        "risk.overdue_assessment",
        ("overdue",),
    ),
    Stage(
        "grades",
        "Overdue grades",
        "overdue_assessment",
        "risk.overdue_grade",
        ("overdue_grade",),
    ),
    Stage("quality", "Data quality", "warehouse", "audit.quality_result"),
)

_PREDICTED = ("risk.pd_forecast", "risk.pd_prediction")
# What was predicted for a month whose outcome is known stands in another table.
_PREDICTIONS = """(
    select month, pd, model_version from risk.pd_prediction
    union all
    select month, pd, model_version from risk.pd_forecast
    where month not in (select distinct month from risk.pd_prediction)
)"""
# The last month of the paths of a posterior, and what it says of the month before.
_FACTORS = """(
    select
        *,
        lag(mean) over (partition by as_of_month, parameter, group_name order by month)
            as mean_before,
        case parameter
            when 'factor_national' then 'the national factor'
            when 'factor_region' then 'the factor of the region ' || group_name
            else 'the factor of the industry ' || group_name
        end as factor
    from risk.factor_posterior
    where parameter in ('factor_national', 'factor_region', 'factor_industry')
    qualify month = as_of_month
)"""
_ANSWERED = """(
    select actions.*, events.month as event_month, events.model_version
    from risk.strategy_action as actions
    join risk.default_event as events using (event_id)
)"""
_POLICY = "(select * from risk.score_drift where label = 'policy')"
# The newest cohort of each stage whose loans are old enough, and enough, to tell.
_NEWEST_PERFORMANCE = """(
    select * from risk.score_drift
    where label = 'performance' and status in ('judged', 'not compared')
    qualify row_number() over (
        partition by as_of_month, stage order by cohort_month desc
    ) = 1
)"""
_JUDGED = "count(distinct stage) filter (status = 'judged')"
_DRIFTED = "count(distinct stage) filter (is_drift)"
_DRIFTED_NAMES = (
    "string_agg(distinct replace(stage, '_', ' '), ', ' "
    "order by replace(stage, '_', ' ')) filter (is_drift)"
)
_AT_MONTH_END = """(
    select *, date_trunc('month', as_of)::date as month from risk.overdue_assessment
    where as_of = last_day(as_of)
)"""
_MOVES = """(
    select moves.*, after.composite_from_days > before.composite_from_days as is_worse,
        after.composite_from_days < before.composite_from_days as is_better
    from risk.overdue_grade_transition as moves
    join risk.overdue_grade_bands as before on moves.from_grade = before.grade
    join risk.overdue_grade_bands as after on moves.to_grade = after.grade
)"""
# What stands, or will stand unless a person says otherwise: whoever passes the admission
# step may still be refused.
DECIDED = "coalesce(final_decision, proposed_decision)"
# Checks that only inform have failed nobody.
FAILED = "count(*) filter (not success and severity in ('critical', 'warning'))"
# A run of a month counts no more once it was run again.
_CHECKS = """(
    select checks.*, runs.month
    from audit.quality_result as checks
    join (
        select * from audit.run
        qualify row_number() over (
            partition by dag_id, month order by started_at desc
        ) = 1
    ) as runs using (run_id)
)"""


def _of_borrowers(name: str, title: str, unit: Unit, value: str) -> Figure:
    table = "marts.fct_borrower_month"
    return Figure(name, "portfolio", title, unit, (table,), value)


def _of_loss(name: str, title: str, copula: str, measure: str) -> Figure:
    value = f"max(amount) filter (copula = '{copula}' and measure = '{measure}')"
    return Figure(
        name,
        "loss",
        title,
        Unit.AMOUNT,
        ("risk.portfolio_loss",),
        value,
        when="as_of_month",
    )


def _of_index(
    name: str, title: str, unit: Unit, value: str, *, table: str = "joint_risk_index"
) -> Figure:
    return Figure(
        name, "joint_risk", title, unit, (f"risk.{table}",), value, when="as_of_month"
    )


def _of_factor(name: str, title: str, column: str) -> Figure:
    return Figure(
        name,
        "joint_risk",
        title,
        Unit.FACTOR,
        ("risk.factor_posterior",),
        f"arg_max({column}, abs(mean - mean_before))",
        source=_FACTORS,
        when="as_of_month",
        note="arg_max(factor, abs(mean - mean_before))",
    )


def _of_drift(
    name: str,
    title: str,
    *,
    value: str = _JUDGED,
    source: str = _POLICY,
    when: str = "cohort_month",
    note: str = "null",
) -> Figure:
    return Figure(
        name,
        "drift",
        title,
        Unit.COUNT,
        ("risk.score_drift",),
        value,
        source=source,
        when=when,
        note=note,
        is_sparse=True,
    )


def _of_actions(name: str, title: str, value: str) -> Figure:
    return Figure(
        name,
        "response",
        title,
        Unit.COUNT,
        ("risk.strategy_action", "risk.default_event"),
        value,
        source=_ANSWERED,
        when="event_month",
        is_sparse=True,
    )


def _of_decisions(name: str, title: str, unit: Unit, value: str) -> Figure:
    return Figure(
        name,
        "decisions",
        title,
        unit,
        ("risk.credit_decision",),
        value,
        when="cohort_month",
    )


def _of_overdue(name: str, title: str, unit: Unit, value: str) -> Figure:
    return Figure(
        name,
        "overdue",
        title,
        unit,
        ("risk.overdue_assessment",),
        value,
        source=_AT_MONTH_END,
    )


def _of_moves(name: str, title: str, value: str) -> Figure:
    return Figure(
        name,
        "grades",
        title,
        Unit.COUNT,
        ("risk.overdue_grade_transition", "risk.overdue_grade_bands"),
        value,
        source=_MOVES,
    )


def _waiting(name: str, stage: str, title: str, table: str, value: str) -> Figure:
    return Figure(name, stage, title, Unit.COUNT, (table,), value, when="")


FIGURES = (
    _of_borrowers(
        "at_risk", "Borrowers at risk", Unit.COUNT, "count(*) filter (is_at_risk)"
    ),
    _of_borrowers("exposure", "Exposure", Unit.AMOUNT, "sum(exposure)"),
    _of_borrowers(
        "events",
        "Events: borrowers with a first default",
        Unit.COUNT,
        "count(*) filter (is_event)",
    ),
    _of_borrowers(
        "past_due",
        "Borrowers past due at the month's end",
        Unit.COUNT,
        "count(*) filter (current_dpd_max > 0)",
    ),
    Figure(
        "pd_mean",
        "pd",
        "Mean PD of the portfolio, of the month that follows",
        Unit.SHARE,
        _PREDICTED,
        "avg(pd)",
        source=_PREDICTIONS,
        ahead=1,
    ),
    Figure(
        "pd_expected",
        "pd",
        "Events the PDs of the month before expected",
        Unit.EXPECTED,
        ("risk.pd_prediction",),
        "sum(pd)",
    ),
    Figure(
        "pd_observed",
        "pd",
        "Events among those predicted",
        Unit.COUNT,
        ("risk.pd_prediction",),
        "count(*) filter (is_event)",
    ),
    _of_index(
        "joint_expected",
        "Events the joint model expects in the month that follows",
        Unit.EXPECTED,
        "sum(joint_probability)",
    ),
    _of_index("alone_expected", "Events PD alone expects", Unit.EXPECTED, "sum(pd)"),
    _of_index("index_mean", "Mean joint-risk index", Unit.RATIO, "avg(joint_risk_index)"),
    _of_index(
        "riskier",
        "Borrowers riskier than a month ago beyond doubt (95 %)",
        Unit.COUNT,
        "count(*) filter (change_q05 > 1)",
    ),
    _of_index(
        "safer",
        "Borrowers safer than a month ago beyond doubt (95 %)",
        Unit.COUNT,
        "count(*) filter (change_q95 < 1)",
    ),
    _of_index(
        "compared",
        "Borrowers with an index a month ago, too",
        Unit.COUNT,
        "count(joint_risk_change)",
    ),
    _of_factor("factor_now", "Factor that moved most in the month", "mean"),
    _of_factor(
        "factor_before",
        "The same factor a month before, by the same posterior",
        "mean_before",
    ),
    _of_factor("factor_low", "Lower end of its 90 % interval", "q05"),
    _of_factor("factor_high", "Upper end of its 90 % interval", "q95"),
    _of_loss("loss_expected", "Expected loss of a month", "factor", "expected"),
    _of_loss("loss_var", "VaR 99.9 % by the factor copula", "factor", "var_999"),
    _of_loss(
        "loss_var_alone", "VaR 99.9 % of independent borrowers", "independent", "var_999"
    ),
    Figure(
        "answered",
        "response",
        "Defaults answered",
        Unit.COUNT,
        ("risk.default_event",),
        "count(*)",
        is_sparse=True,
    ),
    _of_actions(
        "linked",
        "Borrowers linked to them on whom something is done",
        "count(distinct borrower_key)",
    ),
    _of_actions(
        "contacted",
        "Borrowers contacted more often",
        "count(distinct borrower_key) filter (strategy = 'collection')",
    ),
    _of_actions(
        "limited",
        "Borrowers behind rules of lending control",
        "count(distinct borrower_key) filter (strategy = 'lending_control')",
    ),
    _of_actions(
        "frozen",
        "Borrowers for whom a freeze was proposed",
        "count(distinct borrower_key) filter (strategy = 'freeze')",
    ),
    _waiting(
        "freezes_waiting",
        "response",
        "Freezes that wait for approval, of any month",
        "risk.strategy_action",
        "count(*) filter (strategy = 'freeze' and status = 'proposed')",
    ),
    _of_drift("judged_policy", "Stages of the month's cohort judged, policy label"),
    _of_drift("drift_policy", "Of them drifted", value=_DRIFTED, note=_DRIFTED_NAMES),
    _of_drift(
        "judged_performance",
        "Stages with a cohort judged, performance label",
        source=_NEWEST_PERFORMANCE,
        when="as_of_month",
    ),
    _of_drift(
        "drift_performance",
        "Of them drifted in the newest such cohort",
        value=_DRIFTED,
        source=_NEWEST_PERFORMANCE,
        when="as_of_month",
        note=_DRIFTED_NAMES,
    ),
    Figure(
        "assessed",
        "recalibration",
        "Assessments of the strategy",
        Unit.COUNT,
        ("risk.score_assessment",),
        "count(*)",
        note="max(main_factor)",
        is_sparse=True,
    ),
    _waiting(
        "strategies_waiting",
        "recalibration",
        "Changed strategies of the score that wait for approval, of any month",
        "risk.strategy_version",
        "count(*) filter (status = 'proposed')",
    ),
    Figure(
        "strategy_in_force",
        "recalibration",
        "Version of the score's strategy in force",
        Unit.COUNT,
        ("risk.strategy_version",),
        "max(version) filter (status = 'in force')",
        when="",
    ),
    _of_decisions("decided", "Applications decided", Unit.COUNT, "count(*)"),
    _of_decisions(
        "admitted",
        "Share of them admitted",
        Unit.SHARE,
        f"avg(if({DECIDED} = 'admit', 1.0, 0.0))",
    ),
    _waiting(
        "reviews_waiting",
        "decisions",
        "Applications that wait for a review, of any month",
        "risk.credit_decision",
        # What was returned is to be decided one by one: it waits for a person as well.
        "count(*) filter (review_status in ('waiting', 'returned'))",
    ),
    _of_overdue("overdue_assessed", "Overdue borrowers assessed", Unit.COUNT, "count(*)"),
    _of_overdue("overdue_amount", "Overdue amount", Unit.AMOUNT, "sum(overdue_amount)"),
    _of_overdue(
        "overdue_high",
        "Rated high risk: their assets cover less than half",
        Unit.COUNT,
        "count(*) filter (rating = 'high')",
    ),
    _of_moves(
        "worse", "Borrowers with a worse grade", "sum(borrowers) filter (is_worse)"
    ),
    _of_moves(
        "better", "Borrowers with a better grade", "sum(borrowers) filter (is_better)"
    ),
    Figure(
        "checks_failed",
        "quality",
        "Checks of the month's runs that failed, critical or warning",
        Unit.COUNT,
        ("audit.quality_result", "audit.run"),
        FAILED,
        source=_CHECKS,
    ),
    Figure(
        "checks_critical",
        "quality",
        "Of them critical",
        Unit.COUNT,
        ("audit.quality_result", "audit.run"),
        "count(*) filter (not success and severity = 'critical')",
        source=_CHECKS,
    ),
    _waiting(
        "quarantined",
        "quality",
        "Rows in quarantine, of any month",
        "audit.quarantine",
        "count(*)",
    ),
)
