"""What is written in pictures."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import Parts, Source, of_each
from guard.evidence.naming import named, with_english
from guard.text.languages import languages_of
from guard.types import Evidence, Exchange, Picture

_WEIGHT = 0.6


class Signs(Source):
    """Product pages, menus and signs, as OCR reads them."""

    name = "ocr"

    @classmethod
    def is_here(cls, parts: Parts) -> bool:
        return parts.ocr is not None

    def prefetch(self, picture: Picture, data: bytes) -> None:
        self._text(picture, data)

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        return of_each(exchange.images, self._named)

    def _named(self, picture: Picture, data: bytes) -> Iterator[Evidence]:
        text = self._text(picture, data)
        # A sign names things that need not be in sight: what it says is mentioned, not shown.
        yield from named(self.parts.library, text, with_english(languages_of(text)), _WEIGHT, "ocr")

    def _text(self, picture: Picture, data: bytes) -> str:
        assert self.parts.ocr is not None
        return self.parts.ocr.read(data, picture.key, decoder=self.parts.pictures.decoder)
