"""Things that are named or shown, as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from guard.norms.library import Library
from guard.types import Evidence


def with_english(languages: Iterable[str]) -> tuple[str, ...]:
    """The languages to read a text in: English words occur in all, as names of products, brands and titles."""
    return tuple(dict.fromkeys((*languages, "en")))


def named(
    library: Library, text: str, languages: Iterable[str], weight: float, source: str, *, shown: bool = False
) -> Iterator[Evidence]:
    """Everything that the lexicon finds in `text`."""
    for entry in library.lexicon.find(text, languages):
        score = entry.score * weight
        if entry.kind == "concept":
            yield from concept(library, entry.value, score, source, shown=shown)
        else:
            yield Evidence(entry.kind, entry.value, score, source)


def concept(library: Library, id_: str, score: float, source: str, *, shown: bool) -> Iterator[Evidence]:
    """A concept, and those that it is a kind of, each a little less certain."""
    yield Evidence("concept", id_, score, source, shown)
    for above in library.vocabulary.broader(id_):
        score *= 0.85
        yield Evidence("concept", above, score, source, shown)
