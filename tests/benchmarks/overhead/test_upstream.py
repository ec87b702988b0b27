"""The bare upstream."""

from __future__ import annotations

import anthropic
from openai import OpenAI


def test_the_bare_upstream_speaks_all_apis(address: str) -> None:
    openai = OpenAI(base_url=f"{address}/v1", api_key="x")
    messages = [{"role": "user", "content": "hello"}]
    said = openai.chat.completions.create(model="m", messages=messages).choices[0].message.content
    streamed = openai.chat.completions.create(model="m", messages=messages, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == said
    assert openai.responses.create(model="m", input="hello").output_text == said
    assert any(
        event.type == "response.completed" for event in openai.responses.create(model="m", input="x", stream=True)
    )
    client = anthropic.Anthropic(base_url=address, api_key="x")
    assert client.messages.create(model="m", max_tokens=9, messages=messages).content[0].text == said
    with client.messages.stream(model="m", max_tokens=9, messages=messages) as stream:
        assert "".join(stream.text_stream) == said
