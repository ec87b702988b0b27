"""The proxy: a server that guards the APIs it knows and passes everything else through, saying so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guard import __version__
from guard.api import APIS
from guard.errors import AccessError, NormGuardError, RequestError, UpstreamError
from guard.observability.logs import without_content
from guard.proxy import decisions
from guard.proxy.admin import ANYBODYS, OPERATORS
from guard.proxy.admin import routes as operation
from guard.proxy.admission import Grant
from guard.proxy.errors import error_response, out_of_time, response_of
from guard.proxy.generation import Generation
from guard.proxy.guarded import status_class
from guard.proxy.openapi import describe
from guard.proxy.server import Server
from guard.proxy.streaming import Relay

log = logging.getLogger("normguard")

_JSON = "application/json"

GUARDED = {f"/v1/{api.path}": api for api in APIS}
"""The routes whose POST requests are guarded."""


def create_app(server: Server) -> ASGIApp:
    """The proxy as an ASGI application; `server` is started and stopped with it."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with server.running():
            yield

    app = FastAPI(title="NormGuard", version=__version__, lifespan=lifespan)
    app.include_router(operation(server))
    app.include_router(decisions.routes(server.guarded))
    describe(app, GUARDED)
    return _Api(app, server)


class _Api:
    """Lets requests in, answers ``/v1/...`` itself, and leaves the rest to FastAPI.

    The hot path needs no routing and no middleware.
    """

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server
        self._guarded = server.guarded
        self._load = server.load
        self._admission = server.admission
        self._telemetry = server.telemetry
        self._max_body = server.settings.max_body
        self._request_timeout = server.settings.request_timeout
        self._log_requests = server.settings.log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["normguard.id"] = uuid.uuid4().hex
        head = _Head(send, closing=self._server)
        start = time.perf_counter()
        try:
            if self._telemetry is not None and scope["path"] not in ANYBODYS:
                request = Request(scope, receive)
                with self._telemetry.request(scope["method"], _route(scope["path"]), request.headers) as told:
                    await self._serve(scope, receive, head)
                    told["http.response.status_code"] = head.status or 499
            else:
                await self._serve(scope, receive, head)
        except Exception as error:
            # Whatever it was, the log must not repeat what a user said. What has begun is broken off, so that nobody
            # takes a part for the whole.
            log.error("request %s broken off: %s", scope["normguard.id"], without_content(error))
            if not head.status:
                response = error_response(500, "The guard failed.", code="guard_fault")
                await response(scope, receive, head)
        if self._log_requests:
            log.info(
                "request",
                extra={
                    "request_id": scope["normguard.id"],
                    "route": _route(scope["path"]),
                    "status": head.status or 499,
                    "ms": round((time.perf_counter() - start) * 1000, 1),
                },
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, request = scope["path"], Request(scope, receive, send)
        if path not in GUARDED and (meant := _meant(path)) is not None:
            # An upstream that is lenient about spelling would answer it, and nobody would have looked at it.
            said = f"There is no {path[:80]!r}; the route is {meant}."
            await error_response(404, said, code="unknown_path")(scope, receive, send)
            return
        if path in ANYBODYS:
            await self._app(scope, receive, send)
            return
        api = GUARDED.get(path) if scope["method"] == "POST" else None
        try:
            if path.startswith(OPERATORS):
                self._admission.operator(request.headers)
                await self._bounded(scope, receive, send)
                return
            with self._load.room():
                async with self._admission.admitted(request.headers) as grant:
                    if not path.startswith("/v1/"):
                        scope["normguard.grant"] = grant
                        await self._bounded(scope, receive, send)
                        return
                    with self._guarded.live.used() as live:
                        response = await (
                            self._guarded(request, api, live, grant)
                            if api
                            else self._pass_through(request, live, grant)
                        )
                        await response(scope, receive, send)
        except AccessError as error:
            self._guarded.metrics.count_error(error)
            response = response_of(error, api or APIS[0])
            response.headers["x-normguard-request-id"] = scope["normguard.id"]
            await response(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One of our own routes, with a body that says how large it is, and is not too large."""
        if scope["method"] not in {"GET", "HEAD"}:
            length = dict(scope["headers"]).get(b"content-length", b"")
            if not (length.isdigit() and int(length) <= self._max_body) and not scope["path"].endswith("/reload"):
                message = f"A body with a content-length of at most {self._max_body // 2**20} MiB is needed."
                refusal = error_response(413 if length else 411, message, code="request_too_large")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _pass_through(self, request: Request, live: Generation, grant: Grant) -> Response:
        # As it came, percent-encoding and all: what is encoded there may mean something to the upstream.
        path = request.scope["raw_path"].decode("latin-1").removeprefix("/v1/")
        if ".." in unquote(path).split("/"):
            return error_response(400, "The path must not contain '..'.", code="invalid_path")
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        body: bytes | AsyncIterator[bytes] = request.stream() if has_body else b""
        is_json = has_body and request.headers.get("content-type", "").startswith(_JSON)
        listing = request.method == "GET" and path.partition("?")[0].partition("/")[0] == "models"
        limited = grant.key is not None and bool(grant.key.models) and not listing
        deadline = asyncio.get_running_loop().time() + self._request_timeout
        model = None
        try:
            async with asyncio.timeout_at(deadline):
                if is_json and (live.upstream.by_model or limited):
                    body = await self._guarded.read(request)
                    model = _model_of(body)
                if limited:
                    grant.check(model)
                reply = await self._guarded.send(request, live, grant, path, body, model=model)
            headers = [*reply.headers, ("x-normguard-status", "bypassed")]
            response: Response = Relay(reply.status, headers, reply.body, deadline=deadline)
        except (AccessError, RequestError, UpstreamError, TimeoutError) as error:
            if isinstance(error, NormGuardError):
                self._guarded.metrics.count_error(error)
            response = response_of(out_of_time() if isinstance(error, TimeoutError) else error)
            response.headers["x-normguard-status"] = "bypassed"
        except ClientDisconnect:
            response = Response(status_code=499)
        self._guarded.metrics.requests.labels("other", status_class(response.status_code)).inc()
        return response


class _Head:
    """Notes an answer's status on its way out; while the server drains it tells clients to connect anew elsewhere."""

    def __init__(self, send: Send, *, closing: Server) -> None:
        self.status = 0
        self._send = send
        self._closing = closing

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._closing.draining:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await self._send(message)


def _route(path: str) -> str:
    """The route for logs and traces: paths that are not ours may hold anything, and anything many."""
    if path in GUARDED or path in ANYBODYS or path.startswith(OPERATORS):
        return path[:60]
    return "/v1/*" if path.startswith("/v1/") else "other"


def _meant(path: str) -> str | None:
    """The guarded route that a path comes near: by case, doubled slashes, dots, parameters, a slash at its end."""
    plain = unquote(path).partition(";")[0].partition("?")[0].replace("\\", "/").lower()
    plain = "/" + "/".join(part for part in plain.split("/") if part not in {"", "."}).strip()
    return plain if plain in GUARDED else None


def _model_of(body: bytes) -> str | None:
    try:
        model: Any = from_json(body).get("model")
    except (ValueError, AttributeError):
        return None
    return model if isinstance(model, str) else None
