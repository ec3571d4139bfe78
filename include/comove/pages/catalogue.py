"""What the pages show: per page its tables and its charts.

A table is listed as it was published, a page of rows at a time. A chart is a small
aggregate in SQL, drawn by the browser; one whose tables are not published says so.
"""

# ruff: noqa: S608 - SQL of the tables and formulas named here

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from comove.monthly_report.figures import DECIDED

Kind = Literal["line", "bar", "stack", "across", "heat", "interval"]


@dataclass(frozen=True)
class Link:
    """Where a column of a table leads to.

    Parameters
    ----------
    path : str
        Address, relative to the pages.
    column : str
        Whose values are the links.
    given : tuple of str
        Columns whose values go into the address; those the table does not have do not.
    """

    path: str
    column: str
    given: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """A published table on a page.

    Parameters
    ----------
    table : str
        Schema and name.
    title, about : str
        What a reader sees: what it is, and how to read it.
    month : str or None
        Column the page's month selects by; None lists every row.
    order : str or None
        Column it is sorted by until a reader chooses another.
    descending : bool
        Whether that starts with the largest.
    link : Link or None
        Where its rows lead to.
    """

    table: str
    title: str
    about: str
    month: str | None = None
    order: str | None = None
    descending: bool = True
    link: Link | None = None

    @property
    def slug(self) -> str:
        """Its part of an address."""
        return self.table.replace(".", "-")


@dataclass(frozen=True)
class Chart:
    """A picture on a page.

    Parameters
    ----------
    name, title, about : str
        Part of its address; what it shows; how to read it.
    kind : str
        ``line``, ``bar``, ``stack``, ``across`` (stacked to the right, for long names),
        ``heat`` or ``interval``.
    sql : str
        Columns ``x`` and ``y``; ``series`` (line, bars), ``value`` (heat), ``low`` and
        ``high`` (interval, line). ``mark`` is a sign to show in a cell (heat) or beside a
        point (interval), ``link`` an address a click on a cell leads to. What is not
        ``is_judged`` is drawn grey (heat) or hollow (interval). ``$month`` is the first
        day of the page's month.
    tables : tuple of str
        Published tables it reads.
    x_title, y_title : str
        What the axes measure, with the unit.
    """

    name: str
    title: str
    about: str
    kind: Kind
    sql: str
    tables: tuple[str, ...]
    x_title: str = ""
    y_title: str = ""


@dataclass(frozen=True)
class Page:
    """One entry of the menu.

    Parameters
    ----------
    slug, title, about : str
        Its address, its name, and one sentence of what it is for.
    charts : tuple of Chart
        Above the tables.
    listings : tuple of Listing
        The first is opened; the others on demand.
    months_of : str or None
        Listing column the selectable months come from, as ``schema.table.column``.
    reports : tuple of str
        Folders of ``reports/`` whose pages are linked to.
    """

    slug: str
    title: str
    about: str
    charts: tuple[Chart, ...] = ()
    listings: tuple[Listing, ...] = ()
    months_of: str | None = None
    reports: tuple[str, ...] = ()


# Checks of the last run of each stage; those before count no more.
NEWEST_CHECKS = """(
    select * from audit.quality_result where (stage, run_id) in (
        select (stage, arg_max(run_id, checked_at)) from audit.quality_result
        group by stage
    )
)"""

_CONCENTRATION = (
    "select group_name as x, share as y, kind as series from ("
    "select * from risk.concentration where as_of_month = $month "
    "and attribute = '{}' order by joint_share desc limit 30) cross join lateral ("
    "values (pd_share, 'conventional'), (joint_share, 'joint')) as shares (share, kind) "
    "order by kind, joint_share desc"
)

JOINT_RISK = Page(
    slug="joint-risk",
    title="Joint risk",
    about="Who moves with whom, and how much riskier than a month ago.",
    months_of="risk.joint_risk_index.as_of_month",
    reports=("joint_risk", "default_response"),
    charts=(
        Chart(
            name="factor-paths",
            title="Factors over time",
            about="Posterior mean and 90 % interval of each factor: above 0 is a month "
            "worse than the conventional models expected. As the month's fit has them.",
            kind="line",
            sql="select month as x, mean as y, q05 as low, q95 as high, "
            "parameter || coalesce(' ' || group_name, '') as series "
            "from risk.factor_posterior where month is not null "
            "and as_of_month = $month "
            "order by group_name nulls first, series, month limit 4000",
            tables=("risk.factor_posterior",),
            x_title="month",
            y_title="standard deviations",
        ),
        Chart(
            name="concentration-region",
            title="Concentration by region",
            about="Share of expected events in a region: as the conventional models say, "
            "and with what moves together.",
            kind="bar",
            sql=_CONCENTRATION.format("region"),
            tables=("risk.concentration",),
            x_title="region",
            y_title="share",
        ),
        Chart(
            name="concentration-industry",
            title="Concentration by industry",
            about="The same by industry.",
            kind="bar",
            sql=_CONCENTRATION.format("industry"),
            tables=("risk.concentration",),
            x_title="industry",
            y_title="share",
        ),
        Chart(
            name="cell-correlation",
            title="Correlation between cells",
            about="How strongly defaults of two cells (region and industry) move "
            "together: the 24 cells with the most borrowers. Every pair is in the table "
            "Links of cells.",
            kind="heat",
            sql="with cell as (select region, industry, "
            "region || ' · ' || industry as name, count(*) as n "
            "from risk.joint_risk_index where as_of_month = $month "
            "group by all order by n desc, name limit 24) "
            "select a.name as x, b.name as y, link.correlation as value "
            "from risk.cell_link link "
            "join cell a on link.region_a = a.region and link.industry_a = a.industry "
            "join cell b on link.region_b = b.region and link.industry_b = b.industry "
            "where link.as_of_month = $month order by x, y",
            tables=("risk.cell_link", "risk.joint_risk_index"),
        ),
        Chart(
            name="region-correlation",
            title="Correlation between regions",
            about="How strongly defaults of two regions move together: mean over the "
            "pairs of their industries. Every pair of cells is in the table below.",
            kind="heat",
            sql="select region_a as x, region_b as y, avg(correlation) as value "
            "from risk.cell_link where as_of_month = $month "
            "group by region_a, region_b order by x, y",
            tables=("risk.cell_link",),
        ),
        Chart(
            name="industry-correlation",
            title="Correlation between industries",
            about="The same of two industries: mean over the pairs of their regions.",
            kind="heat",
            sql="select industry_a as x, industry_b as y, avg(correlation) as value "
            "from risk.cell_link where as_of_month = $month "
            "group by industry_a, industry_b order by x, y",
            tables=("risk.cell_link",),
        ),
        Chart(
            name="index-spread",
            title="Index by region",
            about="Mean index of the month to come, 1 being what the conventional models "
            "say; the bar is the middle nine tenths of the borrowers.",
            kind="interval",
            sql="select region as x, y, middle[1] as low, middle[2] as high from ("
            "select region, avg(joint_risk_index) as y, "
            "quantile_cont(joint_risk_index, [0.05, 0.95]) as middle "
            "from risk.joint_risk_index where as_of_month = $month group by region) "
            "order by y desc limit 60",
            tables=("risk.joint_risk_index",),
            x_title="region",
            y_title="joint-risk index",
        ),
        Chart(
            name="validation",
            title="What last month's models said, against what happened",
            about="Log loss on each month, of models that had not seen it; lower is "
            "better.",
            kind="line",
            sql="select month as x, log_loss as y, model as series "
            "from risk.index_validation order by series, month",
            tables=("risk.index_validation",),
            x_title="month",
            y_title="log loss",
        ),
    ),
    listings=(
        Listing(
            "risk.joint_risk_index",
            "Borrowers by index",
            "Joint probability against the conventional one, and its change in a month.",
            month="as_of_month",
            order="joint_risk_index",
        ),
        Listing(
            "risk.concentration",
            "Concentration",
            "Which regions and industries carry the joint risk, and how that moved.",
            month="as_of_month",
            order="joint_share",
        ),
        Listing(
            "risk.default_event",
            "Default events",
            "Each leads to its network of linked debtors.",
            order="linked_debtors",
        ),
        Listing(
            "risk.linked_debtor",
            "Linked debtors",
            "Borrowers linked to an event, with the strategy chosen.",
            order="link_lift",
        ),
        Listing(
            "risk.strategy_action", "Actions", "What was proposed, decided and done."
        ),
        Listing(
            "risk.lending_control",
            "Lending control",
            "Rules that applications of a region or industry obey, with their dates.",
        ),
        Listing(
            "risk.cell_link", "Links of cells", "Correlation and lift with intervals."
        ),
        Listing(
            "risk.factor_posterior",
            "Posterior",
            "Parameters with intervals and the sampler's own checks.",
        ),
        Listing("risk.index_validation", "Validation", "Every model, month by month."),
    ),
)

_KS_CURVE = Link(
    "score-drift/cell",
    "ks",
    ("stage", "cohort_month", "label", "cut_by", "cut_value"),
)

SCORE_DRIFT = Page(
    slug="score-drift",
    title="Score drift",
    about="Where in the funnel, and since when, the application score has drifted.",
    months_of="risk.score_drift.cohort_month",
    reports=("score_drift", "recalibration"),
    charts=(
        Chart(
            name="matrix",
            title="KS by stage and cohort",
            about="Two-sample Kolmogorov-Smirnov distance of good and bad; ● has "
            "drifted. Grey cells are not judged: … immature, ? too few of a kind, or "
            "nothing to compare with. A cell leads to its KS curve, as do the rows of "
            "the table Matrix.",
            kind="heat",
            sql="select strftime(cohort_month, '%Y-%m') as x, "
            "stage || if(label = 'policy', '', ', ' || label) as y, ks as value, "
            "status = 'judged' as is_judged, "
            "case when is_drift then '●' when status = 'judged' then '' "
            "when status = 'immature' then '…' else '?' end as mark, "
            "'score-drift/cell?stage=' || stage || '&label=' || label || "
            "'&cohort_month=' || strftime(cohort_month, '%Y-%m-%d') as link "
            "from risk.score_drift where is_available and ks is not null "
            "and (label = 'policy' or stage = 'disbursed') "
            "order by label desc, stage_no desc, cohort_month",
            tables=("risk.score_drift",),
            x_title="cohort month",
        ),
        Chart(
            name="vertical",
            title="KS down the funnel",
            about="Of the month's cohort, policy label, with 95 % intervals. Hollow: not "
            "judged, as the stage is immature (more may reach it) or has too few.",
            kind="interval",
            sql="select stage as x, ks as y, coalesce(ks_low, ks) as low, "
            "coalesce(ks_high, ks) as high, status = 'judged' as is_judged, "
            "if(status = 'judged', '', status) as mark from risk.score_drift "
            "where cohort_month = $month and label = 'policy' and ks is not null "
            "order by stage_no",
            tables=("risk.score_drift",),
            x_title="stage",
            y_title="KS",
        ),
        Chart(
            name="horizontal",
            title="KS of each stage over time",
            about="95 % intervals. Policy labels of the funnel's stages; performance "
            "labels of disbursed loans, mature cohorts only.",
            kind="line",
            sql="select cohort_month as x, ks as y, ks_low as low, ks_high as high, "
            "stage || ', ' || label as series from risk.score_drift "
            "where ks is not null and ((label = 'policy' and stage_no <= 4) or "
            "(label = 'performance' and stage = 'disbursed' and is_mature)) "
            "order by label, stage_no, cohort_month",
            tables=("risk.score_drift",),
            x_title="cohort month",
            y_title="KS",
        ),
        Chart(
            name="funnel",
            title="Applications by stage",
            about="How many of each cohort reached a stage.",
            kind="line",
            sql="select cohort_month as x, n as y, stage as series "
            "from risk.funnel_count where is_available order by stage_no, cohort_month",
            tables=("risk.funnel_count",),
            x_title="cohort month",
            y_title="applications",
        ),
    ),
    listings=(
        Listing(
            "risk.score_drift",
            "Matrix",
            "Every cell: KS, interval, changes, flags, and why one cannot be judged.",
            order="cohort_month",
            link=_KS_CURVE,
        ),
        Listing(
            "risk.score_drift_cut",
            "Further cuts",
            "By channel, region or product.",
            order="cohort_month",
            link=_KS_CURVE,
        ),
        Listing("risk.funnel_count", "Funnel", "Counts and shares of every stage."),
        Listing("risk.score_performance", "Performance", "Foretold against observed."),
        Listing("risk.recalibration", "Recalibration", "Candidates and their effects."),
        Listing(
            "risk.strategy_version", "Strategy versions", "In force, proposed, retired."
        ),
        Listing("risk.score", "Scores", "Every application's score and labels."),
    ),
)

OVERDUE = Page(
    slug="overdue",
    title="Overdue and grades",
    about="Who is overdue, what can be collected, and how users are graded.",
    months_of="risk.overdue_assessment.as_of",
    reports=("overdue_assessment", "overdue_grade", "overdue"),
    charts=(
        Chart(
            name="ratings",
            title="Ratings over time",
            about="Overdue borrowers at each month's end by rating, or why they have "
            "none. Assessments of other days are in the table only.",
            kind="stack",
            sql="select as_of as x, count(*) as y, coalesce(rating, status) as series "
            "from risk.overdue_assessment where as_of = last_day(as_of) "
            "group by 1, 3 order by series, x",
            tables=("risk.overdue_assessment",),
            x_title="as of",
            y_title="borrowers",
        ),
        Chart(
            name="grades",
            title="Grades over time",
            about="Observation points by grade, by the month they fall in.",
            kind="stack",
            sql="select month as x, count(*) as y, grade as series "
            "from risk.overdue_grade group by 1, 3 order by series, x",
            tables=("risk.overdue_grade",),
            x_title="month",
            y_title="observation points",
        ),
    ),
    listings=(
        Listing(
            "risk.overdue_assessment",
            "Assessments",
            "Amount, type, repayment capacity, rating and collection strategy.",
            month="as_of",
            order="overdue_amount",
        ),
        Listing(
            "risk.overdue_assessment_replaced",
            "Replaced assessments",
            "Decisions that were in force until a later run replaced them.",
            month="as_of",
            order="replaced_at",
        ),
        Listing(
            "risk.overdue_grade",
            "Grades",
            "At every observation point.",
            month="observed_on",
            order="observed_on",
        ),
        Listing(
            "risk.overdue_grade_transition",
            "Transitions",
            "From grade to grade within a month, with intervals.",
            month="month",
            order="borrowers",
        ),
    ),
)

DECISIONS = Page(
    slug="decisions",
    title="Decisions",
    about="Which applications were admitted, with what limit, and why not.",
    months_of="risk.credit_decision.cohort_month",
    reports=("credit_decision",),
    charts=(
        Chart(
            name="admissions",
            title="Decisions by month",
            about="Applications by final decision; by the one proposed while a person "
            "has still to decide.",
            kind="stack",
            sql=f"select cohort_month as x, count(*) as y, {DECIDED} as series "
            "from risk.credit_decision group by 1, 3 order by series, x",
            tables=("risk.credit_decision",),
            x_title="month of application",
            y_title="applications",
        ),
        Chart(
            name="reasons",
            title="Reasons",
            about="The most frequent of the month's decisions, by the same decision.",
            kind="across",
            sql="select reason as x, count(*) as y, decided as series from ("
            f"select {DECIDED} as decided, "
            "unnest(from_json(reason_codes, '[\"VARCHAR\"]')) as reason "
            "from risk.credit_decision where cohort_month = $month) "
            "group by 1, 3 order by y desc limit 10",
            tables=("risk.credit_decision",),
            y_title="applications",
        ),
    ),
    listings=(
        Listing(
            "risk.credit_decision",
            "Decisions",
            "Admission, limit, control, strategy, and the reasons.",
            month="cohort_month",
        ),
        Listing(
            "risk.identity_review",
            "Identity review",
            "Pairs of borrowers that may be one person: the DAG identity_review judges.",
        ),
        Listing(
            "risk.identity_link",
            "Identity links",
            "Pairs of borrowers that are taken for one person.",
        ),
        Listing(
            "risk.decision_fairness",
            "Fairness",
            "Approval and limit by group, with intervals.",
            month="as_of_month",
        ),
    ),
)

LOSS = Page(
    slug="portfolio-loss",
    title="Portfolio loss",
    about="Loss of the month to come, with and without defaults that move together.",
    months_of="risk.portfolio_loss.as_of_month",
    reports=("joint_risk",),
    charts=(
        Chart(
            name="measures",
            title="Measures",
            about="Expected loss, value at risk and expected shortfall of the month.",
            kind="bar",
            sql="select measure as x, amount as y, copula as series "
            "from risk.portfolio_loss where as_of_month = $month order by series, amount",
            tables=("risk.portfolio_loss",),
            x_title="measure",
            y_title="amount (currency of the portfolio)",
        ),
    ),
    listings=(
        Listing(
            "risk.portfolio_loss",
            "Measures",
            "Each with its error.",
            month="as_of_month",
        ),
        Listing(
            "risk.portfolio_loss_cell",
            "Contributions",
            "What each cell adds to the expected shortfall.",
            month="as_of_month",
            order="contribution",
        ),
    ),
)

QUALITY = Page(
    slug="data-quality",
    title="Data quality",
    about="What the gates found, what reconciles, and which rows were put aside.",
    reports=("quality",),
    charts=(
        Chart(
            name="failures",
            title="Checks by stage",
            about="Of the last run of each stage.",
            kind="stack",
            sql="select stage as x, count(*) as y, "
            "case when success then 'passed' else severity end as series "
            f"from {NEWEST_CHECKS} as checks group by stage, 3 order by "
            "list_position(['passed', 'critical', 'warning', 'info'], series), x",
            tables=("audit.quality_result",),
            x_title="stage",
            y_title="checks",
        ),
    ),
    listings=(
        Listing(
            "audit.quality_result",
            "Gate results",
            "Every check with what it observed.",
            order="checked_at",
        ),
        Listing(
            "audit.reconciliation",
            "Reconciliation",
            "Rows and amounts: landed = accepted + quarantined + superseded.",
        ),
        Listing(
            "audit.quarantine",
            "Quarantine",
            "Rows put aside, with file, row, rule and reason; personal data masked.",
        ),
        Listing("audit.delivery", "Deliveries", "Every file that was dropped."),
        Listing("audit.availability", "Entities", "What this portfolio does not have."),
    ),
)

RUNS = Page(
    slug="runs",
    title="Runs and models",
    about="Which run made which figure, from which inputs, with which model.",
    reports=("monthly_report", "risk_model"),
    charts=(
        Chart(
            name="performance",
            title="Area under the ROC curve by month",
            about="Out of sample, by algorithm.",
            kind="line",
            sql="select month as x, auc as y, algorithm as series "
            "from risk.model_performance where segment_kind = 'all' and auc is not null "
            "order by series, month",
            tables=("risk.model_performance",),
            x_title="month",
            y_title="AUC",
        ),
    ),
    listings=(
        Listing(
            "audit.run",
            "Runs",
            "With settings, inputs and seed; each leads to its checks, times and tables.",
            order="started_at",
        ),
        Listing(
            "audit.model_registry",
            "Models",
            "Champions and challengers; a version leads to its model card.",
            order="registered_at",
        ),
        Listing("audit.posterior", "Posteriors", "Fits of the factor copula."),
        Listing("audit.stage_time", "Times", "Seconds of each stage."),
        Listing("audit.published_table", "Tables", "Which run made which table."),
        Listing("risk.model_performance", "Performance", "By month and segment."),
    ),
)

PAGES = (JOINT_RISK, SCORE_DRIFT, OVERDUE, DECISIONS, LOSS, QUALITY, RUNS)
