import stat
from pathlib import Path

import pytest

from comove.home import Home, project_root, write_secret
from comove.settings import Settings


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    made = home.secret("id_key")
    assert home.secret("id_key") == made
    mode = stat.S_IMODE((tmp_path / "secrets" / "id_key").stat().st_mode)
    assert mode == 0o600


def test_an_operators_own_secret_is_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "id_key").write_text("our own\n")
    assert Home(tmp_path).secret("id_key") == "our own"


def test_a_secret_is_never_seen_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_handle: int) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", crash)
        with pytest.raises(OSError, match="full"):
            Home(tmp_path).secret("id_key")
    assert list((tmp_path / "secrets").iterdir()) == []
    assert len(Home(tmp_path).secret("id_key")) == 64


def test_of_two_who_make_a_secret_at_once_the_first_is_heard(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "id_key"
    write_secret(file, "first")
    write_secret(file, "second")
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("folder", ["warehouse", "scratch"])
def test_only_its_owner_enters_a_folder_that_holds_names(
    tmp_path: Path, folder: str
) -> None:
    Home(tmp_path / "home").make()
    assert stat.S_IMODE((tmp_path / "home" / folder).stat().st_mode) == 0o700


def test_the_home_of_a_portfolio_is_named_after_it() -> None:
    settings = Settings(portfolio="sba_7a", home=None)
    assert settings.places.root == project_root() / ".comove" / "sba_7a"


def test_files_are_read_from_landing_unless_a_folder_is_given(tmp_path: Path) -> None:
    assert Settings(home=tmp_path, data=None).data_folder == tmp_path / "landing"
    assert Settings(home=tmp_path, data=tmp_path / "in").data_folder == tmp_path / "in"


def test_settings_come_from_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("COMOVE_EVENT_DPD_DAYS", "60")
    assert Settings().event_dpd_days == 60


@pytest.mark.parametrize("name", ["COMOVE_HOME", "COMOVE_DATA"])
def test_an_empty_folder_in_the_environment_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("COMOVE_HOME", raising=False)
    monkeypatch.delenv("COMOVE_DATA", raising=False)
    plain = Settings()
    monkeypatch.setenv(name, "")
    assert Settings() == plain
