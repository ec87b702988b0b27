"""Whether the question was understood."""

from __future__ import annotations

from collections.abc import Iterable

from guard.evidence.base import Source
from guard.text.normal import normal
from guard.types import Evidence, Exchange

_LETTERS = 8  # from which a text should be in some language


class Language(Source):
    """Fails where a question is in a language that is not read: silence about it would look like a finding."""

    name = "language"
    may_be_missing = True

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        query = exchange.query
        if self.parts.reader(query).languages or sum(map(str.isalpha, normal(query[:400]).text)) < _LETTERS:
            return ()
        raise LookupError("the question is in a language that is not read")
