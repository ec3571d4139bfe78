"""The report of a run: one page that needs nothing from outside, and the model cards."""

import datetime as dt
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from comove.connection import connect_serving, duckdb_config, literal
from comove.errors import ComoveError
from comove.portfolio import load_portfolio
from comove.risk_model.artifact import read_record
from comove.risk_model.card import write_card
from comove.risk_model.card_facts import card_content, card_pictures
from comove.risk_model.explain import MOST_ROWS, Contributions, contributions
from comove.risk_model.export import APPLICATIONS, BORROWER_MONTHS, run_folder
from comove.risk_model.findings import Findings, read_findings
from comove.risk_model.matrix import Encoding, read_matrix
from comove.risk_model.page import Heading, write_page
from comove.risk_model.sections import all_sections
from comove.risk_model.trees import MODEL_FILE, Trees
from comove.settings import Settings

LOG = logging.getLogger(__name__)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class ReportPaths:
    """What was written.

    Parameters
    ----------
    page : Path
        ``reports/risk_model/<YYYY-MM>/index.html``.
    cards : tuple of Path
        Of the model versions registered in the run, in its order.
    """

    page: Path
    cards: tuple[Path, ...]


def write_reports(
    settings: Settings, *, run_id: str, month: dt.date, tell: Tell = LOG.info
) -> ReportPaths:
    """Write the page of a run and a card for each model version it registered.

    Reads the published copy, the models' folders, and, for SHAP values, the exported
    features of the run while they are there.

    Parameters
    ----------
    settings : Settings
        Say which home.
    run_id : str
        Run reported.
    month : date
        First day of its month.
    tell : callable
        Takes a sentence of progress per step.

    Returns
    -------
    ReportPaths
        The files; those of an earlier report of the month are replaced.

    Raises
    ------
    WarehouseError
        When nothing has been published yet.
    """
    portfolio = load_portfolio(settings.portfolio).title
    with connect_serving(settings) as connection:
        findings = read_findings(
            connection, portfolio=portfolio, run_id=run_id, month=month
        )
    explainer = _Explainer(settings, findings)
    tell(f"page of {month:%Y-%m}: {len(findings.registry)} model versions known")
    page = _write_page(settings, findings, explainer)
    cards = []
    for row in findings.of_run().to_dict("records"):
        folder = settings.places.root / str(row["artifact_path"])
        if not folder.is_dir():
            tell(f"no card of {row['model_version']}: its folder is not there")
            continue
        found = explainer.of(row)
        content = card_content(_named(row), findings, settings, found)
        drawn = card_pictures(_named(row), findings, found)
        cards.append(write_card(folder, content, drawn))
    tell(f"{len(cards)} model cards written")
    return ReportPaths(page, tuple(cards))


class _Explainer:
    """SHAP values of a run's models, on rows they had not learnt from."""

    def __init__(self, settings: Settings, findings: Findings) -> None:
        self.settings = settings
        self.findings = findings
        self.why_not = ""
        self._known: dict[tuple[str, str], Contributions | None] = {}

    def newest(self) -> Contributions | None:
        """Explain the newest boosted trees, those in force where they have a part."""
        version = self.findings.in_force[0] if self.findings.in_force else ""
        rows = self.findings.of_purpose("pd").to_dict("records")
        rows.sort(key=lambda row: row["model_version"] != version)
        for row in rows:
            if (found := self.of(row)) is not None:
                return found
        self.why_not = self.why_not or "no boosted trees are registered"
        return None

    def of(self, row: Mapping[Any, Any]) -> Contributions | None:
        """Explain the trees of one version; None where it has none, or no rows."""
        place = (str(row["purpose"]), str(row["first_month_predicted"]))
        folder = self.settings.places.root / str(row["artifact_path"])
        trees = folder / "xgboost"
        if row["algorithm"] == "logit" or not (trees / MODEL_FILE).is_file():
            return None
        # Blend and trees of one fold share their booster.
        if place not in self._known:
            self._known[place] = self._explained(row, trees, folder / "encoding.json")
        return self._known[place]

    def _explained(
        self, row: Mapping[Any, Any], trees: Path, encoding_file: Path
    ) -> Contributions | None:
        try:
            encoding = Encoding.from_json(json.loads(encoding_file.read_text()))
            x = self._rows(row, encoding)
            names, seed = encoding.names, int(row["seed"])
            return contributions(Trees.load(trees).booster, x, names, seed=seed)
        except (ComoveError, OSError, ValueError, KeyError, duckdb.Error) as error:
            self.why_not = str(error).splitlines()[0]
            return None

    def _rows(self, row: Mapping[Any, Any], encoding: Encoding) -> Any:
        """Draw rows of the first month this version predicts, or of the last before."""
        purpose = str(row["purpose"])
        name = BORROWER_MONTHS if purpose == "pd" else APPLICATIONS
        column = "month" if purpose == "pd" else "cohort_month"
        file = run_folder(self.settings, self.findings.run_id) / name
        if not file.is_file():
            raise FileNotFoundError("the exported features of the run are gone")
        source = f"read_parquet({literal(file)})"
        first = f"date {literal(pd.Timestamp(row['first_month_predicted']).date())}"
        key = "borrower_key" if purpose == "pd" else "application_key"
        relation = f"""
            select * from {source}
            where {column} = (
                select max({column}) from {source} where {column} <= {first}
            )
            order by hash({key}, {int(row["seed"])}) limit {MOST_ROWS}
        """  # noqa: S608 - SQL of our own files
        with duckdb.connect(config=duckdb_config(self.settings)) as connection:
            return read_matrix(connection, relation, encoding, label=None).x


def _write_page(settings: Settings, findings: Findings, explainer: _Explainer) -> Path:
    found = explainer.newest()
    heading = Heading(
        title="Risk models",
        portfolio=findings.portfolio,
        run_id=findings.run_id,
        month=findings.month,
        model_version=findings.in_force[0] if findings.in_force else None,
        versions=frozenset(findings.registry["model_version"]),
    )
    folder = settings.places.reports / "risk_model" / f"{findings.month:%Y-%m}"
    told = _application_parameters(settings, findings)
    sections = all_sections(findings, found, explainer.why_not, told)
    return write_page(folder, heading, sections)


def _application_parameters(settings: Settings, findings: Findings) -> dict[str, Any]:
    """Read what the newest application model's record tells of its features."""
    for row in findings.of_purpose("application").to_dict("records"):
        try:
            record = read_record(settings.places.root / str(row["artifact_path"]))
        except ComoveError as error:
            LOG.info("no record of %s: %s", row["model_version"], error)
            continue
        return dict(record.parameters)
    return {}


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}
