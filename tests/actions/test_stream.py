"""Answers that are checked while they stream."""

from __future__ import annotations

import pytest

from guard import Guard
from guard.actions.steps import Again, Ask, Wanted
from guard.actions.verify import Verification
from guard.api import FORMATS
from guard.flow import run
from tests.actions.asking import post
from tests.actions.checking import verification
from tests.paths import STREAMS
from tests.policies import BAD, GOOD


@pytest.mark.parametrize("api", FORMATS)
def test_a_checked_stream_is_the_same_byte_for_byte(address: str, api: str) -> None:
    response = post(address, api, "verify", stream=True, model=f"recorded:{api}")
    assert response.headers["x-normguard-verify"] == "streamed"
    assert response.content == (STREAMS / f"{api}.sse").read_bytes()


def through(stream: bytes, size: int, check: Verification, api: str, said: str | None = GOOD) -> bytes:
    def ask(wanted: Wanted) -> str | None:
        assert isinstance(wanted, Ask | Again)
        return said

    passing = check.stream(FORMATS[api])
    out = [run(passing.feed(stream[i : i + size]), ask) for i in range(0, len(stream), size)]
    return b"".join([*out, run(passing.finish(), ask)])


@pytest.mark.parametrize("api", FORMATS)
@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_a_revised_stream_does_not_depend_on_where_the_bytes_are_cut(guard: Guard, api: str, size: int) -> None:
    format_ = FORMATS[api]
    answer = format_.answer({"model": "m"}, GOOD + BAD + "More of it.", id_="1")
    stream = b"".join(event.encode() for event in format_.events(answer))
    assert through(stream, size, verification(guard), api) == through(stream, 50, verification(guard), api)


def test_nothing_in_breach_is_out_before_it_is_checked(guard: Guard) -> None:
    """At no moment has more gone out than what was cleared, and little more is held than a sentence."""
    format_ = FORMATS["chat"]
    text = GOOD * 40 + BAD + "The end."
    stream = [event.encode() for event in format_.events(format_.answer({"model": "m"}, text, id_="1"))]
    passing = verification(guard, hold_back=60).stream(format_)
    out = seen = b""
    for event in stream:
        seen += event
        out += run(passing.feed(event), lambda _: GOOD)
        assert b"lovely" not in out
        if b"lovely" not in seen:
            assert seen.count(b"content") - out.count(b"content") < 25
    out += run(passing.finish(), lambda _: GOOD)
    assert out.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_ends_too_early_is_released(guard: Guard) -> None:
    recorded = (STREAMS / "messages.sse").read_bytes()
    for end in range(0, len(recorded), 37):
        check = verification(guard)
        assert through(recorded[:end], 64, check, "messages") == recorded[:end]
