"""Where proxy keys are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from guard.access.keys import new_key
from guard.access.store import KeyStore, open_keys
from guard.errors import SettingsError


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    if request.param == "sqlite":
        return open_keys(f"sqlite:///{tmp_path}/keys.db")
    server = request.getfixturevalue("postgres" if request.param == "postgres" else "redis_server")
    return open_keys(server.url)


def test_stores_keep_all_of_a_key_and_nothing_of_its_secret(store: KeyStore) -> None:
    expires = datetime.now(UTC) + timedelta(days=1)
    token, key = new_key("Ann's app", policy="strict", models=("a*",), per_minute=3, concurrent=2, expires=expires)
    store.add(key)
    assert store.get(key.id) == key
    assert key in store.all()
    assert store.get("0" * 12) is None
    assert store.revoke(key.id, datetime.now(UTC))
    assert not store.revoke(key.id, datetime.now(UTC)), "once is enough"
    assert not store.revoke("0" * 12, datetime.now(UTC))
    kept = store.get(key.id)
    assert kept is not None
    assert kept.ended(datetime.now(UTC)) == "revoked"
    assert token.rpartition("-")[2] not in json.dumps([repr(key) for key in store.all()])


@pytest.mark.parametrize("url", ["nonsense", "redis://127.0.0.1:1/0", "sqlite:////no/such/folder/k.db"])
def test_stores_that_cannot_be_used(url: str) -> None:
    with pytest.raises(SettingsError, match="keys: "):
        open_keys(url)
