"""The proxy: a server that guards the APIs it knows and passes everything else through, saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from guard import __version__
from guard.api import FORMATS
from guard.errors import RequestError
from guard.evidence.remote import RemoteImages
from guard.integrations import http
from guard.pipeline import Guard
from guard.proxy.faults import error_response, response_of
from guard.proxy.guarded import Audit, Guarded, status_class
from guard.proxy.metrics import Metrics
from guard.proxy.relay import Relay
from guard.upstreams.base import Upstream, UpstreamError

_JSON = "application/json"

GUARDED = {f"/v1/{api.path}": api for api in FORMATS.values()}
"""The routes whose POST requests are guarded."""


def create_app(
    guard: Guard, upstream: Callable[[], Upstream], *, max_body: int = 64 * 2**20, audit: Audit | None = None
) -> ASGIApp:
    """The proxy as an ASGI application.

    Args:
        guard: what decides.
        upstream: makes the upstream, once the event loop runs.
        audit: keeps what was decided; stopped with the application.
        max_body: bytes of the largest guarded request that is read.
    """
    guarded = Guarded(guard, Metrics(), max_body=max_body, audit=audit)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        guarded.upstream = upstream()
        guarded.remote = RemoteImages(guard.pictures)
        try:
            yield
        finally:
            await guarded.remote.close()
            await guarded.upstream.close()
            if audit is not None:
                await asyncio.to_thread(audit.writer.close)

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
            "upstream": guarded.upstream.name,
        }

    @app.get("/metrics", tags=["operation"])
    async def metrics() -> Response:
        """Prometheus metrics."""
        return Response(generate_latest(guarded.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(http.routes(guard))
    return _Api(app, guarded, max_body)


class _Api:
    """Answers ``/v1/...`` itself, and leaves the rest to FastAPI: the hot path needs no routing and no middleware."""

    def __init__(self, app: ASGIApp, guarded: Guarded, max_body: int) -> None:
        self._app = app
        self._guarded = guarded
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            if (refusal := self._too_large(scope)) is not None:
                await refusal(scope, receive, send)
                return
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        api = GUARDED.get(scope["path"]) if scope["method"] == "POST" else None
        response = await (self._guarded(request, api) if api else self._pass_through(request))
        await response(scope, receive, send)

    def _too_large(self, scope: Scope) -> Response | None:
        """The refusal of a body for our own routes that is too large, or that does not say how large it is."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            return None
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) <= self._max_body:
            return None
        limit = f"{self._max_body // 2**20} MiB"
        message = f"A body with a content-length of at most {limit} is needed."
        return error_response(413 if length else 411, message, code="request_too_large")

    async def _pass_through(self, request: Request) -> Response:
        # As it came, percent-encoding and all: what is encoded there may mean something to the upstream.
        path = request.scope["raw_path"].decode("latin-1").removeprefix("/v1/")
        if ".." in unquote(path).split("/"):
            return error_response(400, "The path must not contain '..'.", code="invalid_path")
        has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
        body: bytes | AsyncIterator[bytes] = request.stream() if has_body else b""
        model = None
        try:
            if self._guarded.upstream.by_model and request.headers.get("content-type", "").startswith(_JSON):
                body = await self._guarded.read(request)
                model = _model_of(body)
            reply = await self._guarded.send(request, path, body, model=model)
            response: Response = Relay(reply.status, [*reply.headers, ("x-normguard-status", "bypassed")], reply.body)
        except (RequestError, UpstreamError) as error:
            if isinstance(error, UpstreamError):
                self._guarded.metrics.upstream_errors.labels(error.code).inc()
            response = response_of(error)
            response.headers["x-normguard-status"] = "bypassed"
        except ClientDisconnect:
            response = Response(status_code=499)
        self._guarded.metrics.requests.labels("other", status_class(response.status_code)).inc()
        return response


def _model_of(body: bytes) -> str | None:
    try:
        model = from_json(body).get("model")
    except (ValueError, AttributeError):
        return None
    return model if isinstance(model, str) else None
