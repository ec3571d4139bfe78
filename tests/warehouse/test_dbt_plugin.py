"""The key of the id hashes: where it comes from, and what it makes."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comove.home import Home
from comove.warehouse.dbt_plugin import hmac_pads
from comove.warehouse.id_key import KEY_VARIABLE, id_key


@given(key=st.binary(max_size=200), text=st.binary(max_size=200))
def test_the_pads_make_hmac_sha256(key: bytes, text: bytes) -> None:
    inner, outer = hmac_pads(key)
    made = hashlib.sha256(outer + hashlib.sha256(inner + text).digest()).hexdigest()
    assert made == hmac.new(key, text, "sha256").hexdigest()


def test_the_key_is_the_secret_of_the_home_the_warehouse_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    home = Home(tmp_path)
    assert id_key(str(home.warehouse)) == home.secret("id_key").encode()


def test_the_environment_may_say_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "of the lender")
    assert id_key(str(Home(tmp_path).warehouse)) == b"of the lender"


def test_a_warehouse_in_memory_gets_a_key_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert id_key(":memory:") != id_key(":memory:")
