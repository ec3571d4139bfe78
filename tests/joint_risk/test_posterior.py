"""A posterior goes to disk and comes back."""

from dataclasses import fields, replace
from pathlib import Path

import arviz as az
import numpy as np
import pytest
from tests.joint_risk.made_posterior import GOOD, made_posterior

from comove.joint_risk.posterior import (
    DRAWS,
    KEPT_DRAWS,
    TRACE,
    PosteriorError,
    read_draws,
    read_quality,
    read_record,
    read_summary,
    read_trace,
    write_posterior,
)
from comove.joint_risk.summary import factor_table

RECORD = {"as_of_month": "2024-06-01", "seed": 7}


@pytest.mark.parametrize("nu", [None, 6.0])
def test_draws_come_back_in_single_precision(tmp_path: Path, nu: float | None) -> None:
    given = made_posterior(nu=nu)
    write_posterior(tmp_path / "one", given, RECORD)
    found = read_draws(tmp_path / "one")
    for field in fields(found):
        one, other = getattr(found, field.name), getattr(given.draws, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_allclose(one, other, rtol=1e-6)
        else:
            assert one == other


def test_of_many_draws_a_thousand_are_kept_evenly(tmp_path: Path) -> None:
    given = made_posterior(draws=3000)
    write_posterior(tmp_path / "one", given, RECORD)
    found = read_draws(tmp_path / "one")
    assert found.count == KEPT_DRAWS
    np.testing.assert_allclose(
        found.loading_national, given.draws.loading_national[::3], rtol=1e-6
    )


@pytest.mark.parametrize("chains", [2, 3, 6, 7])
def test_every_chain_keeps_as_many_draws(tmp_path: Path, chains: int) -> None:
    made = made_posterior(draws=chains * 400)
    given = replace(made, chains=chains)
    write_posterior(tmp_path / "one", given, RECORD)
    found = read_draws(tmp_path / "one")
    assert found.count == chains * min(1000 // chains, 400)
    # The first kept of each chain is its first.
    firsts = found.loading_national.reshape(chains, -1)[:, 0]
    np.testing.assert_allclose(firsts, given.draws.loading_national[::400], rtol=1e-6)
    assert len(factor_table(found, chains)) > 0


def test_the_summary_is_of_all_draws(tmp_path: Path) -> None:
    given = made_posterior(draws=3000)
    write_posterior(tmp_path / "one", given, RECORD)
    summary = read_summary(tmp_path / "one")
    assert summary is not None
    row = summary.set_index("parameter").loc["loading_national"]
    values = given.draws.loading_national
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
    chained = values.reshape(given.chains, -1)
    expected = float(az.ess(chained, method="bulk", chain_axis=0, draw_axis=1))
    assert row["ess_bulk"] == pytest.approx(expected)
    assert expected > KEPT_DRAWS


def test_a_summary_of_draws_that_chains_do_not_divide(tmp_path: Path) -> None:
    draws = made_posterior(draws=1000).draws
    found = factor_table(draws, 3).set_index("parameter")
    assert found.loc["loading_national", "r_hat"] == pytest.approx(1, abs=0.02)


def test_trace_keeps_parameters_by_chain_and_leaves_paths_to_the_draws(
    tmp_path: Path,
) -> None:
    given = made_posterior()
    write_posterior(tmp_path / "one", given, RECORD)
    trace = read_trace(tmp_path / "one")
    np.testing.assert_allclose(
        trace["loading_region"], given.trace["loading_region"], rtol=1e-6
    )
    np.testing.assert_allclose(trace["energy"], given.energy, rtol=1e-6)
    assert "level" not in trace


def test_record_tells_how_it_was_made_and_sampled(tmp_path: Path) -> None:
    write_posterior(tmp_path / "one", made_posterior(), RECORD)
    record = read_record(tmp_path / "one")
    assert record is not None
    assert record.items() >= RECORD.items()
    assert read_quality(record) == GOOD


def test_writing_again_replaces(tmp_path: Path) -> None:
    write_posterior(tmp_path / "one", made_posterior(draws=200), RECORD)
    write_posterior(tmp_path / "one", made_posterior(draws=100), RECORD)
    assert read_draws(tmp_path / "one").count == 100
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("lost", [DRAWS, TRACE, "record.json"])
def test_a_posterior_that_is_not_whole_is_none(tmp_path: Path, lost: str) -> None:
    write_posterior(tmp_path / "one", made_posterior(), RECORD)
    files = [one.name for one in (tmp_path / "one").iterdir()]
    (tmp_path / "one" / (lost if lost in files else _record(files))).unlink()
    assert read_record(tmp_path / "one") is None


def _record(files: list[str]) -> str:
    return next(name for name in files if name.endswith(".json"))


@pytest.mark.parametrize("content", [b"", b"CDF\x01 cut off"])
def test_a_broken_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    write_posterior(tmp_path / "one", made_posterior(), RECORD)
    (tmp_path / "one" / DRAWS).write_bytes(content)
    with pytest.raises(PosteriorError, match="fitted anew"):
        read_draws(tmp_path / "one")


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PosteriorError, match="fitted anew"):
        read_trace(tmp_path / "none")
