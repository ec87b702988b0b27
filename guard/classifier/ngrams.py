"""Texts of any language as numbers: hashed words and pieces of words, with no vocabulary to carry."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from guard.text.words import fold, runs, words

BUCKETS = 1 << 16
MAX_IDS = 1024
"""Most ids of one text: about 120 words."""

_LONGEST = 24  # letters of a word that are looked at


def hashed(text: str) -> list[int]:
    """Ids, 0 .. `BUCKETS` - 1, of the words of a text and of their pieces.

    A word yields itself and its pieces of three to five letters, so that inflections, compounds and slips of the pen
    stay near it (Bojanowski et al., Enriching Word Vectors with Subword Information, TACL 2017); a run of Chinese,
    Japanese or Thai yields its pieces of one to three characters. Never empty: a text without letters yields id 0.
    """
    folded = fold(text)
    found: list[int] = []
    for word in words(folded):
        found.extend(_word(word))
        if len(found) >= MAX_IDS:
            break
    for run in runs(folded):
        if len(found) >= MAX_IDS:
            break
        head = run[:MAX_IDS]
        found.extend(_id(head[i : i + n]) for n in (1, 2, 3) for i in range(len(head) - n + 1))
    return found[:MAX_IDS] or [0]


@lru_cache(maxsize=1 << 16)
def _word(word: str) -> tuple[int, ...]:
    framed = f"<{word[:_LONGEST]}>"
    pieces = {framed[i : i + n] for n in (3, 4, 5) for i in range(len(framed) - n + 1)} - {framed}
    return (_id(framed), *(_id(piece) for piece in sorted(pieces)))


def _id(piece: str) -> int:
    return 1 + crc32(piece.encode()) % (BUCKETS - 1)
