"""Requests that are only watched."""

from __future__ import annotations

import json

import httpx
import pytest

from guard import Guard
from guard.api import FORMATS
from tests.conftest import FakeUpstream
from tests.policies import AsPolicies
from tests.samples import CLOCK


@pytest.mark.parametrize(("policy", "shadow"), [("monitor", None), ("shadow", "advise")])
def test_monitoring_decides_and_changes_nothing(
    address: str, upstream: FakeUpstream, policy: str, shadow: str | None
) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": CLOCK}]}).encode()
    headers = {"x-normguard-policy": policy}
    response = httpx.post(f"{address}/v1/chat/completions", content=body, headers=headers)
    assert response.headers["x-normguard-action"] == "monitor"
    assert response.headers.get("x-normguard-shadow") == shadow
    assert "cn.gift.clock" in response.headers["x-normguard-norms"]
    assert upstream.bodies == [body]


def test_a_share_of_conversations_is_shadowed_and_stays_so(guard: Guard) -> None:
    half = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(half={"shadow_percent": 50}))
    questions = [f"Is wall clock number {i} a good gift for my host in Shanghai?" for i in range(80)]
    actions = [half.check(question, policy="half").action for question in questions]
    assert 20 < actions.count("monitor") < 60
    assert actions == [half.check(question, policy="half").action for question in questions]
    first = next(question for question, action in zip(questions, actions, strict=True) if action == "monitor")
    later = {
        "messages": [
            {"role": "user", "content": first},
            {"role": "assistant", "content": "Hm."},
            {"role": "user", "content": "And the big wall clock as a gift for my host in Shanghai?"},
        ]
    }
    assert half.check(FORMATS["chat"].read(later), policy="half").action == "monitor"
