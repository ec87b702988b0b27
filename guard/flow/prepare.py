"""Pictures fetched, decoded and looked at ahead of the check, side by side and within a deadline."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Protocol

from guard.evidence.gather import MAX_PICTURES
from guard.pipeline import Guard
from guard.policy.model import DeploymentPolicy
from guard.types import Exchange

if TYPE_CHECKING:
    from guard.pictures.remote import RemoteImages


class Shared(Protocol):
    """What workers tell each other of pictures and turns; see `guard.proxy.shared_cache`."""

    async def recall(self, guard: Guard, exchange: Exchange, pictures: Sequence[bytes]) -> None: ...

    def tell_pictures(self, guard: Guard, pictures: Sequence[bytes]) -> None: ...


@cache
def _pool() -> ThreadPoolExecutor:
    # A crafted picture may take a core for seconds: as many are decoded at one time as there are cores, each within
    # the decoder's limits, and the rest of the process goes on.
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="normguard-pictures")


@cache
def _waiting() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, thread_name_prefix="normguard-prepare")


async def aprepared(
    guard: Guard,
    exchange: Exchange,
    rules: DeploymentPolicy,
    *,
    seconds: float,
    remote: RemoteImages | None = None,
    shared: Shared | None = None,
) -> Exchange:
    """The exchange with its pictures; the guard's caches hold what was seen.

    Args:
        seconds: the deadline.
        remote: fetches pictures that are given by address, where the policy has them fetched.
        shared: what other workers know.

    Raises:
        TimeoutError: it took longer.
        ImageError: a picture is broken or exceeds a limit.
    """
    async with asyncio.timeout(seconds):
        if exchange.images and rules.remote_images:
            if remote is not None:
                exchange = await remote.fetch(exchange)
            else:
                from guard.pictures.remote import RemoteImages  # aiohttp is slow to import

                remote = RemoteImages(guard.pictures)
                try:
                    exchange = await remote.fetch(exchange)
                finally:
                    await remote.close()
        pictures = [image for image in exchange.images if image.data is not None][-MAX_PICTURES:]
        keys = [image.key for image in pictures] if shared is not None else []
        if shared is not None:
            await shared.recall(guard, exchange, keys)
        loop = asyncio.get_running_loop()
        work = (loop.run_in_executor(_pool(), guard.prefetch, image) for image in pictures)
        seen = {id(image): done for image, done in zip(pictures, await asyncio.gather(*work), strict=True)}
        if shared is not None:
            shared.tell_pictures(guard, keys)
    return exchange.with_images(lambda image: seen.get(id(image), image))


def prepared(guard: Guard, exchange: Exchange, rules: DeploymentPolicy, *, seconds: float) -> Exchange:
    """As `aprepared`, for callers that wait."""
    if not exchange.images:
        return exchange
    work = aprepared(guard, exchange, rules, seconds=seconds)
    return _waiting().submit(asyncio.run, work).result(seconds + 1)
