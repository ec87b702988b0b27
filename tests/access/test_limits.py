"""The limits of a key, in one process and shared."""

from __future__ import annotations

import asyncio
import time

import pytest

from guard.access.keys import Key, new_key
from guard.access.limits import Limits
from guard.errors import AccessError
from guard.stores.redis import Redis
from tests.services import RedisServer


async def _let_in(limits: Limits, key: Key, times: int) -> int:
    let_in = 0
    for _ in range(times):
        try:
            async with limits.held(key):
                let_in += 1
        except AccessError as error:
            if error.status != 429 or not 1 <= (error.retry_after or 0) <= 60:
                raise
    return let_in


async def test_limits_of_one_process() -> None:
    _, key = new_key("app", per_minute=5, concurrent=2)
    _, other = new_key("other", per_minute=5)
    limits = Limits()
    assert await _let_in(limits, key, 9) == 5
    assert await _let_in(limits, other, 3) == 3, "each key has its own"
    _, busy = new_key("busy", concurrent=2)
    async with limits.held(busy), limits.held(busy):
        assert await _let_in(limits, busy, 1) == 0
    assert await _let_in(limits, busy, 3) == 3


async def test_limits_that_processes_share(redis_server: RedisServer) -> None:
    one, two = Limits(Redis(redis_server.url)), Limits(Redis(redis_server.url))
    _, key = new_key("app", per_minute=6)
    assert await _let_in(one, key, 4) + await _let_in(two, key, 9) == 6
    _, busy = new_key("busy", concurrent=2)
    async with one.held(busy), two.held(busy):
        assert await _let_in(one, busy, 1) == await _let_in(two, busy, 1) == 0
    assert await _let_in(two, busy, 2) == 2
    await one.close()
    await two.close()


async def test_leases_of_a_killed_process_end_by_themselves(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guard.access.limits._LEASE", 2)
    monkeypatch.setattr("guard.access.limits._RENEW", 0.5)
    alive, killed = Limits(Redis(redis_server.url)), Limits(Redis(redis_server.url))
    _, key = new_key("app", concurrent=2)
    _, renewed = new_key("app", concurrent=1)
    async with alive.held(renewed), killed.held(key), killed.held(key):
        await killed.close()  # it renews nothing any more
        assert await _let_in(alive, key, 1) == 0
        deadline = time.monotonic() + 30
        while await _let_in(alive, key, 1) == 0:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        assert await _let_in(killed, renewed, 1) == 0, "what is under way keeps its lease"
    await alive.close()


async def test_without_redis_each_process_holds_its_own(redis_server: RedisServer) -> None:
    failures: list[str] = []
    shared = Redis(f"redis://127.0.0.1:{redis_server.port + 1}/0")
    shared.on_error = failures.append
    limits = Limits(shared)
    _, key = new_key("app", per_minute=3, concurrent=1)
    start = time.perf_counter()
    assert await _let_in(limits, key, 5) == 3
    assert time.perf_counter() - start < 2
    assert failures, "it is told that Redis is away"
    async with limits.held(new_key("x", concurrent=1)[1]):
        pass
