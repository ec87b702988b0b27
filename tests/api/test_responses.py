"""The responses API: what is read of it and written into it."""

from __future__ import annotations

from guard.api import FORMATS
from tests.samples import ADDRESS, data_url, png


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


def test_guidance_in_a_response_goes_to_the_instructions() -> None:
    api = FORMATS["responses"]
    assert api.with_guidance({"input": "x"}, "NOTE")["instructions"] == "NOTE"
    assert api.with_guidance({"input": "x", "instructions": "Be brief."}, "NOTE")["instructions"] == "Be brief.\n\nNOTE"
    by_template = api.with_guidance({"input": "x", "prompt": {"id": "p"}}, "NOTE")
    assert "instructions" not in by_template
    assert by_template["input"] == [{"role": "developer", "content": "NOTE"}, {"role": "user", "content": "x"}]


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
