"""Upstreams over HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import FakeUpstream
from tests.upstreams.samples import ASKED


def test_an_anthropic_upstream_of_its_own(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    own = start_proxy(upstream=upstream.base, upstream_kind="anthropic", upstream_api_key="sk-own")
    httpx.post(f"{own}/v1/messages", json={"model": "m", "max_tokens": 9, "messages": ASKED})
    assert upstream.headers[-1]["x-api-key"] == "sk-own"
    assert upstream.headers[-1]["anthropic-version"]


@contextmanager
def half_open(head: bytes) -> Iterator[str]:
    """A server that sends `head` and then nothing, and keeps the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                connection.recv(65_536)
                connection.sendall(head)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        for connection in kept:
            connection.close()


def test_an_upstream_that_falls_silent_before_its_first_byte(start_proxy: Callable[..., str]) -> None:
    with half_open(b"") as base:
        address = start_proxy(
            upstreams={"silent": {"base": base}},
            routes=[{"model": "*", "to": [{"upstream": "silent"}], "timeout": 0.2, "retries": 1}],
        )
        start = time.monotonic()
        response = httpx.post(f"{address}/v1/chat/completions", json={"model": "m", "messages": ASKED})
        assert (response.status_code, response.json()["error"]["code"]) == (504, "upstream_timeout")
        assert 0.4 <= time.monotonic() - start < 5
