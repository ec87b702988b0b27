"""What is written in pictures."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import PictureSource
from guard.types import Evidence, Picture

_WEIGHT = 0.6


class Signs(PictureSource):
    """Product pages, menus and signs, as OCR reads them: what they name need not be in sight, so it is not shown."""

    name = "ocr"

    def of(self, picture: Picture, data: bytes) -> Iterator[Evidence]:
        if (ocr := self.parts.ocr) is not None:
            text = ocr.read(data, picture.key, decoder=self.parts.pictures.decoder)
            yield from self.named(text, _WEIGHT, "ocr", shown=False)
