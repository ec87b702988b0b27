"""Routing: which request goes where, what is tried again, and what is not."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from guard.errors import UpstreamError
from guard.upstreams.base import Headers, Reply
from guard.upstreams.config import Route
from guard.upstreams.routes import Router
from tests.conftest import FakeUpstream
from tests.paths import STREAMS
from tests.upstreams.samples import ASKED


class Scripted:
    """An upstream that answers as it is told, one answer after the other; the last one stays."""

    name = "scripted"
    by_model = False

    def __init__(self, *answers: int | Exception | tuple[int, Headers], delay: float = 0) -> None:
        self.answers = list(answers)
        self.delay = delay
        self.seen: list[dict[str, Any]] = []
        self.closed = 0

    class Body:
        def __init__(self, upstream: Scripted, data: bytes) -> None:
            self.upstream, self.data = upstream, [data]

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> bytes:
            if not self.data:
                raise StopAsyncIteration
            return self.data.pop()

        async def aclose(self) -> None:
            self.upstream.closed += 1

    async def send(self, method: str, path: str, headers: Headers, body: Any, *, model: str | None = None) -> Reply:
        self.seen.append({"path": path, "model": model, "body": body, "at": time.monotonic()})
        await asyncio.sleep(self.delay)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, extra = answer if isinstance(answer, tuple) else (answer, [])

        return Reply(
            status, [("content-type", "application/json"), *extra], self.Body(self, b'{"status": %d}' % status)
        )

    async def close(self) -> None: ...


def gone() -> UpstreamError:
    return UpstreamError("gone", code="upstream_unreachable")


def router(upstreams: dict[str, Any], *routes: dict[str, Any], default: str | None = None) -> Router:
    return Router(
        upstreams, [Route.model_validate(route) for route in routes], default=default, choose=random.Random(7)
    )


async def ask(way: Router, model: str | None, body: Any = None) -> tuple[int, bytes]:
    sent = body if body is not None else json.dumps({"model": model, "seed": 2**70}).encode()
    reply = await way.send("POST", "chat/completions", [], sent, model=model)
    return reply.status, b"".join([chunk async for chunk in reply.body])


async def test_the_first_route_that_fits_counts_and_aliases_are_written_in() -> None:
    small, large = Scripted(200), Scripted(200)
    way = router(
        {"small": small, "large": large},
        {"model": "fast", "to": [{"upstream": "small", "model": "tiny-1"}]},
        {"model": "gpt-[45]*", "to": [{"upstream": "large"}]},
    )
    assert (await ask(way, "fast"))[0] == 200
    assert json.loads(small.seen[0]["body"]) == {"model": "tiny-1", "seed": 2**70}
    raw = b'{ "model" : "gpt-4o" }'
    await ask(way, "gpt-4o", raw)
    assert large.seen[0]["body"] is raw, "without an alias no byte changes"
    with pytest.raises(UpstreamError, match=r"fast, gpt-\[45\]\*") as caught:
        await ask(way, "gpt-3")
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    with pytest.raises(UpstreamError, match="no model"):
        await ask(way, None)


async def test_weights() -> None:
    one, two = Scripted(200), Scripted(200)
    targets = [{"upstream": "one", "weight": 3}, {"upstream": "two", "weight": 1}]
    way = router({"one": one, "two": two}, {"model": "*", "to": targets})
    for _ in range(200):
        await ask(way, "m")
    assert 130 < len(one.seen) < 170
    assert len(one.seen) + len(two.seen) == 200


@pytest.mark.parametrize("failure", [503, 429, 500, 408, gone()])
async def test_what_fails_is_tried_again_and_then_elsewhere(failure: Any) -> None:
    one, two = Scripted(failure), Scripted(200)
    way = router(
        {"one": one, "two": two},
        {"model": "*", "to": [{"upstream": "one"}], "fallbacks": [{"upstream": "two", "model": "other"}], "retries": 1},
    )
    assert await ask(way, "m") == (200, b'{"status": 200}')
    assert len(one.seen) == 2
    assert two.seen[0]["model"] == "other"
    assert isinstance(failure, Exception) or one.closed == 2, "answers that nobody reads are let go of"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_wrong_request_is_not_tried_again(status: int) -> None:
    one, two = Scripted(status), Scripted(200)
    way = router(
        {"one": one, "two": two}, {"model": "*", "to": [{"upstream": "one"}], "fallbacks": [{"upstream": "two"}]}
    )
    assert (await ask(way, "m"))[0] == status
    assert (len(one.seen), len(two.seen)) == (1, 0)


async def test_the_last_failure_goes_back_as_it_came() -> None:
    way = router({"one": Scripted(503)}, {"model": "*", "to": [{"upstream": "one"}], "retries": 1})
    assert await ask(way, "m") == (503, b'{"status": 503}')
    way = router({"one": Scripted(gone())}, {"model": "*", "to": [{"upstream": "one"}], "retries": 0})
    with pytest.raises(UpstreamError, match="gone"):
        await ask(way, "m")


async def test_retry_after_is_kept_and_a_long_one_is_not_waited_for() -> None:
    brief = Scripted((429, [("Retry-After", "0.4")]), 200)
    await ask(router({"one": brief}, {"model": "*", "to": [{"upstream": "one"}]}), "m")
    assert brief.seen[1]["at"] - brief.seen[0]["at"] >= 0.4
    long, other = Scripted((429, [("Retry-After", "3600")])), Scripted(200)
    way = router(
        {"one": long, "two": other}, {"model": "*", "to": [{"upstream": "one"}], "fallbacks": [{"upstream": "two"}]}
    )
    assert (await ask(way, "m"))[0] == 200
    assert len(long.seen) == 1


async def test_a_slow_upstream_is_left() -> None:
    slow, other = Scripted(200, delay=5), Scripted(200)
    route = {
        "model": "*",
        "to": [{"upstream": "one"}],
        "fallbacks": [{"upstream": "two"}],
        "timeout": 0.1,
        "retries": 0,
    }
    start = time.monotonic()
    assert (await ask(router({"one": slow, "two": other}, route), "m"))[0] == 200
    assert time.monotonic() - start < 2


async def test_a_caller_that_goes_away_ends_the_tries() -> None:
    one = Scripted(503)
    way = router({"one": one}, {"model": "*", "to": [{"upstream": "one"}], "retries": 10})
    task = asyncio.ensure_future(ask(way, "m"))
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    tries = len(one.seen)
    await asyncio.sleep(0.5)
    assert len(one.seen) == tries


async def test_a_body_that_streams_in_is_sent_once() -> None:
    async def body() -> Any:
        yield b"x"

    one = Scripted(503)
    way = router({"one": one}, {"model": "*", "to": [{"upstream": "one"}]})
    assert (await ask(way, "m", body()))[0] == 503
    assert len(one.seen) == 1


@pytest.fixture
def routed(start_proxy: Callable[..., str], upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KEY_OF_ONE", "sk-one")
    monkeypatch.setenv("KEY_OF_TWO", "sk-two")
    return start_proxy(
        upstreams={
            "one": {"base": upstream.base, "api_key_env": "KEY_OF_ONE"},
            "two": {"base": upstream.base, "api_key_env": "KEY_OF_TWO", "kind": "anthropic"},
            "open": {"base": upstream.base},
            "trusting": {"base": upstream.base, "forward_auth": True},
            "nowhere": {"base": "http://127.0.0.1:9/v1"},
        },
        routes=[
            {"model": "alias", "to": [{"upstream": "one", "model": "m"}]},
            {"model": "claude-*", "to": [{"upstream": "two"}]},
            {"model": "open", "to": [{"upstream": "open"}]},
            {"model": "trusting", "to": [{"upstream": "trusting"}]},
            {"model": "rescued", "to": [{"upstream": "nowhere"}], "fallbacks": [{"upstream": "one"}], "retries": 0},
            {"model": "die", "to": [{"upstream": "one"}], "fallbacks": [{"upstream": "two"}]},
            {"model": "recorded:*", "to": [{"upstream": "one"}]},
        ],
        default_upstream="one",
    )


def open_ai(address: str) -> OpenAI:
    return OpenAI(base_url=f"{address}/v1", api_key="sk-callers", max_retries=0)


def test_each_upstream_gets_its_own_key_and_nobody_elses(routed: str, upstream: FakeUpstream) -> None:
    api = open_ai(routed)
    api.chat.completions.create(model="alias", messages=ASKED)
    assert upstream.last["model"] == "m"
    assert upstream.headers[-1]["authorization"] == "Bearer sk-one"
    Anthropic(base_url=routed, api_key="sk-callers").messages.create(model="claude-x", max_tokens=9, messages=ASKED)
    assert upstream.headers[-1]["x-api-key"] == "sk-two"
    assert "authorization" not in upstream.headers[-1]
    api.chat.completions.create(model="open", messages=ASKED)
    assert "sk-" not in json.dumps(upstream.headers[-1])
    api.chat.completions.create(model="trusting", messages=ASKED)
    assert upstream.headers[-1]["authorization"] == "Bearer sk-callers"


def test_a_model_without_a_route(routed: str, upstream: FakeUpstream) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        open_ai(routed).chat.completions.create(model="nope", messages=ASKED)
    assert caught.value.code == "model_not_found"
    response = httpx.post(f"{routed}/v1/messages", json={"model": "nope", "max_tokens": 9, "messages": ASKED})
    assert (response.status_code, response.json()["error"]["type"]) == (404, "not_found_error")
    assert upstream.bodies == []


def test_models_are_listed_and_other_paths_find_their_way(routed: str, upstream: FakeUpstream) -> None:
    api = open_ai(routed)
    assert [model.id for model in api.models.list()] == ["alias", "open", "trusting", "rescued", "die"]
    httpx.post(f"{routed}/v1/embeddings", json={"model": "alias", "input": "x"})
    assert upstream.last == {"model": "m", "input": "x"}
    httpx.get(f"{routed}/v1/files")
    assert upstream.paths[-1] == "/v1/files"


def test_a_dead_upstream_is_stood_in_for(routed: str) -> None:
    assert open_ai(routed).chat.completions.create(model="rescued", messages=ASKED).choices


def test_what_has_begun_is_not_begun_again(routed: str, upstream: FakeUpstream) -> None:
    stream = open_ai(routed).chat.completions.create(model="die", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
    assert len(upstream.bodies) == 1


def test_a_recorded_stream_comes_through_a_route_byte_for_byte(routed: str) -> None:
    body = {"model": "recorded:chat", "messages": ASKED, "stream": True}
    assert httpx.post(f"{routed}/v1/chat/completions", json=body).content == (STREAMS / "chat.sse").read_bytes()


def test_without_a_default_what_names_no_model_is_told_so(
    start_proxy: Callable[..., str], upstream: FakeUpstream
) -> None:
    address = start_proxy(
        upstreams={"one": {"base": upstream.base}}, routes=[{"model": "*", "to": [{"upstream": "one"}]}]
    )
    response = httpx.get(f"{address}/v1/files")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "no_route")
