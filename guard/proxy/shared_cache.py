"""What workers tell each other over Redis: what earlier turns gave, and what pictures show."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from guard.pipeline import Guard
from guard.stores.redis import Redis
from guard.types import Decision, Evidence, Exchange

T = TypeVar("T")

_THREAD_DAYS, _PICTURE_DAYS = 7, 1
_DAY = 24 * 3600
_EVIDENCE = TypeAdapter(list[Evidence])
_CONCEPTS = TypeAdapter(dict[str, float])


class SharedCache:
    """Fills the caches of a guard from Redis before a check, and Redis from them after it.

    Kept are evidence (countries, situations, concepts and how sure they are) and no texts or pictures, under hashes.
    """

    def __init__(self, shared: Redis) -> None:
        self._shared = shared
        self._writing: set[asyncio.Task[Any]] = set()

    async def recall(self, guard: Guard, exchange: Exchange, pictures: Sequence[bytes]) -> None:
        """Fetch what others know of the thread and of pictures with these keys, as far as `guard` does not."""
        redis = self._shared.redis
        if exchange.thread is not None and guard.memory.recall(exchange.thread) is None:
            name = _thread(exchange.thread)
            found = await self._shared.ask("threads", lambda: redis.get(name))
            if found is not None and (evidence := _read(_EVIDENCE, found)) is not None:
                guard.memory.put(exchange.thread, tuple(evidence))
        vision = guard.vision
        wanted = [key for key in dict.fromkeys(pictures) if not vision.knows(key)] if vision is not None else []
        if vision is not None and wanted:
            names = [_picture(vision.name, key) for key in wanted]
            answers = await self._shared.ask("pictures", lambda: redis.mget(names))
            for key, answer in zip(wanted, answers or (), strict=False):
                if answer is not None and (concepts := _read(_CONCEPTS, answer)) is not None:
                    vision.put(key, concepts)

    def tell_pictures(self, guard: Guard, pictures: Sequence[bytes]) -> None:
        """Let the others know what was seen."""
        redis, vision = self._shared.redis, guard.vision
        for key in dict.fromkeys(pictures):
            if vision is not None and (concepts := vision.knows(key)):
                name, value = _picture(vision.name, key), to_json(dict(concepts))
                self._write("pictures", partial(redis.set, name, value, ex=_PICTURE_DAYS * _DAY))

    def tell_thread(self, guard: Guard, thread: str, decision: Decision) -> None:
        """Let the others know what a turn of `thread` gave."""
        redis, noticed = self._shared.redis, guard.memory.recall(thread)
        if decision.findings is not None and noticed is not None:
            name, value = _thread(thread), _EVIDENCE.dump_json(list(noticed))
            self._write("threads", lambda: redis.set(name, value, ex=_THREAD_DAYS * _DAY))

    def _write(self, what: str, question: Callable[[], Awaitable[Any]]) -> None:
        task = asyncio.ensure_future(self._shared.ask(what, question))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _read(kind: TypeAdapter[T], found: bytes) -> T | None:
    """What was kept; None where another version kept it in a form that this one does not read."""
    try:
        return kind.validate_json(found)
    except ValidationError:
        return None


def _thread(thread: str) -> str:
    return f"normguard:thread:{hashlib.sha256(thread.encode('utf-8', 'replace')).hexdigest()}"


def _picture(vision: str, key: bytes) -> str:
    return f"normguard:seen:{vision}:{key.hex()}"
