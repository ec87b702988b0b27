"""The three APIs: what the guard reads of them, what it writes, and what it leaves alone."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import anthropic
import httpx
import openai
import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from guard import Guard
from guard.api import FORMATS
from guard.api.events import Event, EventReader
from guard.errors import RequestError
from tests.conftest import STREAMS, FakeUpstream
from tests.test_proxy import CLOCK, HARMLESS, data_url, png

PICTURE = base64.b64encode(png()).decode()
ADDRESS = "https://shop.example/wall-clock.jpg"


def open_ai(proxy: str) -> OpenAI:
    return OpenAI(base_url=f"{proxy}/v1", api_key="sk-test", max_retries=0)


def claude(proxy: str) -> Anthropic:
    return Anthropic(base_url=proxy, api_key="sk-test", max_retries=0)


REQUESTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": CLOCK}]},
    "responses": {"model": "m", "input": CLOCK},
    "messages": {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": CLOCK}]},
}


# What is read


def test_a_response_request_is_read_whole() -> None:
    exchange = FORMATS["responses"].read(
        {
            "instructions": "Be brief.",
            "prompt": {
                "id": "p",
                "variables": {"city": "Kyoto", "photo": {"type": "input_image", "image_url": ADDRESS}},
            },
            "previous_response_id": "resp_1",
            "input": [
                {"role": "developer", "content": "We sell tea."},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "Yes?"}]},
                {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "1"},
                {
                    "type": "function_call_output",
                    "call_id": "1",
                    "output": [{"type": "input_image", "image_url": data_url(png())}],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Which of these?"},
                        {"type": "input_image", "image_url": data_url(png())},
                        {"type": "input_image", "file_id": "file-1"},
                        {"type": "input_file", "filename": "wall-clock.png", "file_data": data_url(png())},
                        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                        {"type": "input_hologram", "data": 1},
                    ],
                },
            ],
        }
    )
    assert [turn.role for turn in exchange.turns] == [
        *("system", "user", "user", "system", "user", "tool", "assistant", "tool", "tool", "user")
    ]
    assert exchange.query == "Which of these?"
    assert exchange.thread == "resp_1"
    assert [(image.data is not None, image.url, image.name) for image in exchange.images] == [
        (False, ADDRESS, None),
        (True, None, None),
        (True, None, None),
        (False, None, None),
        (True, None, "wall-clock.png"),
    ]


def test_a_message_request_is_read_whole() -> None:
    exchange = FORMATS["messages"].read(
        {
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "Which of these?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "x"},
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "1", "name": "f", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "1",
                            "content": [
                                {"type": "text", "text": "three clocks"},
                                {
                                    "type": "image",
                                    "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
                                },
                            ],
                        },
                        {"type": "image", "source": {"type": "url", "url": ADDRESS}},
                        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
                        {"type": "document", "title": "Price list", "source": {"type": "file", "file_id": "f"}},
                    ],
                },
            ],
        }
    )
    assert [turn.role for turn in exchange.turns] == ["system", "user", "assistant", "tool", "user"]
    assert exchange.turns[3].text == "three clocks"
    assert len(exchange.turns[3].images) == 1
    assert exchange.turns[4].text == "Price list"
    assert [image.url for image in exchange.turns[4].images] == [ADDRESS, None]


def test_a_tool_result_is_no_question() -> None:
    exchange = FORMATS["messages"].read(
        {
            "messages": [
                {"role": "user", "content": CLOCK},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "42"}]},
            ]
        }
    )
    assert exchange.query == CLOCK


BAD = {
    ("responses", "input a number"): ({"input": 7}, "input"),
    ("responses", "an item a string"): ({"input": ["x"]}, "input[0]"),
    ("responses", "no role"): ({"input": [{"content": "x"}]}, "input[0].role"),
    ("responses", "text missing"): (
        {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
        "input[0].content[0].text",
    ),
    ("responses", "an image of nothing"): (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0]",
    ),
    ("responses", "instructions a list"): ({"instructions": []}, "instructions"),
    ("responses", "a numbered conversation"): ({"input": "x", "conversation": 7}, "conversation"),
    ("messages", "no messages"): ({}, "messages"),
    ("messages", "empty"): ({"messages": []}, "messages"),
    ("messages", "no role"): ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ("messages", "content a number"): ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ("messages", "system a number"): ({"system": 7, "messages": [{"role": "user", "content": "x"}]}, "system"),
    ("messages", "an image of nothing"): (
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
        "messages[0].content[0].source",
    ),
    ("messages", "an image of text"): (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "text/html", "data": "AAAA"}}
                    ],
                }
            ]
        },
        "messages[0].content[0].source.media_type",
    ),
}


@pytest.mark.parametrize(("api", "case"), BAD)
def test_bad_bodies_name_the_place(proxy: str, upstream: FakeUpstream, api: str, case: str) -> None:
    body, param = BAD[api, case]
    with pytest.raises(RequestError) as caught:
        FORMATS[api].read(body)
    assert caught.value.param == param
    response = httpx.post(f"{proxy}/v1/{FORMATS[api].path}", json={"model": "m", **body})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert param in (error["message"] if api == "messages" else error["param"])
    assert upstream.bodies == []


# What is written


def test_guidance_in_a_response_goes_to_the_instructions() -> None:
    api = FORMATS["responses"]
    assert api.with_guidance({"input": "x"}, "NOTE")["instructions"] == "NOTE"
    assert api.with_guidance({"input": "x", "instructions": "Be brief."}, "NOTE")["instructions"] == "Be brief.\n\nNOTE"
    by_template = api.with_guidance({"input": "x", "prompt": {"id": "p"}}, "NOTE")
    assert "instructions" not in by_template
    assert by_template["input"] == [{"role": "developer", "content": "NOTE"}, {"role": "user", "content": "x"}]


def test_guidance_in_messages_spoils_no_cache_mark() -> None:
    api = FORMATS["messages"]
    mark = {"cache_control": {"type": "ephemeral"}}
    marked_system = {
        "system": [{"type": "text", "text": "Long manual", **mark}],
        "messages": [{"role": "user", "content": "x"}],
    }
    told = api.with_guidance(marked_system, "NOTE")
    assert told["system"] == [*marked_system["system"], {"type": "text", "text": "NOTE"}]
    assert told["messages"] == marked_system["messages"]
    marked_turn = {
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "y"},
            {"role": "user", "content": [{"type": "text", "text": "z", **mark}]},
        ],
    }
    told = api.with_guidance(marked_turn, "NOTE")
    assert told["system"] == "Be brief."
    assert told["messages"][:2] == marked_turn["messages"][:2]
    assert told["messages"][2]["content"] == [
        {"type": "text", "text": "z", **mark},
        {"type": "text", "text": "NOTE"},
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_that_was_given_is_changed(name: str) -> None:
    api = FORMATS[name]
    body = {**REQUESTS[name], "stream": True, "x_unknown": {"a": [1, None]}}
    before = copy.deepcopy(body)
    assert api.with_guidance(body, "NOTE")["x_unknown"] == before["x_unknown"]
    assert api.read(api.with_query(body, "other")).query == "other"
    again = api.follow_up(body, "An answer.", "Try again.")
    assert api.read(again).query == "Try again."
    assert "stream" not in again
    assert body == before


def test_a_rewritten_question_keeps_its_pictures() -> None:
    content = [
        {"type": "input_image", "image_url": data_url(png())},
        {"type": "input_text", "text": "Which"},
        {"type": "input_text", "text": "of these?"},
    ]
    body = {"input": [{"role": "user", "content": content}, {"type": "function_call_output", "output": "x"}]}
    changed = FORMATS["responses"].with_query(body, "Which would be kind?")
    assert changed["input"][0]["content"] == [content[0], {"type": "input_text", "text": "Which would be kind?"}]
    assert changed["input"][1] == body["input"][1]


# Over a real socket, with the official clients


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


# Conversations


def test_the_picture_of_three_turns_ago_counts(guard: Guard) -> None:
    turns: list[Any] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this? I fly to Shanghai on Monday."},
                {"type": "image_url", "image_url": {"url": data_url(png()).replace(";", ";name=wall-clock.png;", 1)}},
            ],
        },
        {"role": "assistant", "content": "A wall clock."},
        {"role": "user", "content": "Is it heavy?"},
        {"role": "assistant", "content": "About a kilo."},
        {"role": "user", "content": "Good. So shall I take it to my host as a present?"},
    ]
    decision = guard.check(FORMATS["chat"].read({"messages": turns}))
    assert decision.norms[0].id == "cn.gift.clocks"
    without = [{"role": "user", "content": "What is this?"}, *turns[1:]]
    assert guard.check(FORMATS["chat"].read({"messages": without})).action != decision.action


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


# Events


def test_events_are_cut_wherever_the_bytes_are() -> None:
    for name in FORMATS:
        recorded = (STREAMS / f"{name}.sse").read_bytes()
        for size in (1, 2, 3, 7, 64, 10_000):
            reader = EventReader()
            events = [event for i in range(0, len(recorded), size) for event in reader.feed(recorded[i : i + size])]
            assert b"".join(event.encode() for event in events) + reader.rest() == recorded
    windows = b'event: a\r\ndata: {"x":1}\r\n\r\ndata: [DONE]\r\n\r\n'
    reader = EventReader()
    events = [event for i in range(len(windows)) for event in reader.feed(windows[i : i + 1])]
    assert [(event.name, event.data) for event in events] == [("a", {"x": 1}), (None, None)]


def test_an_event_without_end_is_refused() -> None:
    reader = EventReader()
    with pytest.raises(ValueError, match="more than"):
        reader.feed(b"data: " + b"x" * 2**25)


def test_an_event_of_our_own() -> None:
    assert Event({"a": "é"}, "x").encode() == 'event: x\ndata: {"a":"é"}\n\n'.encode()
    assert Event(None).encode() == b"data: [DONE]\n\n"
