"""All APIs over a real socket, with the official clients."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx
import openai
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from guard.api import FORMATS
from tests.conftest import FakeUpstream
from tests.paths import STREAMS
from tests.samples import CLOCK, HARMLESS, PICTURE, REQUESTS, data_url, png


def open_ai(proxy: str) -> OpenAI:
    return OpenAI(base_url=f"{proxy}/v1", api_key="sk-test", max_retries=0)


def claude(proxy: str) -> Anthropic:
    return Anthropic(base_url=proxy, api_key="sk-test", max_retries=0)


def test_responses_are_guarded(proxy: str, upstream: FakeUpstream) -> None:
    raw = open_ai(proxy).responses.with_raw_response.create(
        model="m",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": CLOCK},
                    {"type": "input_image", "image_url": data_url(png()), "detail": "low"},
                ],
            }
        ],
        instructions="Be brief.",
        extra_body={"normguard": {"captions": ["a wall clock"]}},
    )
    assert raw.parse().output_text == "fine"
    assert raw.headers["x-normguard-action"] == "advise"
    assert "cn.gift.clock" in raw.headers["x-normguard-norms"]
    assert upstream.last["instructions"].startswith("Be brief.\n\nCultural note, China")
    assert "normguard" not in upstream.last


def test_messages_are_guarded(proxy: str, upstream: FakeUpstream) -> None:
    raw = claude(proxy).messages.with_raw_response.create(
        model="m",
        max_tokens=64,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
                    {"type": "text", "text": CLOCK},
                ],
            }
        ],
    )
    assert raw.parse().content[0].text == "fine"  # type: ignore[union-attr]
    assert raw.headers["x-normguard-action"] == "advise"
    assert upstream.last["system"].startswith("Cultural note, China")
    assert "sk-test" in (upstream.headers[-1].get("authorization", "") + upstream.headers[-1].get("x-api-key", ""))
    assert "anthropic-version" in upstream.headers[-1]


def test_both_stream(proxy: str) -> None:
    with open_ai(proxy).responses.stream(model="m", input=CLOCK) as stream:
        assert stream.get_final_response().output_text == "fine"
    with claude(proxy).messages.stream(
        model="m", max_tokens=9, messages=[{"role": "user", "content": CLOCK}]
    ) as stream:
        assert "".join(stream.text_stream) == "fine"


async def test_both_stream_async(proxy: str) -> None:
    async with (
        AsyncOpenAI(base_url=f"{proxy}/v1", api_key="k") as api,
        api.responses.stream(model="m", input=CLOCK) as stream,
    ):
        assert (await stream.get_final_response()).output_text == "fine"
    async with (
        AsyncAnthropic(base_url=proxy, api_key="k") as api,
        api.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": CLOCK}]) as stream,
    ):
        assert await stream.get_final_text() == "fine"


@pytest.mark.parametrize("name", FORMATS)
def test_pass_changes_no_byte_of_any_api(proxy: str, upstream: FakeUpstream, name: str) -> None:
    body = json.dumps(REQUESTS[name]).replace(CLOCK, HARMLESS).replace(": ", " :  ").encode()
    response = httpx.post(f"{proxy}/v1/{FORMATS[name].path}", content=body)
    assert response.headers["x-normguard-action"] == "pass"
    assert upstream.bodies == [body]


@pytest.mark.parametrize("name", FORMATS)
def test_recorded_streams_come_through_byte_for_byte(proxy: str, name: str) -> None:
    """With tools, reasoning, pings, comments and events that nobody knows yet."""
    body = {**REQUESTS[name], "model": f"recorded:{name}", "stream": True}
    response = httpx.post(f"{proxy}/v1/{FORMATS[name].path}", json=body)
    assert response.headers["x-normguard-action"] == "advise"
    assert response.content == (STREAMS / f"{name}.sse").read_bytes()


def test_the_clients_read_recorded_streams(proxy: str) -> None:
    chat = open_ai(proxy).chat.completions.create(
        model="recorded:chat", stream=True, messages=[{"role": "user", "content": CLOCK}]
    )
    deltas = [chunk.choices[0].delta for chunk in chat if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Let me look that up. One 1.5 moment, please!"
    assert any(delta.tool_calls for delta in deltas)
    response = None
    for event in open_ai(proxy).responses.create(model="recorded:responses", input=CLOCK, stream=True):
        response = event.response if event.type == "response.completed" else response
    assert response is not None
    assert [item.type for item in response.output] == ["reasoning", "web_search_call", "message", "function_call"]
    with claude(proxy).messages.stream(
        model="recorded:messages", max_tokens=9, messages=[{"role": "user", "content": CLOCK}]
    ) as stream:
        assert [block.type for block in stream.get_final_message().content] == ["thinking", "text", "tool_use"]


def test_errors_have_the_shape_of_their_api(start_proxy: Any, proxy: str) -> None:
    nowhere = start_proxy(upstream="http://127.0.0.1:9/v1")
    with pytest.raises(openai.InternalServerError) as of_openai:
        open_ai(nowhere).responses.create(model="m", input=HARMLESS)
    assert of_openai.value.code == "upstream_unreachable"
    with pytest.raises(anthropic.InternalServerError) as of_anthropic:
        claude(nowhere).messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": HARMLESS}])
    assert of_anthropic.value.type == "api_error"
    with pytest.raises(anthropic.BadRequestError, match="policy"):
        claude(proxy).messages.create(
            model="m",
            max_tokens=9,
            messages=[{"role": "user", "content": HARMLESS}],
            extra_headers={"x-normguard-policy": "nope"},
        )


def test_turns_that_the_provider_keeps_count(proxy: str) -> None:
    """A response's id stands for all that was said and shown before it, streamed or not; unknown ones are told of."""
    api = open_ai(proxy)
    shown = f"data:image/png;name=wall-clock.png;base64,{PICTURE}"
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
    whole = api.responses.create(model="m", input=first).id
    with api.responses.stream(model="m", input=first) as stream:
        streamed = stream.get_final_response().id
    for id_ in (whole, streamed):
        raw = api.responses.with_raw_response.create(model="m", input=asked, previous_response_id=id_)
        assert raw.headers["x-normguard-norms"].startswith("cn.gift.clocks"), id_
        assert raw.headers["x-normguard-status"] == "ok"
    api.responses.create(model="m", input=first, conversation="conv_1")
    raw = api.responses.with_raw_response.create(model="m", input=asked, conversation={"id": "conv_1"})
    assert raw.headers["x-normguard-norms"].startswith("cn.gift.clocks")
    unknown = api.responses.with_raw_response.create(model="m", input=asked, previous_response_id="resp_unknown")
    assert unknown.headers["x-normguard-status"] == "degraded"


def test_guidance_is_not_repeated(proxy: str, upstream: FakeUpstream) -> None:
    """What the caller sends back of a conversation holds no guidance, and each request holds it once."""
    turns: list[Any] = [{"role": "user", "content": CLOCK}]
    for _ in range(3):
        answer = open_ai(proxy).chat.completions.create(model="m", messages=turns)
        assert json.dumps(upstream.last).count("Cultural note") == 1
        turns += [answer.choices[0].message.model_dump(exclude_none=True), {"role": "user", "content": CLOCK}]
    assert "Cultural note" not in json.dumps(turns)
