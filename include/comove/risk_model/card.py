"""The model card: what a reviewer must know of one model version, in Markdown.

Its headings name the items of the supervisors' texts they answer to: the revised
interagency guidance SR 26-2 (April 2026, which replaced SR 11-7) by its themes, and
EBA/GL/2017/16 by its sections. They help to find things; they claim no compliance.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from comove.quality.wording import readable
from comove.risk_model.artifact import CARD
from comove.risk_model.canvas import write_png
from comove.risk_model.curves import THIN_EVENTS
from comove.risk_model.judgement import Check


@dataclass(frozen=True)
class PerformanceLine:
    """How a model did on some rows.

    Parameters
    ----------
    label : str
        Which rows: a month, a segment, an algorithm.
    rows, events : int
        Borrower-months, and those with an event.
    expected : float or None
        Events the model expected, the sum of its PDs.
    log_loss, auc, ks, slope : float or None
        Log loss in nats; area under the ROC curve; Kolmogorov-Smirnov distance;
        calibration slope. None where a class is missing.
    group : str
        What kind of segment, such as ``region``.
    """

    label: str
    rows: int
    events: int
    expected: float | None = None
    log_loss: float | None = None
    auc: float | None = None
    ks: float | None = None
    slope: float | None = None
    group: str = ""

    @property
    def observed_rate(self) -> float | None:
        """Share of rows with an event."""
        return self.events / self.rows if self.rows else None

    @property
    def expected_rate(self) -> float | None:
        """Mean PD."""
        if self.expected is None or not self.rows:
            return None
        return self.expected / self.rows

    @property
    def ratio(self) -> float | None:
        """Events over expected events."""
        return self.events / self.expected if self.expected else None

    @property
    def is_thin(self) -> bool:
        """Whether there are too few events to conclude anything."""
        return self.events < THIN_EVENTS


@dataclass(frozen=True)
class FeatureLine:
    """A feature on the card.

    Parameters
    ----------
    name, about : str
        Column, and what it holds.
    direction : int
        Sign its effect on the PD is held to as the value grows: 1, -1, 0 for none.
    is_kept : bool
        Whether the model uses it.
    reason : str
        Why it was dropped, or what is worth knowing.
    importance : float or None
        Mean absolute contribution to the log-odds.
    """

    name: str
    about: str = ""
    direction: int = 0
    is_kept: bool = True
    reason: str = ""
    importance: float | None = None

    @property
    def sign(self) -> str:
        """Sign in words."""
        words = {1: "more is riskier", -1: "more is safer"}
        return words.get(self.direction, "free")


@dataclass(frozen=True)
class CardContent:
    """All a card says, as plain values.

    Parameters
    ----------
    model_version, purpose, algorithm, status : str
        As registered.
    is_champion : bool
        Whether it predicts now.
    portfolio, run_id : str
        Whose loans; which run registered it.
    month : date
        Of that run.
    uses, exclusions, limits, monitoring, decisions, changes : tuple of str
        A sentence each.
    tier, owner : str
        Materiality with its reason; who answers for the model.
    trained_from, trained_to, first_month_predicted : date or None
        First days of months.
    rows_trained, events_trained, seed : int
        Of the training window; of every random choice.
    data_hash, settings_hash : str
        SHA-256.
    features : tuple of FeatureLine
        Kept and dropped.
    method, evidence : str
        How it predicts, and what the rows were that it is judged by, in sentences.
    parameters, library_versions, calibration : mapping of str to object
        By name.
    overall, months, segments, comparison : tuple of PerformanceLine
        On the rows `evidence` names; the comparison has a line per algorithm over the
        same months.
    checks : tuple of Check
        Of the challenger's gate.
    refused_because : str or None
        Why it may not predict.
    stability : tuple of tuple of str, str and float
        Feature, month, and its population stability index; worst first.
    unavailable : mapping of str to str
        Why a section is empty, by the section's name.
    """

    model_version: str
    purpose: str
    algorithm: str
    status: str
    is_champion: bool
    portfolio: str
    run_id: str
    month: dt.date
    uses: tuple[str, ...]
    tier: str
    owner: str
    trained_from: dt.date | None
    trained_to: dt.date | None
    first_month_predicted: dt.date | None
    rows_trained: int
    events_trained: int
    seed: int
    data_hash: str
    settings_hash: str
    method: str = ""
    evidence: str = ""
    exclusions: tuple[str, ...] = ()
    features: tuple[FeatureLine, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    library_versions: Mapping[str, object] = field(default_factory=dict)
    calibration: Mapping[str, object] = field(default_factory=dict)
    overall: tuple[PerformanceLine, ...] = ()
    months: tuple[PerformanceLine, ...] = ()
    segments: tuple[PerformanceLine, ...] = ()
    comparison: tuple[PerformanceLine, ...] = ()
    checks: tuple[Check, ...] = ()
    refused_because: str | None = None
    stability: tuple[tuple[str, str, float], ...] = ()
    limits: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)


def write_card(
    folder: Path, content: CardContent, pictures: Mapping[str, Figure] | None = None
) -> Path:
    """Write a model card, its pictures beside it.

    Parameters
    ----------
    folder : Path
        Of the model version; made where it is missing.
    content : CardContent
        What it says.
    pictures : mapping of str to Figure, optional
        By what they show; each becomes a PNG named for it, which the card links.

    Returns
    -------
    Path
        ``card.md`` in the folder. The same content gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        shown: write_png(figure, folder / f"{_slug(shown)}.png").name
        for shown, figure in (pictures or {}).items()
    }
    unfinished = folder / f"{CARD}.part"
    unfinished.write_text(render_card(content, files), encoding="utf-8")
    return unfinished.replace(folder / CARD)


def render_card(content: CardContent, files: Mapping[str, str]) -> str:
    """Write a model card as Markdown.

    Parameters
    ----------
    content : CardContent
        What it says.
    files : mapping of str to str
        Pictures: what they show, and the file's name beside the card.
    """
    template = _environment.get_template("card.md.j2")
    text = template.render(card=content, pictures=files, thin=THIN_EVENTS)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def plain(value: object) -> str:
    """Write text for Markdown: no table, tag or link of somebody else's making."""
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([|\\`*_\[\]])", r"\\\1", text)


def figure_text(value: float | None, digits: int = 3) -> str:
    """Write a number with so many decimals; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.{digits}f}"


def percent_text(value: float | None) -> str:
    """Write a share in per cent, three significant digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{100 * value:.3g} %"


def value_text(value: object) -> str:
    """Write whatever JSON knows in a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(one) for one in value)
    if isinstance(value, float) and not math.isfinite(value):
        return "-"
    # A seed or a year takes no thousands separators; only fractions are rounded.
    return readable(value) if isinstance(value, float) else str(value)


def _slug(shown: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", shown.lower()).strip("-")


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    # Markdown: the filter `plain` escapes; HTML's rules would garble code spans.
    autoescape=False,  # noqa: S701
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "plain": plain,
    "figure": figure_text,
    "percent": percent_text,
    "value": value_text,
}
