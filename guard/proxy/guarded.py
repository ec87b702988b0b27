"""One guarded request, from the caller's bytes to the answer's."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from guard.actions.steps import Again, Wanted, arun, run
from guard.actions.verify import Verification
from guard.api import WireFormat
from guard.api.responses import conversation_of, response_id
from guard.asked import Asked, read_asked
from guard.audit.record import Record
from guard.errors import NormGuardError, PolicyError, RequestError
from guard.evidence.remote import RemoteImages
from guard.flow import Handling, asks, handle, headers_of
from guard.pipeline import Guard
from guard.policy.model import DeploymentPolicy, OnFault
from guard.proxy.faults import error_event, response_of
from guard.proxy.metrics import Metrics
from guard.proxy.relay import Relay, unless_disconnected, whole
from guard.types import Decision, Exchange
from guard.upstreams.base import Headers, Reply, Upstream, UpstreamError, end_to_end

log = logging.getLogger("normguard")


class Keeper(Protocol):
    """What keeps records; see `guard.audit.writer.Writer`."""

    written: int
    dropped: int

    @property
    def secret(self) -> bytes: ...

    def record(self, record: Record) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit trail of a server.

    Attributes:
        content: whether questions and guidance are kept in plain text.
    """

    writer: Keeper
    content: bool = False


@dataclass(slots=True)
class Job:
    """A request under way.

    Attributes:
        sent: the bytes that go to the upstream.
        headers: those that tell of the guard.
        handling: None where the guard itself failed and the request goes through without it.
    """

    request: Request
    api: WireFormat
    id: str
    sent: bytes = b""
    model: str | None = None
    headers: Headers = field(default_factory=list)
    handling: Handling | None = None
    rules: DeploymentPolicy | None = None
    exchange: Exchange | None = None
    policy: str | None = None
    elapsed: float = 0.0


class Guarded:
    """Guards the requests of the three APIs and sends them on."""

    upstream: Upstream
    remote: RemoteImages

    def __init__(self, guard: Guard, metrics: Metrics, *, max_body: int, audit: Audit | None = None) -> None:
        self._audit = audit
        if audit is not None:
            metrics.watch_audit(lambda: audit.writer.written, lambda: audit.writer.dropped)
        self.guard = guard
        self.metrics = metrics
        self._max_body = max_body

    async def __call__(self, request: Request, api: WireFormat) -> Response:
        """Answer a request of `api`."""
        with self.metrics.in_flight.track_inprogress():
            job = Job(request, api, uuid.uuid4().hex)
            try:
                raw = await self.read(request)
                await self._guard(job, raw)
                response = await unless_disconnected(request.receive, self._answer(job))
            except (NormGuardError, UpstreamError) as error:
                response = response_of(error, api)
                response.headers["x-normguard-request-id"] = job.id
                if isinstance(error, UpstreamError):
                    self.metrics.upstream_errors.labels(error.code).inc()
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it; the log and the metrics do
            self.metrics.requests.labels(api.name, status_class(response.status_code)).inc()
            self._record(job, response)
            return response

    async def send(
        self,
        request: Request,
        path: str,
        body: bytes | AsyncIterator[bytes],
        *,
        model: str | None = None,
        readable: bool = False,
        own: bool = False,
    ) -> Reply:
        """Send a request on under the caller's headers, less ours.

        Args:
            readable: whether the answer is to be read here, and so must not come compressed.
            own: whether it is a call of the guard's own, which is not the one that the caller's idempotency key names.
        """
        query = request.scope["query_string"].decode("latin-1")
        dropped = {"accept-encoding"} if readable else set()
        dropped |= {"idempotency-key"} if own else set()
        headers = [
            (name, value)
            for name, value in end_to_end(request.headers.items())
            if not name.startswith("x-normguard-") and name not in dropped
        ]
        if readable:
            headers.append(("accept-encoding", "identity"))
        start = time.perf_counter()
        reply = await self.upstream.send(
            request.method, f"{path}?{query}" if query else path, headers, body, model=model
        )
        self.metrics.upstream.observe(time.perf_counter() - start)
        return reply

    async def read(self, request: Request) -> bytes:
        """The request's body; raises `RequestError` if it is compressed or too large."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestError("Compressed request bodies are not read; send it uncompressed.", code="encoded_body")
        if int(request.headers.get("content-length") or 0) > self._max_body:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._max_body:
                raise self._too_large()
            chunks.append(chunk)
        return b"".join(chunks)

    def _too_large(self) -> RequestError:
        return RequestError(f"The request is larger than {self._max_body // 2**20} MiB.", code="request_too_large")

    async def _guard(self, job: Job, raw: bytes) -> None:
        start = time.perf_counter()
        body = _parse(raw)
        asked = read_asked(job.request.headers, body)
        plain = body if asked.plain else asked.stripped(body)
        job.exchange = exchange = job.api.read(body, asked.hints)
        job.policy = asked.policy
        job.model = body["model"] if isinstance(body.get("model"), str) else None
        job.rules = rules = self.guard.rules(asked.policy)
        try:
            decision = await self._check(exchange, asked, rules)
            steps = handle(self.guard, job.api, plain, exchange, decision, id_=job.id, policy=asked.policy)
            if asks(decision, rules):
                job.handling = Handling(job.api, plain, decision)  # on whose behalf a model is asked
                work = arun(steps, lambda wanted: self._ask(job, wanted))
                job.handling = await unless_disconnected(job.request.receive, work)
            else:
                job.handling = run(steps, _nobody)
        except (PolicyError, RequestError, ClientDisconnect):
            raise
        # The guard's own fault, whatever it is, must not take the application down, unless the policy says so.
        except Exception:
            log.exception("guard fault, request %s", job.id)
            if rules.on_fault is OnFault.CLOSED:
                raise NormGuardError("guard fault") from None
            self.metrics.guarded.labels("bypassed").inc()
            job.handling = None
            job.headers = [("x-normguard-status", "bypassed"), ("x-normguard-request-id", job.id)]
            job.sent = raw if asked.plain else to_json(plain)
            return
        handled = job.handling
        job.sent = raw if handled.body is body else to_json(handled.body)
        job.elapsed = elapsed = time.perf_counter() - start
        self._observe(handled.decision, elapsed)
        job.headers = headers_of(handled, elapsed, job.id)
        if job.api.name == "responses" and (conversation := conversation_of(body)):
            self.guard.remember(conversation, handled.decision)

    async def _check(self, exchange: Exchange, asked: Asked, rules: DeploymentPolicy) -> Decision:
        if exchange.images:
            if rules.remote_images:
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

    async def _ask(self, job: Job, wanted: Wanted) -> str | None:
        """What a model says to a call of the guard's own; None where it says nothing in time."""
        kind = "again" if isinstance(wanted, Again) else "ask"
        answer = None
        try:
            if job.handling is not None:
                async with asyncio.timeout(wanted.timeout):
                    answer = await self._call(job, job.handling, wanted)
        except (UpstreamError, TimeoutError, ValueError) as error:
            log.info("no answer to a call of the guard's own, request %s: %s", job.id, type(error).__name__)
        self.metrics.side_calls.labels(kind, "answered" if answer else "failed").inc()
        return answer

    async def _call(self, job: Job, handling: Handling, wanted: Wanted) -> str | None:
        body = handling.side_call(wanted)
        reply = await self.send(
            job.request, job.api.path, to_json(body), model=body.get("model"), readable=True, own=True
        )
        data = await _whole(reply)
        return handling.reply_of(from_json(data)) if reply.status < 300 else None

    async def _answer(self, job: Job) -> Response:
        handling = job.handling
        if handling is not None and handling.answer is not None:
            return _own(handling, job.headers)
        check = handling.verification if handling is not None else None
        readable = check is not None or job.api.name == "responses"
        reply = await self.send(job.request, job.api.path, job.sent, model=job.model, readable=readable)
        if reply.content_type.startswith("text/event-stream"):
            body = reply.body
            if job.api.name == "responses":
                body = self._remembering(job, body)
            if check is not None and reply.status < 300:
                body = self._verified(job, body, check)
            return Relay(
                reply.status, [*reply.headers, *job.headers], body, on_error=lambda error: self._broken(error, job.api)
            )
        data = await _whole(reply)
        if reply.status < 300 and not reply.content_type.startswith("application/json"):
            raise UpstreamError(
                f"The upstream answered with {reply.content_type[:60] or 'no content type'} instead of JSON; is its "
                "address that of an API such as was called?",
                code="upstream_invalid_response",
            )
        if job.api.name == "responses" and (found := response_id(data)):
            self._remember(job, found)
        if check is not None and reply.status < 300:
            data = await self._checked(job, data, check)
        return whole(reply.status, [*reply.headers, *job.headers], data)

    async def _checked(self, job: Job, data: bytes, check: Verification) -> bytes:
        """An answer in one piece as the caller may see it."""
        try:
            changed = await arun(check.answer(job.api, _parse(data)), lambda wanted: self._ask(job, wanted))
        except Exception:
            self._verify_failed(job)
            return data
        if check.outcome is not None:
            job.headers.append(("x-normguard-verify", str(check.outcome)))
            self.metrics.verified.labels(check.outcome).inc()
        return data if changed is None else to_json(changed)

    async def _verified(self, job: Job, body: AsyncIterator[bytes], check: Verification) -> AsyncIterator[bytes]:
        """An event stream as the caller may see it."""
        stream = check.stream(job.api)
        checking = True
        broken: UpstreamError | None = None
        try:
            while True:
                try:
                    chunk = await anext(body, None)
                except UpstreamError as error:
                    broken, chunk = error, None
                if not checking:
                    out = chunk or b""
                else:
                    try:
                        steps = stream.finish() if chunk is None else stream.feed(chunk)
                        out = await arun(steps, lambda wanted: self._ask(job, wanted))
                    except Exception:
                        self._verify_failed(job)
                        checking, out = False, stream.abandon()
                if out:
                    yield out
                if chunk is None:
                    break
            if broken is not None:
                raise broken
        finally:
            await body.aclose()  # type: ignore[attr-defined]
            if check.outcome is not None:
                self.metrics.verified.labels(check.outcome).inc()

    def _record(self, job: Job, response: Response) -> None:
        """Keep what was decided. A checked stream is recorded as such: what becomes of it is known after it is out."""
        if self._audit is None or job.handling is None or job.exchange is None:
            return
        record = Record.of(
            job.exchange,
            job.handling.decision,
            secret=self._audit.writer.secret,
            request_id=job.id,
            api=job.api.name,
            model=job.model,
            policy=job.policy,
            http_status=response.status_code,
            latency_ms=job.elapsed * 1000,
            verify=next((value for name, value in job.headers if name == "x-normguard-verify"), None),
            content=self._audit.content,
        )
        self._audit.writer.record(record)

    def _verify_failed(self, job: Job) -> None:
        log.exception("fault in the check of an answer, request %s", job.id)
        self.metrics.verified.labels("failed").inc()
        if job.rules is not None and job.rules.on_fault is OnFault.CLOSED:
            raise UpstreamError("The guard failed.", status=500, code="guard_fault") from None
        job.headers.append(("x-normguard-verify", "failed"))

    async def _remembering(self, job: Job, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream as it is; the id that its first event gives the response is kept."""
        head: bytes | None = b""
        try:
            async for chunk in body:
                if head is not None:
                    head += chunk
                    if found := response_id(head):
                        self._remember(job, found)
                    head = None if found or len(head) > 65_536 else head
                yield chunk
        finally:
            await body.aclose()  # type: ignore[attr-defined]

    def _remember(self, job: Job, id_: str) -> None:
        if job.handling is not None:
            self.guard.remember(id_, job.handling.decision)

    def _broken(self, error: UpstreamError, api: WireFormat) -> bytes:
        self.metrics.upstream_errors.labels(error.code).inc()
        return error_event(error, api)


def _nobody(wanted: Wanted) -> str | None:
    raise AssertionError(f"nobody was to be asked: {wanted!r}")


def status_class(status: int) -> str:
    return f"{status // 100}xx"


def _own(handling: Handling, headers: Headers) -> Response:
    """An answer of the guard's own."""
    assert handling.answer is not None
    if not handling.streamed:
        return whole(200, [("content-type", "application/json"), *headers], to_json(handling.answer))
    events = b"".join(event.encode() for event in handling.api.events(handling.answer))
    return whole(200, [("content-type", "text/event-stream; charset=utf-8"), *headers], events)


async def _whole(reply: Reply) -> bytes:
    return b"".join([chunk async for chunk in reply.body])


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = from_json(raw)
    except ValueError as error:
        raise RequestError(f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(body, dict):
        raise RequestError("The body must be a JSON object.", code="invalid_json")
    return body
