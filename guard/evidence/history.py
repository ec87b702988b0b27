"""What was noticed in turns that the provider keeps and a request only refers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from guard.evidence.base import Source
from guard.reading.conversation import HISTORY
from guard.types import Evidence, Exchange


class History(Source):
    """What earlier turns of a thread gave, as far as this server remembers them."""

    name = "thread"
    may_be_missing = True  # another server may have answered them

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        if exchange.thread is None:
            return
        if (earlier := self.parts.memory.recall(exchange.thread)) is None:
            raise LookupError("its earlier turns were not seen here")
        for piece in earlier:
            yield replace(piece, score=piece.score * HISTORY)
