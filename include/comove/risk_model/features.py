"""The features of each model, read from the dbt models, their one home."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import yaml

from comove.errors import SettingsError
from comove.home import project_root

Purpose = Literal["pd", "application", "overdue"]
FeatureKind = Literal["number", "category"]

_MODELS: dict[Purpose, str] = {
    "pd": "features/feat_borrower_month",
    "application": "features/feat_application",
    "overdue": "overdue/feat_overdue_case",
}


@dataclass(frozen=True)
class Feature:
    """One column a model may learn from.

    Parameters
    ----------
    name : str
        Of the column.
    kind : {"number", "category"}
        How it is encoded.
    direction : {-1, 0, 1}
        Sign of the probability of the event as the value grows; 0 where it is not known.
    about : str
        What it is, with its unit.
    """

    name: str
    kind: FeatureKind
    direction: int
    about: str


@cache
def load_features(purpose: Purpose) -> tuple[Feature, ...]:
    """Read the features of a model from the yml of its table.

    Parameters
    ----------
    purpose : {"pd", "application", "overdue"}
        Default within a month, the application score, or the type of an overdue borrower.

    Returns
    -------
    tuple of Feature
        In the order of the table's columns; keys and labels are left out.

    Raises
    ------
    SettingsError
        When a kind or direction is none of those known.
    """
    name = _MODELS[purpose]
    path = project_root() / "dbt_project" / "models" / f"{name}.yml"
    (model,) = yaml.safe_load(path.read_text())["models"]
    return tuple(
        _feature(name, column, meta)
        for column in model["columns"]
        if (meta := _meta(column)).get("feature") is not None
    )


def _meta(column: dict[str, Any]) -> dict[str, Any]:
    return dict(column.get("config", {}).get("meta", {}))


def _feature(model: str, column: dict[str, Any], meta: dict[str, Any]) -> Feature:
    kind, direction = meta["feature"], meta.get("direction", 0)
    if kind not in ("number", "category") or direction not in (-1, 0, 1):
        raise SettingsError(
            f"feature {column['name']} has kind {kind!r} and direction {direction!r}.",
            where=f"dbt_project/models/{model}.yml",
            remedy="Use kind number or category, and direction -1, 0 or 1.",
        )
    about = " ".join(column["description"].split())
    return Feature(column["name"], kind, direction, about)
