import datetime as dt
import hashlib
import json
from pathlib import Path

import duckdb
import pytest
from pyarrow import parquet as pq

from comove.errors import SettingsError
from comove.settings import Settings
from comove.simulation import lender, simulate
from comove.simulation.delivery import schema


def contents(home: Path) -> dict[str, str]:
    return {
        str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in ("landing", "truth")
        for file in sorted((home / folder).rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_in_one_process_and_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lender, "BLOCK", 300)
    for processes in (1, 2):
        home = Settings(home=tmp_path / str(processes))
        simulate(home, borrowers=1_300, months=14, processes=processes)

    alone, together = contents(tmp_path / "1"), contents(tmp_path / "2")

    assert len(alone) > 50
    assert alone == together


def test_another_seed_gives_other_borrowers(tmp_path: Path) -> None:
    for seed in (1, 2):
        settings = Settings(home=tmp_path / str(seed))
        simulate(settings, borrowers=200, months=6, seed=seed)

    first, second = (contents(tmp_path / str(seed)) for seed in (1, 2))

    name = "landing/borrowers/part-00000.parquet"
    assert first[name] != second[name]


def test_a_block_does_not_depend_on_how_many_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lender, "BLOCK", 300)
    for borrowers in (300, 600):
        settings = Settings(home=tmp_path / str(borrowers))
        simulate(settings, borrowers=borrowers, months=8)

    small, large = contents(tmp_path / "300"), contents(tmp_path / "600")

    landed = {name for name in small if name.startswith("landing")}
    assert {small[name] for name in landed} == {large[name] for name in landed}


def test_columns_have_exactly_the_types_of_the_contract(clean_home: Path) -> None:
    for folder in (clean_home / "landing").iterdir():
        for file in folder.iterdir():
            assert pq.read_schema(file) == schema(folder.name)


def test_decimals_are_read_by_duckdb_as_the_contract_says(
    clean: duckdb.DuckDBPyConnection,
) -> None:
    types = clean.sql("select typeof(principal), typeof(disbursed_on) from loans limit 1")

    assert types.fetchall() == [("DECIMAL(18,2)", "DATE")]


def test_the_same_lender_is_not_simulated_twice(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = simulate(settings, borrowers=100, months=6)
    before = (tmp_path / "simulation.json").stat().st_mtime_ns

    second = simulate(settings, borrowers=100, months=6)

    assert not first.already_there
    assert second.already_there
    assert second.rows == first.rows
    assert second.last_month == dt.date(2022, 6, 1)
    assert (tmp_path / "simulation.json").stat().st_mtime_ns == before


def test_another_lender_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    simulate(settings, borrowers=100, months=6)

    with pytest.raises(SettingsError, match="another lender"):
        simulate(settings, borrowers=101, months=6)

    assert simulate(settings, borrowers=101, months=6, replace=True).borrowers == 101


def test_a_lenders_own_files_are_never_removed(tmp_path: Path) -> None:
    file = tmp_path / "landing" / "loans" / "mine.csv"
    file.parent.mkdir(parents=True)
    file.write_text("loan_id\n1\n")

    with pytest.raises(SettingsError, match="another lender"):
        simulate(Settings(home=tmp_path), borrowers=100, months=6)

    assert file.is_file()


def test_an_interrupted_simulation_leaves_no_trace_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(settings, borrowers=100, months=6, progress=stop)

    assert not (tmp_path / "landing").exists()
    assert simulate(settings, borrowers=100, months=6).borrowers == 100
    assert not (tmp_path / "simulation.partial").exists()


def test_the_record_tells_the_last_month_outside_the_truth(clean_home: Path) -> None:
    record = json.loads((clean_home / "simulation.json").read_text())

    assert record["last_month"] == "2024-12-01"
    assert record["parameters"]["borrowers"] == 8_000
    assert record["parameters"]["seed"] == Settings().seed


def test_progress_counts_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lender, "BLOCK", 50)
    seen: list[tuple[int, int]] = []

    simulate(
        Settings(home=tmp_path),
        borrowers=120,
        months=4,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("borrowers", "months", "start"),
    [
        (0, 6, dt.date(2022, 1, 1)),
        (5, 0, dt.date(2022, 1, 1)),
        (5, 6, dt.date(2022, 1, 2)),
    ],
)
def test_impossible_sizes_are_refused(
    tmp_path: Path, borrowers: int, months: int, start: dt.date
) -> None:
    with pytest.raises(SettingsError, match="cannot be simulated"):
        simulate(Settings(home=tmp_path), borrowers=borrowers, months=months, start=start)


@pytest.mark.parametrize("months", [1, 2, 5])
@pytest.mark.parametrize("borrowers", [1, 30])
def test_tiny_lenders_work(tmp_path: Path, borrowers: int, months: int) -> None:
    report = simulate(Settings(home=tmp_path), borrowers=borrowers, months=months)

    assert report.rows["borrowers"] == borrowers
