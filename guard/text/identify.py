"""The languages that a text is written in, of those that are read; made for questions of a few words.

A script that one language has to itself decides by itself. Where languages share one, every word is scored for each of
them by a linear model of its letters, and stretches of words that another language explains far better are cut out:
whole sentences, lines and quotations at a lower price than words inside of one. `training.languages` makes the model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("languages.npz")

Floats = np.ndarray[Any, np.dtype[np.float32]]
Ints = np.ndarray[Any, np.dtype[np.intp]]
Points = np.ndarray[Any, np.dtype[np.uint64]]
Kinds = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language of a text.

    Attributes:
        language: a code of `guard.text.languages.READ`.
        share: of the text's letters, those in this language (0 to 1). Letters of languages that are not read count as
            well, so that shares need not add up to 1.
        sure: how likely it is that these letters are in this language (0 to 1); low where there are few of them.
    """

    language: str
    share: float
    sure: float


# Kinds of characters: 1 to 5 are the scripts that languages share, 6 to 18 those that one has to itself.
SCRIPTS = ("latin", "cyrillic", "arabic", "devanagari", "cjk")
_LATIN, _CYRILLIC, _ARABIC, _DEVANAGARI, _CJK = range(1, 6)
_ALONE = ("ko", "th", "lo", "km", "my", "si", "ta", "te", "pa", "bn", "he", "el", "am")
_HANGUL = 6
_UNREAD, _DIGIT, _BREAK, _IGNORED = 19, 20, 21, 22
_RANGES: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (_UNREAD, ((0x530, 0x588), (0x780, 0x7BF), (0xA80, 0xAFF), (0xB00, 0xB7F), (0xC80, 0xD7F), (0xF00, 0xFFF),
               (0x10A0, 0x10FF), (0x13A0, 0x1771), (0x1800, 0x18AA), (0x1C80, 0x1CFF), (0x2C80, 0x2DDF), (0xA000, 0xA4FF))),
    (_LATIN, ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2AF), (0x1E00, 0x1EFF))),
    (_CYRILLIC, ((0x400, 0x481), (0x48A, 0x52F))),
    (_ARABIC, ((0x620, 0x65F), (0x66E, 0x6D3), (0x6D5, 0x6DC), (0x6FA, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFB))),
    (_DEVANAGARI, ((0x900, 0x963), (0x971, 0x97F))),
    (_CJK, ((0x3005, 0x3007), (0x3041, 0x30FA), (0x30FC, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))),
    (_HANGUL, ((0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3))),
    *enumerate((
        ((0xE01, 0xE4E),), ((0xE80, 0xECD), (0xEDC, 0xEDF)), ((0x1780, 0x17D3),), ((0x1000, 0x103F), (0x1050, 0x109F)),
        ((0xD80, 0xDF3),), ((0xB80, 0xBD7),), ((0xC00, 0xC63),), ((0xA00, 0xA75),), ((0x980, 0x9E3),), ((0x5D0, 0x5F2),),
        ((0x370, 0x3FF), (0x1F00, 0x1FFF)), ((0x1200, 0x135F), (0x1380, 0x138F), (0x2D80, 0x2DDF)),
    ), start=_HANGUL + 1),
    (_DIGIT, ((0x30, 0x39),)),
    (_IGNORED, ((0xAD, 0xAD), (0x300, 0x36F), (0x640, 0x640), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
                (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF))),
)  # fmt: skip
_BREAKS = '\n\r!"(),.:;?[]{}|«»“”„‘…‥、。！，：；？「」『』（）؟؛،।॥።፣፧៖។—'  # an apostrophe is inside of a word
_KINDS: Kinds = np.zeros(0x10000, dtype=np.uint8)
for _kind, _spans in _RANGES:
    for _first, _last in _spans:
        _KINDS[_first : _last + 1] = _kind
_KINDS[[ord(mark) for mark in _BREAKS]] = _BREAK
# How much of a word, written in Latin letters, a letter of a kind stands for.
_WEIGHTS: Floats = np.ones(_IGNORED + 1, dtype=np.float32)
_WEIGHTS[[_CJK, _HANGUL, 18]] = 2.5
_WEIGHTS[[_ARABIC, 16]] = 1.3  # where vowels are not written

_NO_SPEECH = re.compile(r"\S*(?:://|www\.|@)\S*|#\w+")
_SAMPLE, _PART = 2400, 800  # characters that are looked at: beyond, the head, the middle and the tail

_INSIDE, _WHOLE = (
    9.0,
    3.0,
)  # nats by which another language must explain words better, inside a sentence and a whole one
_SPANS = 5  # stretches in other languages that are looked for
_QUARTER = 0.25
_FEW = 10  # letters under which nothing is sure in a script that is shared
_FLAT = 0.35  # letters are no independent witnesses: what they say together is taken to this power


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the languages that share a script.

    Attributes:
        weights: nats, hashed n-grams and words × languages; the first row is of what is none and zero.
        bias: nats, by language.
        languages: the code that each column stands for; empty for languages that are known and not read.
    """

    weights: Floats
    bias: Floats
    languages: tuple[str, ...]

    @property
    def shift(self) -> int:
        """Bits of a hash that are dropped to number a row."""
        return 64 - (len(self.weights).bit_length() - 1)


@cache
def _models() -> dict[int, Model]:
    with np.load(FILE) as stored:
        return {
            kind: Model(
                stored[f"{script}.weights"] * stored[f"{script}.scale"],
                stored[f"{script}.bias"],
                tuple(stored[f"{script}.languages"].tobytes().decode().split(",")),
            )
            for kind, script in enumerate(SCRIPTS, start=1)
        }


def identify(text: str) -> list[Spoken]:
    """The languages of `text`, which is as `guard.text.normal` gives it, most of the text first.

    Empty where there are no letters, or only such of languages and scripts that are not read. A language of a sentence,
    line or quotation of its own is named whatever its share; one inside of another's sentences where it holds a quarter.
    Of texts of more than 2,400 characters the head, the middle and the tail are looked at.
    """
    if len(text) > _SAMPLE:
        middle = len(text) // 2
        text = f"{text[:_PART]}\n{text[middle : middle + _PART]}\n{text[-_PART:]}"
    if "@" in text or "#" in text or "://" in text or "www." in text:
        text = _NO_SPEECH.sub(" ", text)
    words = split(text)
    if not len(words.starts):
        return []
    letters = (words.ends - words.starts) * _WEIGHTS[words.kinds]
    total = float(letters.sum())
    found: defaultdict[str, float] = defaultdict(float)  # letters
    sure: dict[str, float] = {}
    apart: set[str] = set()  # languages that have a sentence to themselves
    count = np.bincount(words.kinds, minlength=_UNREAD + 1)
    for kind in np.flatnonzero(count):
        if kind == _UNREAD:
            continue
        of_kind = np.flatnonzero(words.kinds == kind) if count[kind] < len(words.kinds) else slice(None)
        own, parts = letters[of_kind], words.parts[of_kind]
        if kind > _CJK:
            language = _ALONE[kind - _HANGUL]
            found[language] += float(own.sum())
            sure[language] = 1.0
            apart.add(language)
            continue
        model = _models()[int(kind)]
        scores = score(words, np.arange(len(words.kinds))[of_kind], model)
        for number, rows, whole in _stretches(scores, model.bias, parts):
            language = model.languages[number]
            if not language:
                continue
            size = float(own[rows].sum())
            evidence = scores[rows].sum(axis=0) + model.bias
            likely = _likelihood(evidence, number, model.languages) * min(1.0, 0.1 + size / (2 * _FEW))
            sure[language] = max(sure.get(language, 0.0), likely)
            found[language] += size
            if whole and size >= _FEW:
                apart.add(language)
    spoken = [
        Spoken(language, min(1.0, size / total), sure[language])
        for language, size in found.items()
        if size >= _QUARTER * total or (language in apart and size >= 0.04 * total)
    ]
    return sorted(spoken, key=lambda one: -one.share)


def _likelihood(evidence: Floats, number: int, languages: tuple[str, ...]) -> float:
    flat = (evidence - evidence[number]) * _FLAT
    odds = np.exp(np.minimum(flat, 30.0))
    same = [odds[other] for other, language in enumerate(languages) if language == languages[number]]
    return float(sum(same) / odds.sum())


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, n of them: where they are and what they belong to.

    Attributes:
        points: codepoints of the text in small letters, without those that show nothing.
        starts, ends: of each word in `points`.
        kinds: its script, as above.
        parts: the number of its sentence, line or quotation.
    """

    points: Points
    starts: Ints
    ends: Ints
    kinds: Kinds
    parts: Ints


def split(text: str) -> Words:
    """The words of `text`: runs of letters of one script. Digits written onto Latin letters count as such ("7aga")."""
    points = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = _KINDS[np.minimum(points, 0xFFFF)]
    if (kinds == _IGNORED).any():
        kept = kinds != _IGNORED
        points, kinds = points[kept], kinds[kept]
    around = np.zeros(len(kinds) + 2, dtype=np.uint8)
    around[1:-1] = kinds
    digits = kinds == _DIGIT
    if digits.any():
        beside = digits & ((around[:-2] == _LATIN) | (around[2:] == _LATIN))
        kinds = np.where(beside, np.uint8(_LATIN), kinds)
        around[1:-1] = kinds
    is_letter = (around > 0) & (around <= _UNREAD)
    changes = around[1:] != around[:-1]
    starts = np.flatnonzero(changes & is_letter[1:])
    ends = np.flatnonzero(changes & is_letter[:-1])
    parts = np.cumsum(kinds == _BREAK)[starts] if len(starts) else starts
    return Words(points.astype(np.uint64), starts, ends, kinds[starts], parts)


_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_SEEDS: Points = np.array([0x1B873593, 0x2C1B3C6D, 0x38B34AE5, 0x49616E42, 0x5A92F0B7], dtype=np.uint64) << np.uint64(
    32
)
_LONGEST = 48  # letters of a word whose hash is of all of them
_POWERS: Points = np.cumprod(np.full(_LONGEST, _MULTIPLIER, dtype=np.uint64), dtype=np.uint64)


def rows_of(words: Words, chosen: Ints, shift: int) -> tuple[Ints, Ints, Ints]:
    """Numbers of the rows of the `chosen` words, m of them.

    Returns:
        grams: (positions, 4), the n-grams of 1 to 4 letters that begin at each position, the borders of words among
            them; 0 where there is none. first: (m,), the first position of each word. whole: (m,), rows of whole words.
    """
    starts, lengths = words.starts[chosen], (words.ends - words.starts)[chosen]
    before = np.cumsum(lengths) - lengths
    within = np.arange(int(lengths.sum())) - np.repeat(before, lengths)
    own = words.points[np.repeat(starts, lengths) + within]
    first = before + np.arange(len(lengths))
    size = len(own) + len(lengths)
    letters = np.zeros(size + 4, dtype=np.uint64)  # a 0 before each word, and after the last one
    letters[np.repeat(first, lengths) + within + 1] = own
    there = letters != 0
    hashes = np.empty((size, 4), dtype=np.uint64)
    one = letters[:size]
    two = one * _MULTIPLIER + letters[1 : size + 1]
    three = two * _MULTIPLIER + letters[2 : size + 2]
    for column, grams in enumerate((one, two, three, three * _MULTIPLIER + letters[3 : size + 3])):
        hashes[:, column] = grams + _SEEDS[column]
    rows = _rows(hashes, shift)
    rows[~there[:size], 0] = 0
    inner = there[1 : size + 1]
    rows[~inner, 2] = 0
    rows[~(inner & there[2 : size + 2]), 3] = 0
    spelled = np.add.reduceat(own * _POWERS[np.minimum(within, _LONGEST - 1)], before)
    return rows, first, _rows(spelled + _SEEDS[4], shift)


def _rows(hashes: Points, shift: int) -> Ints:
    hashes = hashes * _SPREAD
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MULTIPLIER
    return (hashes >> np.uint64(shift)).astype(np.intp)


def score(words: Words, chosen: Ints, model: Model) -> Floats:
    """Nats that speak for each language (columns) in each of the `chosen` words (rows)."""
    grams, first, whole = rows_of(words, chosen, model.shift)
    scores: Floats = np.add.reduceat(model.weights[grams.ravel()], first * 4, axis=0) + model.weights[whole]
    return scores


def _stretches(scores: Floats, bias: Floats, parts: Ints) -> list[tuple[int, Ints, bool]]:
    """Which language (column) which words (rows) are in, and whether these are whole sentences, lines or quotations.

    The language that explains all words best has them, but for the stretch that another one explains better by more than
    the price of a change; then the same is asked of the words that are left.
    """
    rows: Ints = np.arange(len(scores))
    found: list[tuple[int, Ints, bool]] = []
    while True:
        main = int((scores.sum(axis=0) + bias).argmax())
        if len(found) == _SPANS or len(rows) < 2:
            break
        sums = np.zeros((len(rows) + 1, scores.shape[1]), dtype=np.float32)
        np.cumsum(scores - scores[:, main : main + 1], axis=0, out=sums[1:])
        rises = sums - np.minimum.accumulate(sums, axis=0)
        best = rises.max(axis=0)
        other = int(best.argmax())
        if best[other] < _WHOLE:
            break
        end = int(rises[:, other].argmax())
        start = int(sums[: end + 1, other].argmin())
        whole = (start == 0 or parts[start - 1] != parts[start]) and (end == len(rows) or parts[end - 1] != parts[end])
        if end - start == len(rows) or best[other] < (_WHOLE if whole else _INSIDE):
            break
        found.append((other, rows[start:end], whole))
        kept = np.ones(len(rows), dtype=np.bool_)
        kept[start:end] = False
        rows, scores, parts = rows[kept], scores[kept], parts[kept]
    found.append((main, rows, True))
    return found
