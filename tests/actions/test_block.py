"""Requests that are answered and not sent."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.api import FORMATS
from tests.actions.asking import post, streamed, text_of
from tests.conftest import FakeUpstream


@pytest.mark.parametrize("api", FORMATS)
def test_a_blocked_request_is_answered_and_not_sent(address: str, upstream: FakeUpstream, api: str) -> None:
    response = post(address, api, "block")
    assert response.status_code == 200
    assert response.headers["x-normguard-action"] == "block"
    text = text_of(api, response.json())
    assert text.startswith("Before going on, a word about what is expected in China")
    assert "Better:" in text
    assert streamed(address, api, "block") == (text, text)
    assert upstream.bodies == []


def test_a_blocked_user_is_told_in_his_language(acting: Guard) -> None:
    asked = "上海の同僚に赤ちゃんが生まれました。壁掛け時計を贈ってもいいですか？"
    decision = acting.check(asked, policy="block")
    assert decision.message is not None
    assert decision.message.startswith("その前に、中国で大切にされていること")


def test_where_json_was_asked_for_a_block_is_a_refusal(address: str) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    message = post(address, "chat", "block", response_format=schema).json()["choices"][0]["message"]
    assert message["content"] is None
    assert "China" in message["refusal"]
    output = post(address, "responses", "block", text={"format": {"type": "json_schema", "name": "x", "schema": {}}})
    assert output.json()["output"][0]["content"][0]["type"] == "refusal"
