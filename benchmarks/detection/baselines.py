"""What the classifier is compared with, in the same run: chance, BM25, a sentence encoder, the lexical scorer.

All get the same candidates (the norms of the countries that the evidence points to) and fill the same token budget.
Only the lexical scorer decides whether to speak at all; the others rank, and always speak.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
from rank_bm25 import BM25Okapi

from benchmarks.detection.encoder import SentenceEncoder
from guard import Guard
from guard.classifier.base import Scorer, Scores
from guard.classifier.lexical import LexicalScorer
from guard.errors import NormGuardError
from guard.norms.model import Norm
from guard.norms.wording import meaning_of
from guard.policy.model import DeploymentPolicy, Thresholds
from guard.text.words import stems
from guard.types import Evidence, Exchange, Findings

_ALWAYS = DeploymentPolicy(thresholds=Thresholds(advise=0.0, norm=0.0, share=0.0))
# The lexical scorer's scores are no probabilities of the kind that the default policy is set for.
_LEXICAL = DeploymentPolicy(thresholds=Thresholds(advise=0.5, norm=0.12, share=0.62))


def baselines(guard: Guard) -> dict[str, Scorer]:
    """The baselines by name; the sentence encoder only where it is installed (the extra ``train``)."""
    found: dict[str, Scorer] = {
        "random norms of the country": _Random(),
        "BM25": _Bm25(guard),
        "lexical scorer": _Lexical(guard.library),
    }
    try:
        found["all-MiniLM-L6-v2"] = _Dense(guard)
    except NormGuardError as error:
        print(f"Left out: {error}")
    return found


class _Ranking:
    """A scorer that only ranks; the ranks become scores that keep their order."""

    name = "ranking"
    decides = False
    policy = _ALWAYS

    def read(self, exchange: Exchange) -> Iterable[Evidence]:
        return ()

    def rank(self, query: str, candidates: Sequence[Norm]) -> Sequence[float]:
        raise NotImplementedError

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores:
        if not candidates:
            return Scores(0.0, ())
        text = " ".join([exchange.query, *exchange.hints.captions])
        order = np.argsort(np.argsort(self.rank(text, candidates), kind="stable"), kind="stable")
        return Scores(1.0, tuple(((order + 1) / len(candidates)).tolist()))


class _Random(_Ranking):
    def __init__(self) -> None:
        self._random = random.Random(0)

    def rank(self, query: str, candidates: Sequence[Norm]) -> Sequence[float]:
        return [self._random.random() for _ in candidates]


class _Bm25(_Ranking):
    def __init__(self, guard: Guard) -> None:
        self._row = {id_: row for row, id_ in enumerate(guard.library.norms)}
        self._index = BM25Okapi([stems(meaning_of(norm), "en") for norm in guard.library.norms.values()])

    def rank(self, query: str, candidates: Sequence[Norm]) -> Sequence[float]:
        return list(self._index.get_batch_scores(stems(query, "en"), [self._row[norm.id] for norm in candidates]))


class _Dense(_Ranking):
    def __init__(self, guard: Guard) -> None:
        self._encoder = SentenceEncoder()
        norms = list(guard.library.norms.values())
        self._vectors = dict(
            zip(guard.library.norms, self._encoder.encode([meaning_of(n) for n in norms]), strict=True)
        )

    def rank(self, query: str, candidates: Sequence[Norm]) -> Sequence[float]:
        asked = self._encoder.encode([query])[0]
        return [float(self._vectors[norm.id] @ asked) for norm in candidates]


class _Lexical(LexicalScorer):
    policy = _LEXICAL
