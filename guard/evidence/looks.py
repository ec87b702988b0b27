"""What pictures show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from guard.evidence.base import Parts, Source, of_each
from guard.evidence.naming import concept
from guard.types import Evidence, Exchange, Picture


class Looks(Source):
    """Concepts that a vision model sees."""

    name = "vision"

    @classmethod
    def is_here(cls, parts: Parts) -> bool:
        return parts.vision is not None

    def prefetch(self, picture: Picture, data: bytes) -> None:
        self._concepts(picture)

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        return of_each(exchange.images, self._shown)

    def _shown(self, picture: Picture, _: bytes) -> Iterator[Evidence]:
        for id_, score in self._concepts(picture).items():
            yield from concept(self.parts.library, id_, score, "vision", shown=True)

    def _concepts(self, picture: Picture) -> Mapping[str, float]:
        assert self.parts.vision is not None
        return self.parts.vision.concepts(picture.thumbnail, picture.key)
