"""Names of cultures, situations, concepts and norms in many languages, found in a text in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from guard.text.words import fold, runs, stemmer, words
from guard.types import Kind

ANY = "any"
"""Language of names that are the same in every language: they are compared unstemmed."""

MAX_WORDS = 5
MAX_RUN = 12
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


class Lexicon:
    """Finds known names in texts.

    A dictionary from word n-grams to entries, one for each language, so that a look-up costs the same however many
    names there are; runs of unspaced scripts are searched by substring. The longest name at a place wins over those
    inside it, except that a culture still counts inside a name of something else ("Japanese tea").
    """

    def __init__(self) -> None:
        self._phrases: defaultdict[str, dict[str, list[Entry]]] = defaultdict(dict)
        self._unspaced: dict[str, list[Entry]] = {}
        self._heads: set[str] = set()
        self._first: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, name: str, language: str, entry: Entry) -> None:
        """Make `name`, of `language` or `ANY`, stand for `entry`."""
        folded = fold(name)
        parts, sequences = words(folded), runs(folded)
        if sequences and not parts:
            run = "".join(sequences)
            if len(run) >= (_SHORTEST_THAI if "\u0e00" <= run[0] <= "\u0e7f" else 2):
                _put(self._unspaced, run[:MAX_RUN], entry)
                self._heads.add(run[:2])
            return
        if not parts or sequences or len(parts) > MAX_WORDS:
            return
        stem = stemmer(language)
        stemmed = [stem(word) for word in parts]
        self._first[language].add(stemmed[0])
        _put(self._phrases[language], " ".join(stemmed), entry)

    def find(self, text: str, languages: Iterable[str]) -> Iterator[Entry]:
        """Entries named in `text`, read as each of `languages` and as names common to all."""
        folded = fold(text)
        if spaced := words(folded):
            capitals = [not word[0].islower() for word in words(text)]
            if len(capitals) != len(spaced):
                capitals = [True] * len(spaced)
            telling = not text.islower() and not text.isupper()
            for language in dict.fromkeys((*languages, ANY)):
                if phrases := self._phrases.get(language):
                    yield from self._find_spaced(spaced, language, phrases, capitals, telling)
        for run in runs(folded):
            yield from self._find_unspaced(run)

    def _find_spaced(
        self, spaced: list[str], language: str, phrases: dict[str, list[Entry]], capitals: list[bool], telling: bool
    ) -> Iterator[Entry]:
        stem = stemmer(language)
        stemmed = spaced if language == ANY else [stem(word) for word in spaced]
        first = self._first[language]
        cover = _Cover()
        for start, head in enumerate(stemmed):
            if head not in first:
                continue
            for end in range(min(len(stemmed), start + MAX_WORDS), start, -1):
                entries = phrases.get(head if end == start + 1 else " ".join(stemmed[start:end]))
                if entries is None:
                    continue
                if telling:
                    entries = entries if capitals[start] else [entry for entry in entries if entry.capital == "no"]
                else:
                    entries = [entry for entry in entries if entry.capital != "always"]
                if entries:
                    yield from cover.uncovered(entries, end)
                    break

    def _find_unspaced(self, run: str) -> Iterator[Entry]:
        cover = _Cover()
        for start in range(len(run) - 1):
            if run[start : start + 2] not in self._heads:
                continue
            for end in range(min(len(run), start + MAX_RUN), start + 1, -1):
                if (entries := self._unspaced.get(run[start:end])) is not None:
                    yield from cover.uncovered(entries, end)
                    break


class _Cover:
    """How far the names found so far reach, to leave out those inside them."""

    __slots__ = ("any", "culture")

    def __init__(self) -> None:
        self.any = self.culture = 0

    def uncovered(self, entries: list[Entry], end: int) -> list[Entry]:
        """Of the entries of a name that ends at `end`, those that no longer name hides."""
        new = [entry for entry in entries if end > (self.culture if entry.kind == "culture" else self.any)]
        if any(entry.kind == "culture" for entry in new):
            self.culture = end
        self.any = max(self.any, end)
        return new


def _put(table: dict[str, list[Entry]], key: str, entry: Entry) -> None:
    entries = table.setdefault(key, [])
    for i, known in enumerate(entries):
        if (known.kind, known.value) == (entry.kind, entry.value):
            if entry.score > known.score:
                entries[i] = entry
            return
    entries.append(entry)
