"""Requests as they are passed on: bodies read within limits, headers sorted, and routes that nobody guards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from guard.errors import AccessError, NormGuardError, RequestError, UpstreamError
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.proxy.admission import Grant
from guard.proxy.errors import error_response, out_of_time, response_of
from guard.proxy.generation import Generation
from guard.proxy.streaming import Relay
from guard.settings import Settings
from guard.upstreams.base import Reply, end_to_end

_JSON = "application/json"


class PassThrough:
    """Sends requests on to the upstream, within the limits of `settings`."""

    def __init__(self, metrics: Metrics, settings: Settings, telemetry: Telemetry | None) -> None:
        self.metrics = metrics
        self._telemetry = telemetry
        self._max_body = settings.max_body
        self._body_timeout = settings.body_timeout
        self._request_timeout = settings.request_timeout

    async def __call__(self, request: Request, live: Generation, grant: Grant) -> Response:
        """Answer a request of a route that is not guarded, and say so."""
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
                    body = await self.read(request)
                    model = _model_of(body)
                if limited:
                    grant.check(model)
                reply = await self.send(request, live, grant, path, body, model=model)
            headers = [*reply.headers, ("x-normguard-status", "bypassed")]
            response: Response = Relay(reply.status, headers, reply.body, deadline=deadline)
        except (AccessError, RequestError, UpstreamError, TimeoutError) as error:
            if isinstance(error, NormGuardError):
                self.metrics.count_error(error)
            response = response_of(out_of_time() if isinstance(error, TimeoutError) else error)
            response.headers["x-normguard-status"] = "bypassed"
        except ClientDisconnect:
            response = Response(status_code=499)
        self.metrics.requests.labels("other", status_class(response.status_code)).inc()
        return response

    async def send(
        self,
        request: Request,
        live: Generation,
        grant: Grant,
        path: str,
        body: bytes | AsyncIterator[bytes],
        *,
        model: str | None = None,
        readable: bool = False,
        own: bool = False,
    ) -> Reply:
        """Send a request on under the caller's headers, less ours; the answer's headers come without what is like ours.

        Args:
            readable: whether the answer is to be read here, and so must not come compressed.
            own: whether it is a call of the guard's own, which is not the one that the caller's idempotency key names.
        """
        query = request.scope["query_string"].decode("latin-1")
        dropped = {"accept-encoding"} if readable else set()
        dropped |= {"idempotency-key"} if own else set()
        dropped |= {grant.spent} if grant.spent is not None else set()
        headers = [
            (name, value)
            for name, value in end_to_end(request.headers.items())
            if not name.startswith("x-normguard-") and name not in dropped
        ]
        if readable:
            headers.append(("accept-encoding", "identity"))
        if not isinstance(body, bytes) and (length := request.headers.get("content-length")):
            headers.append(("content-length", length))  # so that what came with its length goes on with it
        start = time.perf_counter()
        path = f"{path}?{query}" if query else path
        if self._telemetry is not None:
            with self._telemetry.upstream(path, model, headers) as sent:
                reply = await live.upstream.send(request.method, path, sent, body, model=model)
                self._telemetry.answered(reply.status)
        else:
            reply = await live.upstream.send(request.method, path, headers, body, model=model)
        self.metrics.upstream.observe(time.perf_counter() - start)
        reply.headers = [pair for pair in reply.headers if not pair[0].lower().startswith("x-normguard-")]
        return reply

    async def read(self, request: Request) -> bytes:
        """The request's body; raises `RequestError` if it is compressed, too large, or does not come in time."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError("Compressed request bodies are not read; send it uncompressed.", code="encoded_body")
        if int(request.headers.get("content-length") or 0) > self._max_body:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_timeout):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > self._max_body:
                        raise self._too_large()
                    chunks.append(chunk)
        except TimeoutError:
            raise RequestError("The request's body did not come in time.", code="body_timeout") from None
        return b"".join(chunks)

    def _too_large(self) -> RequestError:
        return RequestError(f"The request is larger than {self._max_body // 2**20} MiB.", code="request_too_large")


def status_class(status: int) -> str:
    """``2xx`` for 200, and so on."""
    return f"{status // 100}xx"


def _model_of(body: bytes) -> str | None:
    try:
        model: Any = from_json(body).get("model")
    except (ValueError, AttributeError):
        return None
    return model if isinstance(model, str) else None
