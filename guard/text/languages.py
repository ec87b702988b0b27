"""The languages that are read, and those that a text is written in."""

from __future__ import annotations

from collections.abc import Iterable

from guard.text.identify import identify

LANGUAGES = ("en", "es", "fr", "pt", "ru", "zh", "ja", "ko", "th", "hi", "id", "ar", "fa", "am")
"""ISO 639-1 codes of the languages in which every word of the vocabulary is kept."""

READ = (
    *LANGUAGES,
    *("de", "it", "nl", "pl", "tr", "vi", "uk", "bg", "sr", "ro", "cs", "el", "he", "sv", "da", "no", "fi", "hu"),
    *("ur", "bn", "ta", "te", "mr", "pa", "ne", "si", "my", "km", "lo", "tl", "ms", "sw", "ha", "yo", "zu"),
    *("hi-Latn", "ar-Latn", "fa-Latn", "zh-Latn", "ja-Latn", "ko-Latn", "th-Latn"),
)
"""Codes of all languages that are told apart and read; those with ``-Latn`` are written in Latin letters."""

_BITS = {language: 1 << number for number, language in enumerate(READ)}


def bits(languages: Iterable[str]) -> int:
    """A set of languages as the bits of a number."""
    return sum(_BITS.get(language, 0) for language in set(languages))


_COUNTED = 0.2  # share of a text from which a language counts as one of those that it is written in
_TELLING = 0.05  # certainty below which a text is too short to tell
# Languages whose everyday words are so alike that a short text may be either; it is looked through for names of both.
_SIBLINGS = {"id": "ms", "ms": "id", "no": "da", "da": "no", "uk": "ru", "bg": "ru"}


def languages_of(text: str) -> list[str]:
    """Codes of the languages that `text` is written in, likeliest first; empty if it has no letters or none is read.

    Of a text in English and another language the other comes first: instructions are English more often than questions.
    """
    spoken = [one for one in identify(text) if one.share >= _COUNTED]
    if len(spoken) == 1 and spoken[0].sure < _TELLING and text.isascii():
        return ["en"]  # too short to tell; names that are the same everywhere are found anyway
    found = [one.language for one in spoken]
    return sorted(found, key="en".__eq__) if len(found) > 1 and found[0] == "en" else found


def with_siblings(languages: Iterable[str]) -> tuple[str, ...]:
    """`languages`, and those that are hard to tell from them in a few words."""
    return tuple(dict.fromkeys(one for code in languages for one in (code, _SIBLINGS.get(code, code))))
