"""The first scorer: a logistic model of few, plain features, with weights set by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from guard.classifier.base import Scores
from guard.classifier.features import PAIR, Featurizer
from guard.norms.library import Library
from guard.norms.model import Norm
from guard.types import Evidence, Exchange, Findings

BIAS = -5.4
WEIGHTS = {
    "culture": 1.6,
    "situation": 1.6,
    "situations": 0.3,
    "shown": 4.4,
    "mentioned": 1.8,
    "named": 2.2,
    "wording": 2.2,
    "open": 1.2,
    "open_visual": 1.4,
    "open_other": 0.4,
    "approval": 1.2,
    "mindful": -2.5,
    "scoped": -0.5,
    "severity": 0.15,
}


class LexicalScorer:
    """Scores norms by agreement of situation, concept, name and wording.

    What the trained classifier must beat, and what judges where none is at hand. The weights were set on one half of
    the CROSS norms; the other half measures them.
    """

    name = "lexical-1"

    def __init__(self, library: Library) -> None:
        self._featurize = Featurizer(library)
        self._weights = np.array([WEIGHTS.get(name, 0.0) for name in PAIR], dtype=np.float32)

    def read(self, exchange: Exchange) -> Iterable[Evidence]:
        """Nothing: what words name is in the lexicon, and this scorer knows no more."""
        return ()

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores:
        if not candidates:
            return Scores(0.0, ())
        pairs, _ = self._featurize(exchange, findings, candidates)
        relevance = (1.0 / (1.0 + np.exp(-(pairs @ self._weights + BIAS)))).tolist()
        return Scores(max(relevance), tuple(relevance))
