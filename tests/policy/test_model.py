"""Policies as they are written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from guard import PolicyError
from guard.policy.model import DeploymentPolicy, OnFault, Policies, read_policy


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
