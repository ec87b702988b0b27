"""The guard between a provider's client and its HTTP client: requests go out guarded, answers come back checked.

Works on the requests and responses of httpx and of httpx2, whichever the provider's client uses; neither is imported
here. The way of a request is one generator: it yields what touches the network, so that clients that wait and clients
that await share it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic_core import from_json, to_json

from guard.actions.steps import Steps, Wanted
from guard.actions.verify import StreamVerification
from guard.api import FORMATS, WireFormat
from guard.api.options import read_options
from guard.api.responses import conversation_of, response_id
from guard.errors import NormGuardError, PolicyError, RequestError
from guard.flow.request import Handling, handle, headers_of
from guard.pipeline import Guard
from guard.policy.model import OnFault
from guard.types import Decision, Exchange, Hints

log = logging.getLogger("normguard")

LAST: ContextVar[Decision | None] = ContextVar("normguard_last_decision", default=None)
"""The decision on the latest request of this thread or task."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Send:
    """Send a request; the guard's own calls (`own`) may fail without harm."""

    request: Any
    own: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    """Read a response to its end."""

    response: Any


@dataclass(frozen=True, slots=True)
class _Check:
    """Decide on an exchange, off the event loop where that takes long."""

    exchange: Exchange
    policy: str | None


Way = Generator[_Send | _Read | _Check, Any, T]


class GuardedTransport:
    """What a wrapped client's requests pass.

    Args:
        policy: deployment policy of requests that name none; the guard's own where None.
        hints: what is known of all requests; what a request itself tells wins.
    """

    def __init__(self, guard: Guard, *, policy: str | None = None, hints: Hints | None = None) -> None:
        self._guard = guard
        self._policy = policy
        self._hints = hints or Hints()

    def send(self, request: Any, send: Callable[[Any], Any]) -> Any:
        """Guard a request and have `send` send it; the response that the client gets."""

        def step(wanted: _Send | _Read | _Check) -> Any:
            match wanted:
                case _Send(outgoing, own):
                    try:
                        return send(outgoing)
                    except Exception:
                        if own:
                            return None
                        raise
                case _Read(response):
                    return response.read()
                case _Check(exchange, policy):
                    return self._guard.check(exchange, policy=policy)

        def drive(way: Way[T]) -> T:
            try:
                wanted = next(way)
                while True:
                    try:
                        got = step(wanted)
                    except Exception as error:  # the way decides what becomes of it
                        wanted = way.throw(error)
                    else:
                        wanted = way.send(got)
            except StopIteration as done:
                result: T = done.value
                return result

        response, visit = drive(self._pass(request))
        if visit is None or not visit.streams:
            return response

        def chunks() -> Iterator[bytes]:
            for chunk in response.iter_raw():
                yield drive(visit.let_through(chunk))
            yield drive(visit.let_through(None))

        return _restreamed(response, _Chunks(chunks(), response.close))

    async def asend(self, request: Any, send: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `send`, awaited."""

        async def step(wanted: _Send | _Read | _Check) -> Any:
            match wanted:
                case _Send(outgoing, own):
                    try:
                        return await send(outgoing)
                    except Exception:
                        if own:
                            return None
                        raise
                case _Read(response):
                    return await response.aread()
                case _Check(exchange, policy) if exchange.images:
                    return await asyncio.to_thread(self._guard.check, exchange, policy=policy)
                case _Check(exchange, policy):
                    return self._guard.check(exchange, policy=policy)

        async def drive(way: Way[T]) -> T:
            try:
                wanted = next(way)
                while True:
                    try:
                        got = await step(wanted)
                    except Exception as error:
                        wanted = way.throw(error)
                    else:
                        wanted = way.send(got)
            except StopIteration as done:
                result: T = done.value
                return result

        response, visit = await drive(self._pass(request))
        if visit is None or not visit.streams:
            return response

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in response.aiter_raw():
                yield await drive(visit.let_through(chunk))
            yield await drive(visit.let_through(None))

        return _restreamed(response, _AsyncChunks(chunks(), response.aclose))

    def _pass(self, request: Any) -> Way[tuple[Any, _Visit | None]]:
        LAST.set(None)
        path = str(request.url.path)
        api = next((api for api in FORMATS.values() if path.endswith(f"/{api.path}")), None)
        if api is None or request.method != "POST":
            return (yield _Send(request)), None
        body = _json(request.read())
        if body is None:
            return (yield _Send(request)), None
        try:
            visit = _Visit(self._guard, api, request, body, self._policy, self._hints)
            yield from visit.decide()
        except (RequestError, PolicyError) as error:
            param = error.param if isinstance(error, RequestError) else "normguard.policy"
            code = error.code if isinstance(error, RequestError) else "unknown_policy"
            return _refusal(api, request, 400, str(error), code, param), None
        except Exception:
            log.exception("guard fault in a wrapped client")
            if self._guard.rules(self._policy).on_fault.guard is OnFault.CLOSED:
                return _refusal(api, request, 500, "The guard failed.", "guard_fault"), None
            return (yield _Send(request)), None
        LAST.set(visit.handling.decision)
        return (yield from visit.answer()), visit


class _Visit:
    """One request on its way through the door."""

    def __init__(
        self, guard: Guard, api: WireFormat, request: Any, body: dict[str, Any], policy: str | None, hints: Hints
    ) -> None:
        asked = read_options(request.headers, body)
        self._guard = guard
        self._api = api
        self._request = request
        self._body = body if asked.plain else asked.stripped(body)
        self._policy = asked.policy or policy
        self._rules = guard.rules(self._policy)
        self._exchange = api.read(self._body, _joined(asked.hints, hints))
        self._id = uuid.uuid4().hex
        self._start = time.perf_counter()
        self._stream: StreamVerification | None = None
        self._head: bytes | None = b"" if api.name == "responses" else None
        self.handling: Handling
        self.streams = False

    def decide(self) -> Way[None]:
        """Settle how the request is handled."""
        decision = yield _Check(self._exchange, self._policy)
        self.handling = Handling(self._api, self._body, decision)
        if self._api.name == "responses" and (conversation := conversation_of(self._body)):
            self._guard.remember(conversation, decision)
        steps = handle(self._guard, self._api, self._body, self._exchange, decision, id_=self._id, policy=self._policy)
        self.handling = yield from self._carry(steps)

    def answer(self) -> Way[Any]:
        """The response, from the model or our own; a stream is then for `let_through`."""
        headers = headers_of(self.handling, time.perf_counter() - self._start, self._id)
        if (own := self.handling.answer) is not None:
            if self.handling.streamed:
                content = b"".join(event.encode() for event in self._api.events(own))
                return _response(self._request, 200, "text/event-stream; charset=utf-8", content, headers)
            return _response(self._request, 200, "application/json", to_json(own), headers)
        check = self.handling.verification
        readable = check is not None or self._head is not None
        response = yield _Send(_outgoing(self._request, self.handling.body, readable=readable))
        response.headers.update(dict(headers))
        if response.status_code >= 300:
            return response
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            self._stream = check.stream(self._api) if check is not None else None
            self.streams = readable
            return response
        if self._head is not None:
            self._remember(response_id((yield _Read(response))))
        reply = _json((yield _Read(response))) if check is not None else None
        if check is not None and reply is not None:
            try:
                changed = yield from self._carry(check.answer(self._api, reply))
            except Exception:
                changed = self._failed(None)
            response.headers["x-normguard-verify"] = str(check.outcome or "failed")
            if changed is not None:
                content = to_json(changed)
                response = _response(self._request, response.status_code, "application/json", content, response.headers)
        return response

    def let_through(self, chunk: bytes | None) -> Way[bytes]:
        """What may go out of a stream once `chunk` has come, or has not: None is the end."""
        if self._head is not None and chunk is not None:
            self._head += chunk
            found = response_id(self._head)
            self._remember(found)
            if found or len(self._head) > 65_536:
                self._head = None
        if self._stream is None:
            return chunk or b""
        try:
            return (yield from self._carry(self._stream.finish() if chunk is None else self._stream.feed(chunk)))
        except Exception:
            held = self._stream.abandon()
            self._stream = None
            return self._failed(held)

    def _failed(self, otherwise: T) -> T:
        log.exception("fault in the check of an answer in a wrapped client")
        if self._rules.on_fault.verify is OnFault.CLOSED:
            raise NormGuardError("The guard failed.") from None
        return otherwise

    def _carry(self, steps: Steps[T]) -> Way[T]:
        try:
            wanted = next(steps)
            while True:
                wanted = steps.send((yield from self._ask(wanted)))
        except StopIteration as done:
            result: T = done.value
            return result

    def _ask(self, wanted: Wanted) -> Way[str | None]:
        body = self.handling.side_call(wanted)
        request = _outgoing(self._request, body, readable=True, own=True)
        request.extensions = {
            **request.extensions,
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), wanted.timeout),
        }
        response = yield _Send(request, own=True)
        if response is None:
            return None
        content = yield _Read(response)
        return self.handling.reply_of(_json(content)) if response.status_code < 300 else None

    def _remember(self, response_id: str | None) -> None:
        if response_id is not None:
            self._guard.remember(response_id, self.handling.decision)


class _Chunks:
    """A response's stream, for clients that wait."""

    def __init__(self, chunks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._chunks = chunks
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


class _AsyncChunks:
    """A response's stream, for clients that await."""

    def __init__(self, chunks: AsyncIterator[bytes], aclose: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self.aclose = aclose

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks


def _joined(told: Hints, known: Hints) -> Hints:
    """The hints of a request, and where it gives none those of the client."""
    return replace(
        known,
        **{name: value for name in ("country", "locale", "location", "captions") if (value := getattr(told, name))},
    )


def _outgoing(request: Any, body: Mapping[str, Any], *, readable: bool, own: bool = False) -> Any:
    """The request with another body and without our headers."""
    dropped = {"content-length", "idempotency-key"} if own else {"content-length"}
    headers = [
        (name, value)
        for name, value in request.headers.multi_items()
        if name.lower() not in dropped and not name.lower().startswith("x-normguard-")
    ]
    if readable:  # the answer is to be read here, and so must not come compressed
        headers = [pair for pair in headers if pair[0].lower() != "accept-encoding"] + [("accept-encoding", "identity")]
    content = to_json(body)
    return type(request)(request.method, request.url, headers=headers, content=content, extensions=request.extensions)


def _response(request: Any, status: int, type_: str, content: bytes, headers: Any) -> Any:
    pairs = headers.multi_items() if hasattr(headers, "multi_items") else headers
    dropped = {"content-length", "content-encoding", "content-type", "transfer-encoding"}
    kept = [(name, value) for name, value in pairs if name.lower() not in dropped]
    made = _library(request).Response(
        status, headers=[("content-type", type_), *kept], content=content, request=request
    )
    return made


def _restreamed(response: Any, chunks: _Chunks | _AsyncChunks) -> Any:
    """The response with another stream."""
    library = _library(response.request)
    bases = (type(chunks), library.SyncByteStream if isinstance(chunks, _Chunks) else library.AsyncByteStream)
    chunks.__class__ = type(type(chunks).__name__, bases, {})
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() != "content-length"]
    return library.Response(
        response.status_code,
        headers=headers,
        stream=chunks,
        request=response.request,
        extensions=response.extensions,
    )


def _refusal(api: WireFormat, request: Any, status: int, message: str, code: str, param: str | None = None) -> Any:
    """An error answer such as the provider would give, so that the client raises what it always raises."""
    content = to_json(api.error(status, message, code=code, param=param))
    return _response(request, status, "application/json", content, [("x-should-retry", "false")])


def _library(request: Any) -> Any:
    """httpx or httpx2: the one that the request is of."""
    return sys.modules[type(request).__module__.partition(".")[0]]


def _json(content: bytes) -> dict[str, Any] | None:
    try:
        body = from_json(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
