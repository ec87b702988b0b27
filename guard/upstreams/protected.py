"""An upstream behind a circuit breaker and a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from guard.errors import UpstreamError
from guard.upstreams.base import Headers, Reply, Upstream
from guard.upstreams.breaker import Breaker


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an upstream is asked for.

    Attributes:
        concurrency: requests under way at one time, answers that are being read included.
        queue: requests that may wait for their turn; more are told to come back.
        patience: seconds that they wait.
        failures: in a row, after which the upstream rests; 0 for never.
        rest: seconds.
    """

    concurrency: int = 512
    queue: int = 512
    patience: float = 10.0
    failures: int = 10
    rest: float = 10.0


class Watch(Protocol):
    """Told of the state of upstreams; `guard.observability.metrics.Metrics` is one."""

    def upstream_state(self, name: str, *, running: int, waiting: int) -> None: ...

    def upstream_resting(self, name: str, resting: bool) -> None: ...


class Protected:
    """Another upstream, within `Bounds`. A request is under way until its answer's last byte is read or left."""

    def __init__(self, upstream: Upstream, bounds: Bounds, *, name: str, watch: Watch | None = None) -> None:
        self.name = upstream.name
        self.by_model = upstream.by_model
        self.running = self.waiting = 0
        self._upstream = upstream
        self._bounds = bounds
        self._label = name
        self._watch = watch
        self._turn = asyncio.Semaphore(bounds.concurrency)
        self._breaker = Breaker(bounds.failures, bounds.rest, on_change=self._changed)

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        self._breaker.enter()
        try:
            await self._enter()
        except BaseException:
            self._breaker.gave_up()
            raise
        try:
            reply = await self._upstream.send(method, path, headers, body, model=model)
        except BaseException as error:
            self._leave()
            if isinstance(error, UpstreamError) and error.status >= 500:
                self._breaker.failed()
            else:  # the caller's fault, or the caller went away
                self._breaker.gave_up()
            raise
        if reply.status >= 500:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        reply.body = _Counted(reply.body, self._leave, self._breaker.failed)
        return reply

    async def close(self) -> None:
        await self._upstream.close()

    async def _enter(self) -> None:
        if not self._turn.locked():
            await self._turn.acquire()  # at once
        elif self.waiting >= self._bounds.queue:
            raise self._busy()
        else:
            await self._wait()
        self.running += 1
        self._tell()

    async def _wait(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._bounds.patience):
                await self._turn.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self.waiting -= 1

    def _leave(self) -> None:
        self.running -= 1
        self._turn.release()
        self._tell()

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch.upstream_state(self._label, running=self.running, waiting=self.waiting)

    def _changed(self, open_: bool) -> None:
        if self._watch is not None:
            self._watch.upstream_resting(self._label, open_)

    def _busy(self) -> UpstreamError:
        return UpstreamError(
            "Too many requests wait for the upstream; try again in a moment.",
            status=503,
            code="upstream_busy",
            retry_after=1,
        )


class _Counted:
    """An answer's bytes; tells once when they are over, however they end."""

    def __init__(self, body: AsyncIterator[bytes], leave: Callable[[], None], failed: Callable[[], None]) -> None:
        self._body = body
        self._leave: Callable[[], None] | None = leave
        self._failed = failed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._body)
        except UpstreamError:
            self._failed()
            self._over()
            raise
        except BaseException:
            self._over()
            raise

    async def aclose(self) -> None:
        self._over()
        await self._body.aclose()  # type: ignore[attr-defined]

    def _over(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def __del__(self) -> None:  # a caller that left before the first byte was read
        self._over()
