"""What the wording of a question suggests, though it names nothing."""

from __future__ import annotations

from collections.abc import Iterable

from guard.evidence.base import Source
from guard.types import Evidence, Exchange


class Wording(Source):
    """Destination and situations that the trained classifier reads between the lines."""

    name = "model"

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        return self.parts.read(exchange) if self.parts.read is not None else ()
