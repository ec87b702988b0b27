"""Shared fixtures: one guard for the session, a scriptable upstream, and the real proxy on a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from guard import Guard, testing
from guard.answers.scorer import AnswerScorer
from guard.api import WireFormat
from guard.settings import Settings
from guard.testing import Upstream, fine, reply, serve, stream
from tests.paths import SHARED, STREAMS

pytest_plugins = ["tests.services"]

needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the research data sets are not on this machine")


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What somebody keeps on his machine must not change what the tests see, and they must not change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NORMGUARD_MODELS", str(tmp_path_factory.mktemp("models")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Inspect AI raises the root logger's level for the whole process; the next test's warnings must be seen."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def guard() -> Guard:
    return Guard()


@pytest.fixture(scope="session")
def scorer(guard: Guard) -> AnswerScorer:
    return AnswerScorer(guard.library)


@dataclass
class FakeUpstream(Upstream):
    """An upstream whose behaviour the request's model name chooses.

    Attributes:
        says: the text of an answer to a request's body, where a test wants its own; None makes it fail.
    """

    base: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    async def respond(self, api: WireFormat, request: dict[str, Any], receive: Any, send: Any) -> None:
        model = str(request.get("model"))
        if model.startswith("recorded:"):
            await stream(send, (STREAMS / f"{model.removeprefix('recorded:')}.sse").read_bytes())
            return
        if self.says is not fine or api.name != "chat":
            await super().respond(api, request, receive, send)
            return
        match model:
            case "html":
                await reply(send, 200, b"<html>hello</html>", {"content-type": "text/html"})
            case "rate-limited":
                error = b'{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
                await reply(send, 429, error, {"retry-after": "7"})
            case "hang":
                await self._until_gone(receive)
            case "die":
                await self._stream(send, request, pieces=2)
                raise RuntimeError("the upstream dies here")
            case "cut":
                headers = [(b"content-type", b"application/json"), (b"content-length", b"500")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": b'{"id":', "more_body": True})
                raise RuntimeError("the upstream dies here")
            case "endless":
                await self._endless(receive, send)
            case "held":  # a piece, and the rest once the test says so
                await self._stream(send, request, pieces=1)
                await asyncio.to_thread(self.release.wait, 60)
                await send({"type": "http.response.body", "body": _chunk({}, "stop") + b"data: [DONE]\n\n"})
            case "slow":
                await self._stream(send, request, pieces=6, pause=0.15, end=True)
            case _ if request.get("stream"):
                await self._stream(send, request, pieces=3, end=True)
            case _:
                await reply(send, 200, _completion(request), {"openai-version": "x"})

    async def _until_gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.cancelled.set()

    async def _stream(
        self, send: Any, request: dict[str, Any], *, pieces: int, pause: float = 0, end: bool = False
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for i in range(pieces):
            await send({"type": "http.response.body", "body": _chunk({"content": f"piece{i} "}), "more_body": True})
            await asyncio.sleep(pause)
        if end:
            last = _chunk({}, "stop") + b"data: [DONE]\n\n"
            await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _endless(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        gone = asyncio.ensure_future(self._until_gone(receive))
        for _ in range(500):
            if gone.done():
                return
            await send({"type": "http.response.body", "body": _chunk({"content": "on "}), "more_body": True})
            await asyncio.sleep(0.02)


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _completion(request: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "fine"}
    if request.get("tools"):
        call = {"name": request["tools"][0]["function"]["name"], "arguments": "{}"}
        message = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "t", "type": "function", "function": call}],
        }
    choices = [{"index": i, "message": message, "finish_reason": "stop"} for i in range(request.get("n") or 1)]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}


@pytest.fixture(scope="session")
def _upstream() -> Iterator[FakeUpstream]:
    upstream = FakeUpstream()
    with serve(upstream) as address:
        upstream.base = f"{address}/v1"
        yield upstream


@pytest.fixture
def upstream(_upstream: FakeUpstream) -> FakeUpstream:
    for seen in (_upstream.bodies, _upstream.headers, _upstream.paths):
        seen.clear()
    _upstream.cancelled.clear()
    _upstream.release.clear()
    _upstream.says = fine
    return _upstream


@pytest.fixture(scope="session")
def start_proxy(guard: Guard) -> Iterator[Callable[..., str]]:
    """Starts a proxy with given settings; its base URL, without a slash at the end."""
    with ExitStack() as stack:

        def start(with_guard: Guard = guard, read: Callable[[], Settings] | None = None, **settings: Any) -> str:
            return stack.enter_context(
                testing.proxy(with_guard, read=read, **{"drain": 2, "audit": "auto", **settings})
            )

        yield start


@pytest.fixture(scope="session")
def _proxy(start_proxy: Callable[..., str], _upstream: FakeUpstream) -> str:
    return start_proxy(upstream=_upstream.base, read_timeout=1.5)


@pytest.fixture
def proxy(_proxy: str, upstream: FakeUpstream) -> str:
    return _proxy
