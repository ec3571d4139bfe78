"""The links of a run, from its two posteriors."""

from comove.default_response.linking import LinkReport, LinkSource, Tell, link_debtors
from comove.default_response.scratch import read_posteriors, run_folder
from comove.joint_risk.link import EventLinker
from comove.joint_risk.posterior import read_draws
from comove.settings import Settings


def link_run(settings: Settings, *, run_id: str, tell: Tell) -> LinkReport:
    """Link the debtors of a run to its events.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        The run, whose events have been found.
    tell : callable
        Takes sentences of progress.

    Returns
    -------
    LinkReport
        Counts; without events there is nothing to link.
    """
    folder = run_folder(settings, run_id)
    posteriors = read_posteriors(folder)
    if posteriors is None:
        return LinkReport(0, 0, 0, 0)
    root = settings.places.root
    linker = EventLinker(
        read_draws(root / posteriors.path), read_draws(root / posteriors.previous_path)
    )
    source = LinkSource(linker.shape, linker.outlook.place, linker.links_from)
    return link_debtors(settings, folder, source, tell=tell)
