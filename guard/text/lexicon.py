"""Names of cultures, situations, concepts and norms in many languages, found in a text in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np
from pydantic_core import from_json, to_json

from guard.text.words import fold, runs, stemmer, words
from guard.types import Kind

ANY = "any"
"""Language of names that are the same in every language: they are compared unstemmed."""

MAX_WORDS = 5
MAX_RUN = 12
_UNSPACED = "unspaced"
_SHORTEST_THAI = 3  # two letters are a syllable, and stand inside too many other words


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name stands for.

    Attributes:
        kind, value, score: of the evidence that it gives.
        capital: whether in Latin script it counts only with a capital letter: ``no``, ``usual`` (in a text that has
            capitals at all: "Turkey"), or ``always`` ("Nice", which is a word more often than a town).
    """

    kind: Kind
    value: str
    score: float
    capital: Literal["no", "usual", "always"] = "no"


Table = dict[str, tuple[Entry, ...]]
"""Names of one language, and the first words of names of several: those that are no names stand for nothing."""


class Lexicon:
    """Finds known names in texts.

    A dictionary from word n-grams to entries, one for each language, so that a look-up costs the same however many
    names there are; runs of unspaced scripts are searched by substring. The longest name at a place wins over those
    inside it, except that a culture still counts inside a name of something else ("Japanese tea").

    Args:
        kept: names that `parts` gave, the later over the earlier. Those of a language are read when a text needs them.
    """

    def __init__(self, *kept: Mapping[str, bytes]) -> None:
        self._kept = [(parts, _entries(parts["entries"])) for parts in kept]
        self._tables: dict[str, Table] = {}

    def add(self, name: str, language: str, entry: Entry) -> None:
        """Make `name`, of `language` or `ANY`, stand for `entry`."""
        folded = fold(name)
        parts, sequences = words(folded), runs(folded)
        if sequences and not parts:
            run = "".join(sequences)
            if len(run) >= (_SHORTEST_THAI if "\u0e00" <= run[0] <= "\u0e7f" else 2):
                _put(self._table(_UNSPACED), run[:MAX_RUN], run[:2], entry)
            return
        if not parts or sequences or len(parts) > MAX_WORDS:
            return
        stem = stemmer(language)
        stemmed = [stem(word) for word in parts]
        _put(self._table(language), " ".join(stemmed), stemmed[0], entry)

    def find(self, text: str, languages: Iterable[str]) -> Iterator[Entry]:
        """Entries named in `text`, read as each of `languages` and as names common to all."""
        folded = fold(text)
        if spaced := words(folded):
            capitals = [not word[0].islower() for word in words(text)]
            if len(capitals) != len(spaced):
                capitals = [True] * len(spaced)
            telling = not text.islower() and not text.isupper()
            for language in dict.fromkeys((*languages, ANY)):
                if table := self._table(language):
                    yield from _find_spaced(spaced, language, table, capitals, telling)
        for run in runs(folded):
            yield from _find_unspaced(run, self._table(_UNSPACED))

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


def _find_spaced(
    spaced: list[str], language: str, table: Table, capitals: list[bool], telling: bool
) -> Iterator[Entry]:
    stem = stemmer(language)
    stemmed = spaced if language == ANY else [stem(word) for word in spaced]
    cover = _Cover()
    for start, head in enumerate(stemmed):
        if head not in table:
            continue
        for end in range(min(len(stemmed), start + MAX_WORDS), start, -1):
            entries: Sequence[Entry] | None = table.get(head if end == start + 1 else " ".join(stemmed[start:end]))
            if not entries:
                continue
            if telling:
                entries = entries if capitals[start] else [entry for entry in entries if entry.capital == "no"]
            else:
                entries = [entry for entry in entries if entry.capital != "always"]
            if entries:
                yield from cover.uncovered(entries, end)
                break


def _find_unspaced(run: str, table: Table) -> Iterator[Entry]:
    cover = _Cover()
    for start in range(len(run) - 1):
        if run[start : start + 2] not in table:
            continue
        for end in range(min(len(run), start + MAX_RUN), start + 1, -1):
            if entries := table.get(run[start:end]):
                yield from cover.uncovered(entries, end)
                break


class _Cover:
    """How far the names found so far reach, to leave out those inside them."""

    __slots__ = ("any", "culture")

    def __init__(self) -> None:
        self.any = self.culture = 0

    def uncovered(self, entries: Sequence[Entry], end: int) -> list[Entry]:
        """Of the entries of a name that ends at `end`, those that no longer name hides."""
        new = [entry for entry in entries if end > (self.culture if entry.kind == "culture" else self.any)]
        if any(entry.kind == "culture" for entry in new):
            self.culture = end
        self.any = max(self.any, end)
        return new


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
