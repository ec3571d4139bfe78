"""The pictures of the stages that the published copy alone can give, by chapter."""

import datetime as dt
from collections.abc import Callable

import duckdb
from matplotlib.figure import Figure

from comove.decision.report_facts import read_facts as read_decisions
from comove.decision.report_pictures import funnel_picture
from comove.joint_risk.joint_pictures import concentration_picture
from comove.joint_risk.joint_pictures_posterior import paths_picture
from comove.overdue.report_facts import read_facts as read_overdue
from comove.overdue.report_pictures import rating_picture
from comove.overdue_grade.report_facts import read_facts as read_grades
from comove.overdue_grade.report_pictures import distribution_picture
from comove.recalibration.report_facts import read_facts as read_recalibration
from comove.recalibration.report_pictures import performance_picture
from comove.risk_model.canvas import (
    BLUE,
    ORANGE,
    WIDE,
    drawn,
    month_axis,
    new_figure,
    percent_axis,
    row_of_panels,
    signed,
)
from comove.risk_model.findings import Reader
from comove.risk_model.pictures import months_picture
from comove.risk_model.sections import Picture
from comove.score_drift.report_facts import LABELS
from comove.score_drift.report_facts import read_facts as read_drift
from comove.score_drift.report_pictures import matrix_picture
from comove.settings import Settings

_MOST_MONTHS = 36


class Gallery:
    """Draws what a chapter shows.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The published copy, open for reading.
    settings : Settings
        Bounds that some pictures show.
    portfolio : str
        Title.
    month : date
        First day.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        portfolio: str,
        month: dt.date,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self.portfolio = portfolio
        self.month = month
        self._drawers: dict[str, Callable[[str, str], tuple[Picture, ...]]] = {
            "portfolio": self._of_portfolio,
            "pd": self._of_pd,
            "joint_risk": self._of_joint_risk,
            "drift": self._of_drift,
            "recalibration": self._of_recalibration,
            "decisions": self._of_decisions,
            "overdue": self._of_overdue,
            "grades": self._of_grades,
        }

    def of(self, stage: str, run_id: str, origin: str) -> tuple[Picture, ...]:
        """Draw the pictures of a chapter; none where it has none.

        Parameters
        ----------
        stage : str
            Its name; its tables must be there.
        run_id : str
            Run that published them.
        origin : str
            Run, month and models, written into each.
        """
        drawer = self._drawers.get(stage)
        pictures = drawer(run_id, origin) if drawer else ()
        return tuple(Picture(one.figure, one.shows, one.kind, origin) for one in pictures)

    def _of_portfolio(self, _run_id: str, origin: str) -> tuple[Picture, ...]:
        picture = self._portfolio_picture(origin)
        return (
            Picture(picture, "Exposure, and shares past due and defaulting, by month"),
        )

    @drawn
    def _portfolio_picture(self, origin: str) -> Figure:
        months = self.connection.execute(
            """
            select month, sum(exposure) as exposure,
                count(*) filter (is_at_risk) as at_risk,
                count(*) filter (is_event) / nullif(at_risk, 0) as events,
                count(*) filter (current_dpd_max > 0) / count(*) as past_due
            from marts.fct_borrower_month where month <= $month
            group by month order by month desc limit $most
            """,
            {"month": self.month, "most": _MOST_MONTHS},
        ).df()
        figure = new_figure((WIDE[0] + 1.4, 3.4))
        figure.suptitle("The portfolio", x=0.01, ha="left", fontweight="bold")
        panels = row_of_panels(figure, 3)
        for axes, column, title, colour in zip(
            panels,
            ("exposure", "past_due", "events"),
            (
                "Exposure",
                "Past due, % of borrowers",
                "First defaults, % of those at risk",
            ),
            (BLUE, BLUE, ORANGE),
            strict=True,
        ):
            axes.plot(months["month"], months[column], color=colour, marker="o", ms=3)
            axes.set_title(title, fontsize=10)
            axes.set_ylim(bottom=0)
            month_axis(axes)
        for axes in panels[1:]:
            percent_axis(axes)
        return signed(figure, origin)

    def _of_pd(self, _run_id: str, origin: str) -> tuple[Picture, ...]:
        reader = Reader(self.connection, self.month)
        in_force = reader.in_force()
        champion = in_force[1] if in_force else None
        figure = months_picture(reader.months(), champion, origin)
        return (Picture(figure, "Observed and expected event rate by month"),)

    def _of_joint_risk(self, _run_id: str, origin: str) -> tuple[Picture, ...]:
        factors, concentration = (
            self.connection.execute(
                f"select * from risk.{table} where as_of_month = $month order by all",  # noqa: S608 - our own tables
                {"month": self.month},
            ).df()
            for table in ("factor_posterior", "concentration")
        )
        return (
            Picture(
                concentration_picture(concentration, origin, "no borrower is at risk"),
                "Where the joint mass concentrates, by region and industry",
            ),
            Picture(
                paths_picture(factors, origin),
                "Paths of the national factor and of those with the largest loadings",
            ),
        )

    def _of_drift(self, run_id: str, origin: str) -> tuple[Picture, ...]:
        facts = read_drift(
            self.connection, portfolio=self.portfolio, run_id=run_id, month=self.month
        )
        return tuple(
            Picture(
                matrix_picture(facts.of(label), f"{label} label", origin),
                f"KS by stage and cohort month, {label} label",
            )
            for label in LABELS
            if label in facts.labels
        )

    def _of_recalibration(self, run_id: str, origin: str) -> tuple[Picture, ...]:
        facts = read_recalibration(
            self.connection, portfolio=self.portfolio, run_id=run_id, month=self.month
        )
        figure = performance_picture(facts.months, self.settings, origin)
        return (Picture(figure, "Bad loans over predicted ones and KS, by cohort month"),)

    def _of_decisions(self, run_id: str, origin: str) -> tuple[Picture, ...]:
        facts = read_decisions(self.connection, run_id=run_id, month=self.month)
        figure = funnel_picture(facts.funnel, origin)
        return (Picture(figure, "Applications left after each step"),)

    def _of_overdue(self, run_id: str, origin: str) -> tuple[Picture, ...]:
        facts = read_overdue(self.connection, run_id=run_id, month=self.month)
        return (
            Picture(rating_picture(facts.months, origin), "Shares of ratings by month"),
        )

    def _of_grades(self, run_id: str, origin: str) -> tuple[Picture, ...]:
        facts = read_grades(
            self.connection, portfolio=self.portfolio, run_id=run_id, month=self.month
        )
        figure = distribution_picture(facts.distribution, facts.grades, "", origin)
        return (Picture(figure, "Share of each overdue grade by month"),)
