"""Events of a stream, wherever its bytes are cut."""

from __future__ import annotations

import pytest

from guard.api import FORMATS
from guard.api.events import Event, EventReader
from tests.paths import STREAMS


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
