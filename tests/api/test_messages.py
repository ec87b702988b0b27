"""The messages API: what is read of it and written into it."""

from __future__ import annotations

from guard.api import FORMATS
from tests.samples import ADDRESS, CLOCK, PICTURE


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
