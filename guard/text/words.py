"""Texts of any supported language as comparable words: folded, split and reduced to stems.

Languages that put spaces between words are split and stemmed (Snowball stemmers; short affix rules for those which
Snowball does not cover). Chinese, Japanese, Thai, Lao, Khmer and Burmese are looked through run by run of their script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer

from guard.text.normal import normal

_SNOWBALL = {
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "pt": "portuguese",
    "ru": "russian",
    "hi": "hindi",
    "id": "indonesian",
    "ms": "indonesian",
    "ar": "arabic",
    "fa": "persian",
    "de": "german",
    "it": "italian",
    "nl": "dutch",
    "sv": "swedish",
    "da": "danish",
    "no": "norwegian",
    "fi": "finnish",
    "hu": "hungarian",
    "ro": "romanian",
    "tr": "turkish",
    "el": "greek",
    "sr": "serbian",
    "ta": "tamil",
    "ne": "nepali",
    "cs": "czech",
    "pl": "polish",
}
# Languages without a stemmer: what is written onto the end, and onto the beginning, of a word. Enough is left of it.
_ENDINGS = {
    "uk": "ами|ями|ого|ому|ими|ові|еві|ах|ях|ам|ям|ів|їв|ей|ою|ею|єю|ій|ої|их|им|а|я|у|ю|і|ї|и|о|е|є|ь|й",
    "bg": "ите|ата|ята|ото|ето|ове|ият|ът|ят|ия|та|то|те|и|а|я|о|е|у",
    "he": "יימ|ימ|ות|ה|ת|י",
    "ur": "وں|یں|یاں|ے|ا|ی",
    "bn": "গুলোকে|গুলোর|গুলো|গুলি|দেরকে|দের|টাকে|টার|টা|টি|কে|ের|রা|তে|র|ে",
    "te": "లను|లకు|లతో|లలో|ల్లో|గారి|గారు|ను|ని|కు|కి|లో|తో|లు|ల",
    "mr": "ांना|ांचे|ांची|ांचा|ाला|ाचे|ाची|ाचा|ांनी|ाने|ात|ला|ने|चे|ची|चा|ना|ा|े|ी",
    "pa": "ਾਂ|ੀਆਂ|ਿਆਂ|ੇ|ਾ|ੀ",
    "si": "වලට|වල|යට|යේ|යක්|ේ|ට|ක්|ව|ය",
    "sw": "ni",
    "zu": "ini|eni",
}
_LIGHT = {language: re.compile(f"(?<=..)(?:{endings})$") for language, endings in _ENDINGS.items()}
_HEBREW = re.compile("^(?:ו[בלה]|[בלהו])(?=.{3})")
_FINAL = str.maketrans("ךםןףץ", "כמנפצ")

UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uaa60-\uaa7f"
    r"\u3040-\u30ff\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
"""Character class of the scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""

UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
# \w leaves out the vowel signs of the scripts of India, without which words fall apart; the danda is punctuation.
_WORD = re.compile(rf"(?:[^\W_{UNSPACED}]|[\u064b-\u0655\u0670\u0900-\u0963\u0966-\u0dff\u0f71-\u0f84])+")
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
    return [] if folded.isascii() else UNSPACED_RUN.findall(folded)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, in parallel lists, without the runs of unspaced scripts.

    Attributes:
        folded, lower: as names are compared, and the same with accents, by which "dés" is told from "des".
        starts, ends: where in the text each stands.
        capital: whether each begins with a capital letter.
        opens: whether each is the first of a sentence or line, where a capital tells nothing.
        breaks: whether a mark that parts clauses or items stands before each.
        marks: what stands between the word before and each.
    """

    folded: list[str]
    lower: list[str]
    starts: list[int]
    ends: list[int]
    capital: list[bool]
    opens: list[bool]
    breaks: list[bool]
    marks: list[str]

    @classmethod
    def of(cls, text: str) -> Words:
        """The words of a normalised text (`guard.text.normal`)."""
        found = cls([], [], [], [], [], [], [], [])
        before = 0
        for match in _WORD.finditer(text):
            word, start = match[0], match.start()
            gap = text[before:start]
            before = match.end()
            lower = word.lower()
            found.folded.append(lower if lower.isascii() else fold(lower))
            found.lower.append(lower)
            found.starts.append(start)
            found.ends.append(before)
            found.capital.append(not word[0].islower())
            plain = gap == " "
            found.opens.append(len(found.folded) == 1 or (not plain and _OPENS.search(gap) is not None))
            found.marks.append(gap)
            found.breaks.append(not plain and _BREAKS.search(gap) is not None)
        return found


# A sentence's end, a line's end, a quotation's or bracket's beginning, a bullet.
_OPENS = re.compile(r"[.!?…;:。！？\n\r\"“«(\[{•*>|¿¡‚„।॥።؟۔]|\s[-–—]|[-–—]\s")
_BREAKS = re.compile(r"[.!?…,;:()，、；：。！？،؛\n\r।॥።؟۔၊]|\s[-–—]|[-–—]\s")


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
    if language == "he":
        return lambda word: _LIGHT["he"].sub("", _HEBREW.sub("", word.translate(_FINAL)))
    if language in _LIGHT:
        return lambda word: _LIGHT[language].sub("", word)
    return lambda word: word


def stems(text: str, language: str) -> list[str]:
    """The words of any text as stems of `language`."""
    stem = stemmer(language)
    return [stem(word) for word in words(fold(text))]


def phrase_of(text: str) -> str:
    """A phrase as it is compared: folded, its words joined by single spaces; without spaces in unspaced scripts."""
    folded = fold(normal(text).text)
    return "".join(folded.split()) if UNSPACED_RUN.search(folded) else " ".join(words(folded))
