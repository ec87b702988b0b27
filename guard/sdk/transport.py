"""The guard between a provider's client and its HTTP client: requests go out guarded, answers come back checked.

Works on the requests and responses of httpx and of httpx2, whichever the provider's client uses; neither is imported
here.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from guard.actions.steps import Wanted
from guard.api import APIS
from guard.deployment.local import Local
from guard.errors import NormGuardError
from guard.flow import LAST, Call, Latest, Read, RequestFlow, Send, Step, arun, fault_of, run
from guard.flow.request import GuardedStream

_UNREACHABLE = 502
"""The status under which a request is recorded that no answer came to."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A provider's response."""

    response: Any

    @property
    def ok(self) -> bool:
        return bool(self.response.status_code < 300)

    @property
    def streams(self) -> bool:
        return bool(self.response.headers.get("content-type", "").startswith("text/event-stream"))


class GuardedTransport:
    """What a wrapped client's requests pass."""

    def __init__(self, local: Local) -> None:
        self._local = local

    def send(self, request: Any, send: Callable[[Any], Any]) -> Any:
        """Guard a request and have `send` send it; the response that the client gets."""
        flow = self._flow(request)
        if flow is None:
            return send(request)

        def perform(step: Step) -> Any:
            match step:
                case Send(body, changed, readable):
                    return _Sent(send(_outgoing(request, body if changed else None, readable=readable)))
                case Read(sent):
                    return sent.response.read()
                case Call(wanted, body):
                    try:
                        response = send(_side_call(request, wanted, body))
                        return flow.api.parsed(response.read()) if response.status_code < 300 else None
                    except Exception:  # whatever the client raises: there is no answer
                        return None
            return self._local.perform(step)

        try:
            run(flow(), perform)
        except NormGuardError as error:
            return _refusal(flow, request, error)
        except Exception:
            flow.record(_UNREACHABLE)
            raise
        response = _answer(flow, request)
        if flow.stream is None:
            return response
        return _restreamed(response, _Chunks(flow.stream, response, perform))

    async def asend(self, request: Any, send: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `send`, awaited."""
        flow = self._flow(request)
        if flow is None:
            return await send(request)

        async def perform(step: Step) -> Any:
            match step:
                case Send(body, changed, readable):
                    return _Sent(await send(_outgoing(request, body if changed else None, readable=readable)))
                case Read(sent):
                    return await sent.response.aread()
                case Call(wanted, body):
                    try:
                        response = await send(_side_call(request, wanted, body))
                        return flow.api.parsed(await response.aread()) if response.status_code < 300 else None
                    except Exception:
                        return None
            return await self._local.aperform(step)

        try:
            await arun(flow(), perform)
        except NormGuardError as error:
            return _refusal(flow, request, error)
        except Exception:
            flow.record(_UNREACHABLE)
            raise
        response = _answer(flow, request)
        if flow.stream is None:
            return response
        return _restreamed(response, _AsyncChunks(flow.stream, response, perform))

    def _flow(self, request: Any) -> RequestFlow | None:
        """The way of a request; None where it is none of an API's that is guarded."""
        LAST.set(None)
        path = str(request.url.path)
        api = next((api for api in APIS if path.endswith(f"/{api.path}")), None)
        if api is None or request.method != "POST":
            return None
        try:
            body = from_json(request.read())
        except ValueError:
            return None
        if not isinstance(body, dict):
            return None
        local = self._local
        return RequestFlow(
            local.guard, api, body, headers=request.headers, hints=local.hints, audit=local.audit, observer=Latest()
        )


class _Chunks:
    """A response's stream, for clients that wait."""

    def __init__(self, stream: GuardedStream, response: Any, perform: Callable[[Step], Any]) -> None:
        self._stream, self._response, self._perform = stream, response, perform

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._response.iter_raw():
                yield run(self._stream.feed(chunk), self._perform)
            yield run(self._stream.feed(None), self._perform)
        finally:
            self._stream.close()

    def close(self) -> None:
        self._response.close()


class _AsyncChunks:
    """A response's stream, for clients that await."""

    def __init__(self, stream: GuardedStream, response: Any, perform: Callable[[Step], Awaitable[Any]]) -> None:
        self._stream, self._response, self._perform = stream, response, perform

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_raw():
                yield await arun(self._stream.feed(chunk), self._perform)
            yield await arun(self._stream.feed(None), self._perform)
        finally:
            self._stream.close()

    async def aclose(self) -> None:
        await self._response.aclose()


def _answer(flow: RequestFlow, request: Any) -> Any:
    """The response that the client gets."""
    if flow.own is not None:
        response = _own(flow, request, flow.own)
    else:
        sent = flow.sent
        assert isinstance(sent, _Sent)
        response = sent.response
        response.headers.update(dict(flow.headers))
        if flow.changed is not None:
            status, content = response.status_code, to_json(flow.changed)
            response = _response(request, status, "application/json", content, response.headers.multi_items())
    flow.record(response.status_code)
    return response


def _own(flow: RequestFlow, request: Any, answer: dict[str, Any]) -> Any:
    if flow.streamed:
        content = b"".join(event.encode() for event in flow.api.events(answer))
        return _response(request, 200, "text/event-stream; charset=utf-8", content, flow.headers)
    return _response(request, 200, "application/json", to_json(answer), flow.headers)


def _refusal(flow: RequestFlow, request: Any, error: NormGuardError) -> Any:
    """An error answer such as the provider would give, so that the client raises what it always raises."""
    fault = fault_of(error)
    content = to_json(flow.api.error(fault.status, fault.message, code=fault.code, param=fault.param))
    flow.record(fault.status)
    return _response(request, fault.status, "application/json", content, [("x-should-retry", "false")])


def _side_call(request: Any, wanted: Wanted, body: Any) -> Any:
    """A call of the guard's own, which is not the one that the caller's idempotency key names."""
    made = _outgoing(request, body, readable=True, dropped={"idempotency-key"})
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), wanted.timeout)
    made.extensions = {**made.extensions, "timeout": timeout}
    return made


def _outgoing(
    request: Any, body: Any | None, *, readable: bool, dropped: frozenset[str] | set[str] = frozenset()
) -> Any:
    """The request without our headers, and with another body where `body` is one; as it came where nothing changes."""
    ours = any(name.lower().startswith("x-normguard-") for name in request.headers)
    if body is None and not ours and not readable:
        return request
    gone = {"content-length", *dropped, *(("accept-encoding",) if readable else ())}
    headers = [
        (name, value)
        for name, value in request.headers.multi_items()
        if name.lower() not in gone and not name.lower().startswith("x-normguard-")
    ]
    if readable:  # the answer is to be read here, and so must not come compressed
        headers.append(("accept-encoding", "identity"))
    content = request.content if body is None else to_json(body)
    return type(request)(request.method, request.url, headers=headers, content=content, extensions=request.extensions)


def _response(request: Any, status: int, type_: str, content: bytes, headers: list[tuple[str, str]]) -> Any:
    dropped = {"content-length", "content-encoding", "content-type", "transfer-encoding"}
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return _library(request).Response(
        status, headers=[("content-type", type_), *kept], content=content, request=request
    )


def _restreamed(response: Any, chunks: _Chunks | _AsyncChunks) -> Any:
    """The response with another stream."""
    library = _library(response.request)
    base = library.SyncByteStream if isinstance(chunks, _Chunks) else library.AsyncByteStream
    chunks.__class__ = type(type(chunks).__name__, (type(chunks), base), {})
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() != "content-length"]
    return library.Response(
        response.status_code,
        headers=headers,
        stream=chunks,
        request=response.request,
        extensions=response.extensions,
    )


def _library(request: Any) -> Any:
    """httpx or httpx2: the one that the request is of."""
    return sys.modules[type(request).__module__.partition(".")[0]]
