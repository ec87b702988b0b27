"""A circuit breaker: an upstream that is down is left alone, so that it can recover and callers hear at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from guard.errors import UpstreamError


class Breaker:
    """Opens after so many failures in a row, and lets a single request try again after a rest.

    (Nygard, Release It!, 2nd ed., ch. 5.) Written here because the packages we know go by the wall clock, which may
    jump, and let everybody in when one should try.

    Args:
        failures: in a row, after which the upstream rests; 0 for never.
        rest: seconds.
        on_change: told whether it is open, each time that this changes.
    """

    def __init__(
        self,
        failures: int,
        rest: float,
        *,
        on_change: Callable[[bool], None] = lambda open_: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._rest = rest
        self._on_change = on_change
        self._clock = clock
        self._failed = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        return self._opened is not None

    def enter(self) -> None:
        """Before a request; raises `UpstreamError` (503) while the upstream rests."""
        if self._opened is None:
            return
        left = self._opened + self._rest - self._clock()
        if left > 0 or self._trying:
            raise UpstreamError(
                "The upstream has failed repeatedly and is left alone for a moment.",
                status=503,
                code="upstream_resting",
                retry_after=max(1.0, left),
            )
        self._trying = True

    def succeeded(self) -> None:
        self._failed, self._trying = 0, False
        if self._opened is not None:
            self._opened = None
            self._on_change(False)

    def failed(self) -> None:
        self._failed += 1
        if self._trying or (self._opened is None and 0 < self._most <= self._failed):
            if self._opened is None:
                self._on_change(True)
            self._opened, self._trying = self._clock(), False

    def gave_up(self) -> None:
        """The caller went away before anything was known: somebody else may try."""
        self._trying = False
