"""What the conversation says."""

from __future__ import annotations

from collections.abc import Iterator

from guard.evidence.base import Source
from guard.reading.conversation import Read, evidence_of
from guard.types import Evidence, Exchange


class Text(Source):
    """Languages, places with their roles, acts, things and occasions in what was said.

    Users are believed; the assistant's suggestions and what tools answered are evidence of things, with less trust; the
    application's own prompt tells places alone.
    """

    name = "text"

    def __call__(self, exchange: Exchange) -> Iterator[Evidence]:
        reader = self.parts.reader
        turns = [
            Read(number, turn.role, turn.text, reader(turn.text))
            for number, turn in enumerate(exchange.turns)
            if turn.text
        ]
        if asked := [turn for turn in turns if turn.role == "user"]:
            for rank, language in enumerate(asked[-1].reading.languages[:2]):
                yield Evidence("language", language, 0.8 - 0.2 * rank, "text")
        yield from evidence_of(turns, self.parts.library.vocabulary)
