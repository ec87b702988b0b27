"""Language of a text: by script where that decides it, else by py3langid among the supported languages."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Any

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
_ENGLISH = frozenset(
    [
        "the",
        "is",
        "what",
        "which",
        "and",
        "with",
        "how",
        "of",
        "should",
        "this",
        "are",
        "my",
        "for",
        "can",
        "from",
        "where",
        "want",
        "i'm",
    ]
)
_LATIN = ("en", "es", "fr", "pt", "id")
_SAMPLE = 300
_LATIN_SAMPLE = 160  # bytes beyond which the identifier hardly changes its mind, and costs most of the time


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
                found.append(_classify(text[:_LATIN_SAMPLE]))
            case _:
                found.append(_BY_SCRIPT[script])
    return found


def _classify(text: str) -> str:
    # Most requests are in English, and three of its own small words settle that in a hundredth of the time. What is too
    # short to tell is read as English too: names are found as common names anyway.
    if text.isascii() and (len(text) < 12 or len(_ENGLISH.intersection(text.lower().split())) >= 3):
        return "en"
    return str(_identifier().classify(text)[0])


@cache
def _identifier() -> Any:
    # Imported on first use: its model costs tenths of a second and is not needed to import guard.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(_LATIN))
    return identifier


def warm_up() -> None:
    """Load the identifier now rather than with the first request."""
    _identifier()
