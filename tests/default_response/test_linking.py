"""Which debtors are linked to an event, and how near the grid comes to the exact link."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm
from tests.default_response.conftest import find, link
from tests.default_response.small_bank import Index, like_a_ring, links
from tests.joint_risk.made_draws import made_draws

from comove.default_response.linking import LinkSource
from comove.default_response.scratch import ResponseError, run_folder
from comove.joint_risk.link import EventLinker, EventLinks
from comove.settings import Settings

NO_THRESHOLDS = {"response_min_lift": 0.01, "response_index_threshold": 0.01}


def linked(settings: Settings) -> pd.DataFrame:
    """Every pair of event and debtor, with what a link is made of."""
    folder = run_folder(settings, "run")
    found = pd.read_parquet(
        folder / "events.parquet", columns=["event_id", "region", "industry"]
    )
    groups = pd.read_parquet(folder / "event_groups.parquet")
    pairs = found.merge(groups).merge(pd.read_parquet(folder / "links.parquet"))
    debtors = pd.read_parquet(folder / "debtors.parquet")
    return pairs.merge(debtors, on="borrower_key", suffixes=("_a", "_b"))


def test_debtors_above_the_threshold_are_linked(bank: Settings) -> None:
    find(bank)
    report = link(bank)
    # Four events and twenty debtors: five each in the same cell, region, industry, none.
    assert (report.initial_links, report.links) == (80, 60)
    assert linked(bank).joint_risk_index.min() >= bank.response_index_threshold


def test_a_lift_that_is_not_sure_is_no_link(bank: Settings) -> None:
    find(bank)
    report = link(bank, links(sure=0.94))
    assert (report.initial_links, report.links) == (0, 0)
    assert link(bank, links(sure=0.96)).links == 60


def test_a_link_on_the_threshold_is_one(bank: Settings) -> None:
    find(bank)
    assert link(bank, links(lambda *_: 1.25)).links == 80
    assert link(bank, links(lambda *_: 1.2499)).links == 0


def lift_of_strangers(lift: float) -> Index:
    """2 for who shares region or industry, `lift` for who shares nothing."""

    def of(region_a: str, industry_a: str, region_b: str, industry_b: str) -> float:
        shares = region_a == region_b or industry_a == industry_b
        return 2.0 if shares else lift

    return of


def test_who_shares_nothing_is_linked_only_if_his_lift_says_so(bank: Settings) -> None:
    find(bank)
    # Worse months than foreseen: everybody's index is high, that of strangers too.
    report = link(bank, links(lambda *_: 3.0, lift=lift_of_strangers(1.1499)))
    assert (report.initial_links, report.links) == (80, 60)
    pairs = linked(bank)
    assert len(pairs) == 60
    shared = (pairs.region_a == pairs.region_b) | (pairs.industry_a == pairs.industry_b)
    assert shared.all()
    assert link(bank, links(lambda *_: 3.0, lift=lift_of_strangers(1.1501))).links == 80


def test_events_of_one_cell_and_margin_are_worked_out_once(bank: Settings) -> None:
    find(bank)
    folder = run_folder(bank, "run")
    events = pd.read_parquet(folder / "events.parquet")
    many = pd.concat([events.assign(event_id=f"{n}") for n in range(50)])
    many["event_id"] = [f"e{n}" for n in range(len(many))]
    many.to_parquet(folder / "events.parquet")
    asked: list[str] = []
    source = links()

    def counted(region: str, industry: str, margin: float, z: np.ndarray) -> EventLinks:
        asked.append(region + industry)
        return source.links_of(region, industry, margin, z)

    report = link(bank, dataclasses.replace(source, links_of=counted))
    assert report.kinds_of_events == 4
    # At the two nodes either side of the margin of each.
    assert len(asked) == 8
    assert (report.events, report.links) == (200, 3000)


def test_too_many_links_are_refused_and_not_cut_off(bank: Settings) -> None:
    find(bank)
    narrow = bank.model_copy(update={"response_max_links": 59})
    with pytest.raises(ResponseError, match=r"more than 59 links.*Nothing was written"):
        link(narrow)
    assert not (run_folder(bank, "run") / "links.parquet").exists()


def test_cells_the_posterior_never_saw_take_its_last_places(bank: Settings) -> None:
    find(bank)
    folder = run_folder(bank, "run")
    debtors = pd.read_parquet(folder / "debtors.parquet").assign(region="west")
    debtors.to_parquet(folder / "debtors.parquet")
    assert link(bank).links == 0


def test_links_without_debtors_are_none(bank: Settings) -> None:
    find(bank)
    folder = run_folder(bank, "run")
    pd.read_parquet(folder / "debtors.parquet").head(0).to_parquet(
        folder / "debtors.parquet"
    )
    assert link(bank).links == 0


def exact_lift(draws, a: tuple[int, int, float], b: tuple[int, int, float]) -> float:
    """P(b | a) / P(b) a month ahead, from the bivariate normal of scipy, draw by draw."""
    both, one, other = [], [], []
    for d in range(draws.count):
        law = [_law(draws, d, *who) for who in (a, b)]
        (m_a, v_a, z_a), (m_b, v_b, z_b) = law
        shared = _shock(draws.loading_national[d], draws.phi_national[d])
        if a[0] == b[0]:
            shared += _shock(draws.loading_region[d, a[0]], draws.phi_region[d])
        if a[1] == b[1]:
            shared += _shock(draws.loading_industry[d, a[1]], draws.phi_industry[d])
        ends = np.array([(z_a + m_a) / v_a, (z_b + m_b) / v_b])
        rho = shared / (v_a * v_b)
        both.append(multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf(ends))
        one.append(norm.cdf(ends[0]))
        other.append(norm.cdf(ends[1]))
    return float(np.mean(both) / (np.mean(one) * np.mean(other)))


def _shock(loading: float, phi: float) -> float:
    return float(loading**2 * (1 - phi**2))


def _law(draws, d: int, r: int, s: int, pd_star: float) -> tuple[float, float, float]:
    """Mean and spread of the latent variable a month ahead, and its threshold."""
    l0, lr, ls = (
        draws.loading_national[d],
        draws.loading_region[d, r],
        draws.loading_industry[d, s],
    )
    p0, pr, ps = draws.phi_national[d], draws.phi_region[d], draws.phi_industry[d]
    mean = (
        draws.offset_region[d, r]
        + draws.offset_industry[d, s]
        + l0 * p0 * draws.national[d, -1]
        + lr * pr * draws.region[d, r, -1]
        + ls * ps * draws.industry[d, s, -1]
    )
    spread = 1 - l0**2 - lr**2 - ls**2 + _shock(l0, p0) + _shock(lr, pr) + _shock(ls, ps)
    return float(mean), float(np.sqrt(spread)), float(norm.ppf(pd_star))


def test_debtors_get_the_link_of_their_own_margin(bank: Settings) -> None:
    find(bank)
    folder = run_folder(bank, "run")
    debtors = pd.read_parquet(folder / "debtors.parquet")
    debtors["pd_star"] = np.geomspace(0.0005, 0.3, len(debtors))
    debtors.to_parquet(folder / "debtors.parquet")
    draws = dataclasses.replace(
        made_draws(regions=2, draws=60),
        regions=("north", "south"),
        industries=("retail", "trade"),
    )
    linker = EventLinker(draws, draws)
    source = LinkSource(linker.shape, linker.outlook.place, linker.links_from)
    loose = bank.model_copy(update=NO_THRESHOLDS)
    link(loose, source)
    found = linked(bank).set_index(["event_id", "borrower_key"])
    events = pd.read_parquet(folder / "events.parquet").to_dict("records")
    at = {"north": 0, "south": 1, "retail": 0, "trade": 1}
    used = draws.thinned(linker.outlook.count)
    for event in events[:2]:
        for debtor in debtors.iloc[[0, 7, 13, 19]].to_dict("records"):
            row = found.loc[(event["event_id"], debtor["borrower_key"])]
            exact = exact_lift(
                used,
                (at[event["region"]], at[event["industry"]], event["pd_star"]),
                (at[debtor["region"]], at[debtor["industry"]], debtor["pd_star"]),
            )
            assert row.link_lift == pytest.approx(exact, rel=0.003)


@pytest.mark.parametrize(("rho", "bound"), [(0.2, 0.002), (0.5, 0.004), (0.8, 0.007)])
def test_a_lift_is_as_near_as_is_said_at_any_margin_of_the_event(
    bank: Settings, rho: float, bound: float
) -> None:
    find(bank)
    folder = run_folder(bank, "run")
    made = made_draws(regions=2, draws=1, spread=0.0, sectors=False)
    draws = dataclasses.replace(
        made,
        regions=("north", "south"),
        industries=("retail", "trade"),
        loading_national=np.array([np.sqrt(rho)]),
        phi_national=np.zeros(1),
    )
    events = pd.read_parquet(folder / "events.parquet")
    # Half a step from a multiple of it, and half way between two nodes.
    events["pd_star"] = norm.cdf([-2.3474, -2.2526, -1.9526, -3.1474])
    events.to_parquet(folder / "events.parquet")
    debtors = pd.read_parquet(folder / "debtors.parquet")
    debtors["pd_star"] = np.geomspace(0.0005, 0.3, len(debtors))
    debtors.to_parquet(folder / "debtors.parquet")
    linker = EventLinker(draws, draws)
    loose = bank.model_copy(update=NO_THRESHOLDS)
    link(loose, LinkSource(linker.shape, linker.outlook.place, linker.links_from))
    found = linked(bank).merge(events[["event_id", "pd_star"]], on="event_id")
    exact = [
        exact_lift(draws, (0, 0, a), (1, 1, b))
        for a, b in zip(found.pd_star_y, found.pd_star_x, strict=True)
    ]
    furthest = np.abs(found.link_lift / exact - 1).max()
    assert furthest < bound


def test_a_ring_is_linked_by_what_it_shares(bank: Settings) -> None:
    find(bank)
    link(bank)
    pairs = linked(bank)
    same_region = pairs[pairs.region_a == pairs.region_b].joint_risk_index
    assert set(same_region.round(6)) == {5.0, 2.5}
    assert like_a_ring("n", "t", "s", "r") == 1.1
