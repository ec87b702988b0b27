"""Policies, decisions, guidance."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guard import Action, PolicyError
from guard.actions.advise import advise, count_tokens
from guard.classifier.base import Scores
from guard.norms.model import Norm
from guard.policy.decide import decide
from guard.policy.model import DeploymentPolicy, OnFault, Policies, read_policy
from tests.test_norms import norm


def made(id_: str = "xx.gift.things", **changes: object) -> Norm:
    return Norm.model_validate(norm(id=id_, **changes))


MILD, BAD = made(), made("xx.gift.bad", severity=2)
CONTESTED = made("xx.gift.contested", strength="contested", differs="the young")


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


def test_the_policies_that_come_along() -> None:
    policies = Policies()
    assert {"default", "careful", "essential", "fail-closed", "off"} <= set(policies.names())
    closed = policies.get("strict").on_fault
    assert closed.guard is closed.timeout is closed.verify is OnFault.CLOSED
    assert closed.evidence is closed.audit is OnFault.OPEN
    assert policies.get("default") == DeploymentPolicy(description=policies.get("default").description)
    with pytest.raises(PolicyError, match=r"no policy 'x'.*default"):
        policies.get("x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("thresholds: {advice: 1}", "thresholds.advice"),
        ("token_budget: 3", "token_budget"),
        ("actions: {1: advise}", "no action for severity 2, 3"),
        ("actions: {1: shout, 2: pass, 3: pass}", "actions.1"),
        ("countries: {off: [japan]}", "countries.off.0"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_bad_policy_is_refused_with_file_and_field(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(PolicyError) as caught:
        read_policy(path)
    assert message in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_a_later_folder_overrides_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("max_norms: 2")
    assert Policies([Path("policies/deployments"), tmp_path]).get("default").max_norms == 2


def test_guidance_says_what_and_what_instead() -> None:
    note = advise([BAD, CONTESTED], budget=350)
    assert note is not None
    assert note.norms == (BAD, CONTESTED)
    assert "- Things are not given as gifts. Things stand for partings. Instead: sweets or flowers." in note.text
    assert "[views differ]" in note.text
    assert note.tokens == count_tokens(note.text)


def test_guidance_names_whom_a_norm_concerns() -> None:
    note = advise([made(scope={"region": "Bali"})], budget=350)
    assert note is not None
    assert "(Bali)" in note.text


@given(st.integers(80, 500), st.integers(1, 12))
def test_guidance_keeps_to_its_budget(budget: int, count: int) -> None:
    norms = [made(f"xx.gift.n{i}", title=f"Norm {i} " + "x " * 35) for i in range(count)]
    note = advise(norms, budget=budget)
    if note is None:
        assert budget < 200
    else:
        assert note.tokens <= budget
        assert list(note.norms) == norms[: len(note.norms)]


def test_no_norms_no_guidance() -> None:
    assert advise([], budget=350) is None
