"""What a scorer is: the interface that a trained classifier fills as well as the first, lexical one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from guard.norms.model import Norm
from guard.types import Evidence, Exchange, Findings


@dataclass(frozen=True, slots=True)
class Scores:
    """A scorer's judgement of one request.

    Attributes:
        sensitivity: P(a culturally unaware answer would breach a norm), 0..1.
        relevance: for each candidate, in the order given, P(this norm is at stake), 0..1.
    """

    sensitivity: float
    relevance: tuple[float, ...]


class Scorer(Protocol):
    """Judges how sensitive a request is and which of the candidate norms are at stake."""

    name: str

    def read(self, exchange: Exchange) -> Iterable[Evidence]:
        """Evidence that the wording of the question gives, before there are candidates."""
        ...

    def __call__(self, exchange: Exchange, findings: Findings, candidates: Sequence[Norm]) -> Scores: ...
