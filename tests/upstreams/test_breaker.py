"""Breakers: upstreams that fail are left alone, and found again."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from guard.errors import UpstreamError
from guard.upstreams.breaker import Breaker
from tests.samples import BODY
from tests.services import free_port


def test_a_breaker_opens_rests_and_tries_once() -> None:
    now, changes = [0.0], []
    breaker = Breaker(3, 10, on_change=changes.append, clock=lambda: now[0])
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    breaker.enter()
    breaker.failed()
    assert breaker.is_open
    with pytest.raises(UpstreamError) as caught:
        breaker.enter()
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "upstream_resting", 10)
    now[0] = 10.1
    breaker.enter()
    with pytest.raises(UpstreamError):
        breaker.enter()  # one tries, the others wait for what comes of it
    breaker.failed()
    with pytest.raises(UpstreamError):
        breaker.enter()
    now[0] = 20.3
    breaker.enter()
    breaker.gave_up()
    breaker.enter()
    breaker.succeeded()
    assert not breaker.is_open
    assert changes == [True, False]


def test_a_breaker_that_never_opens() -> None:
    breaker = Breaker(0, 10)
    for _ in range(100):
        breaker.failed()
    breaker.enter()


def test_a_dead_upstream_is_left_alone_and_found_again(
    start_proxy: Callable[..., str], breakers_clock: list[float]
) -> None:
    port = free_port()
    address = start_proxy(upstream=f"http://127.0.0.1:{port}/v1", breaker_failures=3, breaker_rest=1)
    codes = [httpx.post(f"{address}/v1/chat/completions", json=BODY).json()["error"]["code"] for _ in range(5)]
    assert codes == ["upstream_unreachable"] * 3 + ["upstream_resting"] * 2
    response = httpx.post(f"{address}/v1/messages", json={**BODY, "max_tokens": 5})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["type"] == "overloaded_error"
    assert 'normguard_breaker_open{upstream="upstream"} 1.0' in httpx.get(f"{address}/metrics").text
    breakers_clock[0] += 1.1
    codes = [httpx.post(f"{address}/v1/chat/completions", json=BODY).json()["error"]["code"] for _ in range(2)]
    assert codes == ["upstream_unreachable", "upstream_resting"], "one tries again"
