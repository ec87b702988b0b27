"""What a text and a norm have in common, as numbers: the input of the local check of answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guard.classifier.features import STOP
from guard.errors import ModelError
from guard.files import read_yaml
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.norms.wording import meaning_of
from guard.text.languages import LANGUAGES, languages_of
from guard.text.words import fold, runs, stemmer, stems, words

FEATURES = (
    "covers_breach",  # share of the breach's words that the text has, weighted by rarity
    "covers_instead",
    "covers_title",
    "from_breach",  # share of the text's words that are the breach's or the title's
    "from_instead",
    "ruled",  # names a thing that the norm rules out
    "alternative",  # names a thing that it offers instead
    "visual",  # names a thing that it can be seen in
    "asked",  # the question names what is ruled out, and the text names no thing
    "other",  # names none of the norm's things
    "like_meaning",  # cosines of the encoder's vectors
    "like_breach",
    "like_instead",
    "breach_or_instead",  # the former less the latter
    "warns",  # words that warn, at most three
    "praises",  # words that commend, at most three
    "warned",  # words that warn, where a thing or word of the breach is named
    "praised",  # words that commend, there
    "praised_alternative",  # and where the alternative is named
    "length",
    "english",
)
"""Names of the features, in order.

Plain ones on purpose: networks over pieces of the wording did better on sentences made like those of the training, and
worse on all others.
"""

RULED, INSTEAD, SEEN = "§b", "§i", "§v"
"""What stands in a text for the words of what a norm rules out, of what it offers, and of what it can be seen in."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Profile:
    """The words by which a norm's breach, alternative and things are known."""

    breach: dict[str, float]
    instead: dict[str, float]
    title: dict[str, float]
    marks: dict[str, dict[str, str]]
    unspaced: tuple[tuple[str, str], ...]
    vectors: tuple[Vector, Vector, Vector]


class AnswerFeatures:
    """Turns a text and norms into numbers.

    Args:
        encode: unit vector of a text.
    """

    def __init__(self, library: Library, encode: Callable[[str], Vector]) -> None:
        self._vocabulary = library.vocabulary
        self._encode = encode
        holders: Counter[str] = Counter()
        for norm in library.norms.values():
            holders.update(set(_content(f"{norm.title} {norm.breach} {norm.instead}")))
        count = len(library.norms)
        self._rarity = {stem: math.log(1 + count / (1 + n)) for stem, n in holders.items()}
        self._rare = math.log(1 + count)
        self._cues = _read_cues()
        self._profile = lru_cache(maxsize=4096)(self._make_profile)

    def __call__(self, query: str, text: str, norms: Sequence[Norm]) -> Vector:
        """Features, ``(norms, len(FEATURES))``."""
        languages = tuple(dict.fromkeys((*languages_of(text), *languages_of(query), "en")))
        folded = fold(text)
        spaced, unspaced = words(folded), runs(folded)
        content = [stem for stem in stems(text, "en") if stem not in STOP]
        vector = self._encode(text)
        warns, praises = (min(n, 3) / 3 for n in self._stance(folded, languages))
        dense = np.zeros((len(norms), len(FEATURES)), dtype=np.float32)
        for row, norm in enumerate(norms):
            profile = self._profile(norm)
            tokens = _marked(spaced, languages, profile)
            found = Counter(token for token in tokens if token.startswith("§"))
            for name, mark in profile.unspaced:
                if any(name in run for run in unspaced):
                    found[mark] += 1
            asked = 0.0
            if not found[RULED] and not found[INSTEAD]:
                asked = float(self._names(query, profile))
            total = sum(self._weight(stem) for stem in content) or 1.0
            wrong = {**profile.breach, **profile.title}
            likeness = [float(vector @ other) for other in profile.vectors]
            dense[row] = (
                _covered(profile.breach, content),
                _covered(profile.instead, content),
                _covered(profile.title, content),
                sum(self._weight(stem) for stem in content if stem in wrong and stem not in profile.instead) / total,
                sum(self._weight(stem) for stem in content if stem in profile.instead and stem not in wrong) / total,
                float(found[RULED] > 0),
                float(found[INSTEAD] > 0),
                float(found[SEEN] > 0),
                asked,
                float(not found),
                *likeness,
                likeness[1] - likeness[2],
                warns,
                praises,
                warns * float(found[RULED] > 0),
                praises * float(found[RULED] > 0),
                praises * float(found[INSTEAD] > 0),
                math.log1p(len(spaced) + sum(map(len, unspaced)) / 2) / 4,
                float(languages[0] == "en"),
            )
        return dense

    def _stance(self, folded: str, languages: Sequence[str]) -> tuple[int, int]:
        """How many cues of the text's languages warn, and how many commend."""
        padded = f" {' '.join(words(folded))} "
        counts = [0, 0]
        for language in languages:
            stem = stemmer(language)
            known = {stem(word) for word in words(folded)}
            for i, kind in enumerate(("warn", "praise")):
                single, several = self._cues.get(language, {}).get(kind, (frozenset(), ()))
                counts[i] += len(single & known) + sum(
                    1 for cue in several if (f" {cue} " in padded if cue.isascii() or " " in cue else cue in folded)
                )
        return counts[0], counts[1]

    def mark_of(self, norm: Norm, name: str) -> str | None:
        """What stands for an English name in a text that is held against `norm`; None where nothing does."""
        marked = [token for token in _marked(words(fold(name)), ("en",), self._profile(norm)) if token.startswith("§")]
        return marked[-1] if marked else None

    def _weight(self, stem: str) -> float:
        return self._rarity.get(stem, self._rare)

    def _names(self, query: str, profile: _Profile) -> bool:
        """Whether the question names what is ruled out."""
        folded = fold(query[:2000])
        languages = (*languages_of(query), "en")
        return RULED in _marked(words(folded), languages, profile) or any(
            name in run for name, mark in profile.unspaced if mark == RULED for run in runs(folded)
        )

    def _make_profile(self, norm: Norm) -> _Profile:
        breach, instead, title = (set(_content(text)) for text in (norm.breach, norm.instead, norm.title))
        wrong = breach | title
        marks: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
        unspaced: list[tuple[str, str]] = []
        for stem in instead - wrong:
            marks["en"][stem] = INSTEAD
        for id_ in (id_ for id_ in norm.visual if id_ in self._vocabulary.concepts):
            names = self._vocabulary.concepts[id_].names
            # The last word of an English name is the thing itself: "wall clock".
            heads = {tail[-1] for name in names["en"] if (tail := stems(name, "en"))}
            mark = SEEN
            if heads & wrong and not heads & instead:
                mark = RULED
            elif heads & (instead - wrong):
                mark = INSTEAD
            for language in LANGUAGES:
                for name in names.get(language, ()):
                    folded = fold(name)
                    unspaced += [(run, mark) for run in runs(folded) if len(run) > 1]
                    stem_of = stemmer(language)
                    for word in words(folded):
                        if len(word) > 2 and stem_of(word) not in STOP:
                            _put(marks[language], stem_of(word), mark)
        for stem in wrong - instead:
            marks["en"][stem] = RULED
        weigh = {stem: self._weight(stem) for stem in wrong | instead}
        vectors = self._encode(meaning_of(norm)), self._encode(norm.breach), self._encode(norm.instead)
        return _Profile(
            {stem: weigh[stem] for stem in breach},
            {stem: weigh[stem] for stem in instead},
            {stem: weigh[stem] for stem in title},
            marks,
            tuple(sorted(set(unspaced), key=lambda pair: -len(pair[0]))),
            vectors,
        )


def _read_cues() -> dict[str, dict[str, tuple[frozenset[str], tuple[str, ...]]]]:
    """Cues by language and kind: the stems of single words, and the longer ones as they stand."""
    given = read_yaml(Path(__file__).with_name("stance.yaml"), ModelError)
    cues: dict[str, dict[str, tuple[frozenset[str], tuple[str, ...]]]] = {}
    for language, kinds in given.items():
        stem = stemmer(language)
        cues[language] = {}
        for kind, listed in kinds.items():
            folded = [fold(str(cue)) for cue in listed]
            single = [cue for cue in folded if len(words(cue)) == 1 and not runs(cue)]
            several = [" ".join(words(cue)) or cue for cue in folded if cue not in single]
            cues[language][kind] = frozenset(stem(words(cue)[0]) for cue in single), tuple(several)
    return cues


def _content(text: str) -> list[str]:
    return [stem for stem in stems(text, "en") if stem not in STOP and len(stem) > 2]


def _covered(wanted: dict[str, float], content: Sequence[str]) -> float:
    total = sum(wanted.values())
    return sum(weight for stem, weight in wanted.items() if stem in content) / total if total else 0.0


def _marked(spaced: Sequence[str], languages: Sequence[str], profile: _Profile) -> list[str]:
    """The words of a text, those of the norm's own things replaced by their marks; runs of one mark are one."""
    tokens: list[str] = []
    for word in spaced:
        mark = next(
            (mark for language in languages if (mark := profile.marks.get(language, {}).get(stemmer(language)(word)))),
            None,
        )
        if mark is None:
            tokens.append(word)
        elif not tokens or tokens[-1] != mark:
            tokens.append(mark)
    return tokens


def _put(marks: dict[str, str], stem: str, mark: str) -> None:
    """A word of several things is what weighs most: ruled out before seen, seen before offered."""
    order = (INSTEAD, SEEN, RULED)
    if stem not in marks or order.index(mark) > order.index(marks[stem]):
        marks[stem] = mark
