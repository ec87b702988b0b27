"""The proxy: an OpenAI-compatible server that guards chat completions and passes everything else through."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import unquote

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from guard import __version__
from guard.api import chat
from guard.errors import NormGuardError, PolicyError, RequestError
from guard.evidence.remote import RemoteImages
from guard.pipeline import Guard
from guard.policy.model import OnFault
from guard.proxy.faults import error_body, error_response, response_of
from guard.proxy.hints import Asked, read_asked
from guard.proxy.metrics import Metrics
from guard.proxy.upstream import Headers, Reply, Upstream, UpstreamError, end_to_end
from guard.types import Action, Decision, Exchange

log = logging.getLogger("normguard")
T = TypeVar("T")


def create_app(guard: Guard, upstream: Callable[[], Upstream], *, max_body: int = 64 * 2**20) -> ASGIApp:
    """The proxy as an ASGI application.

    Args:
        guard: what decides.
        upstream: makes the upstream, once the event loop runs.
        max_body: bytes of the largest chat request that is read.
    """
    proxy = _Proxy(guard, max_body)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        proxy.upstream = upstream()
        proxy.remote = RemoteImages(guard.pictures)
        try:
            yield
        finally:
            await proxy.remote.close()
            await proxy.upstream.close()

    app = FastAPI(title="NormGuard", version=__version__, lifespan=lifespan)

    @app.get("/healthz", tags=["operation"])
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["operation"])
    async def readyz() -> dict[str, Any]:
        """The guard is loaded, and requests are taken."""
        vision = guard.eyes.name if guard.eyes else None
        return {
            "status": "ready",
            "norms": len(guard.library.norms),
            "vision": vision,
            "upstream": proxy.upstream.name,
        }

    @app.get("/metrics", tags=["operation"])
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(proxy.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return _Api(app, proxy)


class _Api:
    """Answers ``/v1/...`` itself, and leaves the rest to FastAPI: the hot path needs no routing and no middleware."""

    def __init__(self, app: ASGIApp, proxy: _Proxy) -> None:
        self.app = app
        self.proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        guarded = scope["method"] == "POST" and scope["path"] == "/v1/chat/completions"
        response = await (self.proxy.chat_completions(request) if guarded else self.proxy.pass_through(request))
        await response(scope, receive, send)


class _Guarded:
    """A chat request after the guard: what to send on, and the headers that tell of it."""

    __slots__ = ("body", "headers")

    def __init__(self, body: bytes, headers: Headers) -> None:
        self.body = body
        self.headers = headers


class _Proxy:
    upstream: Upstream
    remote: RemoteImages

    def __init__(self, guard: Guard, max_body: int) -> None:
        self.guard = guard
        self.max_body = max_body
        self.metrics = Metrics()

    async def chat_completions(self, request: Request) -> Response:
        with self.metrics.in_flight.track_inprogress():
            request_id = uuid.uuid4().hex
            try:
                raw = await self._read(request)
                guarded = await self._guard(raw, request, request_id)
                response = await _unless_disconnected(request.receive, self._answer(request, guarded))
            except (NormGuardError, UpstreamError) as error:
                response = response_of(error)
                response.headers["x-normguard-request-id"] = request_id
                if isinstance(error, UpstreamError):
                    self.metrics.upstream_errors.labels(error.code).inc()
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it; the log and the metrics do
            self.metrics.requests.labels("chat", _status_class(response.status_code)).inc()
            return response

    async def pass_through(self, request: Request) -> Response:
        # As it came, percent-encoding and all: what is encoded there may mean something to the upstream.
        path = request.scope["raw_path"].decode("latin-1").removeprefix("/v1/")
        if ".." in unquote(path).split("/"):
            return error_response(400, "The path must not contain '..'.", code="invalid_path")
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        body: bytes | AsyncIterator[bytes] = request.stream() if has_body else b""
        try:
            reply = await self._send(request, path, body)
            response: Response = _Relay(reply, [("x-normguard-status", "bypassed")])
        except UpstreamError as error:
            self.metrics.upstream_errors.labels(error.code).inc()
            response = response_of(error)
        except ClientDisconnect:
            response = Response(status_code=499)
        self.metrics.requests.labels("other", _status_class(response.status_code)).inc()
        return response

    async def _read(self, request: Request) -> bytes:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError("Compressed request bodies are not read; send it uncompressed.", code="encoded_body")
        if int(request.headers.get("content-length") or 0) > self.max_body:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self.max_body:
                raise self._too_large()
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self) -> RequestError:
        return RequestError(f"The request is larger than {self.max_body // 2**20} MiB.", code="request_too_large")

    async def _guard(self, raw: bytes, request: Request, request_id: str) -> _Guarded:
        start = time.perf_counter()
        body = _parse(raw)
        asked = read_asked(request.headers, body)
        exchange = chat.read(body, asked.hints)
        sent = raw if asked.plain else None
        try:
            decision = await self._check(exchange, asked)
        except (PolicyError, RequestError):
            raise
        # The guard's own fault, whatever it is, must not take the application down, unless the policy says so.
        except Exception:
            log.exception("guard fault, request %s", request_id)
            if self._rules(asked).on_fault is OnFault.CLOSED:
                raise NormGuardError("guard fault") from None
            self.metrics.guarded.labels("bypassed").inc()
            headers = [("x-normguard-status", "bypassed"), ("x-normguard-request-id", request_id)]
            return _Guarded(raw if asked.plain else to_json(asked.stripped(body)), headers)
        if decision.action is Action.ADVISE and decision.guidance:
            sent = to_json(chat.with_guidance(asked.stripped(body), decision.guidance))
        elif sent is None:
            sent = to_json(asked.stripped(body))
        elapsed = time.perf_counter() - start
        self._observe(decision, elapsed)
        return _Guarded(sent, _headers_of(decision, elapsed, request_id))

    def _rules(self, asked: Asked) -> Any:
        return self.guard.policies.get(asked.policy) if asked.policy else self.guard.policy

    async def _check(self, exchange: Exchange, asked: Asked) -> Decision:
        if exchange.images:
            if self._rules(asked).remote_images:
                exchange = await self.remote.fetch(exchange)
            # Decoding and looking take milliseconds: off the event loop. Caches hold both for the check that follows.
            await asyncio.gather(
                *(
                    asyncio.to_thread(self.guard.see, image.data, param=image.param)
                    for image in exchange.images
                    if image.data is not None
                )
            )
        return self.guard.check(exchange, policy=asked.policy)

    def _observe(self, decision: Decision, elapsed: float) -> None:
        self.metrics.decisions.labels(decision.action).inc()
        self.metrics.guarded.labels("degraded" if decision.degraded else "ok").inc()
        for stage, ms in decision.timings_ms.items():
            self.metrics.stages.labels(stage).observe(ms / 1000)
        self.metrics.stages.labels("total").observe(elapsed)
        for source in decision.degraded:
            self.metrics.count_degraded(source)

    async def _send(self, request: Request, path: str, body: bytes | AsyncIterator[bytes]) -> Reply:
        query = request.scope["query_string"].decode("latin-1")
        headers = [
            (name, value) for name, value in end_to_end(request.headers.items()) if not name.startswith("x-normguard-")
        ]
        start = time.perf_counter()
        reply = await self.upstream.send(request.method, f"{path}?{query}" if query else path, headers, body)
        self.metrics.upstream.observe(time.perf_counter() - start)
        return reply

    async def _answer(self, request: Request, guarded: _Guarded) -> Response:
        reply = await self._send(request, "chat/completions", guarded.body)
        if reply.content_type.startswith("text/event-stream"):
            return _Relay(reply, guarded.headers, on_error=self._stream_error)
        body = b"".join([chunk async for chunk in reply.body])
        if reply.status < 300 and not reply.content_type.startswith("application/json"):
            raise UpstreamError(
                f"The upstream answered with {reply.content_type[:60] or 'no content type'} instead of JSON; is its "
                "address that of an OpenAI-compatible API?",
                code="upstream_invalid_response",
            )
        response = Response(body, reply.status)
        _set_headers(response, [*reply.headers, *guarded.headers])
        return response

    def _stream_error(self, error: UpstreamError) -> bytes:
        self.metrics.upstream_errors.labels(error.code).inc()
        body = error_body(str(error), type_="upstream_error", code=error.code)
        return b"data: " + to_json(body) + b"\n\n"


class _Relay(Response):
    """Passes an upstream's body on as it comes; whoever hangs up ends the upstream's work too."""

    def __init__(
        self, reply: Reply, headers: Headers, on_error: Callable[[UpstreamError], bytes] | None = None
    ) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply
        self._on_error = on_error
        _set_headers(self, [*reply.headers, *headers])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with contextlib.suppress(ClientDisconnect):
            await _unless_disconnected(receive, self._pass_on(send))

    async def _pass_on(self, send: Send) -> None:
        try:
            async for chunk in self._reply.body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except UpstreamError as error:
            # The status line is out: what remains is to end the stream with an error that clients understand, or,
            # on other routes, to break the connection off so that nobody takes the part for the whole.
            if self._on_error is None:
                raise
            await send({"type": "http.response.body", "body": self._on_error(error), "more_body": True})
        finally:
            await self._reply.body.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = from_json(raw)
    except ValueError as error:
        raise RequestError(f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", code="invalid_json")
    return body


def _headers_of(decision: Decision, elapsed: float, request_id: str) -> Headers:
    return [
        ("x-normguard-action", str(decision.action)),
        ("x-normguard-cultures", ",".join(culture["code"] for culture in decision.cultures)),
        ("x-normguard-norms", ",".join(norm.id for norm in decision.norms)),
        ("x-normguard-status", "degraded" if decision.degraded else "ok"),
        ("x-normguard-latency-ms", f"{elapsed * 1000:.2f}"),
        ("x-normguard-request-id", request_id),
    ]


def _set_headers(response: Response, headers: Headers) -> None:
    """Replace the response's headers, keeping only the length that Starlette counted."""
    own = [(name, value) for name, value in response.raw_headers if name == b"content-length"]
    if isinstance(response, _Relay):
        own = []
    response.raw_headers = own + [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless_disconnected(receive: Receive, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled if the client goes away first.

    Raises:
        ClientDisconnect: it did.
    """
    worker = asyncio.current_task()
    assert worker is not None
    gone = asyncio.ensure_future(_gone(receive))
    gone.add_done_callback(lambda watcher: None if watcher.cancelled() else worker.cancel())
    try:
        return await work
    except asyncio.CancelledError:
        if gone.done() and not gone.cancelled():
            worker.uncancel()
            raise ClientDisconnect from None
        raise
    finally:
        gone.cancel()


def _status_class(status: int) -> str:
    return f"{status // 100}xx"
