"""One guarded request, from the caller's bytes to the answer's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from guard.actions.steps import Again
from guard.api import WireFormat
from guard.api.options import FIELD, Extra
from guard.audit.trail import AuditTrail
from guard.errors import NormGuardError, RequestError, UpstreamError
from guard.flow import Authorize, Call, Observer, Prepare, Read, RequestFlow, Send, Step, Work, arun
from guard.flow.prepare import aprepared
from guard.flow.request import GuardedStream
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.pictures.remote import RemoteImages
from guard.proxy.admission import ANYBODY, Grant
from guard.proxy.errors import error_event, out_of_time, response_of
from guard.proxy.generation import Generation
from guard.proxy.passthrough import PassThrough, status_class
from guard.proxy.shared_cache import SharedCache
from guard.proxy.streaming import Relay, unless_disconnected, whole
from guard.settings import Settings
from guard.types import Decision
from guard.upstreams.base import Reply

log = logging.getLogger("normguard")

_LARGE = 256 * 2**10


@dataclass(slots=True)
class _Sent:
    """An upstream's answer, and what was read of it."""

    reply: Reply
    data: bytes | None = None

    @property
    def ok(self) -> bool:
        return self.reply.status < 300

    @property
    def streams(self) -> bool:
        return self.reply.content_type.startswith("text/event-stream")

    async def read(self) -> bytes:
        """The answer whole; raises `UpstreamError` where a good one is no JSON object."""
        if self.data is None:
            self.data = data = b"".join([chunk async for chunk in self.reply.body])
            if self.ok and not (self.reply.content_type.startswith("application/json") and _object(self.reply, data)):
                what = self.reply.content_type[:60] or "no content type"
                raise UpstreamError(
                    f"The upstream answered with {what} that is no JSON object; is its address that of an API such as "
                    "was called?",
                    code="upstream_invalid_response",
                )
        return self.data


class _Told(Observer):
    """Metrics and traces of one request, and what other workers may know of it."""

    def __init__(self, guarded: Guarded, live: Generation) -> None:
        self._metrics = guarded.metrics
        self._telemetry = guarded.telemetry
        self._shared = guarded.remembered
        self._guard = live.guard

    def decided(self, decision: Decision, seconds: float) -> None:
        self._metrics.count_decision(decision, seconds)
        if self._telemetry is not None:
            self._telemetry.decided(decision, seconds)

    def bypassed(self) -> None:
        self._metrics.guarded.labels("bypassed").inc()

    def verified(self, outcome: str) -> None:
        self._metrics.verified.labels(outcome).inc()

    def remembered(self, id_: str, decision: Decision) -> None:
        if self._shared is not None:
            self._shared.tell_thread(self._guard, id_, decision)


class Guarded:
    """Guards the requests of the APIs and sends them on.

    Args:
        live: what requests are served with from now on; a reload replaces it.
    """

    live: Generation
    remote: RemoteImages
    remembered: SharedCache | None = None

    def __init__(
        self,
        metrics: Metrics,
        settings: Settings,
        *,
        audit: AuditTrail | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.metrics = metrics
        self.telemetry = telemetry
        self._audit = audit
        if audit is not None:
            audit.writer.on_written = metrics.audit_written.inc
            audit.writer.on_dropped = metrics.audit_dropped.inc
        self.passthrough = PassThrough(metrics, settings, telemetry)
        self._guard_timeout = settings.guard_timeout
        self._request_timeout = settings.request_timeout

    async def __call__(self, request: Request, api: WireFormat, live: Generation, grant: Grant) -> Response:
        """Answer a request of `api`."""
        deadline = asyncio.get_running_loop().time() + self._request_timeout
        id_ = request.scope["normguard.id"]
        flow: RequestFlow | None = None
        with self.metrics.in_flight.track_inprogress():
            try:
                async with asyncio.timeout_at(deadline):
                    raw = await self.passthrough.read(request)
                    large = len(raw) > _LARGE  # then the event loop has others to serve meanwhile
                    body = await asyncio.to_thread(_parse, raw) if large else _parse(raw)
                    flow = RequestFlow(
                        live.guard,
                        api,
                        body,
                        headers=request.headers,
                        audit=self._audit,
                        observer=_Told(self, live),
                        large=large,
                        id_=id_,
                    )
                    flow.key = grant.key.id if grant.key is not None else None
                    way = _Way(self, request, flow, live, grant, raw)
                    response = await unless_disconnected(request.receive, way.response(deadline))
            except TimeoutError:
                response = response_of(out_of_time(), api)
            except NormGuardError as error:
                response = response_of(error, api)
                self.metrics.count_error(error)
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it; the log and the metrics do
            if "x-normguard-request-id" not in response.headers:
                response.headers["x-normguard-request-id"] = id_
            self.metrics.requests.labels(api.name, status_class(response.status_code)).inc()
            if flow is not None:
                flow.record(response.status_code)
            return response

    async def decided(self, asking: Request, api: WireFormat, body: dict[str, Any], extra: Extra) -> RequestFlow:
        """How a request that somebody else will send is to be sent; a rewriting model is not asked.

        Raises:
            NormGuardError: as `RequestFlow.request`.
        """
        grant = asking.scope.get("normguard.grant", ANYBODY)
        given = {**body, FIELD: extra.model_dump(exclude_unset=True)} if extra.model_fields_set else body
        flow = RequestFlow(
            self.live.guard,
            api,
            given,
            audit=self._audit,
            observer=_Told(self, self.live),
            id_=asking.scope["normguard.id"],
        )
        flow.key = grant.key.id if grant.key is not None else None
        await arun(flow.request(), _Way(self, asking, flow, self.live, grant, b"", asks=False).perform)
        flow.record(200)
        return flow

    async def prepared(self, step: Prepare, live: Generation) -> Any:
        """The exchange with its pictures, off the event loop."""
        return await aprepared(
            live.guard,
            step.exchange,
            step.rules,
            seconds=self._guard_timeout,
            remote=self.remote,
            shared=self.remembered,
        )


@dataclass(slots=True)
class _Way:
    """How the steps of one request are carried out here."""

    guarded: Guarded
    request: Request
    flow: RequestFlow
    live: Generation
    grant: Grant
    raw: bytes
    asks: bool = True

    async def perform(self, step: Step) -> Any:
        match step:
            case Authorize(model, policy):
                policy = self.grant.policy(policy)
                self.grant.check(model)
                return policy
            case Work(call):
                return await asyncio.to_thread(call)
            case Prepare():
                return await self.guarded.prepared(step, self.live)
            case Call():
                return await self._call(step) if self.asks else None
            case Send(body, changed, readable):
                return _Sent(await self._send(to_json(body) if changed else self.raw, readable=readable))
            case Read(sent):
                return await sent.read()

    async def response(self, deadline: float) -> Response:
        """The answer that the caller gets."""
        flow = self.flow
        await arun(flow(), self.perform)
        if flow.own is not None:
            return _own(flow)
        sent = flow.sent
        assert isinstance(sent, _Sent)
        headers = [*sent.reply.headers, *flow.headers]
        if sent.streams:
            body = sent.reply.body if flow.stream is None else self._through(flow.stream, sent.reply.body)
            return Relay(sent.reply.status, headers, body, on_error=self._broken, deadline=deadline)
        data = await sent.read() if flow.changed is None else to_json(flow.changed)
        return whole(sent.reply.status, headers, data)

    async def _send(self, body: bytes, *, model: str | None = None, readable: bool, own: bool = False) -> Reply:
        model = model if own else self.flow.api.model(self.flow.body)
        return await self.guarded.passthrough.send(
            self.request,
            self.live,
            self.grant,
            self.flow.api.path,
            body,
            model=model,
            readable=readable,
            own=own,
        )

    async def _call(self, step: Call) -> dict[str, Any] | None:
        answer = None
        try:
            async with asyncio.timeout(step.wanted.timeout):
                model = self.flow.api.model(step.body)
                sent = _Sent(await self._send(to_json(step.body), model=model, readable=True, own=True))
                answer = self.flow.api.parsed(await sent.read()) if sent.ok else None
        except (UpstreamError, TimeoutError) as error:
            log.info("no answer to a call of the guard's own, request %s: %s", self.flow.id, type(error).__name__)
        kind = "again" if isinstance(step.wanted, Again) else "ask"
        self.guarded.metrics.side_calls.labels(kind, "answered" if answer else "failed").inc()
        return answer

    async def _through(self, stream: GuardedStream, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """An event stream as the caller may see it; what is held goes out even where the upstream broke off."""
        try:
            async with aclosing(body):  # type: ignore[type-var]
                broken: UpstreamError | None = None
                while broken is None:
                    try:
                        chunk = await anext(body, None)
                    except UpstreamError as error:
                        chunk, broken = None, error
                    if out := await arun(stream.feed(chunk), self.perform):
                        yield out
                    if chunk is None:
                        break
                if broken is not None:
                    raise broken
        finally:
            stream.close()

    def _broken(self, error: NormGuardError) -> bytes:
        self.guarded.metrics.count_error(error)
        return error_event(error, self.flow.api)


def _own(flow: RequestFlow) -> Response:
    """An answer of the guard's own."""
    assert flow.own is not None
    if not flow.streamed:
        return whole(200, [("content-type", "application/json"), *flow.headers], to_json(flow.own))
    events = b"".join(event.encode() for event in flow.api.events(flow.own))
    return whole(200, [("content-type", "text/event-stream; charset=utf-8"), *flow.headers], events)


def _object(reply: Reply, data: bytes) -> bool:
    """Whether data looks like a JSON object that came whole; what is compressed is believed."""
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in reply.headers):
        return True
    return data[:64].lstrip()[:1] == b"{" and data[-64:].rstrip()[-1:] == b"}"


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = from_json(raw)
    except ValueError as error:
        raise RequestError(f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", code="invalid_json")
    return body
