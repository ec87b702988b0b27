"""From scores to a decision: a pure function of what was scored and what the deployment wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guard.classifier.base import Scores
from guard.norms.model import Norm, Strength
from guard.policy.model import DeploymentPolicy
from guard.types import Action


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done, and with which norms (best first, each with its relevance)."""

    action: str
    sensitivity: float
    norms: tuple[tuple[Norm, float], ...]


def decide(candidates: Sequence[Norm], scores: Scores, policy: DeploymentPolicy) -> Verdict:
    """Choose the norms to send and the action to take.

    Norms that the policy leaves out (country, id, severity floor, contested) do not count at all; of the others the
    most relevant are kept, ties going to the severer norm. The action is that of the severest norm kept.
    """
    usable = [
        (norm, relevance)
        for norm, relevance in zip(candidates, scores.relevance, strict=True)
        if relevance >= policy.thresholds.norm and _wanted(norm, policy)
    ]
    usable.sort(key=lambda pair: (-pair[1], -pair[0].severity, pair[0].id))
    best = usable[0][1] if usable else 0.0
    chosen = tuple(pair for pair in usable[: policy.max_norms] if pair[1] >= best * policy.thresholds.share)
    if not chosen or scores.sensitivity < policy.thresholds.advise:
        return Verdict(Action.PASS, scores.sensitivity, ())
    action = policy.actions[max(norm.severity for norm, _ in chosen)]
    return Verdict(action, scores.sensitivity, chosen if action != Action.PASS else ())


def _wanted(norm: Norm, policy: DeploymentPolicy) -> bool:
    return (
        norm.severity >= policy.severity_floor
        and norm.id not in policy.norms_off
        and any(map(policy.countries.allow, norm.countries))
        and not (policy.contested == "skip" and norm.strength is Strength.CONTESTED)
    )
