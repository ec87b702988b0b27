"""One guarded request, from the caller's bytes to the answer's."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from guard.actions.steps import Again, Wanted, arun, run
from guard.actions.verify import Verification
from guard.api import WireFormat
from guard.api.options import read_options
from guard.api.responses import conversation_of, response_id
from guard.audit.record import Record
from guard.audit.writer import AuditTrail
from guard.errors import AccessError, NormGuardError, PolicyError, RequestError
from guard.evidence.gather import MAX_PICTURES
from guard.flow.request import Handling, asks, handle, headers_of
from guard.observability.logs import without_content
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.pictures.decode import digest
from guard.pictures.remote import RemoteImages
from guard.pipeline import Guard
from guard.policy.model import DeploymentPolicy, OnFault
from guard.proxy.admission import Grant
from guard.proxy.errors import error_event, out_of_time, response_of
from guard.proxy.generation import Generation
from guard.proxy.shared_cache import SharedCache
from guard.proxy.streaming import Relay, unless_disconnected, whole
from guard.settings import Settings
from guard.types import Decision, Exchange
from guard.upstreams.base import Headers, Reply, UpstreamError, end_to_end

log = logging.getLogger("normguard")

_LARGE = 256 * 2**10
_NOT_TO_BE_HAD = frozenset({"thread", "remote-image", "timeout"})
"""What the guard does without, and is no fault: turns of other servers, pictures that are not fetched."""


@dataclass(slots=True)
class Job:
    """A request under way.

    Attributes:
        live: what it is served with, to its end.
        grant: what its key allows.
        deadline: when it must be over, by the event loop's clock.
        sent: the bytes that go to the upstream.
        headers: those that tell of the guard.
        handling: None where the guard itself failed and the request goes through without it.
        checking: whether its answer is checked as it comes, and its record is kept once that is over.
    """

    request: Request
    api: WireFormat
    id: str
    live: Generation
    grant: Grant
    deadline: float
    sent: bytes = b""
    model: str | None = None
    headers: Headers = field(default_factory=list)
    handling: Handling | None = None
    rules: DeploymentPolicy | None = None
    exchange: Exchange | None = None
    policy: str | None = None
    elapsed: float = 0.0
    checking: bool = False


class Guarded:
    """Guards the requests of the three APIs and sends them on.

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
        self._audit = audit
        self._telemetry = telemetry
        if audit is not None:
            audit.writer.on_written = metrics.audit_written.inc
            audit.writer.on_dropped = metrics.audit_dropped.inc
        self.metrics = metrics
        self._max_body = settings.max_body
        self._body_timeout = settings.body_timeout
        self._guard_timeout = settings.guard_timeout
        self._request_timeout = settings.request_timeout
        # A crafted picture may take a core for seconds: as many are decoded at one time as there are cores, each within
        # the decoder's limits, and the rest of the worker goes on.
        self._pictures = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="normguard-pictures")

    async def __call__(self, request: Request, api: WireFormat, live: Generation, grant: Grant) -> Response:
        """Answer a request of `api`."""
        deadline = asyncio.get_running_loop().time() + self._request_timeout
        job = Job(request, api, request.scope["normguard.id"], live, grant, deadline)
        with self.metrics.in_flight.track_inprogress():
            try:
                async with asyncio.timeout_at(deadline):
                    raw = await self.read(request)
                    await self._guard(job, raw)
                    response = await unless_disconnected(request.receive, self._answer(job))
            except TimeoutError:
                response = response_of(out_of_time(), api)
            except (NormGuardError, UpstreamError) as error:
                response = response_of(error, api)
                if isinstance(error, UpstreamError):
                    self.metrics.upstream_errors.labels(error.code).inc()
                elif isinstance(error, AccessError):
                    self.metrics.count_access(error)
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it; the log and the metrics do
            if "x-normguard-request-id" not in response.headers:
                response.headers["x-normguard-request-id"] = job.id
            self.metrics.requests.labels(api.name, status_class(response.status_code)).inc()
            if not job.checking:
                self._record(job, response.status_code)
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

    async def _guard(self, job: Job, raw: bytes) -> None:
        start = time.perf_counter()
        large = len(raw) > _LARGE  # then the event loop has others to serve meanwhile
        body = await asyncio.to_thread(_parse, raw) if large else _parse(raw)
        asked = read_options(job.request.headers, body)
        plain = body if asked.plain else asked.stripped(body)
        job.policy = policy = job.grant.policy(asked.policy)
        job.model = body["model"] if isinstance(body.get("model"), str) else None
        job.grant.check(job.model)
        guard = job.live.guard
        job.rules = rules = guard.rules(policy)
        if rules.on_fault.audit is OnFault.CLOSED and (self._audit is None or self._audit.writer.full):
            raise _refused("Decisions cannot be kept at the moment", "audit_unavailable")
        try:
            read = partial(job.api.read, body, asked.hints)
            job.exchange = exchange = await asyncio.to_thread(read) if large else read()
            decision = await self._check(job, exchange, rules)
            steps = handle(guard, job.api, plain, exchange, decision, id_=job.id, policy=policy)
            if asks(decision, rules):
                job.handling = Handling(job.api, plain, decision)  # on whose behalf a model is asked
                work = arun(steps, lambda wanted: self._ask(job, wanted))
                job.handling = await unless_disconnected(job.request.receive, work)
            else:
                job.handling = run(steps, _nobody)
        except (AccessError, PolicyError, RequestError, ClientDisconnect):
            raise
        # The guard's own fault, whatever it is, must not take the application down, unless the policy says so.
        except Exception as error:
            log.error("guard fault, request %s: %s", job.id, without_content(error))
            if rules.on_fault.guard is OnFault.CLOSED:
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
            self._remember(job, conversation)

    async def _check(self, job: Job, exchange: Exchange, rules: DeploymentPolicy) -> Decision:
        guard = job.live.guard
        late = False
        if exchange.images or exchange.thread is not None:
            try:
                async with asyncio.timeout(self._guard_timeout):
                    exchange = await self._prepared(guard, exchange, rules)
            except TimeoutError:
                if rules.on_fault.timeout is OnFault.CLOSED:
                    raise _refused("The guard ran out of time", "guard_timeout") from None
                exchange, late = exchange.without_pictures(), True
        decision = guard.check(exchange, policy=job.policy)
        if late:
            decision = replace(decision, degraded=(*decision.degraded, "timeout"))
        if rules.on_fault.evidence is OnFault.CLOSED and (failed := set(decision.degraded) - _NOT_TO_BE_HAD):
            raise _refused(f"The guard cannot use all that it goes by ({', '.join(sorted(failed))})", "guard_degraded")
        job.exchange = exchange
        return decision

    async def _prepared(self, guard: Guard, exchange: Exchange, rules: DeploymentPolicy) -> Exchange:
        """The exchange with its pictures fetched, decoded and looked at, off the event loop; caches hold all of it."""
        if exchange.images and rules.remote_images:
            exchange = await self.remote.fetch(exchange)
        pictures = [image for image in exchange.images if image.data is not None][-MAX_PICTURES:]
        keys = [digest(image.data) for image in pictures if image.data is not None] if self.remembered else []
        if self.remembered is not None:
            await self.remembered.recall(guard, exchange, keys)
        loop = asyncio.get_running_loop()
        looks = (
            loop.run_in_executor(self._pictures, partial(guard.see, image.data, param=image.param))
            for image in pictures
            if image.data is not None
        )
        seen = {id(image): picture for image, picture in zip(pictures, await asyncio.gather(*looks), strict=True)}
        if self.remembered is not None:
            self.remembered.tell_pictures(guard, keys)
        return exchange.with_images(lambda image: replace(image, picture=seen.get(id(image), image.picture)))

    def _observe(self, decision: Decision, elapsed: float) -> None:
        self.metrics.decisions.labels(decision.action).inc()
        self.metrics.guarded.labels("degraded" if decision.degraded else "ok").inc()
        for stage, ms in decision.timings_ms.items():
            self.metrics.stages.labels(stage).observe(ms / 1000)
        self.metrics.stages.labels("total").observe(elapsed)
        for source in decision.degraded:
            self.metrics.count_degraded(source)
        if self._telemetry is not None:
            self._telemetry.decided(decision, elapsed)

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
            job.request,
            job.live,
            job.grant,
            job.api.path,
            to_json(body),
            model=body.get("model"),
            readable=True,
            own=True,
        )
        data = await _whole(reply)
        return handling.reply_of(from_json(data)) if reply.status < 300 else None

    async def _answer(self, job: Job) -> Response:
        handling = job.handling
        if handling is not None and handling.answer is not None:
            return _own(handling, job.headers)
        check = handling.verification if handling is not None else None
        readable = check is not None or job.api.name == "responses"
        reply = await self.send(
            job.request, job.live, job.grant, job.api.path, job.sent, model=job.model, readable=readable
        )
        if reply.content_type.startswith("text/event-stream"):
            body = reply.body
            if job.api.name == "responses":
                body = self._remembering(job, body)
            if check is not None and reply.status < 300:
                job.checking = True
                body = self._verified(job, body, check, reply.status)
            return Relay(
                reply.status,
                [*reply.headers, *job.headers],
                body,
                on_error=lambda error: self._broken(error, job.api),
                deadline=job.deadline,
            )
        data = await _whole(reply)
        if reply.status < 300 and not (reply.content_type.startswith("application/json") and _object(reply, data)):
            what = reply.content_type[:60] or "no content type"
            raise UpstreamError(
                f"The upstream answered with {what} that is no JSON object; is its address that of an API such as was "
                "called?",
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
        except Exception as error:
            self._verify_failed(job, error)
            return data
        if check.outcome is not None:
            job.headers.append(("x-normguard-verify", str(check.outcome)))
            self.metrics.verified.labels(check.outcome).inc()
        return data if changed is None else to_json(changed)

    async def _verified(
        self, job: Job, body: AsyncIterator[bytes], check: Verification, status: int
    ) -> AsyncIterator[bytes]:
        """An event stream as the caller may see it; what became of it is recorded at its end, however it ends."""
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
                    except Exception as error:
                        self._verify_failed(job, error)
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
                if checking:
                    job.headers.append(("x-normguard-verify", str(check.outcome)))
            self._record(job, status)

    def _record(self, job: Job, status: int) -> None:
        """Keep what was decided, and what became of the answer where it was checked."""
        if self._audit is None or job.handling is None or job.exchange is None or job.rules is None:
            return
        record = Record.of(
            job.exchange,
            job.handling.decision,
            policy=job.rules,
            packs_hash=job.live.guard.library.digest,
            secret=self._audit.writer.secret,
            request_id=job.id,
            api=job.api.name,
            model=job.model,
            http_status=status,
            latency_ms=job.elapsed * 1000,
            verify=next((value for name, value in reversed(job.headers) if name == "x-normguard-verify"), None),
            content=self._audit.content,
            key=job.grant.key.id if job.grant.key is not None else None,
        )
        self._audit.writer.record(record)

    def _verify_failed(self, job: Job, error: Exception) -> None:
        log.error("fault in the check of an answer, request %s: %s", job.id, without_content(error))
        self.metrics.verified.labels("failed").inc()
        if job.rules is not None and job.rules.on_fault.verify is OnFault.CLOSED:
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
            guard, decision = job.live.guard, job.handling.decision
            guard.remember(id_, decision)
            if self.remembered is not None:
                self.remembered.tell_thread(guard, id_, decision)

    def _broken(self, error: UpstreamError, api: WireFormat) -> bytes:
        self.metrics.upstream_errors.labels(error.code).inc()
        return error_event(error, api)


def _refused(why: str, code: str) -> AccessError:
    return AccessError(
        f"{why}, and the deployment's policy refuses requests then.", status=503, code=code, retry_after=5
    )


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


def _object(reply: Reply, data: bytes) -> bool:
    """Whether data looks like a JSON object that came whole; what is compressed is believed."""
    if any(name.lower() == "content-encoding" and value.lower() != "identity" for name, value in reply.headers):
        return True
    return data[:64].lstrip()[:1] == b"{" and data[-64:].rstrip()[-1:] == b"}"


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
