"""What the application says that its pictures show."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import Source
from guard.evidence.naming import named, with_english
from guard.text.languages import languages_of
from guard.types import Evidence, Exchange

_LONGEST = 1_000  # characters that are read of a caption


class Captions(Source):
    """Alt texts and product titles that the caller gave."""

    name = "caption"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        for caption in exchange.hints.captions:
            text = caption[:_LONGEST]
            yield from named(self.parts.library, text, with_english(languages_of(text)), 1.0, "caption", shown=True)
