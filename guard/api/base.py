"""What a wire format is: how one API's requests, answers, event streams and errors are read and written."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

from pydantic_core import from_json

from guard.api.events import Event
from guard.errors import RequestError
from guard.types import Exchange, Hints

Key = Hashable
"""Which of an answer's texts: a choice's index, or the place of a content part."""

Body = Mapping[str, Any]


class WireFormat(Protocol):
    """One API. Bodies are parsed JSON objects; none of the methods changes what it is given.

    What a framework hands over in objects of its own is one too, as far as its requests and answers have such parts
    (`guard.integrations`).

    Attributes:
        name: ``chat``, ``responses`` ...; as decisions over HTTP, metrics and the audit trail call it.
        path: the route, relative to ``/v1/``.
        schema: JSON Schema of what a request holds, as far as the guard reads it, for the OpenAPI document.
        keeps_turns: whether the provider keeps turns that a later request only refers to, by an id that the answer
            gives: such answers are looked at for it (`named`).
        last_event: what ends a stream besides the last event's own word for it, or None.
        omits_null: whether the objects of its streams leave out fields that are null.
        litellm: function of the LiteLLM library that speaks it.
        litellm_calls: LiteLLM's names for such calls in its hooks.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    schema: ClassVar[dict[str, Any]] = {}
    keeps_turns: ClassVar[bool] = False
    last_event: ClassVar[Event | None] = None
    omits_null: ClassVar[bool] = False
    litellm: ClassVar[str] = ""
    litellm_calls: ClassVar[tuple[str, ...]] = ()

    def model(self, body: Body) -> str | None:
        """The model that the request names; None where it names none."""
        return word(body.get("model"))

    def streamed(self, body: Body) -> bool:
        """Whether the caller wants an event stream."""
        return body.get("stream") is True

    def deferred(self, body: Body) -> bool:
        """Whether the answer is only fetched later, by another request."""
        return False

    def continues(self, body: Body) -> str | None:
        """The id of a conversation that the provider keeps and this request's turns are added to, or None."""
        return None

    def named(self, data: bytes) -> str | None:
        """The id that later requests refer to an answer by; `data` is the answer, or its stream's beginning."""
        return None

    def parsed(self, data: Any) -> dict[str, Any] | None:
        """The answer in what came for it; None where that is no object."""
        try:
            answer = from_json(data)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def event(self, data: dict[str, Any]) -> Event:
        """An event of the API's streams that carries `data`."""
        return Event(data, str(data.get("type")))

    def error_event(self, status: int, message: str, *, code: str) -> Event:
        """The last event of a stream that ends in an error, such that the API's clients raise it."""
        return self.event(self.error(status, message, code=code))

    def read(self, body: Body, hints: Hints | None = None) -> Exchange:
        """The conversation of a request; parts of unknown types are left to the upstream.

        Raises:
            RequestError: a part that the guard must read has a wrong shape; `param` says which.
            ImageError: a picture is given in a way that cannot be decoded.
        """
        ...

    def with_guidance(self, body: Body, guidance: str) -> dict[str, Any]:
        """The request with `guidance` for the model, out of the user's words; everything else stays as it was."""
        ...

    def with_query(self, body: Body, query: str) -> dict[str, Any]:
        """The request with other words in the user's last turn; its pictures stay."""
        ...

    def follow_up(self, body: Body, answer: str, instruction: str) -> dict[str, Any]:
        """The request that asks the model to go on from its own `answer` as `instruction` says, in one piece."""
        ...

    def question(self, model: str, system: str, prompt: str, *, max_tokens: int) -> dict[str, Any] | None:
        """A small request of the guard's own, to a model of the deployment's; None where none can be asked."""
        ...

    def structured(self, body: Body) -> bool:
        """Whether the caller wants JSON and not prose."""
        ...

    def answer(self, body: Body, text: str, *, id_: str) -> dict[str, Any]:
        """A whole answer that says `text`, as the API would give it; a refusal where JSON was asked for."""
        ...

    def events(self, answer: Body) -> Iterable[Event]:
        """The event stream that tells what `answer` says."""
        ...

    def texts(self, answer: Body) -> dict[Key, str]:
        """The prose of an answer, by place; empty for tool calls and whatever else is no prose."""
        ...

    def with_texts(self, answer: Body, texts: Mapping[Key, str]) -> dict[str, Any]:
        """The answer with other prose in the places that `texts` names."""
        ...

    def deltas(self) -> Deltas:
        """A reader and writer of one event stream."""
        ...

    def error(self, status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
        """An error object as the API gives it; its type follows from the HTTP status."""
        ...


class PartialFormat(WireFormat):
    """An API as far as a framework shows it: requests that can be read and changed; what else there is, it overrides.

    Without more, nobody is asked, no answer is checked, and there are no streams and no errors to shape.
    """

    path = ""

    def streamed(self, body: Any) -> bool:
        return False

    def follow_up(self, body: Any, answer: str, instruction: str) -> Any:
        return None

    def question(self, model: str, system: str, prompt: str, *, max_tokens: int) -> None:
        return None

    def structured(self, body: Any) -> bool:
        return False

    def texts(self, answer: Any) -> dict[Key, str]:
        return {}

    def with_texts(self, answer: Any, texts: Mapping[Key, str]) -> Any:
        return answer

    def events(self, answer: Any) -> Iterable[Event]:
        return ()

    def deltas(self) -> Deltas:
        raise TypeError(f"{self.name} has no streams")

    def error(self, status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
        return {"error": message}


class Deltas(Protocol):
    """Where the prose lies in an API's event stream. One object serves one stream."""

    def pieces(self, event: Event) -> dict[Key, str]:
        """The prose that an event carries."""
        ...

    def emptied(self, event: Event) -> Event | None:
        """The event without its prose; None where nothing else is in it."""
        ...

    def delta(self, key: Key, text: str) -> Event:
        """An event that carries `text`, made like the last one of that place."""
        ...

    def ended(self, event: Event) -> Iterable[Key]:
        """The places whose prose is whole once this event comes."""
        ...

    def settled(self, event: Event, texts: Mapping[Key, str]) -> Event:
        """The event with the prose as it was let through, where it repeats all of it; the very same if it does not."""
        ...


def turn_schema(*roles: str) -> dict[str, Any]:
    """JSON Schema of a message by one of `roles`, of text or of parts."""
    content = {"oneOf": [{"type": "string"}, {"type": "array", "items": TEXT_SCHEMA}]}
    return {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"type": "string", "enum": list(roles)}, "content": content},
    }


TEXT_SCHEMA = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"type": "string"}, "text": {"type": "string"}},
}
"""JSON Schema of a part that is text."""


def openai_error(status: int, message: str, *, code: str, param: str | None = None) -> dict[str, Any]:
    """An error object of OpenAI's APIs."""
    type_ = "invalid_request_error" if status < 500 else "upstream_error" if status in {502, 504} else "server_error"
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def words_of(text: str) -> list[str]:
    """The text in pieces such as a model streams; joined, they are the text."""
    return re.findall(r"\s*\S+\s*|\s+", text)


def word(value: Any) -> str | None:
    """A type or role as the body gives it; None where it is no string, and so can be no name."""
    return value if isinstance(value, str) else None


def json_type(value: Any) -> str:
    """What JSON calls a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def messages_of(body: Body) -> list[Any]:
    """The request's list of messages; raises `RequestError` if it is missing, empty or no list."""
    messages = body.get("messages")
    if messages is None:
        raise RequestError("'messages' is missing: send a list of messages.", param="messages", code="missing_messages")
    if not isinstance(messages, list):
        raise RequestError(f"'messages' must be a list, not {json_type(messages)}.", param="messages")
    if not messages:
        raise RequestError("'messages' is empty: send at least one message.", param="messages", code="empty_messages")
    return messages


def text_of(part: Mapping[str, Any], where: str) -> str:
    """The text of a text part; raises `RequestError` if it is none."""
    if not isinstance(part.get("text"), str):
        raise RequestError("A text part must have a 'text', a string.", param=f"{where}.text")
    return str(part["text"])


# Parts that a model wrote or that only name something else: there is nothing in them for the guard to read.
_SILENT = frozenset(
    [
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "mcp_tool_use",
        "refusal",
        "reasoning",
        "item_reference",
        "cache_control",
    ]
)


def other_part(part: Mapping[str, Any], texts: list[str], unread: list[str]) -> None:
    """Read a part of a type that is not known by its text, if it has one; else note that it was not read."""
    if isinstance(text := part.get("text"), str):
        texts.append(text)
    elif (type_ := word(part.get("type")) or "part") not in _SILENT:
        unread.append(type_[:40])


def objects(parts: Any, where: str, what: str) -> list[tuple[dict[str, Any], str]]:
    """The members of a list of objects, each with its path; raises `RequestError` if it is no such list."""
    if not isinstance(parts, list):
        raise RequestError(f"{where} must be a string or a list, not {json_type(parts)}.", param=where)
    for i, part in enumerate(parts):
        if not isinstance(part, dict):
            raise RequestError(f"{what} must be an object, not {json_type(part)}.", param=f"{where}[{i}]")
    return [(part, f"{where}[{i}]") for i, part in enumerate(parts)]


def one_text(parts: list[Any], text: str, *, type_: str) -> list[Any]:
    """The parts with `text` in place of all parts of `type_`: where the first of them stood, else in front."""
    kept = [part for part in parts if not (isinstance(part, dict) and part.get("type") == type_)]
    first = next((i for i, part in enumerate(parts) if isinstance(part, dict) and part.get("type") == type_), None)
    if first is None:
        return [{"type": type_, "text": text}, *kept]
    before = sum(1 for part in parts[:first] if part in kept)
    return [*kept[:before], {**parts[first], "text": text}, *kept[before:]]
