"""Messages (Anthropic API reference, ``POST /v1/messages``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guard.api.base import (
    TEXT_SCHEMA,
    Body,
    Key,
    WireFormat,
    messages_of,
    objects,
    one_text,
    other_part,
    text_of,
    turn_schema,
    words_of,
)
from guard.api.events import Event
from guard.api.images import bytes_of_base64, image_of_url
from guard.errors import ImageError, RequestError
from guard.types import Exchange, Hints, Image, Turn

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class Messages(WireFormat):
    """The Messages API, of Anthropic and of the servers that speak it."""

    name = "messages"
    path = "messages"
    schema = {
        "required": ["messages"],
        "properties": {
            "max_tokens": {"type": "integer", "minimum": 1},
            "system": {"oneOf": [{"type": "string"}, {"type": "array", "items": TEXT_SCHEMA}]},
            "messages": {"type": "array", "minItems": 1, "items": turn_schema("user", "assistant")},
        },
    }
    litellm = "anthropic.messages.acreate"
    litellm_calls = ("anthropic_messages",)

    def read(self, body: Body, hints: Hints | None = None) -> Exchange:
        turns: list[Turn] = []
        if body.get("system") is not None:
            turns += _turns("system", body["system"], "system")
        for message, where in objects(messages_of(body), "messages", "A message"):
            role = message.get("role")
            if not isinstance(role, str):
                raise RequestError("A message must have a 'role', a string.", param=f"{where}.role")
            turns += _turns(role if role in {"user", "assistant", "system"} else "tool", message.get("content"), where)
        return Exchange(tuple(turns), hints or Hints())

    def with_guidance(self, body: Body, guidance: str) -> dict[str, Any]:
        # A prompt-cache mark stays valid as long as nothing changes before it. So guidance goes behind the last system
        # block; and where messages carry marks, behind the last one of the last turn, for it may be other guidance
        # than a turn ago.
        note = {"type": "text", "text": guidance}
        messages = list(body["messages"])
        if any(_marked(message) for message in messages) and messages[-1].get("role") == "user":
            last = messages[-1]
            messages[-1] = {**last, "content": [*_blocks(last.get("content")), note]}
            return {**body, "messages": messages}
        system = body.get("system")
        if isinstance(system, list):
            return {**body, "system": [*system, note]}
        return {**body, "system": f"{system}\n\n{guidance}" if system else guidance}

    def with_query(self, body: Body, query: str) -> dict[str, Any]:
        messages = list(body["messages"])
        for i in range(len(messages) - 1, -1, -1):
            content = messages[i].get("content")
            if messages[i].get("role") == "user" and (isinstance(content, str) or _has_text(content)):
                asked = one_text(content, query, type_="text") if isinstance(content, list) else query
                messages[i] = {**messages[i], "content": asked}
                break
        return {**body, "messages": messages}

    def follow_up(self, body: Body, answer: str, instruction: str) -> dict[str, Any]:
        messages = [
            *body["messages"],
            {"role": "assistant", "content": answer.rstrip() or "…"},  # the API takes no empty and no trailing space
            {"role": "user", "content": instruction},
        ]
        return {**{name: value for name, value in body.items() if name != "stream"}, "messages": messages}

    def question(self, model: str, system: str, prompt: str, *, max_tokens: int) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}]
        return {"model": model, "max_tokens": max_tokens, "system": system, "messages": messages}

    def structured(self, body: Body) -> bool:
        config = body.get("output_config")
        wanted = config.get("format") if isinstance(config, dict) else body.get("output_format")
        return isinstance(wanted, dict)

    def answer(self, body: Body, text: str, *, id_: str) -> dict[str, Any]:
        return {
            "id": f"msg_normguard_{id_}",
            "type": "message",
            "role": "assistant",
            "model": str(body.get("model") or "")[:200],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "refusal" if self.structured(body) else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }

    def events(self, answer: Body) -> Iterator[Event]:
        begun = {**answer, "content": [], "stop_reason": None}
        text = answer["content"][0]["text"]
        ends = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
        steps: list[dict[str, Any]] = [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                for word in words_of(text)
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ends, "usage": {"output_tokens": 0}},
            {"type": "message_stop"},
        ]
        for data in steps:
            yield Event(data, data["type"])

    def texts(self, answer: Body) -> dict[Key, str]:
        content = answer.get("content")
        return {
            i: block["text"]
            for i, block in enumerate(content if isinstance(content, list) else [])
            if isinstance(block, dict) and block.get("type") == "text" and block.get("text")
        }

    def with_texts(self, answer: Body, texts: Mapping[Key, str]) -> dict[str, Any]:
        content = [{**block, "text": texts[i]} if i in texts else block for i, block in enumerate(answer["content"])]
        return {**answer, "content": content}

    def deltas(self) -> MessagesDeltas:
        return MessagesDeltas()

    def error(self, status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
        type_ = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        where = f"{param}: " if param and param not in message else ""
        return {"type": "error", "error": {"type": type_, "message": where + message, "code": code}}


class MessagesDeltas:
    """The events of a streamed message: prose is a ``text_delta``, by the index of its content block."""

    def pieces(self, event: Event) -> dict[Key, str]:
        data = event.data or {}
        delta = data.get("delta")
        if data.get("type") == "content_block_delta" and isinstance(delta, dict) and delta.get("type") == "text_delta":
            text = delta.get("text")
            return {data.get("index"): text} if isinstance(text, str) and text else {}
        return {}

    def emptied(self, event: Event) -> Event | None:
        del event
        return None

    def delta(self, key: Key, text: str) -> Event:
        data = {"type": "content_block_delta", "index": key, "delta": {"type": "text_delta", "text": text}}
        return Event(data, "content_block_delta")

    def ended(self, event: Event) -> Iterable[Key]:
        data = event.data or {}
        return [data.get("index")] if data.get("type") == "content_block_stop" else []

    def settled(self, event: Event, texts: Mapping[Key, str]) -> Event:
        del texts  # no event repeats the whole
        return event


def _turns(role: str, content: Any, where: str) -> Iterator[Turn]:
    """A message's turn; what its tool results say and show is a turn of its own, lest it be taken for a question."""
    at = where if where == "system" else f"{where}.content"
    if content is None or isinstance(content, str):
        yield Turn(role, content or "")
        return
    texts: list[str] = []
    images: list[Image] = []
    tools: list[str] = []
    tool_images: list[Image] = []
    unread: list[str] = []
    results = False
    for block, here in objects(content, at, "A content block"):
        match block.get("type"):
            case "text":
                texts.append(text_of(block, here))
            case "image":
                images.append(_image(block, here))
            case "document":
                texts += [block[name] for name in ("title", "context") if isinstance(block.get(name), str)]
                _read_document(block.get("source"), texts, unread)
            case "tool_result":
                results = True
                inner = block.get("content")
                if isinstance(inner, str):
                    tools.append(inner)
                    continue
                for part, there in objects(inner or [], f"{here}.content", "A content block"):
                    if part.get("type") == "text":
                        tools.append(text_of(part, there))
                    elif part.get("type") == "image":
                        tool_images.append(_image(part, there))
                    else:
                        other_part(part, tools, unread)
            case _:
                other_part(block, texts, unread)
    if results:
        yield Turn("tool", "\n".join(tools), tuple(tool_images))
    if texts or images or unread or not results:
        yield Turn(role, "\n".join(texts), tuple(images), tuple(unread))


def _read_document(source: Any, texts: list[str], unread: list[str]) -> None:
    """A document's words, where it is plain text; a PDF is not read."""
    match source:
        case {"type": "text", "data": str() as text}:
            texts.append(text)
        case {"type": "content", "content": str() as text}:
            texts.append(text)
        case {"type": "content", "content": list() as parts}:
            texts += [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
        case _:
            unread.append("document")


def _image(block: dict[str, Any], where: str) -> Image:
    at = f"{where}.source"
    match block.get("source"):
        case {"type": "base64", "data": str() as data, **rest}:
            media = rest.get("media_type")
            if not isinstance(media, str) or not media.startswith("image/"):
                raise ImageError(
                    "An image's 'media_type' must be that of an image, such as image/jpeg.",
                    param=f"{at}.media_type",
                    code="invalid_image_type",
                )
            return Image(data=bytes_of_base64(data, f"{at}.data"), param=f"{at}.data")
        case {"type": "url", "url": str() as url}:
            return image_of_url(url, f"{at}.url")
        case {"type": "file", "file_id": str()}:
            return Image(param=f"{at}.file_id")  # it lies with the provider: not seen, and said so
    raise RequestError(
        "An image must have a 'source' of type base64 (media_type, data), url (url) or file (file_id).",
        param=at,
        code="invalid_image_source",
    )


def _marked(message: Any) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(isinstance(b, dict) and b.get("cache_control") for b in content)


def _has_text(content: Any) -> bool:
    return isinstance(content, list) and any(block.get("type") == "text" for block in content)


def _blocks(content: Any) -> list[Any]:
    return list(content) if isinstance(content, list) else [{"type": "text", "text": content or ""}]
