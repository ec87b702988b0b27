"""The languages that a text is written in, of those that are read; made for questions of a few words.

A script that one language has to itself decides by itself. Where languages share one, every word is scored for each of
them by a linear model of its letters, and stretches of words that another language explains far better are cut out:
whole sentences, lines and quotations at a lower price than words inside of one. `training.languages` makes the model.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
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
STEP = np.float32(0.05)  # nats that 1 stands for in the file
SCRIPTS = ("latin", "cyrillic", "arabic", "devanagari", "cjk")
_LATIN, _CYRILLIC, _ARABIC, _DEVANAGARI, _CJK = range(1, 6)
_ALONE = ("ko", "th", "lo", "km", "my", "si", "ta", "te", "pa", "bn", "he", "el", "am")
_HANGUL = 6
_UNREAD, _DIGIT, _BREAK, _IGNORED = 19, 20, 21, 22
_RANGES: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = (
    (_UNREAD, ((0x530, 0x588), (0x780, 0x7BF), (0xA80, 0xAFF), (0xB00, 0xB7F), (0xC80, 0xD7F), (0xF00, 0xFFF),
               (0x10A0, 0x10FF), (0x13A0, 0x1771), (0x1800, 0x18AA), (0x1C80, 0x1CFF), (0x2C80, 0x2DDF),
               (0xA000, 0xA4FF))),
    (_LATIN, ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2AF), (0x1E00, 0x1EFF))),
    (_CYRILLIC, ((0x400, 0x481), (0x48A, 0x52F))),
    (_ARABIC, ((0x620, 0x65F), (0x66E, 0x6D3), (0x6D5, 0x6DC), (0x6FA, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFB))),
    (_DEVANAGARI, ((0x900, 0x963), (0x971, 0x97F))),
    (_CJK, ((0x3005, 0x3007), (0x3041, 0x30FA), (0x30FC, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
            (0xF900, 0xFAFF))),
    (_HANGUL, ((0x1100, 0x11FF), (0x3131, 0x318E), (0xAC00, 0xD7A3))),
    *enumerate((
        ((0xE01, 0xE4E),), ((0xE80, 0xECD), (0xEDC, 0xEDF)), ((0x1780, 0x17D3),), ((0x1000, 0x103F), (0x1050, 0x109F)),
        ((0xD80, 0xDF3),), ((0xB80, 0xBD7),), ((0xC00, 0xC63),), ((0xA00, 0xA75),), ((0x980, 0x9E3),),
        ((0x5D0, 0x5F2),),
        ((0x370, 0x3FF), (0x1F00, 0x1FFF)), ((0x1200, 0x135F), (0x1380, 0x138F), (0x2D80, 0x2DDF)),
    ), start=_HANGUL + 1),
    (_DIGIT, ((0x30, 0x39),)),
    (_IGNORED, ((0xAD, 0xAD), (0x300, 0x36F), (0x640, 0x640), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
                (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF))),
)  # fmt: skip
_BREAKS = '\n\r!"().:;?[]{}|«»“”„‘…‥、。！，：；？「」『』（）؟؛।॥።፣፧៖។—'  # an apostrophe is inside of a word
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

# Nats by which another language must explain words better: inside of a sentence, and a whole one.
_INSIDE, _WHOLE = 8.0, 4.0
_WORD = 6.0  # nats that one word counts for at most: a name or a loan does not change the language
_SPANS = 5  # stretches in other languages that are looked for
_QUARTER, _LITTLE = 0.25, 0.04  # of a text: what a language holds that is named, among another's words and by itself
_WORDS = 4  # of a language among words of another script; fewer are names
_SURE = 0.3  # that a text is in a second language, too
_FEW = 10  # letters under which nothing is sure in a script that is shared
_FLAT = 0.35  # letters are no independent witnesses: what they say together is taken to this power


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of the languages that share a script.

    Attributes:
        weights: nats, hashed n-grams and words × languages; the first row is of what is none and zero.
        bias: nats, by language.
        languages: the code that each column stands for; empty for languages that are known and not read.
        same: languages × languages, 1 where two columns stand for the same one.
    """

    weights: Floats
    bias: Floats
    languages: tuple[str, ...]
    same: Floats

    @property
    def shift(self) -> int:
        """Bits of a hash that are dropped to number a row."""
        return 64 - (len(self.weights).bit_length() - 1)


@cache
def _models() -> dict[int, Model]:
    with np.load(FILE) as stored:
        return {kind: _model(stored, script) for kind, script in enumerate(SCRIPTS, start=1)}


def _model(stored: Mapping[str, Any], script: str) -> Model:
    languages = stored[f"{script}.languages"].tobytes().decode().split(",")
    codes = np.array(languages)
    same = (codes[:, None] == codes).astype(np.float32)
    weights = stored[f"{script}.weights"] * STEP
    return Model(weights, stored[f"{script}.bias"], tuple(languages), same)


def identify(text: str) -> list[Spoken]:
    """The languages of `text`, which is as `guard.text.normal` gives it, most of the text first.

    Empty where there are no letters, or only such of languages and scripts that are not read. A language that has a
    sentence, line or quotation to itself is named, however little it is of the text; one inside of another's sentences
    where it holds a quarter. Of texts of more than 2,400 characters the head, the middle and the tail are looked at.
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
    kinds = set(words.kinds.tolist())
    for kind in kinds - {_UNREAD}:
        if kind > _CJK:
            language = _ALONE[kind - _HANGUL]
            found[language] = float(letters[words.kinds == kind].sum())
            sure[language] = 1.0
            apart.add(language)
            continue
        starts, own, parts = words.starts, letters, words.parts
        beside = frozenset[int]()  # sentences that have words of other scripts
        if len(kinds) > 1:
            of_kind = words.kinds == kind
            starts, own, parts = starts[of_kind], own[of_kind], parts[of_kind]
            beside = frozenset(words.parts[~of_kind].tolist())
        model = _models()[kind]
        scores = score(words, kind, starts, model)
        for number, rows, evidence, alone in _stretches(scores, model.bias, parts):
            if not (language := model.languages[number]):
                continue
            size = total if len(rows) == len(letters) else float(own[rows].sum())
            among = bool(beside) and not beside.isdisjoint(parts[rows].tolist())
            if among and len(rows) < _WORDS and size < total / 2:
                continue  # a brand or a name
            likely = _likelihood(evidence, model.same[number]) * min(1.0, 0.1 + size / (2 * _FEW))
            sure[language] = max(sure.get(language, 0.0), likely)
            found[language] += size
            if alone and not among and size >= _FEW:
                apart.add(language)
    spoken = [
        Spoken(language, min(1.0, size / total), sure[language])
        for language, size in found.items()
        if size >= _QUARTER * total or (language in apart and size >= _LITTLE * total)
    ]
    spoken.sort(key=lambda one: -one.share)
    return [one for one in spoken if one is spoken[0] or one.sure >= _SURE]


def _likelihood(evidence: Floats, same: Floats) -> float:
    odds = np.exp((evidence - evidence.max()) * _FLAT)
    return float(odds @ same) / float(odds.sum())


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, n of them: where they are and what they belong to.

    Attributes:
        points: codepoints of the text in small letters, without those that show nothing.
        marks: the kind of each, as above.
        starts, ends: (n,), of each word in `points`.
        kinds: (n,), its script.
        parts: (n,), the number of its sentence, line or quotation.
    """

    points: np.ndarray[Any, np.dtype[np.uint32]]
    marks: Kinds
    starts: Ints
    ends: Ints
    kinds: Kinds
    parts: Ints


def split(text: str) -> Words:
    """The words of `text`: runs of letters of one script. Digits written onto Latin letters count as such ("7aga")."""
    points = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if text.isascii():
        kinds = _KINDS.take(points)
    else:
        kinds = _KINDS.take(points, mode="clip")
        kept = kinds != _IGNORED
        if not kept.all():
            points, kinds = points[kept], kinds[kept]
    around = np.zeros(len(kinds) + 2, dtype=np.uint8)
    marks = around[1:-1]
    marks[:] = kinds
    if _DIGITS.search(text):
        marks[(kinds == _DIGIT) & ((around[:-2] == _LATIN) | (around[2:] == _LATIN))] = _LATIN
    is_letter = (around - _ONE) < _UNREAD
    changes = around[1:] != around[:-1]
    starts = (changes & is_letter[1:]).nonzero()[0]
    ends = (changes & is_letter[:-1]).nonzero()[0]
    return Words(points, marks, starts, ends, marks[starts], (kinds == _BREAK).cumsum()[starts])


_DIGITS = re.compile("[0-9]")
_ONE = np.uint8(1)
_MULTIPLIER, _SPREAD, _HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(32)
_BORDER = np.uint64(1)


def rows_of(words: Words, kind: int, starts: Ints, shift: int) -> tuple[Ints, Ints]:
    """Numbers of the rows of the words of a script, m of them, which begin at `starts`.

    Returns:
        grams: (4, positions), of the 1 to 4 letters from each position on, the borders of words among them; those that
            `no_rows` names where there are none. What a word has lies between its start and the next one's.
        whole: (m,), of whole words.
    """
    size = len(words.points) + 1
    letters = np.full(size + 3, _BORDER)  # the border before a word lies where the word started
    there = words.marks == kind
    np.copyto(letters[1:size], words.points, where=there)
    hashes = np.empty((4, size), dtype=np.uint64)
    hashes[0] = letters[:size]
    for n in (1, 2, 3):
        np.multiply(hashes[n - 1], _MULTIPLIER, out=hashes[n])
        hashes[n] += letters[n : size + n]
    _mix(hashes)
    # Threes and fours that have a border inside are none.
    inner = np.zeros(size + 1, dtype=np.uint64)
    inner[: size - 1] = there
    hashes[2:] *= inner[:-1]
    hashes[3] *= inner[1:]
    whole = np.add.reduceat(hashes[2] ^ hashes[3], starts)  # a word is known by its threes and fours
    _mix(whole)
    by = np.uint64(shift)
    return (hashes >> by).view(np.intp), (whole >> by).view(np.intp)


def no_rows(shift: int) -> set[int]:
    """Numbers of the rows that stand for nothing: borders without letters."""
    borders = np.array([_BORDER, _BORDER * _MULTIPLIER + _BORDER])
    _mix(borders)
    return {0, *(borders >> np.uint64(shift)).tolist()}


def _mix(hashes: Points) -> None:
    hashes ^= hashes >> _HALF
    hashes *= _SPREAD


def score(words: Words, kind: int, starts: Ints, model: Model) -> Floats:
    """Nats that speak for each language (columns) in each of the words of a script that begin at `starts` (rows)."""
    grams, whole = rows_of(words, kind, starts, model.shift)
    weights = model.weights
    sums = weights.take(grams[0], axis=0)
    for n in (1, 2, 3):
        sums += weights.take(grams[n], axis=0)
    pairs = sums.view(np.complex64) if sums.shape[1] % 2 == 0 else sums  # two additions in the time of one
    scores: Floats = np.add.reduceat(pairs, starts, axis=0).view(np.float32)
    scores += weights.take(whole, axis=0)
    return scores


def _stretches(scores: Floats, bias: Floats, parts: Ints) -> Iterator[tuple[int, Ints, Floats, bool]]:
    """Which words are in which language.

    Yields:
        The language (column), its words (rows), what speaks for each language in all of them (nats), and whether there
        are whole sentences, lines or quotations among them.

    The language that explains all words best has them, but for the stretch that another one explains better by more
    than the price of a change; then the same is asked of the words that are left.
    """
    rows: Ints = np.arange(len(scores))
    for _ in range(_SPANS):
        evidence = scores.sum(axis=0) + bias
        main = int(evidence.argmax())
        better = np.minimum(scores - scores[:, main : main + 1], _WORD)
        least = _INSIDE if parts[0] == parts[-1] else _WHOLE
        able = (np.maximum(better, 0.0).sum(axis=0) >= least).nonzero()[0]
        if len(rows) < 2 or not len(able):
            break
        sums = np.zeros((len(rows) + 1, len(able)), dtype=np.float32)
        better.take(able, axis=1).cumsum(axis=0, out=sums[1:])
        rises = sums - np.minimum.accumulate(sums, axis=0)
        best = rises.max(axis=0)
        other = int(best.argmax())
        if best[other] < least:
            break
        end = int(rises[:, other].argmax())
        start = int(sums[: end + 1, other].argmin())
        # Of sentences that are all in the stretch the change costs less.
        borders = np.append((np.diff(parts, prepend=-1) != 0).nonzero()[0], len(rows))
        from_, to = borders[borders >= start][0], borders[borders <= end][-1]
        whole = from_ < to and bool(sums[to, other] - sums[from_, other] >= _WHOLE)
        if end - start == len(rows) or best[other] < (_WHOLE if whole else _INSIDE):
            break
        yield int(able[other]), rows[start:end], scores[start:end].sum(axis=0) + bias, whole
        kept = np.ones(len(rows), dtype=np.bool_)
        kept[start:end] = False
        rows, scores, parts = rows[kept], scores[kept], parts[kept]
    else:
        evidence = scores.sum(axis=0) + bias
        main = int(evidence.argmax())
    yield main, rows, evidence, True
