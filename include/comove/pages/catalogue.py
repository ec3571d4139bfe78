"""What the pages show: per page its tables and its charts.

A table is listed as it was published, a page of rows at a time. A chart is a small
aggregate in SQL, drawn by the browser; one whose tables are not published says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["line", "bar", "heat", "interval"]


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
    """

    table: str
    title: str
    about: str
    month: str | None = None
    order: str | None = None
    descending: bool = True

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
        ``line``, ``bar``, ``heat`` or ``interval``.
    sql : str
        Columns ``x`` and ``y``; ``series`` (line, bar), ``value`` (heat), ``low`` and
        ``high`` (interval, line). ``$month`` is the first day of the page's month.
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
            "worse than the conventional models expected.",
            kind="line",
            sql="select month as x, mean as y, q05 as low, q95 as high, "
            "parameter || coalesce(' ' || group_name, '') as series "
            "from risk.factor_posterior where month is not null "
            "and run_id = (select max(run_id) from risk.factor_posterior) "
            "order by group_name nulls first, series, month limit 4000",
            tables=("risk.factor_posterior",),
            x_title="month",
            y_title="standard deviations",
        ),
        Chart(
            name="region-correlation",
            title="Correlation between regions",
            about="How strongly defaults of two regions move together: mean over the "
            "pairs of their industries. Every pair of cells is in the table below.",
            kind="heat",
            sql="select region_a as x, region_b as y, avg(correlation) as value "
            "from risk.cell_link group by region_a, region_b order by x, y",
            tables=("risk.cell_link",),
        ),
        Chart(
            name="industry-correlation",
            title="Correlation between industries",
            about="The same of two industries: mean over the pairs of their regions.",
            kind="heat",
            sql="select industry_a as x, industry_b as y, avg(correlation) as value "
            "from risk.cell_link group by industry_a, industry_b order by x, y",
            tables=("risk.cell_link",),
        ),
        Chart(
            name="index-spread",
            title="Index by region",
            about="Mean index of the month to come, 1 being what the conventional models "
            "say; the bar is the middle nine tenths of the borrowers.",
            kind="interval",
            sql="select b.region as x, avg(i.joint_risk_index) as y, "
            "quantile_cont(i.joint_risk_index, 0.05) as low, "
            "quantile_cont(i.joint_risk_index, 0.95) as high "
            "from risk.joint_risk_index i join marts.dim_borrower b using (borrower_key) "
            "where i.as_of_month = $month group by b.region order by y desc limit 60",
            tables=("risk.joint_risk_index", "marts.dim_borrower"),
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
        ),
        Listing("risk.default_event", "Default events", "Events and their borrowers."),
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

SCORE_DRIFT = Page(
    slug="score-drift",
    title="Score drift",
    about="Where in the funnel, and since when, the application score has drifted.",
    reports=("score_drift", "recalibration"),
    charts=(
        Chart(
            name="matrix",
            title="KS by stage and cohort",
            about="Two-sample Kolmogorov-Smirnov distance of good and bad, policy label.",
            kind="heat",
            sql="select strftime(cohort_month, '%Y-%m') as x, stage as y, ks as value "
            "from risk.score_drift where label = 'policy' and is_available "
            "order by cohort_month, stage_no",
            tables=("risk.score_drift",),
            x_title="cohort month",
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
        ),
        Listing("risk.score_drift_cut", "Further cuts", "By channel, region or product."),
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
    reports=("overdue_assessment", "overdue_grade", "overdue"),
    charts=(
        Chart(
            name="ratings",
            title="Ratings over time",
            about="Overdue borrowers by rating, by the month they were assessed for.",
            kind="bar",
            sql="select as_of as x, count(*) as y, coalesce(rating, 'none') as series "
            "from risk.overdue_assessment group by as_of, rating order by series, x",
            tables=("risk.overdue_assessment",),
            x_title="as of",
            y_title="borrowers",
        ),
        Chart(
            name="grades",
            title="Grades over time",
            about="Observation points by grade, by the month they fall in.",
            kind="bar",
            sql="select date_trunc('month', observed_on) as x, count(*) as y, "
            "grade as series from risk.overdue_grade group by 1, 3 order by series, x",
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
            order="overdue_amount",
        ),
        Listing(
            "risk.overdue_grade",
            "Grades",
            "At every observation point.",
            order="observed_on",
        ),
        Listing(
            "risk.overdue_grade_transition",
            "Transitions",
            "From grade to grade within a month, with intervals.",
            order="month",
        ),
    ),
)

DECISIONS = Page(
    slug="decisions",
    title="Decisions",
    about="Which applications were admitted, with what limit, and why not.",
    reports=("credit_decision",),
    charts=(
        Chart(
            name="admissions",
            title="Decisions by month",
            about="Applications by final decision.",
            kind="bar",
            sql="select a.cohort_month as x, count(*) as y, "
            "coalesce(d.final_decision, d.admission) as series "
            "from risk.credit_decision d join marts.fct_application a "
            "using (application_key) group by 1, 3 order by series, x",
            tables=("risk.credit_decision", "marts.fct_application"),
            x_title="month of application",
            y_title="applications",
        ),
    ),
    listings=(
        Listing(
            "risk.credit_decision",
            "Decisions",
            "Admission, limit, control, strategy, and the reasons.",
        ),
        Listing(
            "risk.identity_review",
            "Identity review",
            "Pairs of borrowers that may be one person.",
        ),
        Listing(
            "risk.decision_fairness",
            "Fairness",
            "Approval and limit by group, with intervals.",
        ),
    ),
)

LOSS = Page(
    slug="portfolio-loss",
    title="Portfolio loss",
    about="Loss of the month to come, with and without defaults that move together.",
    months_of="risk.portfolio_loss.month",
    reports=("joint_risk",),
    charts=(
        Chart(
            name="measures",
            title="Measures",
            about="Expected loss, value at risk and expected shortfall of the month.",
            kind="bar",
            sql="select measure as x, amount as y, copula as series "
            "from risk.portfolio_loss where month = $month order by series, amount",
            tables=("risk.portfolio_loss",),
            x_title="measure",
            y_title="amount (currency of the portfolio)",
        ),
    ),
    listings=(
        Listing("risk.portfolio_loss", "Measures", "Each with its error.", month="month"),
        Listing(
            "risk.portfolio_loss_cell",
            "Contributions",
            "What each cell adds to the expected shortfall.",
            month="month",
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
            kind="bar",
            sql="select stage as x, count(*) as y, "
            "case when success then 'passed' else severity end as series "
            "from audit.quality_result group by stage, 3 order by series, x",
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
    reports=("risk_model",),
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
            "audit.run", "Runs", "With settings, inputs and seed.", order="started_at"
        ),
        Listing(
            "audit.model_registry",
            "Models",
            "Champions and challengers.",
            order="registered_at",
        ),
        Listing("audit.posterior", "Posteriors", "Fits of the factor copula."),
        Listing("audit.stage_time", "Times", "Seconds of each stage."),
        Listing("audit.published_table", "Tables", "Which run made which table."),
        Listing("risk.model_performance", "Performance", "By month and segment."),
    ),
)

PAGES = (JOINT_RISK, SCORE_DRIFT, OVERDUE, DECISIONS, LOSS, QUALITY, RUNS)
