"""Chat Completions (OpenAI API reference, ``POST /v1/chat/completions``)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guard.api.base import (
    Body,
    Key,
    WireFormat,
    json_type,
    messages_of,
    objects,
    one_text,
    openai_error,
    other_part,
    text_of,
    turn_schema,
    word,
    words_of,
)
from guard.api.events import Event
from guard.api.images import image_of_url
from guard.errors import RequestError
from guard.types import Exchange, Hints, Image, Turn

_SYSTEM = ("system", "developer")
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class Chat(WireFormat):
    """Chat Completions, of OpenAI and of the many servers that speak it."""

    name = "chat"
    path = "chat/completions"
    schema = {
        "required": ["messages"],
        "properties": {
            "messages": {
                "type": "array",
                "minItems": 1,
                "items": turn_schema("system", "developer", "user", "assistant"),
            }
        },
    }
    last_event = Event(None)
    omits_null = True
    litellm = "acompletion"
    litellm_calls = ("acompletion", "completion")

    def event(self, data: dict[str, Any]) -> Event:
        return Event(data)

    def read(self, body: Body, hints: Hints | None = None) -> Exchange:
        return Exchange(
            tuple(_turn(message, f"messages[{i}]") for i, message in enumerate(messages_of(body))), hints or Hints()
        )

    def with_guidance(self, body: Body, guidance: str) -> dict[str, Any]:
        # Added to the last of the leading system or developer messages, after the application's own words, which keeps
        # a provider's prompt cache valid; a system message of its own where there is none.
        messages: list[Any] = list(body["messages"])
        leading = 0
        while leading < len(messages) and word(messages[leading].get("role")) in _SYSTEM:
            leading += 1
        if leading == 0:
            messages.insert(0, {"role": "system", "content": guidance})
        else:
            message = dict(messages[leading - 1])
            content = message.get("content")
            if isinstance(content, list):
                message["content"] = [*content, {"type": "text", "text": guidance}]
            else:
                message["content"] = f"{content}\n\n{guidance}" if content else guidance
            messages[leading - 1] = message
        return {**body, "messages": messages}

    def with_query(self, body: Body, query: str) -> dict[str, Any]:
        messages: list[Any] = list(body["messages"])
        for i in range(len(messages) - 1, -1, -1):
            if messages[i].get("role") == "user":
                content = messages[i].get("content")
                asked = one_text(content, query, type_="text") if isinstance(content, list) else query
                messages[i] = {**messages[i], "content": asked}
                break
        return {**body, "messages": messages}

    def follow_up(self, body: Body, answer: str, instruction: str) -> dict[str, Any]:
        messages = [
            *body["messages"],
            {"role": "assistant", "content": answer},
            {"role": "user", "content": instruction},
        ]
        return {**_without(body, "stream", "stream_options", "n"), "messages": messages}

    def question(self, model: str, system: str, prompt: str, *, max_tokens: int) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
        return {"model": model, "messages": messages, "max_completion_tokens": max_tokens}

    def structured(self, body: Body) -> bool:
        wanted = body.get("response_format")
        return isinstance(wanted, dict) and word(wanted.get("type")) in {"json_schema", "json_object"}

    def answer(self, body: Body, text: str, *, id_: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self.structured(body):
            message |= {"content": None, "refusal": text}
        count = body.get("n")
        count = count if isinstance(count, int) and 1 <= count <= 128 else 1
        return {
            "id": f"chatcmpl-normguard-{id_}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": _model(body),
            "choices": [
                {"index": i, "message": message, "logprobs": None, "finish_reason": "stop"} for i in range(count)
            ],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }

    def events(self, answer: Body) -> Iterator[Event]:
        common = {
            "id": answer["id"],
            "object": "chat.completion.chunk",
            "created": answer["created"],
            "model": answer["model"],
        }
        for choice in answer["choices"]:
            index = {"index": choice["index"], "logprobs": None}
            field = "refusal" if choice["message"]["content"] is None else "content"
            deltas = [{"role": "assistant", field: ""}, *({field: word} for word in words_of(choice["message"][field]))]
            for delta in deltas:
                yield Event({**common, "choices": [{**index, "delta": delta, "finish_reason": None}]})
            yield Event({**common, "choices": [{**index, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        yield self.last_event

    def texts(self, answer: Body) -> dict[Key, str]:
        return {
            index: message["content"]
            for index, choice in enumerate(_list(answer, "choices"))
            if isinstance(choice, dict)
            and isinstance(message := choice.get("message"), dict)
            and isinstance(message.get("content"), str)
            and message["content"]
        }

    def with_texts(self, answer: Body, texts: Mapping[Key, str]) -> dict[str, Any]:
        choices = [
            {**choice, "message": {**choice["message"], "content": texts[i]}} if i in texts else choice
            for i, choice in enumerate(answer["choices"])
        ]
        return {**answer, "choices": choices}

    def deltas(self) -> ChatDeltas:
        return ChatDeltas()

    def error(self, status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
        return openai_error(status, message, code=code, param=param)


class ChatDeltas:
    """The chunks of a streamed chat completion: prose is ``choices[].delta.content``, by the choice's index."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def pieces(self, event: Event) -> dict[Key, str]:
        found: dict[Key, str] = {}
        for choice in _choices(event):
            delta = choice.get("delta")
            if isinstance(delta, dict) and isinstance(delta.get("content"), str) and delta["content"]:
                found[choice.get("index", 0)] = delta["content"]
        if found and event.data is not None:
            self._last = event.data
        return found

    def emptied(self, event: Event) -> Event | None:
        assert event.data is not None
        choices = []
        for choice in _choices(event):
            delta = {name: value for name, value in (choice.get("delta") or {}).items() if name != "content"}
            left = {name: value for name, value in choice.items() if name != "logprobs"} | {"delta": delta}
            # A choice that says no more than where it stands is dropped, and an event without any other choice with it.
            if delta or left.get("finish_reason") is not None:
                choices.append(left)
        if not choices and not event.data.get("usage"):
            return None
        return event.changed({**event.data, "choices": choices})

    def delta(self, key: Key, text: str) -> Event:
        choice = {"index": key, "delta": {"content": text}, "finish_reason": None}
        return Event({**_without(self._last, "usage"), "choices": [choice]})

    def ended(self, event: Event) -> Iterable[Key]:
        return [choice.get("index", 0) for choice in _choices(event) if choice.get("finish_reason") is not None]

    def settled(self, event: Event, texts: Mapping[Key, str]) -> Event:
        del texts  # no chunk repeats the whole
        return event


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise RequestError(f"A message must be an object, not {json_type(message)}.", param=where)
    role = message.get("role")
    if not isinstance(role, str):
        raise RequestError("A message must have a 'role', a string.", param=f"{where}.role")
    content = message.get("content")
    neutral = _ROLES.get(role, "tool")
    if content is None:
        return Turn(neutral)
    if isinstance(content, str):
        return Turn(neutral, content)
    texts: list[str] = []
    images: list[Image] = []
    unread: list[str] = []
    for part, at in objects(content, f"{where}.content", "A content part"):
        match part.get("type"):
            case "text":
                texts.append(text_of(part, at))
            case "image_url":
                images.append(_image(part.get("image_url"), f"{at}.image_url"))
            case _:
                other_part(part, texts, unread)
    return Turn(neutral, "\n".join(texts), tuple(images), tuple(unread))


def _image(value: Any, where: str) -> Image:
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        raise RequestError(
            "An image part must have an 'image_url' with a 'url', a string.", param=where, code="invalid_image_url"
        )
    return image_of_url(url, f"{where}.url" if isinstance(value, dict) else where)


def _choices(event: Event) -> list[dict[str, Any]]:
    return [choice for choice in _list(event.data or {}, "choices") if isinstance(choice, dict)]


def _list(body: Body, name: str) -> list[Any]:
    value = body.get(name)
    return value if isinstance(value, list) else []


def _model(body: Body) -> str:
    return str(body.get("model") or "")[:200]


def _without(body: Body, *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}
