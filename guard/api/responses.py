"""Responses (OpenAI API reference, ``POST /v1/responses``)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guard.api.base import (
    Body,
    Key,
    WireFormat,
    json_type,
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

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_ID = re.compile(rb'"id"\s*:\s*"(resp[^"]{1,200})"')
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text"})


class Responses(WireFormat):
    """The Responses API: input items, instructions, conversations that the provider keeps."""

    name = "responses"
    path = "responses"
    schema = {
        "properties": {
            "instructions": {"type": "string"},
            "previous_response_id": {"type": "string"},
            "input": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "array", "items": turn_schema("system", "developer", "user", "assistant")},
                ]
            },
        }
    }
    keeps_turns = True
    litellm = "aresponses"
    litellm_calls = ("aresponses", "responses")

    def deferred(self, body: Body) -> bool:
        return body.get("background") is True

    def continues(self, body: Body) -> str | None:
        conversation = body.get("conversation")
        return word(conversation.get("id") if isinstance(conversation, dict) else conversation)

    def named(self, data: bytes) -> str | None:
        found = _ID.search(data)
        return found[1].decode("utf-8", "replace") if found else None

    def read(self, body: Body, hints: Hints | None = None) -> Exchange:
        turns: list[Turn] = []
        instructions = body.get("instructions")
        if isinstance(instructions, str):
            turns.append(Turn("system", instructions))
        elif instructions is not None:
            raise RequestError(f"'instructions' must be a string, not {json_type(instructions)}.", param="instructions")
        prompt = body.get("prompt")
        if isinstance(prompt, dict) and isinstance(prompt.get("variables"), dict):
            turns += [_variable(value, f"prompt.variables.{name}") for name, value in prompt["variables"].items()]
        given = body.get("input")
        if isinstance(given, str):
            turns.append(Turn("user", given))
        elif given is not None:
            turns += [_turn(item, where) for item, where in objects(given, "input", "An input item")]
        for name in ("previous_response_id", "conversation"):
            value = body.get(name)
            if value is not None and not isinstance(value, str | dict):
                raise RequestError(f"'{name}' must be a string, not {json_type(value)}.", param=name)
        # What names the turns that the provider keeps and this request only refers to.
        thread = word(body.get("previous_response_id")) or self.continues(body)
        return Exchange(tuple(turns), hints or Hints(), thread=thread)

    def with_guidance(self, body: Body, guidance: str) -> dict[str, Any]:
        # The provider does not carry instructions over to the next response, so guidance there is never repeated. A
        # prompt template has instructions of its own, which ours would replace: there it becomes a developer message.
        instructions = body.get("instructions")
        if not instructions and body.get("prompt"):
            note = {"role": "developer", "content": guidance}
            return {**body, "input": [note, *_items(body)]}
        return {**body, "instructions": f"{instructions}\n\n{guidance}" if instructions else guidance}

    def with_query(self, body: Body, query: str) -> dict[str, Any]:
        if not isinstance(body.get("input"), list):
            return {**body, "input": query}
        items = list(body["input"])
        for i in range(len(items) - 1, -1, -1):
            if items[i].get("role") == "user":
                content = items[i].get("content")
                asked = one_text(content, query, type_="input_text") if isinstance(content, list) else query
                items[i] = {**items[i], "content": asked}
                break
        return {**body, "input": items}

    def follow_up(self, body: Body, answer: str, instruction: str) -> dict[str, Any]:
        items = [
            *_items(body),
            {"role": "assistant", "content": answer},
            {"role": "user", "content": instruction},
        ]
        kept = {name: value for name, value in body.items() if name not in {"stream", "stream_options", "background"}}
        # Neither the caller's stored conversation nor his list of responses is to hold the guard's own question.
        if isinstance(kept.get("conversation"), str | dict):
            del kept["conversation"]
        return {**kept, "input": items, "store": False}

    def question(self, model: str, system: str, prompt: str, *, max_tokens: int) -> dict[str, Any]:
        return {
            "model": model,
            "instructions": system,
            "input": prompt,
            "max_output_tokens": max(16, max_tokens),
            "store": False,
        }

    def structured(self, body: Body) -> bool:
        text = body.get("text")
        wanted = text.get("format") if isinstance(text, dict) else None
        return isinstance(wanted, dict) and word(wanted.get("type")) in {"json_schema", "json_object"}

    def answer(self, body: Body, text: str, *, id_: str) -> dict[str, Any]:
        part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        if self.structured(body):
            part = {"type": "refusal", "refusal": text}
        now = int(time.time())
        none = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        return {
            "id": f"resp_normguard_{id_}",
            "object": "response",
            "created_at": now,
            "completed_at": now,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata") or {},
            "model": str(body.get("model") or "")[:200],
            "output": [
                {
                    "id": f"msg_normguard_{id_}",
                    "type": "message",
                    "role": "assistant",
                    "status": "completed",
                    "content": [part],
                }
            ],
            "parallel_tool_calls": True,
            "previous_response_id": body.get("previous_response_id"),
            "temperature": body.get("temperature"),
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_p": body.get("top_p"),
            "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, **none},
        }

    def events(self, answer: Body) -> Iterator[Event]:
        begun = {**answer, "status": "in_progress", "completed_at": None, "output": [], "usage": None}
        item = answer["output"][0]
        part = item["content"][0]
        kind, field = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
        empty = {**part, field: ""}
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        logprobs: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        steps: list[tuple[str, dict[str, Any]]] = [
            ("response.created", {"response": begun}),
            ("response.in_progress", {"response": begun}),
            (
                "response.output_item.added",
                {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}},
            ),
            ("response.content_part.added", {**place, "part": empty}),
            *((f"response.{kind}.delta", {**place, **logprobs, "delta": word}) for word in words_of(part[field])),
            (f"response.{kind}.done", {**place, **logprobs, field: part[field]}),
            ("response.content_part.done", {**place, "part": part}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": answer}),
        ]
        for number, (type_, data) in enumerate(steps):
            yield Event({"type": type_, "sequence_number": number, **data}, type_)

    def texts(self, answer: Body) -> dict[Key, str]:
        return {
            (i, j): part["text"]
            for i, item in enumerate(_list(answer.get("output")))
            if isinstance(item, dict) and item.get("type") == "message"
            for j, part in enumerate(_list(item.get("content")))
            if isinstance(part, dict) and part.get("type") == "output_text" and part.get("text")
        }

    def with_texts(self, answer: Body, texts: Mapping[Key, str]) -> dict[str, Any]:
        output = [_settled_item(item, i, texts) for i, item in enumerate(answer["output"])]
        return {**answer, "output": output}

    def deltas(self) -> ResponsesDeltas:
        return ResponsesDeltas()

    def error(self, status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
        return openai_error(status, message, code=code, param=param)

    def error_event(self, status: int, message: str, *, code: str) -> Event:
        body = self.error(status, message, code=code)
        return self.event({"type": "error", "code": code, "message": message, "param": None, **body})


class ResponsesDeltas:
    """The events of a streamed response: prose is ``response.output_text.delta``, by output and content index.

    Later events repeat the whole of it, and all are numbered: once one is added, those that follow are numbered anew.
    """

    def __init__(self) -> None:
        self._last: dict[Key, dict[str, Any]] = {}
        self._added = 0
        self._number = -1

    def pieces(self, event: Event) -> dict[Key, str]:
        data = event.data
        if data is None or data.get("type") != "response.output_text.delta" or not isinstance(data.get("delta"), str):
            return {}
        self._last[_place(data)] = data
        return {_place(data): data["delta"]} if data["delta"] else {}

    def emptied(self, event: Event) -> Event | None:
        del event
        self._added -= 1
        return None

    def delta(self, key: Key, text: str) -> Event:
        data = {name: value for name, value in self._last[key].items() if name != "obfuscation"}
        self._added += 1
        self._number += 1
        data |= {"delta": text, "logprobs": [], "sequence_number": self._number}
        return Event(data, "response.output_text.delta")

    def ended(self, event: Event) -> Iterable[Key]:
        data = event.data or {}
        match data.get("type"):
            case "response.output_text.done":
                return [_place(data)]
            case "response.completed" | "response.incomplete" | "response.failed":
                return list(self._last)
        return []

    def settled(self, event: Event, texts: Mapping[Key, str]) -> Event:
        data = event.data
        if data is None:
            return event
        changed = dict(data)
        number = data.get("sequence_number")
        if isinstance(number, int):
            self._number = number + self._added
            changed["sequence_number"] = self._number
        match data.get("type"):
            case "response.output_text.done" if _place(data) in texts:
                changed |= {"text": texts[_place(data)], "logprobs": []}
            case "response.content_part.done" if _place(data) in texts and isinstance(data.get("part"), dict):
                changed["part"] = {**data["part"], "text": texts[_place(data)], "logprobs": []}
            case "response.output_item.done" if isinstance(data.get("item"), dict):
                changed["item"] = _settled_item(data["item"], data.get("output_index"), texts)
            case "response.completed" | "response.incomplete" | "response.failed":
                response = data.get("response")
                if isinstance(response, dict) and isinstance(response.get("output"), list):
                    output = [_settled_item(item, i, texts) for i, item in enumerate(response["output"])]
                    changed["response"] = {**response, "output": output}
        return event if changed == data else event.changed(changed)


def _turn(item: dict[str, Any], where: str) -> Turn:
    content = item.get("content")
    if item.get("type", "message") != "message":
        # Calls, their results, reasoning: the words of tools. What a tool shows is seen all the same.
        output = item.get("output")
        return _parts("tool", output if isinstance(output, str | list) else None, f"{where}.output")
    role = item.get("role")
    if not isinstance(role, str):
        raise RequestError("A message must have a 'role', a string.", param=f"{where}.role")
    return _parts(_ROLES.get(role, "tool"), content, f"{where}.content")


def _parts(role: str, content: Any, where: str) -> Turn:
    if content is None:
        return Turn(role)
    if isinstance(content, str):
        return Turn(role, content)
    texts: list[str] = []
    images: list[Image] = []
    unread: list[str] = []
    for part, at in objects(content, where, "A content part"):
        type_ = word(part.get("type"))
        if type_ in _TEXTS:
            texts.append(text_of(part, at))
        elif type_ in {"input_image", "computer_screenshot"}:
            images.append(_image(part, at))
        elif type_ == "input_file" and (image := _file(part, at)) is not None:
            images.append(image)
        else:
            other_part(part, texts, unread)
    return Turn(role, "\n".join(texts), tuple(images), tuple(unread))


def _image(part: dict[str, Any], where: str) -> Image:
    url = part.get("image_url")
    if isinstance(url, str) and url:
        return image_of_url(url, f"{where}.image_url")
    if isinstance(part.get("file_id"), str):
        return Image(param=f"{where}.file_id")  # it lies with the provider: not seen, and said so
    raise RequestError(
        "An input_image must have an 'image_url' (an address or a data URL) or a 'file_id'.",
        param=where,
        code="invalid_image_url",
    )


def _file(part: dict[str, Any], where: str) -> Image | None:
    data, name = part.get("file_data"), part.get("filename")
    if not isinstance(data, str) or data[:11].lower() != "data:image/":
        return None
    image = image_of_url(data, f"{where}.file_data")
    return Image(image.data, name=name if isinstance(name, str) else image.name, param=image.param)


def _variable(value: Any, where: str) -> Turn:
    return Turn("user", value) if isinstance(value, str) else _parts("user", [value], where)


def _items(body: Body) -> list[Any]:
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given or [])


def _settled_item(item: Any, index: Any, texts: Mapping[Key, str]) -> Any:
    if not isinstance(item, dict) or not isinstance(item.get("content"), list):
        return item
    content = [
        {**part, "text": texts[index, j], "logprobs": []} if (index, j) in texts and isinstance(part, dict) else part
        for j, part in enumerate(item["content"])
    ]
    return {**item, "content": content}


def _place(data: Body) -> Key:
    return data.get("output_index"), data.get("content_index")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
