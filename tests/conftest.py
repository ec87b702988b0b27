"""Shared fixtures: one guard for the session, a scriptable upstream, and the real proxy on a real socket."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from guard import Guard
from guard.answers.scorer import AnswerScorer
from guard.deployment.settings import Settings
from guard.proxy.app import GUARDED
from guard.proxy.serve import listen, make_server
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
class FakeUpstream:
    """An upstream whose behaviour the request's model name chooses; it remembers what it was sent.

    Attributes:
        says: the text of an answer to a request's body, where a test wants its own; None makes it fail.
    """

    base: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    says: Callable[[dict[str, Any]], str | None] | None = None

    @property
    def last(self) -> dict[str, Any]:
        return json.loads(self.bodies[-1])

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        self.paths.append(scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else ""))
        api = GUARDED.get(scope["path"])
        if api is None:
            await _reply(send, 200, b'{"object":"list","data":[{"id":"m","object":"model"}]}', extra=[(b"x-up", b"1")])
            return
        request = json.loads(body)
        if str(request.get("model")).startswith("recorded:"):
            recorded = (STREAMS / f"{request['model'].removeprefix('recorded:')}.sse").read_bytes()
            await self._recorded(send, recorded)
            return
        said = self.says(request) if self.says else "fine"
        if said is None:
            await _reply(send, 500, b'{"error":{"message":"out of order"}}')
            return
        if self.says or api.name != "chat":
            answer = api.answer({"model": "m", "n": request.get("n")}, said, id_=f"{len(self.bodies)}")
            if request.get("stream"):
                await self._recorded(send, b"".join(event.encode() for event in api.events(answer)))
            else:
                await _reply(send, 200, json.dumps(answer).encode())
            return
        match request.get("model"):
            case "html":
                await _reply(send, 200, b"<html>hello</html>", b"text/html")
            case "rate-limited":
                error = b'{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
                await _reply(send, 429, error, extra=[(b"retry-after", b"7")])
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
            case "slow":
                await self._stream(send, request, pieces=6, pause=0.15, end=True)
            case _ if request.get("stream"):
                await self._stream(send, request, pieces=3, end=True)
            case _:
                await _reply(send, 200, json.dumps(_completion(request)).encode(), extra=[(b"openai-version", b"x")])

    async def _recorded(self, send: Any, stream: bytes) -> None:
        """Sends a stream in pieces that heed no event's end."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for start in range(0, len(stream), 97):
            piece = stream[start : start + 97]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

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


async def _reply(
    send: Any, status: int, body: bytes, type_: bytes = b"application/json", extra: list[Any] | None = None
) -> None:
    headers = [(b"content-type", type_), (b"content-length", str(len(body)).encode()), *(extra or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def running(server: uvicorn.Server, sockets: list[Any] | None = None) -> Iterator[None]:
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert thread.is_alive(), "the server ended before it started"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def _upstream() -> Iterator[FakeUpstream]:
    upstream = FakeUpstream()
    bound = listen(Settings(port=0))
    upstream.base = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    config = uvicorn.Config(upstream, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    with running(uvicorn.Server(config), [bound]):
        yield upstream


@pytest.fixture
def upstream(_upstream: FakeUpstream) -> FakeUpstream:
    for seen in (_upstream.bodies, _upstream.headers, _upstream.paths):
        seen.clear()
    _upstream.cancelled.clear()
    _upstream.says = None
    return _upstream


@pytest.fixture(scope="session")
def start_proxy(guard: Guard) -> Iterator[Callable[..., str]]:
    """Starts a proxy with given settings; its base URL, without a slash at the end."""
    with ExitStack() as stack:

        def start(with_guard: Guard = guard, source: Callable[[], Settings] | None = None, **settings: Any) -> str:
            chosen = Settings(port=0, drain=2, **settings)
            bound = listen(chosen)
            stack.enter_context(running(make_server(chosen, with_guard, source=source), [bound]))
            return f"http://127.0.0.1:{bound.getsockname()[1]}"

        yield start


@pytest.fixture(scope="session")
def _proxy(start_proxy: Callable[..., str], _upstream: FakeUpstream) -> str:
    return start_proxy(upstream=_upstream.base, read_timeout=1.5)


@pytest.fixture
def proxy(_proxy: str, upstream: FakeUpstream) -> str:
    return _proxy
