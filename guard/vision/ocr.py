"""Text in pictures: product pages, menus, signs. Slow beside everything else, so it has a time budget of its own."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any

import numpy as np
from cachetools import LRUCache

from guard.errors import ModelError, missing
from guard.pictures.decode import Decoder, decode

EDGE = 1280
"""Pixels of the longer edge at which a picture is read; finer print is lost."""

_LONGEST = 2_000  # characters kept of one picture
_LEAST = 0.6  # certainty from which a line counts
_QUEUE = 16  # pictures that may wait; beyond, a picture is not read


class SignReader:
    """Reads text in pictures, in threads of its own. What was read is kept by the picture's key.

    A picture gets `budget` seconds from when it is first asked for. Reading goes on afterwards, so the same picture is
    known the next time; nobody waits for it twice.

    Args:
        budget: seconds that a request waits for one picture.
        workers: pictures that are read at the same time.
        cache: pictures whose text is remembered.

    Raises:
        ModelError: the OCR library is not installed.
    """

    def __init__(self, budget: float = 0.8, *, workers: int = 1, cache: int = 512) -> None:
        self._engine = _engine()
        self._budget = budget
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ocr")
        self._known: LRUCache[bytes, tuple[Future[str], float]] = LRUCache(cache)
        self._lock = threading.Lock()

    def read(self, data: bytes, key: bytes, *, decoder: Decoder = decode) -> str:
        """The text in an encoded picture, lines joined; empty if there is none.

        Args:
            decoder: what opens the picture, at a larger size than a vision model needs.

        Raises:
            TimeoutError: it was not read in time, or too many pictures wait.
            Exception: whatever the engine stumbled over.
        """
        with self._lock:
            if key not in self._known:
                if sum(not future.done() for future, _ in self._known.values()) >= _QUEUE:
                    raise TimeoutError("too many pictures wait to be read")
                self._known[key] = (self._pool.submit(self._text, data, key, decoder), time.monotonic())
            future, since = self._known[key]
        try:
            return future.result(max(since + self._budget - time.monotonic(), 0.0))
        except NotYet as error:
            raise TimeoutError(f"not read within {self._budget:g} s") from error

    def close(self) -> None:
        """Stop reading; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _text(self, data: bytes, key: bytes, decoder: Decoder) -> str:
        picture = decoder(data, key=key, edge=EDGE).thumbnail
        found = self._engine(np.asarray(picture)[:, :, ::-1])  # the engine takes blue before red
        lines = zip(found.txts or (), found.scores or (), strict=True)
        return "\n".join(text for text, score in lines if score >= _LEAST)[:_LONGEST]


def _engine() -> Any:
    try:
        from rapidocr import RapidOCR  # an extra, and a second to import
    except ImportError as error:
        raise ModelError(missing("Reading text in pictures", "ocr")) from error
    # What it reads is a user's; it must not stand in a log.
    engine = RapidOCR(params={"Global.log_level": "error"})
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return engine
