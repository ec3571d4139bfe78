"""Which fits a run needs, and when one is used again or sampled longer."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.joint_risk.made_posterior import GOOD, made_posterior
from tests.joint_risk.simulated_panel import Design, count, planted

from comove.joint_risk import fit as fit_module
from comove.joint_risk.evidence import Evidence
from comove.joint_risk.fit import VARIANTS, Fitter, Wanted, panel_hash, wanted_fits
from comove.joint_risk.panel import Panel
from comove.joint_risk.posterior import read_draws
from comove.joint_risk.sampler import Posterior, Quality, Variant
from comove.settings import Settings

DESIGN = Design(regions=3, industries=2, months=4)
MONTH = dt.date(2020, 4, 1)
WANTED = Wanted(MONTH, Variant(), "published")


class Sampled:
    """Stands in for `Sampler`: hands out posteriors, and counts how often."""

    def __init__(self, *qualities: Quality) -> None:
        self._left = list(qualities)
        self.asked: list[tuple[Variant, int]] = []

    def fit(self, evidence: Evidence, variant: Variant, *, longer: int = 1) -> Posterior:
        self.asked.append((variant, longer))
        return made_posterior(self._left.pop(0), draws=200 * longer)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def panel() -> Panel:
    return count(planted(DESIGN, seed=1), DESIGN, seed=1)


def fitter(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *qualities: Quality
) -> tuple[Fitter, Sampled]:
    sampled = Sampled(*qualities)
    monkeypatch.setattr(fit_module, "Sampler", lambda *_: sampled)
    return Fitter(settings), sampled


def test_a_posterior_that_is_there_is_used_again(
    settings: Settings, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, sampled = fitter(settings, monkeypatch, GOOD)
    one = first.fit(panel, WANTED)
    other = first.fit(panel, replace(WANTED, role="validation"))
    assert len(sampled.asked) == 1
    assert other == replace(one, role="validation")
    assert read_draws(settings.places.root / one.artifact_path).count == 200


def test_other_counts_another_model_or_other_settings_are_fitted_anew(
    settings: Settings, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, sampled = fitter(settings, monkeypatch, GOOD, GOOD, GOOD)
    names = {mine.fit(panel, WANTED).model_version}
    events = np.where(np.arange(len(panel.n)) == 0, panel.n, panel.events)
    names.add(mine.fit(replace(panel, events=events), WANTED).model_version)
    single = replace(WANTED, variant=Variant(factors="single"))
    names.add(mine.fit(panel, single).model_version)
    wider = settings.model_copy(update={"joint_prior_national_loading": 0.3})
    others, again = fitter(wider, monkeypatch, GOOD)
    names.add(others.fit(panel, WANTED).model_version)
    assert len(names) == 4
    assert len(sampled.asked) + len(again.asked) == 4


def test_a_fit_the_gate_would_refuse_is_sampled_longer_once(
    settings: Settings, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = replace(GOOD, divergences=3)
    mine, sampled = fitter(settings, monkeypatch, bad, GOOD)
    found = mine.fit(panel, WANTED)
    assert [longer for _, longer in sampled.asked] == [1, 2]
    assert found.divergences == 0
    assert found.draws == 200


def test_a_fit_refused_twice_is_kept_with_its_figures(
    settings: Settings, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = replace(GOOD, ess_bulk=12.0)
    mine, sampled = fitter(settings, monkeypatch, bad, bad)
    assert mine.fit(panel, WANTED).ess_bulk == 12.0
    assert len(sampled.asked) == 2


def test_name_tells_model_and_month(
    settings: Settings, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, _ = fitter(settings, monkeypatch, GOOD)
    student = replace(WANTED, variant=Variant("student_t", "single"))
    assert mine.fit(panel, student).model_version.startswith("copula-t-single-2020-04-")


@pytest.mark.parametrize(
    "change",
    [
        {"regions": ("a", "b", "c")},
        {"months": tuple(dt.date(2021, month, 1) for month in range(1, 5))},
    ],
)
def test_names_and_months_are_part_of_the_hash(
    panel: Panel, change: dict[str, Any]
) -> None:
    assert panel_hash(replace(panel, **change)) != panel_hash(panel)


def test_the_order_of_rows_and_last_digits_of_margins_are_not_part_of_it(
    panel: Panel,
) -> None:
    order = np.random.default_rng(1).permutation(len(panel.n))
    names = ("region", "industry", "month", "pd", "n", "events")
    arrays = {name: getattr(panel, name)[order] for name in names}
    arrays["pd"] = arrays["pd"] * (1 + 1e-14)
    assert panel_hash(replace(panel, **arrays)) == panel_hash(panel)


def test_a_run_needs_its_month_the_one_before_and_their_rivals() -> None:
    settings = Settings(joint_validation_months=2)
    found = wanted_fits(settings, MONTH, Variant(), dt.date(2019, 1, 1))
    assert found[0] == WANTED
    months = [dt.date(2020, 3, 1), dt.date(2020, 2, 1)]
    expected = {(month, variant) for month in months for variant in VARIANTS.values()}
    assert {(one.as_of, one.variant) for one in found[1:]} == expected
    assert len(found) == 1 + len(expected)


def test_without_validation_only_the_month_before_is_needed() -> None:
    settings = Settings(joint_validation_months=0)
    found = wanted_fits(settings, MONTH, Variant(), dt.date(2019, 1, 1))
    assert [one.as_of for one in found] == [MONTH, dt.date(2020, 3, 1)]


def test_no_fit_ends_before_the_first_month() -> None:
    settings = Settings(joint_validation_months=12)
    found = wanted_fits(settings, MONTH, Variant(), dt.date(2020, 3, 1))
    assert min(one.as_of for one in found) == dt.date(2020, 3, 1)
