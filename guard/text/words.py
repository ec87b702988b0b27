"""Texts of any supported language as comparable words: folded, split and reduced to stems.

Languages that put spaces between words are split and stemmed (Snowball stemmers; short affix rules for Korean and
Amharic, which Snowball does not cover). Chinese, Japanese and Thai are matched as substrings of a run of their script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

import Stemmer

_SNOWBALL = {
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "pt": "portuguese",
    "ru": "russian",
    "hi": "hindi",
    "id": "indonesian",
    "ar": "arabic",
    "fa": "persian",
}

UNSPACED = r"\u0e00-\u0e7f\u3040-\u30ff\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Character class of the scripts written without spaces: Thai, kana, Han."""

_RUN = re.compile(f"[{UNSPACED}]+")
# \w leaves out the vowel signs of Devanagari, without which words fall apart; the danda is punctuation.
_WORD = re.compile(rf"(?:[^\W_{UNSPACED}]|[\u0900-\u0963\u0966-\u097f])+")
_MARKS = re.compile("[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640\u200b-\u200f\u202a-\u202e]")
_ARABIC = str.maketrans("أإآٱیک", "ااااىك".replace("ى", "ي"))
_PERSIAN = str.maketrans("كيىأإٱ", "کییااا")

# A conjunction or preposition written onto the word (wa-, li-, bi-, fa-, ka-), which the stemmer leaves on.
_ARABIC_PROCLITIC = re.compile(r"^[ولبفك](?=.{5})")
_KOREAN = re.compile(
    r"(?:에서는|에게서|으로는|이라는|에서|에게|께서|으로|하고|이나|까지|부터|처럼|보다|한테|이랑|은|는|이|가|을|를|에|의|로|와|과|도|만|랑|나|야)$"
)
_AMHARIC_BEFORE = re.compile(r"^(?:ስለ|እንደ|ከነ|የ|በ|ለ|ከ)(?=.{2})")
_AMHARIC_AFTER = re.compile(r"(?<=.{2})(?:ዎችን|ዎች|ውን|ችን|ን|ም|ው|ና)$")


def fold(text: str) -> str:
    """Lower case, compatibility forms resolved, accents and invisible marks removed."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold()
    # Only what carries a removable mark is taken apart: Hangul and kana must stay whole.
    parts = (
        unicodedata.normalize("NFD", c) if "\u00c0" <= c <= "\u024f" or "\u1e00" <= c <= "\u1eff" else c for c in text
    )
    return _MARKS.sub("", "".join(parts))


def words(folded: str) -> list[str]:
    """Words of a folded text, in order, without the runs of unspaced scripts."""
    return _WORD.findall(folded)


def runs(folded: str) -> list[str]:
    """Runs of unspaced script of a folded text, in order."""
    return [] if folded.isascii() else _RUN.findall(folded)


@cache
def stemmer(language: str) -> Callable[[str], str]:
    """A function from a folded word to its stem in `language`; the identity where nothing is known."""
    if language in _SNOWBALL:
        stem = Stemmer.Stemmer(_SNOWBALL[language]).stemWord
        if language == "ar":
            return lru_cache(maxsize=65536)(lambda word: str(stem(_ARABIC_PROCLITIC.sub("", word.translate(_ARABIC)))))
        if language == "fa":
            return lru_cache(maxsize=65536)(lambda word: str(stem(word.translate(_PERSIAN))))
        # A stem of one letter (Hindi gana, to sing, and gae, went) would make strangers meet.
        return lru_cache(maxsize=65536)(lambda word: fold(str(found)) if len(found := stem(word)) > 1 else word)
    if language == "ko":
        return lambda word: _KOREAN.sub("", word) if len(word) > 2 else word
    if language == "am":
        return lambda word: _AMHARIC_AFTER.sub("", _AMHARIC_BEFORE.sub("", word))
    return lambda word: word


def stems(text: str, language: str) -> list[str]:
    """The words of any text as stems of `language`."""
    stem = stemmer(language)
    return [stem(word) for word in words(fold(text))]
