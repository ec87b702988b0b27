"""Upstreams behind a breaker and a bounded queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from guard.errors import UpstreamError
from guard.upstreams.base import Reply
from guard.upstreams.config import Route, Target
from guard.upstreams.protected import Bounds, Protected
from guard.upstreams.routes import Router


class Played:
    """An upstream that answers as a list says."""

    name, by_model = "played", False

    def __init__(self, *answers: int | Exception, seconds: float = 0) -> None:
        self.answers, self.seconds, self.sent = list(answers), seconds, 0

    async def send(self, method: str, path: str, headers: Any, body: Any, *, model: str | None = None) -> Reply:
        self.sent += 1
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer

        async def once() -> AsyncIterator[bytes]:
            yield b"{}"

        return Reply(answer, [], once())

    async def close(self) -> None: ...


async def read(protected: Protected) -> int:
    reply = await protected.send("POST", "chat/completions", [], b"{}")
    assert b"".join([chunk async for chunk in reply.body]) in {b"{}", b""}
    return reply.status


GONE = UpstreamError("gone", code="upstream_unreachable")


async def test_failures_open_and_callers_hear_at_once(breakers_clock: list[float]) -> None:
    upstream = Played(GONE, 503, GONE)
    protected = Protected(upstream, Bounds(failures=3, rest=0.2), name="a")
    for _ in range(3):
        with contextlib.suppress(UpstreamError):
            await read(protected)
    for _ in range(50):
        with pytest.raises(UpstreamError, match="left alone"):
            await read(protected)
    assert upstream.sent == 3
    breakers_clock[0] += 0.25
    assert await read(protected) == 200
    assert protected.running == 0


async def test_what_the_caller_did_wrong_opens_nothing() -> None:
    upstream = Played(*[404, 400, 401, 429] * 10, UpstreamError("no", status=404, code="model_not_found"))
    protected = Protected(upstream, Bounds(failures=2), name="a")
    for _ in range(40):
        await read(protected)
    with pytest.raises(UpstreamError, match="no"):
        await read(protected)
    assert await read(protected) == 200


async def test_a_queue_is_bounded_and_patient_for_so_long() -> None:
    upstream = Played(seconds=0.3)
    protected = Protected(upstream, Bounds(concurrency=2, queue=3, patience=5), name="a")
    results = await asyncio.gather(*(read(protected) for _ in range(9)), return_exceptions=True)
    assert sum(result == 200 for result in results) == 5
    refused = [result for result in results if isinstance(result, UpstreamError)]
    assert {(error.status, error.code) for error in refused} == {(503, "upstream_busy")}
    assert (protected.running, protected.waiting) == (0, 0)
    short = Protected(Played(seconds=0.5), Bounds(concurrency=1, queue=3, patience=0.1), name="a")
    results = await asyncio.gather(*(read(short) for _ in range(3)), return_exceptions=True)
    assert sum(result == 200 for result in results) == 1


async def test_whoever_leaves_makes_room() -> None:
    protected = Protected(Played(), Bounds(concurrency=1, queue=0), name="a")
    reply = await protected.send("GET", "models", [], b"")
    assert protected.running == 1
    await reply.body.aclose()  # type: ignore[attr-defined]
    reply = await protected.send("GET", "models", [], b"")
    del reply  # a caller that is gone before the first byte is read
    assert protected.running == 0
    slow = Protected(Played(seconds=5), Bounds(concurrency=1, queue=5), name="a")
    tasks = [asyncio.ensure_future(read(slow)) for _ in range(4)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (slow.running, slow.waiting) == (0, 0)


async def test_a_route_goes_on_to_the_next_where_one_rests() -> None:
    dead, good = Played(*[GONE] * 99), Played()
    upstreams = {"dead": Protected(dead, Bounds(failures=1, rest=60), name="dead"), "good": good}
    route = Route(model="*", to=(Target(upstream="dead"),), fallbacks=(Target(upstream="good"),), retries=0)
    router = Router(upstreams, [route])
    for _ in range(5):
        assert (await router.send("POST", "chat/completions", [], b"{}", model="m")).status == 200
    assert dead.sent == 1
