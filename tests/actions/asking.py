"""Requests under a policy, and the texts that come back."""

from __future__ import annotations

from typing import Any

import httpx
from anthropic import Anthropic
from openai import OpenAI

from guard.api import FORMATS
from tests.samples import CLOCK


def post(address: str, api: str, policy: str, query: str = CLOCK, **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"model": "m", **more}
    body |= {"input": query} if api == "responses" else {"messages": [{"role": "user", "content": query}]}
    headers = {"x-normguard-policy": policy}
    return httpx.post(f"{address}/v1/{FORMATS[api].path}", json=body, headers=headers)


def text_of(api: str, answer: dict[str, Any]) -> str:
    return "".join(FORMATS[api].texts(answer).values())


def streamed(address: str, api: str, policy: str, query: str = CLOCK) -> tuple[str, str]:
    """What the official client makes of a stream: the pieces joined, and the text of the final answer."""
    headers = {"x-normguard-policy": policy}
    open_ai = OpenAI(base_url=f"{address}/v1", api_key="k", max_retries=0, default_headers=headers)
    asked: Any = [{"role": "user", "content": query}]
    if api == "chat":
        with open_ai.chat.completions.stream(model="m", messages=asked) as stream:
            pieces = [event.delta for event in stream if event.type == "content.delta"]
            return "".join(pieces), stream.get_final_completion().choices[0].message.content or ""
    if api == "responses":
        with open_ai.responses.stream(model="m", input=query) as events:
            seen = list(events)
            numbers = [event.sequence_number for event in seen]
            assert numbers == sorted(set(numbers)), "the events' numbers rise"
            pieces = [event.delta for event in seen if event.type == "response.output_text.delta"]
            done = [event.text for event in seen if event.type == "response.output_text.done"]
            final = events.get_final_response().output_text
            assert "".join(done) == final
            return "".join(pieces), final
    claude = Anthropic(base_url=address, api_key="k", max_retries=0, default_headers=headers)
    with claude.messages.stream(model="m", max_tokens=99, messages=asked) as message:
        return "".join(message.text_stream), message.get_final_text()
