"""Routing by model: aliases, weights, retries and fallbacks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import stamina
from pydantic_core import from_json, to_json

from guard.errors import UpstreamError
from guard.upstreams.base import Headers, Reply, Upstream
from guard.upstreams.config import Route, Target

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_WAIT = 10.0
"""Seconds: who asks to be left alone for longer is left alone, and the next target is tried."""


class _Unusable(Exception):
    """An answer that is worth another try."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply
        self.after = _retry_after(reply)


class Router:
    """Sends each request where its model is to be had.

    An answer goes back as soon as its head is there and it is none worth another try (408, 409, 425, 429, 5xx, or no
    answer at all); from then on nothing is tried again. What fails is tried again with the same target, as long as the
    upstream's Retry-After is short, then with the route's other targets and fallbacks. The last failure goes back as it
    came. A body that is streamed in is sent once.

    Args:
        upstreams: by name.
        default: name of the upstream for what names no model (files, batches ...).
    """

    name = "routes"
    by_model = True

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        routes: Sequence[Route],
        *,
        default: str | None = None,
        choose: random.Random | None = None,
    ) -> None:
        self._upstreams = dict(upstreams)
        self._routes = tuple(routes)
        self._default = default
        self._random = choose or random.Random()  # noqa: S311  (balances load, keeps no secret)

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        if method == "GET" and path.partition("?")[0] == "models":
            return self._models()
        if model is None:
            if self._default is None:
                raise UpstreamError(
                    "The request names no model, and so no upstream; the deployment names no default_upstream.",
                    status=404,
                    code="no_route",
                )
            return await self._upstreams[self._default].send(method, path, headers, body)
        route = next((route for route in self._routes if fnmatchcase(model, route.model)), None)
        if route is None:
            known = ", ".join(route.model for route in self._routes)
            raise UpstreamError(
                f"No route is set up for model {model[:80]!r}. Routes: {known}.", status=404, code="model_not_found"
            )
        targets = list(self._ordered(route))
        if not isinstance(body, bytes):
            target = targets[0]
            return await self._once(route, target, method, path, headers, body, model)
        failed: Exception | None = None
        for target in targets:
            try:
                reply = await self._tried(route, target, method, path, headers, body, model)
            except (UpstreamError, _Unusable) as error:
                if isinstance(failed, _Unusable):
                    await _drop(failed.reply)
                failed = error
            else:
                if isinstance(failed, _Unusable):
                    await _drop(failed.reply)
                return reply
        if isinstance(failed, _Unusable):
            return failed.reply
        assert failed is not None
        raise failed

    async def close(self) -> None:
        for upstream in self._upstreams.values():
            await upstream.close()

    async def _tried(
        self, route: Route, target: Target, method: str, path: str, headers: Headers, body: bytes, model: str
    ) -> Reply:
        last: _Unusable | None = None

        def again(error: Exception) -> bool | float:
            if isinstance(error, _Unusable):
                return error.after <= _LONGEST_WAIT and (error.after or True)
            return isinstance(error, UpstreamError) and error.status >= 500

        async for attempt in stamina.retry_context(
            on=again, attempts=route.retries + 1, timeout=None, wait_initial=0.1, wait_max=5.0, wait_jitter=0.5
        ):
            with attempt:
                if last is not None:
                    await _drop(last.reply)
                    last = None
                reply = await self._once(route, target, method, path, headers, body, model)
                if reply.status in _AGAIN:
                    last = _Unusable(reply)
                    raise last
                return reply
        raise AssertionError("unreachable")  # pragma: no cover

    async def _once(
        self,
        route: Route,
        target: Target,
        method: str,
        path: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes],
        model: str,
    ) -> Reply:
        if target.model is not None and target.model != model and isinstance(body, bytes):
            body = to_json({**from_json(body), "model": target.model})
        try:
            async with asyncio.timeout(route.timeout):
                return await self._upstreams[target.upstream].send(
                    method, path, headers, body, model=target.model or model
                )
        except TimeoutError as error:
            raise UpstreamError("The upstream did not answer in time.", status=504, code="upstream_timeout") from error

    def _ordered(self, route: Route) -> Iterator[Target]:
        left = list(route.to)
        while left:
            chosen = self._random.choices(left, [target.weight for target in left])[0]
            left.remove(chosen)
            yield chosen
        yield from route.fallbacks

    def _models(self) -> Reply:
        names = [route.model for route in self._routes if not set(route.model) & set("*?[")]
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "normguard"} for name in names]

        async def once() -> AsyncIterator[bytes]:
            yield to_json({"object": "list", "data": listed})

        return Reply(200, [("content-type", "application/json")], once())


async def _drop(reply: Reply) -> None:
    """Let go of an answer that nobody will read, and of its connection."""
    await reply.body.aclose()  # type: ignore[attr-defined]


def _retry_after(reply: Reply) -> float:
    """Seconds that an answer asks to wait (RFC 9110, section 10.2.3; the form with a date counts as none)."""
    value = next((value for name, value in reply.headers if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(value))
    except ValueError:
        return 0.0
