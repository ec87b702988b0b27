"""The steps of a request's way that touch the world outside: what is wanted, and what is sent back for it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from guard.actions.steps import Wanted
from guard.policy.model import DeploymentPolicy
from guard.types import Exchange

T = TypeVar("T")


class Sent(Protocol):
    """What came back for a request, unread.

    Attributes:
        ok: whether the model answered, and not with an error.
        streams: whether the answer is an event stream.
    """

    @property
    def ok(self) -> bool: ...

    @property
    def streams(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Authorize:
    """May this be asked? The name of the policy that applies comes back, or None for the guard's own.

    Attributes:
        model, policy: those that the request names.
    """

    model: str | None
    policy: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """Work of the processor's for which an event loop should not wait. Its result comes back."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Fetch, decode and look at the pictures of a conversation. It comes back with them; `TimeoutError` if late."""

    exchange: Exchange
    rules: DeploymentPolicy


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the guard's own to a model. Its answer comes back; None where there is none in time."""

    wanted: Wanted
    body: Any


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request. A `Sent` comes back.

    Attributes:
        body: what to send.
        changed: whether that differs from what the caller gave; else what he gave goes on as it came.
        readable: whether the answer is to be read here, and so must not come compressed.
    """

    body: Any
    changed: bool
    readable: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Read an answer to its end. What its API's `parsed` takes comes back."""

    sent: Any


Step = Authorize | Work | Prepare | Call | Send | Read
Flow = Generator[Step, Any, T]
Body = Mapping[str, Any]
