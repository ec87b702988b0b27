"""Why a decision is as it is: what was read where and as what, which norms came near, what the policy made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guard.classifier.base import Scores
from guard.norms.model import Norm, Strength
from guard.policy.model import DeploymentPolicy
from guard.types import Decision, Evidence, Exchange

NEAREST = 10
"""Norms that an explanation speaks of."""

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class NearNorm:
    """A norm that could have been sent: its score, whether it was sent, and why or why not."""

    id: str
    title: str
    country: str
    score: float
    sent: bool
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and what led to it.

    Attributes:
        decision: the decision itself.
        exchange: the conversation as far as it was read.
        policy: the deployment policy that decided.
        norms: the nearest norms, best first.
        candidates: number of norms that were weighed.
    """

    decision: Decision
    exchange: Exchange
    policy: DeploymentPolicy
    norms: tuple[NearNorm, ...]
    candidates: int

    def marks(self, turn: int) -> list[Evidence]:
        """What was read in the text of a turn, in order of place, the longer first."""
        found = self.decision.findings
        pieces = [piece for piece in found.evidence if piece.at is not None and piece.at[0] == turn] if found else []
        return sorted(pieces, key=lambda piece: (piece.at[1], -piece.at[2]) if piece.at else (0, 0))

    @property
    def unplaced(self) -> list[Evidence]:
        """What was noticed elsewhere than in a text: hints, pictures, the wording as a whole."""
        return (
            [piece for piece in self.decision.findings.evidence if piece.at is None] if self.decision.findings else []
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data: the decision, and what led to it (`policy`, `turns`, `evidence`, `roles`, `nearest`)."""
        found = self.decision.findings
        thresholds = self.policy.thresholds
        return {
            "decision": self.decision.to_dict(),
            "policy": {
                "name": self.policy.name,
                "advise": thresholds.advise,
                "norm": thresholds.norm,
                "share": thresholds.share,
                "culture": thresholds.culture,
                "max_norms": self.policy.max_norms,
            },
            "language": found.language if found else None,
            "roles": dict(found.roles) if found else {},
            "absent": sorted(found.absent) if found else [],
            "turns": [
                {"role": turn.role, "text": turn.text, "read": [_told(piece) for piece in self.marks(number)]}
                for number, turn in enumerate(self.exchange.turns)
            ],
            "evidence": [_told(piece) for piece in self.unplaced],
            "candidates": self.candidates,
            "nearest": [
                {
                    "id": norm.id,
                    "title": norm.title,
                    "country": norm.country,
                    "score": round(norm.score, 4),
                    "sent": norm.sent,
                    "why": norm.why,
                }
                for norm in self.norms
            ],
        }


def _told(piece: Evidence) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": piece.kind,
        "value": piece.value,
        "score": round(piece.score, 3),
        "source": piece.source,
    }
    if piece.role:
        told["role"] = piece.role
    if piece.shown:
        told["shown"] = True
    if piece.at is not None:
        told["start"], told["end"] = piece.at[1:]
    return told


def nearest(
    candidates: Sequence[Norm], scores: Scores, policy: DeploymentPolicy, decision: Decision
) -> tuple[NearNorm, ...]:
    """The candidates with the highest scores, and of each why it was sent or not."""
    sent = {norm.id for norm in decision.norms}
    ranked = sorted(
        zip(candidates, scores.relevance, strict=True), key=lambda pair: (-pair[1], -pair[0].severity, pair[0].id)
    )
    usable = [pair for pair in ranked if _left_out(pair[0], policy) is None]
    best = usable[0][1] if usable else 0.0
    place = {norm.id: number for number, (norm, _) in enumerate(usable)}

    def why(norm: Norm, score: float) -> str:
        if norm.id in sent:
            return "sent"
        if (reason := _left_out(norm, policy)) is not None:
            return reason
        limits = policy.thresholds
        if score < limits.norm:
            return f"its score is below {limits.norm:g} (thresholds.norm)"
        if score < best * limits.share - _SAME:
            return f"its score is below {limits.share:g} of the best one's (thresholds.share)"
        if place[norm.id] >= policy.max_norms:
            return f"{policy.max_norms} better ones were there (max_norms)"
        if scores.sensitivity < limits.advise:
            return f"the request's sensitivity {scores.sensitivity:.2f} is below {limits.advise:g} (thresholds.advise)"
        if not sent:
            return "the policy lets norms of this severity pass (actions)"
        return f"no room left in the note (token_budget {policy.token_budget})"

    return tuple(
        NearNorm(norm.id, norm.title, norm.country, score, norm.id in sent, why(norm, score))
        for norm, score in ranked[:NEAREST]
    )


def _left_out(norm: Norm, policy: DeploymentPolicy) -> str | None:
    """The rule of the policy that leaves a norm out, if one does."""
    if norm.id in policy.norms_off:
        return "the policy switches it off (norms_off)"
    if norm.severity < policy.severity_floor:
        return f"its severity {int(norm.severity)} is below {int(policy.severity_floor)} (severity_floor)"
    if not any(map(policy.countries.allow, norm.countries)):
        return f"the policy leaves {', '.join(norm.countries)} out (countries)"
    if policy.contested == "skip" and norm.strength is Strength.CONTESTED:
        return "views differ, and the policy leaves such norms out (contested)"
    return None
