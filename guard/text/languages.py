"""Language of a text: by script where that decides it, else by its small words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from guard.text.words import fold, words

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


_SCRIPTS = {
    "kana": re.compile("[\u3040-\u30ff]"),
    "han": re.compile("[\u3400-\u9fff]"),
    "hangul": re.compile("[\uac00-\ud7a3]"),
    "thai": re.compile("[\u0e00-\u0e7f]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "ethiopic": re.compile("[\u1200-\u137f]"),
    "arabic": re.compile("[\u0600-\u06ff]"),
    "cyrillic": re.compile("[\u0400-\u04ff]"),
    "latin": re.compile("[a-zA-Z\u00c0-\u024f]"),
}
_BY_SCRIPT = {
    "hangul": "ko",
    "thai": "th",
    "devanagari": "hi",
    "ethiopic": "am",
    "cyrillic": "ru",
}
# Letters that only Persian has, or writes differently from Arabic.
_PERSIAN = re.compile("[پچژگیک]")
_ARABIC = re.compile("[يكةى]")
# The commonest small words of the supported languages in Latin script, accents folded. Two or three of them tell these
# languages apart as well as an identifier with a model does, at a hundredth of its time and none of its 75 MB.
_SMALL_WORDS = {
    language: frozenset(small.split())
    for language, small in {
        "en": "the is are was what which and with how of should this that these my for can do from where want to in a",
        "es": "el los las una para con cual donde puedo estoy mi del y es que en un la de me como por se su esta",
        "fr": "le les une des est pour avec dans mon ma je que puis ou quel quelle du et en un la de au sur ce vous il",
        "pt": "o os as um uma para com meu minha eu que nao posso onde qual do da no na e em de esta estou por se ao",
        "id": "yang di dan untuk saya dengan ini itu apa mana dari ke pada bisa adalah ingin sebuah dalam tidak akan",
    }.items()
}
_SAMPLE = 300
_ENOUGH = 24


def scripts_of(text: str) -> Counter[str]:
    """Number of letters of each script in the beginning of `text`."""
    sample = text[:_SAMPLE]
    if sample.isascii():
        return Counter(latin=len(sample)) if _SCRIPTS["latin"].search(sample) else Counter()
    return Counter({name: n for name, pattern in _SCRIPTS.items() if (n := len(pattern.findall(sample)))})


def languages_of(text: str) -> list[str]:
    """ISO 639-1 codes of the languages that `text` may be written in, likeliest first; empty if it has no letters.

    A text that mixes scripts yields a language for each script that holds a good part of it.
    """
    scripts = scripts_of(text)
    if kana := scripts.pop("kana", 0):
        scripts["japanese"] = kana + scripts.pop("han", 0)
    total = scripts.total()
    found: list[str] = []
    for script, letters in scripts.most_common():
        if letters * 8 < total:
            break
        match script:
            case "japanese":
                found.append("ja")
            case "han":
                found.append("zh")
            case "arabic":
                persian, arabic = len(_PERSIAN.findall(text[:_SAMPLE])), len(_ARABIC.findall(text[:_SAMPLE]))
                found.append("fa" if persian > arabic else "ar")
            case "latin":
                found.extend(_latin(text[:_SAMPLE]))
            case _:
                found.append(_BY_SCRIPT[script])
    return found


def _latin(text: str) -> list[str]:
    """The likeliest language in Latin script; none for one that is not supported (German, say)."""
    spoken = words(fold(text))[:_ENOUGH]
    if len(spoken) < 3:
        return ["en"]  # too short to tell; names that are the same everywhere are found anyway
    hits = {language: sum(map(small.__contains__, spoken)) for language, small in _SMALL_WORDS.items()}
    best = max(hits, key=hits.__getitem__)
    return [best] if hits[best] * 10 >= len(spoken) else []
