"""What workers and machines share over Redis or Valkey (extra ``redis``): never needed, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from guard.errors import SettingsError, missing

log = logging.getLogger("normguard")

T = TypeVar("T")

_SECONDS = 0.25
_PAUSE = 2.0


class Redis:
    """A connection to Redis that may fail: then its users do without for two seconds, and try again.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.

    Attributes:
        on_error: told what was wanted of Redis when it could not be had.

    Raises:
        SettingsError: the package is missing, or the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        try:
            from redis import asyncio as redis  # an extra
        except ImportError as error:
            raise SettingsError(missing("redis: sharing", "redis")) from error
        try:
            # One that waits for a connection: that all of them are in use does not mean that Redis is away.
            pool = redis.BlockingConnectionPool.from_url(
                url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, max_connections=64, timeout=_SECONDS
            )
            self.redis: Any = redis.Redis.from_pool(pool)
        except ValueError as error:
            raise SettingsError("redis: the URL cannot be used; give redis://host:6379/0.") from error
        self.url = url
        self.on_error: Callable[[str], None] = lambda what: None
        self._until = 0.0
        self._scripts: dict[str, Any] = {}

    def script(self, text: str) -> Any:
        """A Lua script, registered once."""
        if text not in self._scripts:
            self._scripts[text] = self.redis.register_script(text)
        return self._scripts[text]

    async def ask(self, what: str, question: Callable[[], Awaitable[T]]) -> T | None:
        """What Redis says to `question`; None where it does not say anything in a quarter of a second."""
        if time.monotonic() < self._until:
            return None
        try:
            async with asyncio.timeout(_SECONDS):
                return await question()
        except Exception as error:  # the client raises errors of its own and of the network
            self._until = time.monotonic() + _PAUSE
            log.warning("Redis is away (%s), for %s: going on without", type(error).__name__, what)
            self.on_error(what)
            return None

    async def close(self) -> None:
        await self.redis.aclose()
