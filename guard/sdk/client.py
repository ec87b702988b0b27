"""``wrap(client)``: a provider's own client, guarded, with all its types and methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from guard.api.options import hints_of, read_extra
from guard.deployment.local import local
from guard.flow import LAST
from guard.pipeline import Guard
from guard.sdk.transport import GuardedTransport
from guard.types import Decision

C = TypeVar("C")

_CLIENTS = {
    ("openai", "OpenAI"),
    ("openai", "AsyncOpenAI"),
    ("anthropic", "Anthropic"),
    ("anthropic", "AsyncAnthropic"),
}

_MARK = "_normguard_wrapped"


def wrap(
    client: C,
    *,
    guard: Guard | None = None,
    settings: Path | str | None = None,
    policy: str | None = None,
    country: str | None = None,
    locale: str | None = None,
) -> C:
    """A client like `client` whose Chat Completions, Responses and Messages are guarded; no server is needed.

    It is of the same type and shares the connections of `client`, so that closing one closes both. Streams, ``.parse``,
    raw responses and ``with_options`` work as ever. A result carries the decision as ``.normguard``, and
    `last_decision` gives it where there is no result to carry it. A request that the guard cannot read raises the
    provider's own ``BadRequestError``.

    Args:
        client: an ``OpenAI``, ``AsyncOpenAI`` (also of Azure), ``Anthropic`` or ``AsyncAnthropic`` client.
        guard: what decides; one for all wrapped clients of the process by default, as the settings found here say.
        settings: a settings file that describes the guard, in its place: policies, norms, models, audit trail.
        policy: deployment policy of requests that name none.
        country: destination of requests that name none, ISO 3166-1 alpha-2.
        locale: the user's locale where requests name none, BCP 47.

    Raises:
        TypeError: `client` is none of these, or both a guard and settings are given.
        RequestError: there is no such country or locale.
        PolicyError: there is no such policy.
    """
    known = {(base.__module__.partition(".")[0], base.__name__) for base in type(client).__mro__}
    if not known & _CLIENTS:
        raise TypeError(
            f"wrap() takes clients of openai and anthropic, not {type(client).__name__}; for other ways to call a "
            "model see Guard.check and Guard.apply."
        )
    if hasattr(client, _MARK):
        raise TypeError("This client is wrapped already.")
    hints = hints_of(read_extra({"country": country, "locale": locale}))
    transport = GuardedTransport(local(guard, settings, policy=policy, hints=hints))
    given: Any = client
    http = given._client
    is_async = hasattr(http, "aclose")
    wrapped = given.copy(http_client=_behind(transport, http, is_async=is_async))
    wrapped.__class__ = _telling(type(client), is_async=is_async)
    return wrapped  # type: ignore[no-any-return]


def last_decision() -> Decision | None:
    """The decision on the latest request that this thread or task sent through a wrapped client."""
    return LAST.get()


def decision_of(result: Any) -> Decision | None:
    """The decision that a wrapped client's result carries: the same as its ``.normguard``, with a type."""
    decision = getattr(result, "normguard", None)
    return decision if isinstance(decision, Decision) else None


def _telling(cls: type[Any], *, is_async: bool) -> type[Any]:
    """The client's class with the decision on its results; copies of the client are of it too."""

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        LAST.set(None)
        return _carrying(cls.request(self, *args, **kwargs))

    async def arequest(self: Any, *args: Any, **kwargs: Any) -> Any:
        LAST.set(None)
        return _carrying(await cls.request(self, *args, **kwargs))

    members = {"request": arequest if is_async else request, "__module__": cls.__module__, _MARK: True}
    return type(cls.__name__, (cls,), members)


def _carrying(result: Any) -> Any:
    decision = LAST.get()
    if decision is not None and result is not None and not isinstance(result, str | bytes):
        # Past pydantic, so that the result still serialises as the provider's answer and nothing else.
        object.__setattr__(result, "normguard", decision)
    return result


def _behind(transport: GuardedTransport, http: Any, *, is_async: bool) -> Any:
    """The HTTP client with the guard before it: the same connections, the same state."""
    cls = type(http)

    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        return transport.send(request, lambda outgoing: cls.send(self, outgoing, **kwargs))

    async def asend(self: Any, request: Any, **kwargs: Any) -> Any:
        return await transport.asend(request, lambda outgoing: cls.send(self, outgoing, **kwargs))

    # The client that it was made of closes the connections when it is collected; kept alive, it does so with this one.
    members = {"send": asend if is_async else send, "__del__": lambda self: None, "_inner": http}
    behind: Any = object.__new__(type(f"Guarded{cls.__name__}", (cls,), members))
    behind.__dict__ = http.__dict__
    return behind
