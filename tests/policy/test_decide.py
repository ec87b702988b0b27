"""What a policy makes of scores."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard import Action
from guard.classifier.base import Scores
from guard.policy.decide import decide
from guard.policy.model import DeploymentPolicy
from tests.policy.samples import BAD, CONTESTED, MILD


def ids(verdict: object) -> list[str]:
    return [n.id for n, _ in verdict.norms]  # type: ignore[attr-defined]


def test_the_most_relevant_come_first_ties_by_severity() -> None:
    verdict = decide([MILD, BAD, CONTESTED], Scores(0.9, (0.6, 0.6, 0.7)), DeploymentPolicy())
    assert verdict.action is Action.ADVISE
    assert ids(verdict) == [CONTESTED.id, BAD.id, MILD.id]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, [MILD.id, BAD.id, CONTESTED.id]),
        ({"max_norms": 1}, [MILD.id]),
        ({"severity_floor": 2}, [BAD.id]),
        ({"contested": "skip"}, [MILD.id, BAD.id]),
        ({"norms_off": [MILD.id]}, [BAD.id, CONTESTED.id]),
        ({"countries": {"off": ["XX"]}}, []),
        ({"countries": {"only": ["JP"]}}, []),
        ({"countries": {"only": ["XX"]}}, [MILD.id, BAD.id, CONTESTED.id]),
        ({"thresholds": {"norm": 0.75}}, [MILD.id, BAD.id]),
        ({"thresholds": {"advise": 0.95}}, []),
        ({"actions": {1: "advise", 2: "pass", 3: "pass"}}, []),
    ],
)
def test_what_a_policy_changes(policy: dict[str, object], expected: list[str]) -> None:
    verdict = decide([MILD, BAD, CONTESTED], Scores(0.9, (0.9, 0.8, 0.7)), DeploymentPolicy.model_validate(policy))
    assert ids(verdict) == expected
    assert verdict.action is (Action.ADVISE if expected else Action.PASS)
    assert verdict.sensitivity == 0.9


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_deciding_is_pure_and_keeps_to_the_limits(relevance: list[float], sensitivity: float) -> None:
    policy = DeploymentPolicy(max_norms=2)
    scores = Scores(sensitivity, tuple(relevance))
    verdict = decide([MILD, BAD, CONTESTED], scores, policy)
    assert verdict == decide([MILD, BAD, CONTESTED], scores, policy)
    assert len(verdict.norms) <= 2
    assert all(score >= policy.thresholds.norm for _, score in verdict.norms)
    assert (verdict.action is Action.PASS) == (not verdict.norms)
