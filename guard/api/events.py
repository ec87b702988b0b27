"""Server-sent events (WHATWG HTML, section 9.2), cut out of a byte stream without losing a byte."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json, to_json

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE = re.compile(r"\r\n|\n|\r")

MAX_EVENT = 16 * 2**20
"""Bytes of one event that are held; a picture that a model drew may come in one."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        data: the JSON object that it carries, or None where it carries none (a comment, ``[DONE]``, broken JSON).
        name: its event field, or None.
        raw: its bytes as they came, with the blank line; None for an event of our own making.
    """

    data: dict[str, Any] | None
    name: str | None = None
    raw: bytes | None = None

    def encode(self) -> bytes:
        """The bytes as they came, or those of an event of our own."""
        if self.raw is not None:
            return self.raw
        name = f"event: {self.name}\n".encode() if self.name else b""
        return name + b"data: " + (b"[DONE]" if self.data is None else to_json(self.data)) + b"\n\n"

    def changed(self, data: dict[str, Any]) -> Event:
        """The event with other data."""
        return replace(self, data=data, raw=None)


class EventReader:
    """Cuts a byte stream into events as the bytes come."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            ValueError: an event is larger than `MAX_EVENT`.
        """
        # A boundary may lie across two chunks, so the last three bytes held are looked at again.
        search = max(0, len(self._held) - 3)
        self._held += chunk
        events: list[Event] = []
        start = 0
        for end in _END.finditer(self._held, search):
            events.append(_parse(self._held[start : end.end()]))
            start = end.end()
        self._held = self._held[start:]
        if len(self._held) > MAX_EVENT:
            raise ValueError(f"an event of more than {MAX_EVENT} bytes")
        return events

    def rest(self) -> bytes:
        """What is left at the end of the stream: an event that was never finished, or nothing."""
        rest, self._held = self._held, b""
        return rest


def _parse(raw: bytes) -> Event:
    lines: list[str] = []
    name = None
    try:
        for line in _LINE.split(raw.decode()):
            field, _, value = line.partition(":")
            if field == "data":
                lines.append(value.removeprefix(" "))
            elif field == "event":
                name = value.removeprefix(" ")
        data = from_json("\n".join(lines)) if lines else None
    except ValueError:
        return Event(None, None, raw)
    return Event(data if isinstance(data, dict) else None, name if name != "message" else None, raw)
