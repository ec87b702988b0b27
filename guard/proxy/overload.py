"""Turning requests away before the server drowns in them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from guard.errors import AccessError

_EVERY = 0.05


class OverloadGuard:
    """How busy a worker is: requests under way, and how late its event loop comes to things.

    A worker that has more to do than its core gives answers everybody late. Its loop then comes late to a clock that
    ticks each 50 ms; once it is `max_lag` late twice running, new requests are told at once to come back, until it is
    not. (Once may be the machine's doing.)

    Args:
        max_in_flight: requests under way at one time; each holds memory.
        max_lag: seconds.
    """

    def __init__(self, *, max_in_flight: int, max_lag: float) -> None:
        self.in_flight = 0
        self.lag = 0.0
        self._before = 0.0
        self._max_in_flight = max_in_flight
        self._max_lag = max_lag
        self._clock: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch the running event loop."""
        self._clock = asyncio.ensure_future(self._watch())

    def stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """Count a request for as long as it is under way; raises `AccessError` (503) where there is no room for it."""
        if self.in_flight >= self._max_in_flight:
            raise _busy("in_flight")
        if min(self.lag, self._before) > self._max_lag:
            raise _busy("lag")
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            self.ticked(loop.time() - due)

    def ticked(self, late: float) -> None:
        """The clock has ticked, so many seconds late."""
        self._before, self.lag = self.lag, late


def _busy(why: str) -> AccessError:
    return AccessError(
        "The server has too much to do; try again in a moment.", status=503, code=f"overloaded_{why}", retry_after=1
    )
