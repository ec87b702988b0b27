"""What pictures show."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import PictureSource
from guard.types import Evidence, Picture


class Looks(PictureSource):
    """Concepts that a vision model sees."""

    name = "vision"

    def of(self, picture: Picture, data: bytes) -> Iterator[Evidence]:
        if (vision := self.parts.vision) is not None:
            for id_, score in vision.concepts(picture.thumbnail, picture.key).items():
                yield from self.concept(id_, score, "vision", shown=True)
