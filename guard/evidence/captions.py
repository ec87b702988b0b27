"""What the application says that its pictures show."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import Source
from guard.types import Evidence, Exchange

_LONGEST = 1_000  # characters that are read of a caption


class Captions(Source):
    """Alt texts and product titles that the caller gave."""

    name = "caption"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        for caption in exchange.hints.captions:
            yield from self.named(caption[:_LONGEST], 1.0, "caption")
