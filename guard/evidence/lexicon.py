"""Names of cultures, situations, concepts and norms in many languages, found in a text in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from guard.evidence.words import fold, runs, stemmer, words
from guard.types import Kind

ANY = "any"
"""Language of names that are the same in every language: they are compared unstemmed."""

MAX_WORDS = 5
MAX_RUN = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """What a name stands for. `proper`: in Latin script it counts only with a capital letter ("Turkey", "Nice")."""

    kind: Kind
    value: str
    score: float
    proper: bool = False


class Lexicon:
    """Finds known names in texts.

    A dictionary from word n-grams to entries, one for each language, so that a look-up costs the same however many
    names there are; runs of unspaced scripts are searched by substring. The longest name at a place wins over those
    inside it, except that a culture named inside a longer name still counts.
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
            if len(run) >= 2:
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
            capitals = _capitalised(text, len(spaced))
            for language in dict.fromkeys((*languages, ANY)):
                if phrases := self._phrases.get(language):
                    yield from self._find_spaced(spaced, language, phrases, capitals)
        for run in runs(folded):
            yield from self._find_unspaced(run)

    def _find_spaced(
        self, spaced: list[str], language: str, phrases: dict[str, list[Entry]], capitals: list[bool] | None
    ) -> Iterator[Entry]:
        stem = stemmer(language)
        stemmed = spaced if language == ANY else [stem(word) for word in spaced]
        first = self._first[language]
        covered = 0
        for start, head in enumerate(stemmed):
            if head not in first:
                continue
            for end in range(min(len(stemmed), start + MAX_WORDS), start, -1):
                entries = phrases.get(head if end == start + 1 else " ".join(stemmed[start:end]))
                if entries is None:
                    continue
                capital = capitals is None or capitals[start]
                for entry in entries:
                    if (capital or not entry.proper) and (end > covered or entry.kind == "culture"):
                        yield entry
                covered = max(covered, end)
                break

    def _find_unspaced(self, run: str) -> Iterator[Entry]:
        covered = 0
        for start in range(len(run) - 1):
            if run[start : start + 2] not in self._heads:
                continue
            for end in range(min(len(run), start + MAX_RUN), start + 1, -1):
                if (entries := self._unspaced.get(run[start:end])) is not None:
                    for entry in entries:
                        if end > covered or entry.kind == "culture":
                            yield entry
                    covered = max(covered, end)
                    break


def _put(table: dict[str, list[Entry]], key: str, entry: Entry) -> None:
    entries = table.setdefault(key, [])
    for i, known in enumerate(entries):
        if (known.kind, known.value) == (entry.kind, entry.value):
            if entry.score > known.score:
                entries[i] = entry
            return
    entries.append(entry)


def _capitalised(text: str, count: int) -> list[bool] | None:
    """For each word, whether it begins with a capital; None where capitals tell nothing (all or none are)."""
    if text.islower() or text.isupper():
        return None
    flags = [not word[0].islower() for word in words(text)]
    return flags if len(flags) == count else None
