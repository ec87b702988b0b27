"""Answers that are passed on as they come, and work that ends when the caller goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from guard.errors import NormGuardError
from guard.proxy.errors import out_of_time
from guard.upstreams.base import Headers

T = TypeVar("T")


class Relay(Response):
    """Passes a body on as it comes; whoever hangs up ends the upstream's work too.

    Args:
        headers: all that the answer has.
        on_error: makes the last bytes of a stream whose upstream broke off; without, the connection is broken off.
        deadline: when it must be over, by the event loop's clock; whenever where None.
    """

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: AsyncIterator[bytes],
        on_error: Callable[[NormGuardError], bytes] | None = None,
        *,
        deadline: float | None = None,
    ) -> None:
        super().__init__(status_code=status)
        self._body = body
        self._on_error = on_error
        self._deadline = deadline
        self.raw_headers = raw_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with contextlib.suppress(ClientDisconnect):
            await unless_disconnected(receive, self._pass_on(send))

    async def _pass_on(self, send: Send) -> None:
        try:
            await self._pass_body(send)
        except NormGuardError as error:
            # The status line is out: what remains is to end the stream with an error that clients understand, or,
            # on other routes, to break the connection off so that nobody takes the part for the whole.
            if self._on_error is None:
                raise
            await send({"type": "http.response.body", "body": self._on_error(error), "more_body": True})
        finally:
            await self._body.aclose()  # type: ignore[attr-defined]
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pass_body(self, send: Send) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                async for chunk in self._body:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            raise out_of_time() from None


def whole(status: int, headers: Headers, body: bytes) -> Response:
    """An answer in one piece, with just these headers and its length."""
    response = Response(body, status)
    length = [(name, value) for name, value in response.raw_headers if name == b"content-length"]
    response.raw_headers = length + raw_headers(headers)
    return response


def raw_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def unless_disconnected(receive: Receive, work: Awaitable[T]) -> T:
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


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
