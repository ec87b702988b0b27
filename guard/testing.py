"""For tests of applications: the real proxy on a free port, and an upstream that says what a test tells it to.

with serve(Upstream(says=lambda request: "A clock is lovely.")) as model, proxy(upstream=f"{model}/v1") as base:
    client = OpenAI(base_url=f"{base}/v1", api_key="none")
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from guard.api import APIS
from guard.api.base import WireFormat
from guard.errors import NormGuardError
from guard.pipeline import Guard
from guard.proxy.serve import listen, make_server
from guard.settings import Settings

_APIS = {f"/v1/{api.path}": api for api in APIS}
_PATIENCE = 60.0  # seconds to start, and to stop


@contextmanager
def proxy(
    guard: Guard | None = None,
    *,
    read: Callable[[], Settings] | None = None,
    file: Path | None = None,
    **settings: Any,
) -> Iterator[str]:
    """The proxy that ``normguard serve`` runs, in a thread; its address, without a slash at the end.

    Args:
        guard: the one that decides; the one that `settings` describe where None.
        read: reads the settings anew for a reload.
        file: the settings file that they are read from.
        settings: as in ``normguard.yaml``; decisions are kept only where `audit` says so.

    Raises:
        SettingsError: the settings cannot be used.
    """
    chosen = Settings(**{"port": 0, "drain": 1, "audit": None, **settings})
    with _running(make_server(chosen, guard, read=read, file=file), chosen) as base:
        yield base


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Any ASGI application, such as an `Upstream`, in a thread on a free port of loopback; its address."""
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    with _running(uvicorn.Server(config), Settings(host="127.0.0.1", port=0)) as base:
        yield base


@contextmanager
def _running(server: uvicorn.Server, settings: Settings) -> Iterator[str]:
    bound = listen(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise NormGuardError("The server did not start.")
        time.sleep(0.01)
    try:
        yield f"http://{settings.host}:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=_PATIENCE)


def fine(request: dict[str, Any]) -> str:
    """What an `Upstream` says that was told nothing."""
    return "fine"


@dataclass
class Upstream:
    """An upstream of all guarded APIs, an ASGI application, that remembers what it was sent.

    Attributes:
        says: the text of its answer to a request's body; None makes it fail with status 500.
        bodies, headers, paths: of the requests, in the order in which they came.
    """

    says: Callable[[dict[str, Any]], str | None] = fine
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        """The body of the last request."""
        body: dict[str, Any] = json.loads(self.bodies[-1])
        return body

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        self.paths.append(scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else ""))
        if (api := _APIS.get(scope["path"])) is None:
            await reply(send, 200, {"object": "list", "data": [{"id": "m", "object": "model"}]}, {"x-up": "1"})
        else:
            await self.respond(api, json.loads(body), receive, send)

    async def respond(self, api: WireFormat, request: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request of a guarded API."""
        if (said := self.says(request)) is None:
            await reply(send, 500, {"error": {"message": "out of order"}})
            return
        answer = api.answer({"model": "m", "n": request.get("n")}, said, id_=f"{len(self.bodies)}")
        if request.get("stream"):
            await stream(send, b"".join(event.encode() for event in api.events(answer)))
        else:
            await reply(send, 200, answer)


async def reply(send: Any, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    """Send a whole answer: JSON, or bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json", "content-length": str(len(raw)), **(headers or {})}
    encoded = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": raw})


async def stream(send: Any, events: bytes) -> None:
    """Send server-sent events in pieces that heed no event's end."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for start in range(0, len(events), 97):
        await send({"type": "http.response.body", "body": events[start : start + 97], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
