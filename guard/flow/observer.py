"""Who is told of a request's way: metrics, traces, callbacks, and `last_decision`."""

from __future__ import annotations

from contextvars import ContextVar

from guard.types import Decision

LAST: ContextVar[Decision | None] = ContextVar("normguard_last_decision", default=None)
"""The decision on the latest request of this thread or task."""


class Observer:
    """Told of what happens; by itself it does nothing."""

    def decided(self, decision: Decision, seconds: float) -> None:
        """A decision was made and carried out on the request."""

    def bypassed(self) -> None:
        """The guard failed, and the request goes on without it."""

    def verified(self, outcome: str) -> None:
        """An answer was checked: what became of it, or ``failed``."""

    def remembered(self, id_: str, decision: Decision) -> None:
        """What a turn gave is kept under the id that the provider has for it."""


class Latest(Observer):
    """Keeps the decision at hand for `last_decision`."""

    def decided(self, decision: Decision, seconds: float) -> None:
        LAST.set(decision)
