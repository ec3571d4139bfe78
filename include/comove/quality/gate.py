"""The gate: profile, judge, record, and stop what follows on a critical failure."""

from dataclasses import dataclass
from pathlib import Path

from comove.connection import connect
from comove.errors import GateFailedError
from comove.quality.frames import make_frames, set_scene
from comove.quality.judge import Judgement, Verdict, judge, preload
from comove.quality.page import write_page
from comove.quality.record import record
from comove.quality.suite import SUITES, Stage, load_suite
from comove.settings import Settings


@dataclass(frozen=True)
class GateReport:
    """How a gate ended.

    Parameters
    ----------
    stage : str
        As of `run_gate`.
    passed, warned, failed, not_available : tuple of str
        Names of the checks that hold; of those that do not and are warnings or for
        information; of critical ones that do not; of those with nothing to judge.
    page : Path
        The page of the run.
    """

    stage: str
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    not_available: tuple[str, ...]
    page: Path

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended which way."""
        return {
            "passed": len(self.passed),
            "warned": len(self.warned),
            "failed": len(self.failed),
            "not_available": len(self.not_available),
        }


def run_gate(
    settings: Settings, *, run_id: str, stage: Stage, suites: Path = SUITES
) -> GateReport:
    """Judge a stage of the data's way and record the result.

    Parameters
    ----------
    settings : Settings
        Says which portfolio and home.
    run_id : str
        Under which the results are kept; judging again replaces them.
    stage : str
        ``landed`` (before dbt), ``staging`` or ``marts`` (after), ``risk`` (after the
        risk models), ``joint_risk`` (after the joint model), ``default_response``
        (after what defaults set off), ``score_drift`` (after the matrix),
        ``recalibration`` (after what is proposed on it), ``overdue`` or
        ``overdue_grade`` (after assessments, or grades, of overdue borrowers).
    suites : Path
        Folder of the suite files.

    Returns
    -------
    GateReport
        When no critical check failed.

    Raises
    ------
    GateFailedError
        After recording, when a critical check failed; names check, observed,
        expected and remedy.
    SuiteError
        When the suite names something that does not exist.
    """
    suite = load_suite(stage, suites)
    where = str(suites / f"{stage}.yml")
    # Imported before the warehouse is opened, so that nobody waits for the import.
    preload()
    with connect(settings, read_only=True) as connection:
        scene = set_scene(connection, settings, run_id, where)
        frames = make_frames(scene, suite)
    judgement = judge(suite, frames, where)
    record(settings, run_id=run_id, stage=stage, judgement=judgement)
    report = _report(stage, judgement, write_page(settings, run_id))
    if judgement.worst == "critical":
        raise _failure(judgement, report)
    return report


def _report(stage: str, judgement: Judgement, page: Path) -> GateReport:
    found = judgement.verdicts
    return GateReport(
        stage=stage,
        passed=_names([v for v in found if v.success and v.is_available]),
        warned=_names([v for v in found if not v.success and not v.blocks]),
        failed=_names([v for v in found if v.blocks]),
        not_available=_names([v for v in found if not v.is_available]),
        page=page,
    )


def _names(verdicts: list[Verdict]) -> tuple[str, ...]:
    return tuple(verdict.check.name for verdict in verdicts)


def _failure(judgement: Judgement, report: GateReport) -> GateFailedError:
    blocking = [verdict for verdict in judgement.verdicts if verdict.blocks]
    sentences = [
        f"{v.check.name!r}: observed {v.observed}; expected {v.expected}."
        for v in blocking
    ]
    remedies = dict.fromkeys(v.check.remedy for v in blocking)
    return GateFailedError(
        f"{len(blocking)} critical check(s) failed. {' '.join(sentences)}",
        where=f"gate {report.stage!r}",
        remedy=f"{' '.join(remedies)} All results: {report.page}.",
        checks=report.failed,
    )
