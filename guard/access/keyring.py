"""Finding the key of a request, without asking the database each time."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

from cachetools import LRUCache, TTLCache

from guard.access.keys import Key, parts
from guard.access.store import KeyStore
from guard.errors import AccessError

log = logging.getLogger("normguard")

_FRESH = 5.0
_SECONDS = 3.0
_KNOWN, _UNKNOWN = 10_000, 10_000


class Keyring:
    """The keys of a store, remembered for five seconds: so long may a key that was revoked still work.

    Where the store is away, keys that were seen before stay valid, and others get 503: they may be right.

    Args:
        store: asked in a thread, a few at a time.
        lookups: most questions to the store at one time, so that made-up keys cannot drown it.
    """

    def __init__(self, store: KeyStore, *, lookups: int = 4) -> None:
        self._store = store
        self._turn = asyncio.Semaphore(lookups)
        self._known: LRUCache[str, tuple[Key, float]] = LRUCache(_KNOWN)
        self._unknown: TTLCache[str, None] = TTLCache(_UNKNOWN, _FRESH)
        self._asking: dict[str, asyncio.Task[Key | None]] = {}

    async def find(self, token: str) -> Key:
        """The valid key that `token` is.

        Raises:
            AccessError: it is none (401), has ended (401), or the store cannot be asked (503).
        """
        found = parts(token)
        if found is None:
            raise _wrong()
        id_, secret = found
        key = await self._of(id_)
        if key is None or not key.opens(secret):
            raise _wrong()
        if ended := key.ended(datetime.now(UTC)):
            raise AccessError(f"The proxy key {id_} has {_SAID[ended]}.", status=401, code=f"key_{ended}")
        return key

    async def _of(self, id_: str) -> Key | None:
        now = time.monotonic()
        known = self._known.get(id_)
        if known is not None and now - known[1] < _FRESH:
            return known[0]
        if known is None and id_ in self._unknown:
            return None
        try:
            # Whoever comes while a key is being looked up waits for the same answer.
            if (asking := self._asking.get(id_)) is None:
                asking = self._asking[id_] = asyncio.ensure_future(self._ask(id_))
                asking.add_done_callback(lambda _: self._asking.pop(id_, None))
            async with asyncio.timeout(_SECONDS):
                key = await asyncio.shield(asking)
        except Exception as error:  # whatever a database driver raises
            log.warning("the store of keys is away: %s", type(error).__name__)
            if known is None:
                raise AccessError(
                    "Keys cannot be checked at the moment.", status=503, code="keys_unavailable", retry_after=5
                ) from None
            key = known[0]
        if key is not None:
            self._known[id_] = (key, now)
        else:
            self._known.pop(id_, None)
            self._unknown[id_] = None
        return key

    async def _ask(self, id_: str) -> Key | None:
        async with self._turn:
            return await asyncio.to_thread(self._store.get, id_)


_SAID = {"expired": "expired", "revoked": "been revoked"}


def _wrong() -> AccessError:
    return AccessError(
        "The proxy key is wrong. Send one that `normguard keys create` made, as the API's key or in x-normguard-key.",
        status=401,
        code="invalid_api_key",
    )
