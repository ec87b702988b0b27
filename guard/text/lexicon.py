"""Names of situations, acts, things and norms in many languages, found in a text in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
from pydantic_core import from_json, to_json

from guard.text.everyday import borders, everyday
from guard.text.languages import bits
from guard.text.words import UNSPACED_RUN, Words, fold, runs, stemmer, words
from guard.types import Kind

ANY = "any"
"""Language of names that are the same in every language: they are compared unstemmed."""

MAX_WORDS = 5
MAX_RUN = 12
_UNSPACED = "unspaced"
_SHORTEST_KOREAN = 3  # syllables
_SHORTEST_THAI = 3  # two letters are a syllable, and stand inside too many other words


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name stands for: kind, value and certainty of the evidence that it gives."""

    kind: Kind | str
    value: str
    score: float


NOTHING = "nothing"
"""Kind of a fixed expression whose words mean something else: "king-size", "French fries"."""


class Found(NamedTuple):
    """An entry, and the characters of the text that name it."""

    start: int
    end: int
    entry: Entry


Table = dict[str, tuple[Entry, ...]]
"""Names of one language, and the first words of names of several: those that are no names stand for nothing."""


class Lexicon:
    """Finds known names in texts.

    A dictionary from word n-grams to entries, one for each language, so that a look-up costs the same however many
    names there are; runs of unspaced scripts are searched by substring, on borders of words. Of names of the same kind
    the longest at a place wins over those inside it. A word of everyday speech stands for nothing unless a name is
    written exactly so: French "des" is no "dés".

    Args:
        kept: names that `parts` gave, the later over the earlier. Those of a language are read when a text needs them.
    """

    def __init__(self, *kept: Mapping[str, bytes]) -> None:
        self._kept = [(parts, _entries(parts["entries"])) for parts in kept]
        self._tables: dict[str, Table] = {}
        self._spoken: dict[str, set[str]] = {}

    def add(self, name: str, language: str, entry: Entry) -> None:
        """Make `name`, of `language` or `ANY`, stand for `entry`."""
        folded = fold(name)
        parts, sequences = words(folded), runs(folded)
        if sequences and not parts:
            run = "".join(sequences)
            if len(run) >= (2 if run[0] >= "\u3000" else _SHORTEST_THAI):
                _put(self._table(_UNSPACED), run[:MAX_RUN], run[:2], entry)
            return
        if not parts or sequences or len(parts) > MAX_WORDS:
            return
        stem = stemmer(language)
        # 일본도 is a sword, and 일본에 "in Japan": what looks like a particle may be the end of a short name.
        stemmed = [word if language == "ko" and len(stem(word)) < _SHORTEST_KOREAN else stem(word) for word in parts]
        _put(self._table(language), " ".join(stemmed), stemmed[0], entry)
        if len(parts) == 1 and everyday(lower := name.strip().lower()):
            self._exact(language).add(lower)

    def find(
        self, text: str, languages: Iterable[str], *, also: Iterable[str] = (), spaced: Words | None = None
    ) -> Iterator[Found]:
        """Entries named in a normalised text, read as each of `languages` and as names common to all.

        Args:
            text: as `guard.text.normal` gives it.
            languages: those that it is written in.
            also: others whose names may occur in it, as English ones do everywhere.
            spaced: its words, where they are known already.
        """
        spaced = spaced if spaced is not None else Words.of(text)
        if spaced.folded:
            mask = bits(languages)
            common = [everyday(lower) & mask for lower in spaced.lower]
            for language in dict.fromkeys((*languages, *also, ANY)):
                if table := self._table(language):
                    yield from _find_spaced(spaced, language, table, common, self._exact(language))
        if not text.isascii():
            for match in UNSPACED_RUN.finditer(text):
                yield from _find_unspaced(match[0], match.start(), self._table(_UNSPACED))

    def parts(self, below: Lexicon | None = None) -> dict[str, bytes]:
        """All names as bytes to be kept; of those that `below` has as well, only what stands for something else."""
        numbers: dict[tuple[Entry, ...], int] = {}
        found: dict[str, bytes] = {}
        kept = {part.removeprefix("names/") for parts, _ in self._kept for part in parts if part.startswith("names/")}
        for language in sorted(kept | self._tables.keys()):
            known = below._table(language) if below else {}
            table = {name: some for name, some in self._table(language).items() if known.get(name) != some}
            if table:
                found[f"names/{language}"] = "\n".join(table).encode()
                rows = [numbers.setdefault(some, len(numbers)) for some in table.values()]
                found[f"rows/{language}"] = np.array(rows, dtype="<u4").tobytes()
            if exact := self._exact(language):
                found[f"exact/{language}"] = "\n".join(sorted(exact)).encode()
        return {"entries": to_json([list(map(astuple, some)) for some in numbers]), **found}

    def _table(self, language: str) -> Table:
        if (table := self._tables.get(language)) is None:
            table = {}
            for parts, entries in self._kept:
                if names := parts.get(f"names/{language}"):
                    rows = np.frombuffer(parts[f"rows/{language}"], dtype="<u4").tolist()
                    table.update(zip(names.decode().split("\n"), map(entries.__getitem__, rows), strict=True))
            self._tables[language] = table
        return table

    def _exact(self, language: str) -> set[str]:
        """Names of `language` that are words of everyday speech somewhere, as they are written."""
        if (exact := self._spoken.get(language)) is None:
            exact = set()
            for parts, _ in self._kept:
                exact.update(parts.get(f"exact/{language}", b"").decode().split("\n"))
            self._spoken[language] = exact
        return exact


def _find_spaced(spaced: Words, language: str, table: Table, common: Sequence[int], exact: set[str]) -> Iterator[Found]:
    stem = stemmer(language)
    stemmed = list(spaced.folded) if language == ANY else [stem(word) for word in spaced.folded]
    own = bits([language])
    cover = _Cover()
    for start, head in enumerate(stemmed):
        if head not in table:
            if (head := spaced.folded[start]) not in table:
                continue
            stemmed[start] = head
        for end in range(min(len(stemmed), start + MAX_WORDS), start, -1):
            entries = table.get(head if end == start + 1 else " ".join(stemmed[start:end]))
            if not entries:
                continue
            # A word that everybody uses is a name only where a name of that very language is written so.
            elsewhere = common[start] if end == start + 1 else 0
            if elsewhere and (spaced.lower[start] not in exact or (own and elsewhere & ~own)):
                continue
            for entry in cover.uncovered(entries, end):
                yield Found(spaced.starts[start], spaced.ends[end - 1], entry)


def _find_unspaced(run: str, offset: int, table: Table) -> Iterator[Found]:
    spans = [
        (start, end)
        for start in range(len(run) - 1)
        if run[start : start + 2] in table
        for end in range(min(len(run), start + MAX_RUN), start + 1, -1)
        if table.get(run[start:end])
    ]
    cover = _Cover()
    whole = borders(run, spans)
    for start, end in spans:
        if (start, end) in whole:
            for entry in cover.uncovered(table[run[start:end]], end):
                yield Found(offset + start, offset + end, entry)


class _Cover:
    """How far the names found so far reach, kind by kind, to leave out those inside them."""

    __slots__ = ("reach",)

    def __init__(self) -> None:
        self.reach: dict[str, int] = {}

    def uncovered(self, entries: Sequence[Entry], end: int) -> list[Entry]:
        """Of the entries of a name that ends at `end`, those that no longer name of their kind hides."""
        new = [entry for entry in entries if end > self.reach.get(_group(entry.kind), 0)]
        for entry in new:
            self.reach[_group(entry.kind)] = end
        return new


def _group(kind: str) -> str:
    """Kinds that hide one another: the name of a thing that only one norm is about is the name of a thing."""
    return "concept" if kind == "norm" else kind


def _put(table: Table, name: str, head: str, entry: Entry) -> None:
    table.setdefault(head, ())
    entries = table.get(name, ())
    for i, known in enumerate(entries):
        if (known.kind, known.value) == (entry.kind, entry.value):
            if entry.score > known.score:
                table[name] = (*entries[:i], entry, *entries[i + 1 :])
            return
    table[name] = (*entries, entry)


def _entries(kept: bytes) -> list[tuple[Entry, ...]]:
    return [tuple(Entry(*fields) for fields in some) for some in from_json(kept)]
