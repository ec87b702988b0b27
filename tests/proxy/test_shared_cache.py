"""What machines tell each other by way of Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import httpx

from guard import Guard
from guard.cache import Recent
from guard.vision.model import VisionModel
from tests.conftest import FakeUpstream
from tests.samples import CLOCK, data_url, picture_message, png
from tests.services import RedisServer
from tests.waiting import wait_for


class CountingVision(VisionModel):
    """A vision model that sees a clock in everything, and counts how often it looks."""

    def __init__(self) -> None:
        self.name, self.provider, self.looks = "counting", "none", 0
        self._seen = Recent(10)

    def concepts(self, picture: Any, key: bytes) -> Any:
        if (known := self.knows(key)) is not None:
            return known
        self.looks += 1
        self.put(key, {"clock": 0.9})
        return {"clock": 0.9}


def keys(server: RedisServer) -> set[bytes]:
    import redis

    return set(redis.Redis.from_url(server.url).keys())


def test_machines_tell_each_other_what_pictures_show(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    vision = [CountingVision(), CountingVision()]
    guards = [Guard(library=guard.library, scorer=guard.scorer, vision=each) for each in vision]
    addresses = [start_proxy(each, upstream=upstream.base, redis=redis_server.url) for each in guards]
    messages = picture_message(data_url(png((70, 51))), "Is this a good gift for my host in Shanghai?")
    before = keys(redis_server)
    for address in (addresses[0], addresses[0], addresses[1]):
        response = httpx.post(f"{address}/v1/chat/completions", json={"model": "m", "messages": messages})
        assert "cn.gift.clocks" in response.headers["x-normguard-norms"]
        wait_for(lambda: bool(keys(redis_server) - before))
    assert [each.looks for each in vision] == [1, 0]


def test_machines_tell_each_other_what_turns_were_about(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    guards = [Guard(library=guard.library, scorer=guard.scorer) for _ in range(3)]
    shared = [start_proxy(each, upstream=upstream.base, redis=redis_server.url) for each in guards[:2]]
    alone = start_proxy(guards[2], upstream=upstream.base)
    before = keys(redis_server)
    first = httpx.post(f"{shared[0]}/v1/responses", json={"model": "m", "input": CLOCK}).json()
    follow = {"model": "m", "input": "Which colour of wrapping paper?", "previous_response_id": first["id"]}
    wait_for(lambda: bool(keys(redis_server) - before))
    second = httpx.post(f"{shared[1]}/v1/responses", json=follow)
    assert second.headers["x-normguard-cultures"].startswith("CN")
    assert second.headers["x-normguard-status"] == "ok"
    assert httpx.post(f"{alone}/v1/responses", json=follow).headers["x-normguard-status"] == "degraded"
    import redis

    kept = redis.Redis.from_url(redis_server.url)
    values = b"".join(kept.get(name) or b"" for name in kept.scan_iter("normguard:thread:*"))
    assert b"Shanghai" not in values
    assert first["id"].encode() not in b"".join(kept.scan_iter("normguard:*"))


def test_what_another_version_kept_is_no_fault(
    start_proxy: Callable[..., str], upstream: FakeUpstream, redis_server: RedisServer
) -> None:
    import redis

    address = start_proxy(upstream=upstream.base, redis=redis_server.url)
    name = f"normguard:thread:{hashlib.sha256(b'resp_of_old').hexdigest()}"
    redis.Redis.from_url(redis_server.url).set(name, b'{"in": "another form"}')
    body = {"model": "m", "input": CLOCK, "previous_response_id": "resp_of_old"}
    response = httpx.post(f"{address}/v1/responses", json=body)
    assert response.headers["x-normguard-status"] == "degraded", "as if nothing had been kept"
    assert "cn.gift.clocks" in response.headers["x-normguard-norms"]
