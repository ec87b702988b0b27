"""What was worked out lately, by key."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The `size` things that were asked for last. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        self._kept: LRUCache[K, V] = LRUCache(size)
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._kept[key] = value
