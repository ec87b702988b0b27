"""More to do than there is room for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from guard.errors import AccessError
from guard.proxy.overload import OverloadGuard
from tests.conftest import FakeUpstream
from tests.samples import BODY, HARMLESS, client
from tests.waiting import wait_for


def test_a_late_event_loop_sheds_until_it_is_not() -> None:
    load = OverloadGuard(max_in_flight=2, max_lag=0.1)
    load.ticked(0.0)
    with load.room(), load.room():
        with pytest.raises(AccessError) as caught, load.room():
            pass
        assert (caught.value.status, caught.value.code) == (503, "overloaded_in_flight")
    load.ticked(0.3)
    with load.room():
        pass  # once may be the machine's doing
    load.ticked(0.3)
    with pytest.raises(AccessError, match="too much"), load.room():
        pass
    load.ticked(0.0)
    with load.room():
        assert load.in_flight == 1
    assert load.in_flight == 0


async def test_how_late_the_loop_is_is_measured() -> None:
    load = OverloadGuard(max_in_flight=2, max_lag=0.1)
    load.start()
    await asyncio.sleep(0.01)
    time.sleep(0.3)  # noqa: ASYNC251  (this is the point)
    deadline = time.monotonic() + 10
    while load.lag < 0.2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
    load.stop()


def test_more_than_there_is_room_for(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, max_in_flight=3)

    def slow() -> None:
        messages: Any = [{"role": "user", "content": HARMLESS}]
        list(client(address).chat.completions.create(model="held", stream=True, messages=messages))

    threads = [threading.Thread(target=slow) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(upstream.bodies) == 3)
    for path, error in (("chat/completions", "server_error"), ("messages", "overloaded_error")):
        response = httpx.post(f"{address}/v1/{path}", json={**BODY, "max_tokens": 5})
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"]["type"] == error
    assert httpx.get(f"{address}/healthz").status_code == 200, "probes are answered all the same"
    upstream.release.set()
    for thread in threads:
        thread.join()
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    assert 'normguard_shed_total{reason="in_flight"} 2.0' in httpx.get(f"{address}/metrics").text
