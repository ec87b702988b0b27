"""What a request and each candidate norm have in common, as numbers: the input of every scorer."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from guard.norms.library import Library
from guard.norms.model import Norm, Strength
from guard.text.words import stems
from guard.types import Exchange, Findings, gist

Matrix = NDArray[np.float32]
_Index = defaultdict[str, list[tuple[str, float]]]

PAIR = (
    "culture",  # certainty that the norm's country is meant
    "situation",  # strongest situation in common
    "situations",  # how many more there are, at most 2
    "shown",  # strongest concept in common with a picture of known content
    "mentioned",  # the same with the words
    "named",  # the words name the norm's own object or rite
    "wording",  # likeness of wording (BM25), 0..1
    "open",  # a choice among things nobody has named: any norm with something to see may be meant
    "open_visual",  # the same, by situation, for norms that a picture can show
    "open_other",  # and for those that it cannot
    "approval",  # asks whether something named is right, in a situation of the norm
    "mindful",  # the asker already minds the customs
    "scoped",  # holds for a region, community or faith that is not named
    "severity",  # -1, 0, 1
    "visual",  # a picture can show it
    "known",  # the content of the picture is known
    "pictured",  # there is a picture, or the words point at one
    "choosing",  # asks for something to choose, buy, wear, bring or do
    "contested",
    "universal",
    "law",
    "wording_share",  # wording over the best candidate's
    "situation_share",  # situation over the best candidate's
)
"""Names of the features of a request and one norm, in order."""

REQUEST = (
    "pictured",
    "known",
    "pointing",
    "choosing",
    "approval",
    "mindful",
    "culture",
    "situations",
    "mentioned",
    "shown",
    "named",
    "candidates",
    "hinted",
    "english",
)
"""Names of the features of a request alone, in order."""

STOP = frozenset(
    stems(
        "a an the and or but if of in on at to for from with by as is are was were be been am do does did have has had "
        "i you he she it we they me my your his her its our their this that these those what which who whom where when "
        "how why can could should would may might will shall not no so than then too very just about into over after "
        "before up down out off there here all any some one most more other such own same also like want need looking "
        "look find choose buy get image picture photo shown given provided please tell know recommend suggest",
        "en",
    )
)
_K1, _B = 1.2, 0.6
_SEEN = 0.5  # certainty of a concept from which the content of a picture counts as known
_ABSENT = 0.6  # of the certainty of a thing that is said not to be there
_HALF = 10.0  # the BM25 score that counts as half agreement: a few rare words in common
_LONGEST = 2_000  # characters of a question whose wording is compared; what it is about is read from more of it


class Featurizer:
    """Turns a request, what was found in it and candidate norms into numbers.

    Wording is compared by BM25 (Robertson & Zaragoza 2009) over the English stems of a norm's texts, so it helps
    English questions most; situations, concepts and names work in every language of the vocabulary.
    """

    def __init__(self, library: Library) -> None:
        self._country = cache(lambda code: _Country(library.packs[code].norms, library.crowding))

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> tuple[Matrix, Matrix]:
        """Features of each candidate, ``(candidates, len(PAIR))``, and of the request, ``(len(REQUEST),)``."""
        query = [stem for stem in stems(gist(exchange.query, _LONGEST), "en") if stem not in STOP]
        wording: dict[str, float] = {}
        countries = [self._country(code) for code in dict.fromkeys(norm.country for norm in candidates)]
        fixed: dict[str, tuple[float, ...]] = {}
        for country in countries:
            wording.update(country.wording.scores(query))
            fixed.update(country.fixed)
        by_concept = [country.by_concept for country in countries]
        situation, sum_of_situations = _agreement(findings.situations, [country.by_situation for country in countries])
        shown, _ = _agreement(findings.shown, by_concept)
        # A thing that is said to be left out is spoken of, though it is not there: "without a headscarf".
        spoken_of = {**{id_: score * _ABSENT for id_, score in findings.absent.items()}, **findings.mentioned}
        mentioned, _ = _agreement(spoken_of, by_concept)
        intents, named, cultures = findings.intents, findings.named, findings.cultures
        pictured = float(bool(exchange.images) or "pointing" in intents)
        known = float(max(findings.shown.values(), default=0.0) >= _SEEN)
        choosing = float("choosing" in intents)
        # A picture of unknown content may show whatever the words leave open, if the question is about a choice at all.
        open_ = float(bool(pictured and not known and (findings.situations or choosing)))
        approval, mindful = float("approval" in intents), float("mindful" in intents)
        most_words = max((wording.get(norm.id, 0.0) for norm in candidates), default=0.0) or 1.0
        most_situation = max((situation.get(norm.id, 0.0) for norm in candidates), default=0.0) or 1.0
        rows: list[tuple[float, ...]] = []
        for norm in candidates:
            id_ = norm.id
            severity, visual, contested, universal, law = fixed[id_]
            best, said, name = situation.get(id_, 0.0), mentioned.get(id_, 0.0), named.get(id_, 0.0)
            words = wording.get(id_, 0.0)
            rows.append(
                (
                    max(cultures.get(code, 0.0) for code in norm.countries),
                    best,
                    min(sum_of_situations.get(id_, 0.0) - best, 2.0),
                    shown.get(id_, 0.0),
                    said,
                    name,
                    words,
                    open_,
                    open_ * visual * best,
                    open_ * (1.0 - visual) * best,
                    approval * said * best,
                    mindful,
                    float(bool(norm.scope) and not name),
                    severity,
                    visual,
                    known,
                    pictured,
                    choosing,
                    contested,
                    universal,
                    law,
                    words / most_words,
                    best / most_situation,
                )
            )
        request = (
            pictured,
            known,
            float("pointing" in intents),
            choosing,
            approval,
            mindful,
            max(cultures.values(), default=0.0),
            min(len(findings.situations), 4) / 4,
            min(len(findings.mentioned), 4) / 4,
            max(findings.shown.values(), default=0.0),
            float(bool(named)),
            math.log1p(len(candidates)) / 6,
            float(exchange.hints.country is not None),
            float(findings.language == "en"),
        )
        pairs = np.asarray(rows, dtype=np.float32).reshape(len(candidates), len(PAIR))
        return pairs, np.asarray(request, dtype=np.float32)


class _Country:
    """What of a country's norms is the same for every request.

    Attributes:
        by_situation, by_concept: the norms of a situation or concept, and how much it speaks for each.
        fixed: features of each norm alone.
    """

    def __init__(self, norms: Sequence[Norm], crowding: Mapping[str, int]) -> None:
        self.wording = _Bm25({norm.id: _texts(norm) for norm in norms})
        self.by_situation: _Index = defaultdict(list)
        self.by_concept: _Index = defaultdict(list)
        self.fixed: dict[str, tuple[float, ...]] = {}
        for norm in norms:
            for rank, id_ in enumerate(norm.situations):
                self.by_situation[id_].append((norm.id, 0.85**rank))
            for id_ in norm.visual:
                self.by_concept[id_].append((norm.id, 1.0 / (1.0 + 0.06 * (crowding[id_] - 1))))
            self.fixed[norm.id] = (
                float(norm.severity - 2),
                float(bool(norm.visual)),
                float(norm.strength is Strength.CONTESTED),
                float(norm.strength is Strength.NEAR_UNIVERSAL),
                float(norm.law is not None),
            )


def _agreement(found: Mapping[str, float], indexes: Sequence[_Index]) -> tuple[dict[str, float], dict[str, float]]:
    """For each norm that shares something with `found`: the strongest agreement, and the sum of what it shares."""
    best: dict[str, float] = {}
    total: dict[str, float] = {}
    for id_, score in found.items():
        for index in indexes:
            for norm, weight in index.get(id_, ()):
                if (agreed := score * weight) > best.get(norm, 0.0):
                    best[norm] = agreed
                total[norm] = total.get(norm, 0.0) + score
    return best, total


def _texts(norm: Norm) -> str:
    parts = (norm.title, norm.title, norm.expectation, norm.breach, norm.why, norm.instead, *norm.terms)
    return " ".join((*parts, str(norm.scope or ""), *norm.situations, *norm.visual)).replace("-", " ")


class _Bm25:
    """Okapi BM25 over short texts, squashed to 0..1."""

    def __init__(self, texts: dict[str, str]) -> None:
        bags = {id_: Counter(stem for stem in stems(text, "en") if stem not in STOP) for id_, text in texts.items()}
        mean = sum(bag.total() for bag in bags.values()) / max(len(bags), 1)
        holders: Counter[str] = Counter(stem for bag in bags.values() for stem in bag)
        self._postings: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        for id_, bag in bags.items():
            length = _K1 * (1 - _B + _B * bag.total() / mean)
            for stem, n in bag.items():
                idf = math.log(1 + (len(bags) - holders[stem] + 0.5) / (holders[stem] + 0.5))
                self._postings[stem].append((id_, idf * n * (_K1 + 1) / (n + length)))

    def scores(self, query: Sequence[str]) -> dict[str, float]:
        """Similarity to each text that shares a word with `query`, 0..1."""
        totals: defaultdict[str, float] = defaultdict(float)
        for stem in set(query):
            for id_, weight in self._postings.get(stem, ()):
                totals[id_] += weight
        return {id_: total / (total + _HALF) for id_, total in totals.items()}
