"""Clients that are slow to send or to read."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from guard.proxy import slow_clients as protocol
from tests.conftest import FakeUpstream
from tests.paths import STREAMS
from tests.samples import BODY, HARMLESS


def test_a_body_that_does_not_come(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, body_timeout=1.5)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as stalled:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{"
        stalled.sendall(head)
        answer = stalled.recv(65536)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"body_timeout" in answer


def test_a_connection_that_never_says_what_it_wants(
    start_proxy: Callable[..., str], upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    address = start_proxy(upstream=upstream.base)
    host, port = address.removeprefix("http://").split(":")
    stalled = [socket.create_connection((host, int(port)), 5) for _ in range(30)]
    for number, connection in enumerate(stalled):
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"[: number * 2])
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    for connection in stalled:
        assert connection.recv(10) == b""
        connection.close()
    with httpx.Client() as kept:  # a connection that is used on time stays
        for _ in range(3):
            assert kept.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
            time.sleep(1.1)


def test_a_client_that_reads_a_byte_at_a_time(proxy: str) -> None:
    body = json.dumps({"model": "recorded:responses", "input": HARMLESS, "stream": True}).encode()
    head = (
        f"POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    host, port = proxy.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection.sendall(head + body)
        got = b""
        while byte := connection.recv(1):
            got += byte
            time.sleep(0.0002)
    recorded = (STREAMS / "responses.sse").read_bytes()
    assert len(got) > len(recorded)
    assert b"response.completed" in got
