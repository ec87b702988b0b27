"""Names of places, peoples and what points to a country, found in texts of any language.

Names are kept in tries (marisa), so that some 370,000 of them take little room, are there at once, and a name is
found with whatever a language writes onto its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import marisa_trie
import numpy as np
from numpy.typing import NDArray

from guard.text.words import fold, runs, words

MAX_WORDS = 6
_LONGEST = 60  # characters of a key
_ROW = np.dtype([("country", "S2"), ("kind", "u1"), ("score", "u1"), ("rank", "u1"), ("languages", "<u8")])
ANY_LANGUAGE = 0


class NameKind(IntEnum):
    """What a name is a name of; the likelier it is meant as a place, the lower."""

    COUNTRY = 1
    REGION = 2
    CITY = 3
    SIGHT = 4
    PEOPLE = 5
    FESTIVAL = 6
    LIFE = 7  # things, dishes and customs of one country's life
    MONEY = 8
    AIRPORT = 9


class Rank(IntEnum):
    """How much is needed for a name to count."""

    SURE = 0
    CAPITAL = 1  # where there are capitals, it needs one that is not the sentence's: it is a word, too
    LED = 2  # people are called so more often: it needs a word for going there, or its country
    LATENT = 3  # a namesake, meant only where the text says so: "London, Ontario"


class Name(NamedTuple):
    """What a name stands for.

    Attributes:
        country: ISO 3166-1 alpha-2 code.
        score: certainty of the country where the name was read, 0..1.
        languages: those that it is a name in, as bits of `guard.text.languages.LANGUAGES`; 0 for any.
    """

    country: str
    kind: NameKind
    score: float
    rank: Rank = Rank.SURE
    languages: int = ANY_LANGUAGE


_WELL_KNOWN = 0.72


_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψω")


def key_of(name: str) -> str:
    """A name as it is looked up: folded, its words joined by single spaces; unspaced scripts as one run."""
    folded = fold(name)
    sequences = runs(folded)
    if sequences:
        return "".join(sequences) if not words(folded) else "".join(folded.split())
    return " ".join(words(folded))


class Gazetteer:
    """Names by key; of several compiled tables, all are asked."""

    def __init__(self, *tables: bytes) -> None:
        self._tables = [_Table.of(table) for table in tables]

    @staticmethod
    def compiled(names: Iterable[tuple[str, Name]]) -> bytes:
        """`names`, each under its key, as bytes to be kept."""
        records: dict[str, dict[tuple[str, int], tuple[bytes, int, int, int, int]]] = {}
        for key, name in names:
            if not key or len(key) > _LONGEST:
                continue
            some, at = records.setdefault(key, {}), (name.country, int(name.kind))
            score, rank, languages = round(name.score * 100), int(name.rank), name.languages
            if known := some.get(at):
                score, rank = max(score, known[2]), min(rank, known[3])
                languages = languages | known[4] if languages and known[4] else ANY_LANGUAGE
            some[at] = (name.country.encode(), int(name.kind), score, rank, languages)
        trie = marisa_trie.Trie(records)
        ordered = sorted(records, key=trie.__getitem__)
        rows = np.array([record for key in ordered for record in records[key].values()], dtype=_ROW)
        ends = np.cumsum([len(records[key]) for key in ordered]).astype("<u4")
        data = trie.tobytes()
        return b"".join((np.array([len(data), len(ends)], dtype="<u4").tobytes(), data, ends.tobytes(), rows.tobytes()))

    def names(self) -> Iterator[tuple[str, Name]]:
        """Every name, under its key."""
        for table in self._tables:
            for key in table.trie.keys():  # noqa: SIM118  (a trie is no mapping)
                yield from ((key, name) for name in table.names(key))

    def prefixes(self, text: str) -> list[str]:
        """The keys that `text` begins with, longest first."""
        if len(self._tables) == 1:
            found: list[str] = self._tables[0].trie.prefixes(text)
            found.reverse()
            return found
        every = {key for table in self._tables for key in table.trie.prefixes(text)}
        return sorted(every, key=len, reverse=True)

    def get(self, key: str) -> list[Name]:
        """What goes by a key, likeliest first."""
        found = [name for table in self._tables for name in table.names(key)]
        return sorted(found, key=lambda name: (name.rank, -name.score)) if len(found) > 1 else found

    def near(self, word: str) -> list[Name]:
        """What goes by a name that differs from `word` in one letter: one more, one fewer, another, or two exchanged.

        Only names that are well known are tried, of which the first letter is right. Of several, the likeliest.
        """
        best: list[Name] = []
        for key in self._edits(word):
            if key in self:
                names = [name for name in self.get(key) if name.rank is Rank.SURE and name.score >= _WELL_KNOWN]
                if names and (not best or names[0].score > best[0].score):
                    best = names
        return best

    def _edits(self, word: str) -> Iterator[str]:
        """The words at one step from `word` with the same first letter (Norvig 2007), in its own alphabet.

        As far into the word as any name begins so.
        """
        letters = _ALPHABETS[next((i for i, some in enumerate(_ALPHABETS) if word[1] in some), 0)]
        for at in range(1, len(word)):
            head, tail = word[:at], word[at:]
            if all(next(table.trie.iterkeys(head), None) is None for table in self._tables):
                return
            yield head + tail[1:]
            if len(tail) > 1:
                yield head + tail[1] + tail[0] + tail[2:]
            for letter in letters:
                yield head + letter + tail[1:]
                yield head + letter + tail
        for letter in letters:
            yield word + letter

    def __contains__(self, key: str) -> bool:
        return any(key in table.trie for table in self._tables)


@dataclass(frozen=True, slots=True)
class _Table:
    """The keys, each with a number, and by number where its names end in `rows`."""

    trie: marisa_trie.Trie
    ends: NDArray[np.uint32]
    rows: NDArray[np.void]

    @classmethod
    def of(cls, data: bytes) -> _Table:
        size, count = np.frombuffer(data, dtype="<u4", count=2).tolist()
        trie = marisa_trie.Trie().frombytes(data[8 : 8 + size])
        ends = np.frombuffer(data, dtype="<u4", count=count, offset=8 + size)
        return cls(trie, ends, np.frombuffer(data, dtype=_ROW, offset=8 + size + 4 * count))

    def names(self, key: str) -> list[Name]:
        if (number := self.trie.get(key)) is None:
            return []
        start = int(self.ends[number - 1]) if number else 0
        return [
            Name(code.decode(), NameKind(kind), score / 100, Rank(rank), languages)
            for code, kind, score, rank, languages in self.rows[start : int(self.ends[number])].tolist()
        ]
