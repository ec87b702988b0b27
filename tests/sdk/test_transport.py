"""What a wrapped client sends and gets: every call, action and error."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import OpenAI
from pydantic import BaseModel

from guard import Guard, decision_of, last_decision, wrap
from guard.classifier.base import Scores
from tests.conftest import FakeUpstream
from tests.policies import BAD, GOOD
from tests.samples import CLOCK, data_url, png
from tests.sdk.samples import ASKED


def test_every_way_to_call_chat(api: OpenAI, upstream: FakeUpstream) -> None:
    stream = api.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert stream.normguard.action == "advise"  # type: ignore[attr-defined]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "piece0 piece1 piece2 "
    with api.chat.completions.stream(model="m", messages=ASKED) as helper:
        assert helper.get_final_completion().choices[0].message.content == "piece0 piece1 piece2 "
    raw = api.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert raw.headers["x-normguard-action"] == "advise"
    assert raw.parse().choices[0].message.content == "fine"
    with api.chat.completions.with_streaming_response.create(model="m", messages=ASKED) as response:
        assert response.parse().choices[0].message.content == "fine"

    class Pick(BaseModel):
        item: str

    upstream.says = lambda _: '{"item": "tea"}'
    parsed = api.chat.completions.parse(model="m", messages=ASKED, response_format=Pick)
    assert parsed.choices[0].message.parsed == Pick(item="tea")
    assert decision_of(parsed) is last_decision()


def test_responses_and_their_threads(api: OpenAI, upstream: FakeUpstream) -> None:
    shown = data_url(png()).replace(";", ";name=wall-clock.png;", 1)
    first: Any = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this? I fly to Shanghai on Monday."},
                {"type": "input_image", "image_url": shown},
            ],
        }
    ]
    asked = "Good. So shall I take it to my host as a present?"
    ids = [api.responses.create(model="m", input=first).id]
    with api.responses.stream(model="m", input=first) as stream:
        ids.append(stream.get_final_response().id)
    for id_ in ids:
        answer = api.responses.create(model="m", input=asked, previous_response_id=id_)
        decision = decision_of(answer)
        assert decision is not None
        assert decision.norms[0].id == "cn.gift.clocks"
    assert upstream.last["previous_response_id"] == ids[-1]


def test_messages(claude: Anthropic, upstream: FakeUpstream) -> None:
    answer = claude.messages.create(model="m", max_tokens=9, messages=ASKED)
    assert decision_of(answer) is not None
    assert "Cultural note" in upstream.last["system"]
    with claude.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        assert stream.get_final_text() == "fine"
    beta = claude.beta.messages.create(model="m", max_tokens=9, messages=ASKED)
    assert decision_of(beta) is not None


@pytest.mark.parametrize("http", [httpx.Client, httpx2.Client])
def test_an_http_client_of_ones_own(upstream: FakeUpstream, acting: Guard, http: Any) -> None:
    with http(headers={"x-own": "yes"}) as mine:
        api = wrap(OpenAI(base_url=upstream.base, api_key="k", http_client=mine), guard=acting)
        upstream.says = lambda _: GOOD
        policy = {"x-normguard-policy": "verify"}
        assert api.chat.completions.create(model="m", messages=ASKED, extra_headers=policy).choices
        stream = api.chat.completions.create(model="m", messages=ASKED, stream=True, extra_headers=policy)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == GOOD
        assert upstream.headers[-1]["x-own"] == "yes"


@pytest.mark.parametrize("policy", ["block", "rewrite", "monitor", "verify"])
def test_every_action(upstream: FakeUpstream, acting: Guard, policy: str) -> None:
    upstream.says = lambda request: GOOD if "people there expect" in str(request) else BAD
    api = wrap(OpenAI(base_url=upstream.base, api_key="k", max_retries=0), guard=acting, policy=policy)
    answer = api.chat.completions.create(model="m", messages=ASKED).choices[0].message.content or ""
    with api.chat.completions.stream(model="m", messages=ASKED) as stream:
        streamed = stream.get_final_completion().choices[0].message.content or ""
    decision = last_decision()
    assert decision is not None
    assert decision.action == policy
    assert answer.strip() == streamed.strip()
    match policy:
        case "block":
            assert answer.startswith("Before going on")
            assert upstream.bodies == []
        case "rewrite":
            assert upstream.last["messages"][-1]["content"].startswith(CLOCK + "\n\nPlease take into account")
        case "monitor":
            assert upstream.last["messages"] == ASKED
        case "verify":
            assert answer == GOOD


async def test_verify_in_async_streams(upstream: FakeUpstream, acting: Guard) -> None:
    upstream.says = lambda request: "Rather tea." if "people there expect" in str(request) else GOOD + BAD
    async with wrap(AsyncAnthropic(base_url=upstream.base[:-3], api_key="k"), guard=acting, policy="verify") as claude:
        async with claude.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
            assert await stream.get_final_text() == GOOD + "Rather tea."
        answer = await claude.messages.create(model="m", max_tokens=9, messages=ASKED)
        assert answer.content[0].text == "Rather tea."  # type: ignore[union-attr]


def test_bad_requests_raise_what_the_provider_raises(api: OpenAI, claude: Anthropic, upstream: FakeUpstream) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        api.chat.completions.create(model="m", messages=ASKED, extra_body={"normguard": {"contry": "JP"}})
    assert caught.value.code == "invalid_normguard_field"
    broken: Any = {"type": "base64", "media_type": "image/png", "data": "@@@"}
    with pytest.raises(anthropic.BadRequestError, match="base64"):
        claude.messages.create(
            model="m",
            max_tokens=9,
            messages=[{"role": "user", "content": [{"type": "image", "source": broken}]}],
        )
    assert upstream.bodies == []


def test_errors_of_the_provider_come_as_ever(api: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        api.chat.completions.create(model="rate-limited", messages=ASKED)
    wrapped = api.with_options(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(openai.APIConnectionError):
        wrapped.chat.completions.create(model="m", messages=ASKED)


def test_a_fault_in_the_guard_lets_the_request_through(upstream: FakeUpstream, guard: Guard) -> None:
    class Broken:
        name = "broken"

        def read(self, *_: Any) -> tuple[()]:
            return ()

        def __call__(self, *_: Any) -> Scores:
            raise ZeroDivisionError

    broken = Guard(library=guard.library, scorer=Broken())
    api = wrap(OpenAI(base_url=upstream.base, api_key="k"), guard=broken)
    assert api.chat.completions.create(model="m", messages=ASKED).choices[0].message.content == "fine"
    assert last_decision() is None
    closed = wrap(OpenAI(base_url=upstream.base, api_key="k"), guard=broken, policy="strict")
    with pytest.raises(openai.InternalServerError) as caught:
        closed.chat.completions.create(model="m", messages=ASKED)
    assert caught.value.code == "guard_fault"
    assert len(upstream.bodies) == 1
