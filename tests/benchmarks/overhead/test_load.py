"""The load: its requests, and how they are counted."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import pytest
from PIL import Image

from benchmarks.overhead.load import Case, ask, measured
from guard.api import FORMATS


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize("api", FORMATS)
def test_cases_are_requests_of_their_api(api: str, kind: str) -> None:
    case = Case(kind, stream=True, api=api)
    bodies = [json.loads(case.body(number)) for number in range(8)]
    exchanges = [FORMATS[api].read(body) for body in bodies]
    assert len({exchange.query for exchange in exchanges}) == 8, "no text comes twice"
    assert all(body["stream"] for body in bodies)
    pictures = [image.data for exchange in exchanges for image in exchange.images]
    assert len(set(pictures)) == (8 if kind == "image" else 0)
    if kind == "image":
        assert Image.open(io.BytesIO(pictures[0] or b"")).size == (1024, 768)
        assert base64.b64decode(base64.b64encode(pictures[0] or b""))


def test_a_series_counts_what_it_sends(address: str) -> None:
    run = measured("bare", address, Case(), 4, 120)
    assert (run.requests, run.failed, run.connections, run.api) == (120, 0, 4, "chat")
    assert 0 < run.median <= run.p99
    assert run.first_token_median <= run.median
    times = asyncio.run(ask(address, Case(), 3, iter([Case().body(n) for n in range(10)])))
    assert len(times.whole) == len(times.first) == 10
