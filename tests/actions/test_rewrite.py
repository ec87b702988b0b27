"""Questions that are rewritten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guard import Guard
from guard.api import FORMATS
from tests.actions.asking import post
from tests.conftest import FakeUpstream
from tests.samples import CLOCK, HARMLESS


@pytest.mark.parametrize("api", FORMATS)
def test_a_question_is_rewritten_by_template(address: str, upstream: FakeUpstream, api: str) -> None:
    response = post(address, api, "rewrite")
    assert response.headers["x-normguard-action"] == "rewrite"
    asked = FORMATS[api].read(upstream.last).query
    assert asked.startswith(CLOCK)
    assert "customary in China" in asked
    assert "Clocks are not given as presents" in asked
    assert "Cultural note" not in json.dumps(upstream.last)


@pytest.mark.parametrize("api", FORMATS)
def test_a_small_model_rewrites_and_the_template_stands_by(address: str, upstream: FakeUpstream, api: str) -> None:
    def says(request: dict[str, Any]) -> str:
        return "Is a clock fitting in China, or what else?" if request["model"] == "small" else "fine"

    upstream.says = says
    assert post(address, api, "rewrite-model").status_code == 200
    assert len(upstream.bodies) == 2
    assert FORMATS[api].read(upstream.last).query == "Is a clock fitting in China, or what else?"
    upstream.says = lambda request: None if request["model"] == "small" else "fine"
    assert post(address, api, "rewrite-model").status_code == 200
    assert FORMATS[api].read(upstream.last).query.startswith(f"{CLOCK}\n\nPlease take into account")
    upstream.says = lambda request: "x" * 100_000 if request["model"] == "small" else "fine"
    post(address, api, "rewrite-model")
    assert FORMATS[api].read(upstream.last).query.startswith(f"{CLOCK}\n\nPlease take into account")


def test_the_original_question_stays_with_the_decision(acting: Guard) -> None:
    decision = acting.check(CLOCK, policy="rewrite")
    assert decision.rewritten is not None
    assert decision.rewritten.startswith(CLOCK)
    assert acting.check(HARMLESS, policy="rewrite").rewritten is None
