"""What the wording of a question suggests, though it names nothing."""

from __future__ import annotations

from collections.abc import Iterable

from guard.evidence.base import Parts, Source
from guard.types import Evidence, Exchange


class Wording(Source):
    """Destination and situations that the trained classifier reads between the lines."""

    name = "model"

    @classmethod
    def is_here(cls, parts: Parts) -> bool:
        return parts.read is not None

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        assert self.parts.read is not None
        return self.parts.read(exchange)
