"""Proxy keys looked up, and remembered for a while."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from guard.access import keyring as keyring_module
from guard.access.keyring import Keyring
from guard.access.keys import Key, new_key
from guard.errors import AccessError


class InMemory:
    """A store that counts how often it is asked, and can be away."""

    def __init__(self, *keys: Key) -> None:
        self.keys = {key.id: key for key in keys}
        self.asked = 0
        self.away = False

    def get(self, id_: str) -> Key | None:
        self.asked += 1
        if self.away:
            raise OSError("gone")
        return self.keys.get(id_)

    def add(self, key: Key) -> None:
        self.keys[key.id] = key

    def all(self) -> list[Key]:
        return list(self.keys.values())

    def revoke(self, id_: str, at: datetime) -> bool:
        self.keys[id_] = replace(self.keys[id_], revoked=at)
        return True


async def test_a_key_is_looked_up_once_in_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = new_key("app")
    store = InMemory(key)
    ring = Keyring(store)
    for _ in range(20):
        assert await ring.find(token) is key
    for _ in range(20):
        with pytest.raises(AccessError, match="wrong"):
            await ring.find("ng-" + "0" * 12 + "-secret")
    assert store.asked == 2
    with pytest.raises(AccessError):
        await ring.find("no key at all")
    assert store.asked == 2, "what has not the form of a key is not looked up"
    monkeypatch.setattr(keyring_module, "_FRESH", 0.0)
    store.revoke(key.id, datetime.now(UTC))
    with pytest.raises(AccessError, match="revoked") as caught:
        await ring.find(token)
    assert caught.value.status == 401


async def test_a_burst_asks_the_store_once() -> None:
    token, key = new_key("app")

    class Slow(InMemory):
        def get(self, id_: str) -> Key | None:
            time.sleep(0.05)
            return super().get(id_)

    store = Slow(key)
    ring = Keyring(store)
    found = await asyncio.gather(*(ring.find(token) for _ in range(400)))
    assert set(found) == {key}
    assert store.asked == 1


async def test_while_the_store_is_away_known_keys_stay_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = new_key("app")
    other, unknown = new_key("other")
    store = InMemory(key, unknown)
    ring = Keyring(store)
    await ring.find(token)
    monkeypatch.setattr(keyring_module, "_FRESH", 0.0)
    store.away = True
    assert await ring.find(token) is key
    with pytest.raises(AccessError) as caught:
        await ring.find(other)
    assert (caught.value.status, caught.value.code) == (503, "keys_unavailable")
    store.away = False
    assert await ring.find(other) is unknown


async def test_a_wrong_secret_of_a_right_id() -> None:
    token, key = new_key("app")
    with pytest.raises(AccessError) as caught:
        await Keyring(InMemory(key)).find(token[:-2] + "xx")
    assert caught.value.status == 401
