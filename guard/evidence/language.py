"""Whether the question was understood."""

from __future__ import annotations

import re
from collections.abc import Iterable

from guard.evidence.base import Source
from guard.text.normal import normal
from guard.types import Evidence, Exchange

_WORDS = 4  # from which a text should be in some language; fewer may be names


class Language(Source):
    """Fails where a question is in a language that is not read: silence about it would look like a finding."""

    name = "language"
    may_be_missing = True

    def __call__(self, exchange: Exchange) -> Iterable[Evidence]:
        query = exchange.query
        if self.parts.reader(query).languages or not _speaks(normal(query[:400]).text):
            return ()
        raise LookupError("the question is in a language that is not read")


def _speaks(text: str) -> bool:
    """Whether a text is more than names, numbers and signs."""
    return (
        sum(any(map(str.isalpha, word)) for word in text.split()) >= _WORDS or len(_UNSPACED.findall(text)) >= _LETTERS
    )


_LETTERS = 12
_UNSPACED = re.compile("[\u0e00-\U0003ffff]")  # scripts beyond those that part words by spaces, by and large
