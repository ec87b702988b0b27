"""The words of everyday speech in each language, which no name may claim, and borders of words where none are written.

Everything comes from ``everyday.npz``, which `training.everyday` makes of wordfreq's lists (CC BY-SA 4.0).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

import marisa_trie
import numpy as np

FILE = Path(__file__).with_name("everyday.npz")

_LONGEST = 12
_CHARACTER = -4.2  # of a character by itself, where it is not known to be commoner: log10 of its share
_NAME = -5.5  # of a name that is no common word; two of them are seldom beside each other by chance
_DOUBT = 0.4  # of a name that is not too well known, where two readings are about as likely
_WELL_KNOWN = -4.2
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30ff]+")


@cache
def _words() -> marisa_trie.Trie:
    with np.load(FILE) as stored:
        return marisa_trie.Trie().frombytes(stored["words"].tobytes())


@cache
def _record(part: str, form: str) -> marisa_trie.RecordTrie:
    with np.load(FILE) as stored:
        return marisa_trie.RecordTrie(form).frombytes(stored[part].tobytes())


@lru_cache(maxsize=16384)
def everyday(word: str) -> int:
    """The languages, as bits, in which `word` (lower case, with its accents) is a word of everyday speech."""
    found = _record("everyday", "<Q").get(word)
    return int(found[0][0]) if found else 0


def noun(word: str) -> int:
    """The languages, as bits, whose dictionaries know a place's name in small letters as a word that is no name."""
    found = _record("nouns", "<Q").get(word)
    return int(found[0][0]) if found else 0


def is_word(word: str) -> bool:
    """Whether `word` (lower case) is a word of some language, however rare, and no misspelt name."""
    return word in _words()


def borders(run: str, names: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of `names`, spans in a run of unspaced script, that stand on borders of words in its likeliest reading.

    The reading is the one whose words are the commonest, a name counting as a word that is not too rare: a name that
    begins or ends inside another word of it (日本 in 今日本店) is none. A run of katakana is one word.
    """
    if not names:
        return set()
    known = _record("segments", "<B")
    inside = set[int]()
    for kana in _KATAKANA.finditer(run):
        inside.update(range(kana.start() + 1, kana.end()))
    starting: dict[int, list[int]] = {}
    for start, end in names:
        if start not in inside and end not in inside:
            starting.setdefault(start, []).append(end)
    best: list[float] = [0.0] + [-1e9] * len(run)
    back: list[tuple[int, bool]] = [(0, False)] * (len(run) + 1)
    for start in range(len(run)):
        here = best[start]
        _reach(best, back, start, start + 1, here + _CHARACTER, named=False)
        for word in known.prefixes(run[start : start + _LONGEST]):
            end = start + len(word)
            if end in inside and start not in inside:
                continue
            _reach(best, back, start, end, here + known[word][0][0] / 20 - 9.0, named=False)
        for end in starting.get(start, ()):
            word = run[start:end]
            share = known[word][0][0] / 20 - 9.0 if word in known else _NAME
            share = max(share, _NAME)
            _reach(best, back, start, end, here + share - (_DOUBT if share < _WELL_KNOWN else 0.0), named=True)
    cuts = {len(run)}
    end = len(run)
    while end:
        end = back[end][0]
        cuts.add(end)
    return {(start, end) for start, ends in starting.items() for end in ends if start in cuts and end in cuts}


def _reach(best: list[float], back: list[tuple[int, bool]], start: int, end: int, score: float, *, named: bool) -> None:
    if score > best[end]:
        best[end] = score
        back[end] = start, named
