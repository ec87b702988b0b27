"""What is kept of a decision."""

from __future__ import annotations

import pytest

from guard import Guard, __version__
from guard.policy.model import DeploymentPolicy, Policies
from tests.audit.records import record
from tests.samples import CLOCK


def test_a_record_holds_hashes_and_no_text_unless_asked(guard: Guard) -> None:
    kept = record(guard)
    assert kept.query is kept.guidance is kept.rewritten is None
    assert len(kept.query_hash) == 64
    assert len(kept.image_hashes) == 1
    assert "cn.gift.clocks" in kept.norms
    assert record(guard).query_hash == kept.query_hash
    assert record(guard, secret=b"other").query_hash != kept.query_hash
    assert record(guard, content=True).query == CLOCK


@pytest.mark.parametrize("policy", ["default", "careful", "strict"])
def test_a_record_tells_who_decided(guard: Guard, policy: str) -> None:
    rules = guard.policies.get(policy)
    kept = record(guard, policy=rules)
    assert kept.policy == {"strict": "fail-closed"}.get(policy, policy), "the one that applied"
    assert (kept.policy_hash, kept.packs_hash, kept.version) == (rules.digest, guard.library.digest, __version__)


def test_a_policys_hash_is_of_what_it_does() -> None:
    def digest(**given: object) -> str:
        return DeploymentPolicy.model_validate(given).digest

    assert digest() == digest(description="in other words") == digest(max_norms=8) == digest(formerly=["old"])
    assert digest() != digest(max_norms=7)
    assert digest(norms_off=["jp.gift.combs", "cn.gift.clocks"]) == digest(
        norms_off=["cn.gift.clocks", "jp.gift.combs"]
    )
    assert digest(actions={1: "pass", 2: "pass", 3: "block"}) == digest(actions={3: "block", 2: "pass", 1: "pass"})
    assert len({policy.digest for policy in map(Policies().get, ["careful", "essential", "fail-closed", "off"])}) == 4
