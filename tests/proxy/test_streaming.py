"""Streams through the proxy."""

from __future__ import annotations

import contextlib

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from tests.conftest import FakeUpstream
from tests.samples import CLOCK, HARMLESS, client


def test_streaming(proxy: str) -> None:
    stream = client(proxy).chat.completions.create(
        model="m", stream=True, messages=[{"role": "user", "content": CLOCK}]
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "piece0 piece1 piece2 "


async def test_async_and_async_streaming(proxy: str) -> None:
    async with AsyncOpenAI(base_url=f"{proxy}/v1", api_key="sk-test") as api:
        answer = await api.chat.completions.create(model="m", messages=[{"role": "user", "content": CLOCK}])
        assert answer.choices[0].message.content == "fine"
        stream = await api.chat.completions.create(
            model="m", stream=True, messages=[{"role": "user", "content": HARMLESS}]
        )
        assert len([chunk async for chunk in stream]) == 4


def test_chunks_are_not_held_back(proxy: str, upstream: FakeUpstream) -> None:
    stream = client(proxy).chat.completions.create(
        model="held", stream=True, messages=[{"role": "user", "content": HARMLESS}]
    )
    assert next(stream).choices[0].delta.content == "piece0 "
    upstream.release.set()  # so the first piece came before the second was there
    assert next(stream).choices[0].finish_reason == "stop"


def test_an_upstream_that_dies_in_mid_stream(proxy: str) -> None:
    stream = client(proxy).chat.completions.create(
        model="die", stream=True, messages=[{"role": "user", "content": HARMLESS}]
    )
    pieces = []
    with pytest.raises(openai.APIError, match="broke off"):
        pieces.extend(chunk.choices[0].delta.content for chunk in stream)


@pytest.mark.parametrize("model", ["endless", "hang"])
def test_a_client_that_goes_away_ends_the_upstreams_work(proxy: str, upstream: FakeUpstream, model: str) -> None:
    body = {"model": model, "stream": model == "endless", "messages": [{"role": "user", "content": HARMLESS}]}
    with (
        contextlib.suppress(httpx.ReadTimeout),
        httpx.Client(timeout=0.4) as caller,
        caller.stream("POST", f"{proxy}/v1/chat/completions", json=body) as response,
    ):
        assert next(response.iter_bytes())
    assert upstream.cancelled.wait(1.0)
