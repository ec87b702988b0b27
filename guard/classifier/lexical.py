"""The first scorer: what the request's words, situations and concepts share with each norm."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from guard.classifier.base import Scores
from guard.evidence.words import stems
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.types import Exchange, Findings

_STOP = frozenset(
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
_HALF = 10.0  # the BM25 score that counts as half agreement: a few rare words in common


class LexicalScorer:
    """Scores norms by agreement of situation, concept, name and wording; a logistic model with few, plain features.

    Wording is compared by BM25 (Robertson & Zaragoza 2009) over the English stems of a norm's texts, so it helps
    English questions most; situations, concepts and names work in every language of the vocabulary. The weights were
    set by hand on one half of the CROSS norms; the other half measures them.
    """

    name = "lexical-1"

    def __init__(self, library: Library) -> None:
        self._wording = {
            code: _Bm25({norm.id: _texts(norm) for norm in pack.norms}) for code, pack in library.packs.items()
        }
        rarity = _rarity(library)
        self._by_situation: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        self._by_concept: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        self._prior: dict[str, float] = {}
        for norm in library.norms.values():
            for rank, id_ in enumerate(norm.situations):
                self._by_situation[id_].append((norm.id, 0.85**rank))
            for id_ in norm.visual:
                self._by_concept[id_].append((norm.id, rarity[id_]))
            self._prior[norm.id] = -4.6 + 0.15 * (norm.severity - 2)

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores:
        if not candidates:
            return Scores(0.0, ())
        query = [stem for stem in stems(exchange.query[:_LONGEST], "en") if stem not in _STOP]
        wording: dict[str, float] = {}
        for code in dict.fromkeys(norm.country for norm in candidates):
            wording.update(self._wording[code].scores(query))
        situation, sum_of_situations = _agreement(findings.situations, self._by_situation)
        shown, _ = _agreement(findings.shown, self._by_concept)
        mentioned, _ = _agreement(findings.mentioned, self._by_concept)
        # A picture of unknown content may show whatever the words leave open, if the question is about a choice at all.
        pictured = bool(exchange.images) or "pointing" in findings.intents
        open_choice = (
            pictured
            and max(findings.shown.values(), default=0.0) < _SEEN
            and bool(findings.situations or "choosing" in findings.intents)
        )
        approval, mindful = "approval" in findings.intents, "mindful" in findings.intents
        relevance: list[float] = []
        for norm in candidates:
            id_ = norm.id
            best = situation.get(id_, 0.0)
            said = mentioned.get(id_, 0.0)
            named = findings.named.get(id_, 0.0)
            logit = self._prior[id_] + 1.6 * (findings.cultures.get(norm.country, 0.0) - 0.5)
            logit += 1.6 * best + 0.3 * min(sum_of_situations.get(id_, 0.0) - best, 2.0)
            logit += 4.4 * shown.get(id_, 0.0) + 1.8 * said + 2.2 * named + 2.2 * wording.get(id_, 0.0)
            if open_choice:
                logit += 1.2 + (1.4 if norm.visual else 0.4) * best
            if approval:
                logit += 1.2 * said * best
            if mindful:
                logit -= 2.5
            if norm.scope is not None and not named:
                logit -= 0.5
            relevance.append(_logistic(logit))
        return Scores(max(relevance), tuple(relevance))


_LONGEST = 2_000
"""Characters of a question whose wording is compared; what it is about is read from more of it."""


def _agreement(
    found: Mapping[str, float], index: Mapping[str, Sequence[tuple[str, float]]]
) -> tuple[dict[str, float], dict[str, float]]:
    """For each norm that shares something with `found`: the strongest agreement, and the sum of what it shares."""
    best: dict[str, float] = {}
    total: dict[str, float] = {}
    for id_, score in found.items():
        for norm, weight in index.get(id_, ()):
            if (agreed := score * weight) > best.get(norm, 0.0):
                best[norm] = agreed
            total[norm] = total.get(norm, 0.0) + score
    return best, total


def _texts(norm: Norm) -> str:
    parts = (norm.title, norm.title, norm.expectation, norm.breach, norm.why, norm.instead, *norm.terms)
    return " ".join((*parts, str(norm.scope or ""), *norm.situations, *norm.visual)).replace("-", " ")


def _rarity(library: Library) -> defaultdict[str, float]:
    counts = Counter((norm.country, id_) for norm in library.norms.values() for id_ in norm.visual)
    worst: defaultdict[str, int] = defaultdict(int)
    for (_, id_), n in counts.items():
        worst[id_] = max(worst[id_], n)
    return defaultdict(lambda: 1.0, {id_: 1.0 / (1.0 + 0.06 * (n - 1)) for id_, n in worst.items()})


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


class _Bm25:
    """Okapi BM25 over short texts, squashed to 0..1."""

    def __init__(self, texts: dict[str, str]) -> None:
        bags = {id_: Counter(stem for stem in stems(text, "en") if stem not in _STOP) for id_, text in texts.items()}
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
