"""What the pictures of joint risk show, and what they say when there is nothing."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.joint_risk import published_joint as published

from comove.joint_risk import joint_pictures as portfolio
from comove.joint_risk import joint_pictures_outcome as outcome
from comove.joint_risk import joint_pictures_posterior as posterior
from comove.joint_risk.posterior import read_trace
from comove.joint_risk.report_facts import Event, pooled_skill
from comove.risk_model.canvas import as_data_uri
from comove.settings import Settings

NOTHING = pd.DataFrame()
ORIGIN = "run r · month 2020-04 · model m"


def texts(figure) -> str:
    axes = [text.get_text() for one in figure.axes for text in one.texts]
    titles = [one.get_title(loc="left") for one in figure.axes]
    return " | ".join([*axes, *titles])


def lines(axes) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata(), float) for line in axes.lines]


def an_event(cells: int) -> Event:
    frame = pd.DataFrame(
        {
            "region": [f"region {i % 7}" for i in range(cells)],
            "industry": [f"industry {i // 7}" for i in range(cells)],
            "debtors": np.arange(cells) + 1,
            "exposure": 100.0 * (np.arange(cells) + 1),
            "lift": 3.0 - 0.01 * np.arange(cells),
            "joint_risk_index": 2.0,
            "expected_events": 0.1,
        }
    )
    place = ("region 0", "industry 0")
    return Event(*place, dt.date(2020, 4, 1), cells, frame["exposure"].sum(), frame)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(portfolio="simulated", home=tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(
    "draw",
    [
        lambda s: posterior.paths_picture(NOTHING, ORIGIN),
        lambda s: posterior.loadings_picture(NOTHING, ORIGIN),
        lambda s: posterior.chains_picture(None, "gone", ORIGIN),
        lambda s: posterior.priors_picture(None, s, "gone", ORIGIN),
        lambda s: portfolio.index_picture({"region": NOTHING}, ORIGIN),
        lambda s: portfolio.concentration_picture(NOTHING, ORIGIN),
        lambda s: portfolio.correlation_picture(NOTHING, ORIGIN),
        lambda s: portfolio.network_picture(None, ORIGIN),
        lambda s: outcome.outcomes_picture(NOTHING, ORIGIN),
        lambda s: outcome.skill_picture(NOTHING, NOTHING, ORIGIN),
        lambda s: outcome.loss_picture(NOTHING, NOTHING, ORIGIN),
    ],
)
def test_what_cannot_be_drawn_says_why(draw, settings) -> None:
    figure = draw(settings)

    assert "not available: " in texts(figure)
    assert not figure.axes[0].axison


def test_paths_are_the_posterior_means_with_their_bands() -> None:
    factors = published.factors()
    national = factors[factors["parameter"] == "factor_national"]

    figure = posterior.paths_picture(factors, ORIGIN)

    top = figure.axes[0]
    np.testing.assert_allclose(lines(top)[1], national["mean"])
    band = top.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(national["q05"].min())
    assert band.max() == pytest.approx(national["q95"].max())


def test_the_groups_with_the_largest_loadings_have_their_paths_shown() -> None:
    factors = published.factors()
    loadings = factors[factors["parameter"] == "loading_region"]
    largest = loadings.nlargest(3, "mean")["group_name"].tolist()

    figure = posterior.paths_picture(factors, ORIGIN)

    titles = [one.get_title(loc="left") for one in figure.axes[1:4]]
    assert [title.split(",")[0] for title in titles] == largest


def test_one_factor_has_a_path_and_a_loading_and_no_groups() -> None:
    factors = published.factors()
    single = factors[factors["group_name"].isna()]

    assert len(posterior.paths_picture(single, ORIGIN).axes) == 1
    assert len(posterior.loadings_picture(single, ORIGIN).axes) == 1


def test_loadings_are_ordered_with_the_largest_on_top() -> None:
    factors = published.factors()
    shown = factors[factors["parameter"] == "loading_industry"].sort_values("mean")

    figure = posterior.loadings_picture(factors, ORIGIN)

    right = figure.axes[1]
    points = next(line for line in right.lines if line.get_marker() == "o")
    np.testing.assert_allclose(points.get_xdata(), shown["mean"])
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == shown["group_name"].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 12))
def test_ranks_of_all_chains_fill_every_band_alike(seed, chains, bands) -> None:
    draws = 60
    values = np.random.default_rng(seed).normal(size=(chains, draws))

    counts = posterior.rank_counts(values, bands)

    assert (counts.sum(axis=1) == draws).all()
    # Ranks are a permutation, so bands differ by one at most.
    assert np.ptp(counts.sum(axis=0)) <= 1


def test_a_chain_above_the_other_has_the_upper_ranks() -> None:
    values = np.stack([np.arange(40.0), 100 + np.arange(40.0)])

    counts = posterior.rank_counts(values, 4)

    assert counts.tolist() == [[20, 20, 0, 0], [0, 0, 20, 20]]


def test_prior_of_the_persistence_is_the_beta_of_the_settings(tmp_path, settings) -> None:
    published.trace(tmp_path / "p")
    found = posterior._priors_and_draws(read_trace(tmp_path / "p"), settings)
    prior, draws = found["Persistence, national"]

    alpha, beta = settings.joint_prior_phi_alpha, settings.joint_prior_phi_beta
    assert prior.mean() == pytest.approx(alpha / (alpha + beta), abs=1e-3)
    assert len(draws) == 400


def test_the_square_of_cells_is_drawn_as_given() -> None:
    names = ["a · x", "b · x", "b · y"]
    square = pd.DataFrame(
        [[0.2, 0.1, 0.05], [0.1, 0.25, 0.08], [0.05, 0.08, np.nan]], names, names
    )

    axes = portfolio.correlation_picture(square, ORIGIN).axes[0]

    mesh = axes.collections[0].get_array()
    np.testing.assert_allclose(mesh.filled(np.nan), square.to_numpy())
    assert [one.get_text() for one in axes.get_yticklabels()] == names


def test_the_network_keeps_the_strongest_cells_and_counts_the_rest() -> None:
    figure = portfolio.network_picture(an_event(40), ORIGIN)

    labels = [one for one in figure.axes[0].texts if "linked" in one.get_text()]
    assert len(labels) == portfolio.MOST_NODES + 1  # and the note
    assert "14 cells of weaker links are left out" in texts(figure)


def test_labels_of_the_network_do_not_share_a_place() -> None:
    figure = portfolio.network_picture(an_event(40), ORIGIN)

    places = [
        one.get_position()
        for one in figure.axes[0].texts
        if "lift" in one.get_text() and "\n" in one.get_text()
    ]
    assert len(set(places)) == portfolio.MOST_NODES


def test_a_default_with_one_linked_cell_is_drawn() -> None:
    uri = as_data_uri(portfolio.network_picture(an_event(1), ORIGIN))

    assert uri.startswith("data:image/svg+xml")


def test_realised_events_stand_beside_those_expected() -> None:
    validation = published.validation()

    top = outcome.outcomes_picture(validation, ORIGIN).axes[0]

    realised = next(line for line in top.lines if line.get_label() == "realised")
    assert realised.get_ydata().tolist() == [4, 5, 6, 7]


def test_the_tail_is_the_probability_of_a_loss_at_least_so_large() -> None:
    bins = published.loss_bins()
    factor = bins[bins["copula"] == "factor"]
    share = factor["share"].to_numpy()

    right = outcome.loss_picture(bins, NOTHING, ORIGIN).axes[1]

    expected = [share[i:].sum() for i in range(len(share))]
    np.testing.assert_allclose(lines(right)[0], expected)


def test_without_the_distribution_the_measures_are_drawn_with_their_error() -> None:
    losses = pd.DataFrame(
        {
            "copula": ["factor", "independent"],
            "measure": "var_99",
            "amount": [9e6, 6e6],
            "mc_error": [1e5, 1e5],
        }
    )

    axes = outcome.loss_picture(NOTHING, losses, ORIGIN).axes[0]

    assert "was not kept" in axes.get_xlabel()
    assert sorted(float(one.lines[0].get_xdata()[0]) for one in axes.containers) == [6, 9]


def test_pooled_skill_is_the_saved_share_of_all_log_loss() -> None:
    """Against summing borrower by borrower."""
    validation = published.validation()
    ours = validation[validation["model"] == "factor_copula"]
    base = validation[validation["model"] == "independent"]
    each = np.repeat(base["log_loss"].to_numpy(), base["n"])
    kept = np.repeat(ours["log_loss"].to_numpy(), ours["n"])

    row = pooled_skill(validation).set_index("model").loc["factor_copula"]

    assert row["skill"] == pytest.approx(1 - kept.sum() / each.sum())
    assert row["log_loss"] == pytest.approx(kept.mean())
    assert (row["months"], row["events"], row["better_months"]) == (4, 22, 4)


def test_the_error_of_pooled_skill_is_that_of_leaving_months_out() -> None:
    """Against the jackknife over months, another estimator of the same error."""
    rng = np.random.default_rng(3)
    months = [dt.date(2000 + i // 12, i % 12 + 1, 1) for i in range(60)]
    base, saved = rng.uniform(0.01, 0.03, 60), rng.normal(0.01, 0.02, 60)
    frame = pd.DataFrame({"month": months, "n": 1000, "events": 10})
    validation = pd.concat(
        [
            frame.assign(model="independent", log_loss=base),
            frame.assign(model="factor_copula", log_loss=base * (1 - saved)),
        ]
    )

    row = pooled_skill(validation).set_index("model").loc["factor_copula"]

    gain = base * saved
    left_out = (gain.sum() - gain) / (base.sum() - base)
    jackknife = np.sqrt(59 / 60 * np.square(left_out - left_out.mean()).sum())
    assert row["skill_se"] == pytest.approx(jackknife, rel=0.03)


def test_only_months_both_models_have_are_pooled() -> None:
    validation = published.validation()
    first = validation["month"] == validation["month"].min()
    without = validation[~(first & (validation["model"] == "independent"))]

    row = pooled_skill(without).set_index("model").loc["factor_copula"]

    assert row["months"] == 3


def test_one_month_has_no_error_and_nothing_gives_nothing() -> None:
    validation = published.validation()
    first = validation[validation["month"] == validation["month"].min()]

    assert pooled_skill(first)["skill_se"].isna().all()
    assert pooled_skill(NOTHING).empty
