"""Redis: under a crowd, gone and back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from guard.access.keys import new_key
from guard.access.store import open_keys
from guard.stores.redis import Redis
from tests.conftest import FakeUpstream
from tests.samples import BODY
from tests.services import RedisServer


def test_a_crowd_waits_for_a_connection_to_redis(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guard.stores.redis._SECONDS", 30)  # on a busy machine, too

    async def ask() -> list[object]:
        shared, errors = Redis(redis_server.url), []
        shared.on_error = errors.append
        answers = await asyncio.gather(*(shared.ask("limits", shared.redis.ping) for _ in range(400)))
        await shared.close()
        return [*errors, *(answer for answer in answers if answer is not True)]

    assert asyncio.run(ask()) == []


def test_redis_gone_and_back_under_load(
    start_proxy: Callable[..., str], upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = RedisServer(tmp_path_factory.mktemp("redis-away"))
    token, key = new_key("app", per_minute=10_000, concurrent=50)
    open_keys(server.url).add(key)
    address = start_proxy(upstream=upstream.base, redis=server.url, keys=server.url)
    headers = {"authorization": f"Bearer {token}"}
    slowest = 0.0

    def ask(count: int) -> None:
        nonlocal slowest
        for _ in range(count):
            start = time.perf_counter()
            response = httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=headers)
            slowest = max(slowest, time.perf_counter() - start)
            assert response.status_code == 200

    ask(5)
    server.stop()
    ask(20)
    server.start()
    time.sleep(2.2)
    ask(5)
    assert slowest < 3
    assert 'normguard_shared_errors_total{what="limits"}' in httpx.get(f"{address}/metrics").text
    unknown = {"authorization": f"Bearer {new_key('x')[0]}"}
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=unknown).status_code == 401
    server.stop()
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY, headers=unknown).status_code in {401, 503}
