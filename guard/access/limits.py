"""How much a key may ask: requests a minute, and at one time; in this process, or over Redis in all of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from guard.access.keys import Key
from guard.errors import AccessError

if TYPE_CHECKING:
    from guard.stores.redis import Redis

_LEASE, _RENEW = 60.0, 20.0


class Limits:
    """The limits of keys.

    Requests a minute are counted in a sliding window (the last minute's count, and the one before it by the share of it
    that still counts). Requests at one time are leases that are renewed while a request is under way, so that those of
    a killed process end within a minute. Where Redis is away, each process holds its callers to the limits by itself.

    Args:
        shared: Redis, or None for limits of this process.
    """

    def __init__(self, shared: Redis | None = None) -> None:
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._running: Counter[str] = Counter()
        self._shared = shared
        self._over_redis = SlidingWindowCounterRateLimiter(_storage(shared)) if shared else None
        self._leases: dict[str, str] = {}
        self._renewing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def held(self, key: Key) -> AsyncIterator[None]:
        """Count a request of `key` for as long as it is under way.

        Raises:
            AccessError: it is one too many (429).
        """
        await self._count(key)
        if key.concurrent is None:
            yield
            return
        lease = await self._lease(key.id, key.concurrent)
        self._running[key.id] += 1
        try:
            yield
        finally:
            self._running[key.id] -= 1
            if not self._running[key.id]:
                del self._running[key.id]
            if lease is not None:
                await self._release(key.id, lease)

    async def close(self) -> None:
        """End the renewing of leases; those that are left end by themselves."""
        if self._renewing is not None:
            self._renewing.cancel()

    async def _count(self, key: Key) -> None:
        if key.per_minute is None:
            return
        item = RateLimitItemPerMinute(key.per_minute)
        limiter, hit = self._local, None
        if self._shared is not None and self._over_redis is not None:
            over_redis = self._over_redis
            hit = await self._shared.ask("limits", lambda: over_redis.hit(item, "normguard", key.id))
            limiter = self._over_redis if hit is not None else self._local
        if hit is None:
            hit = await self._local.hit(item, "normguard", key.id)
        if not hit:
            wait = 60.0
            with contextlib.suppress(Exception):
                wait = (await limiter.get_window_stats(item, "normguard", key.id)).reset_time - time.time()
            raise AccessError(
                f"The key {key.id} may ask {key.per_minute} times a minute; try again later.",
                status=429,
                code="rate_limit_exceeded",
                retry_after=min(60.0, max(1.0, wait)),
            )

    async def _lease(self, id_: str, most: int) -> str | None:
        """A lease over Redis, or None where the count of this process is all there is."""
        lease = None
        if self._shared is not None:
            lease, name = secrets.token_hex(8), f"normguard:running:{id_}"
            take = self._shared.script(_TAKE)
            taken = await self._shared.ask("limits", lambda: take(keys=[name], args=[_LEASE, most, lease]))
            if taken == 0:
                raise _too_many(id_, most)
            lease = lease if taken is not None else None
            if lease is not None:
                self._leases[lease] = name
                if self._renewing is None or self._renewing.done():
                    self._renewing = asyncio.ensure_future(self._renew(self._shared))
        if lease is None and self._running[id_] >= most:
            raise _too_many(id_, most)
        return lease

    async def _release(self, id_: str, lease: str) -> None:
        name = self._leases.pop(lease, None)
        if name is not None and self._shared is not None:
            redis = self._shared.redis
            await self._shared.ask("limits", lambda: redis.zrem(name, lease))

    async def _renew(self, shared: Redis) -> None:
        renew = shared.script(_RENEWED)
        while True:
            await asyncio.sleep(_RENEW)
            by_key: dict[str, list[str]] = {}
            for lease, name in self._leases.items():
                by_key.setdefault(name, []).append(lease)
            for name, leases in by_key.items():
                await shared.ask("limits", functools.partial(renew, keys=[name], args=[_LEASE, *leases]))


# Leases are a sorted set by the time at which they end, by Redis' own clock: those that ended go, and one more comes if
# there is room.
_TAKE = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[3])
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""
_RENEWED = """
local ends = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', ends, ARGV[i]) end
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


def _storage(shared: Redis) -> Storage:
    from limits.aio.storage import RedisStorage  # an extra

    return RedisStorage(f"async+{shared.url}", implementation="redispy", connection_pool=shared.redis.connection_pool)


def _too_many(id_: str, most: int) -> AccessError:
    return AccessError(
        f"The key {id_} may have {most} requests under way at one time; wait for one to end.",
        status=429,
        code="concurrency_limit_exceeded",
        retry_after=1,
    )
