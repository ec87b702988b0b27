"""An upstream that misbehaves as it is told, over raw sockets, and remembers what reached it.

How it answers a request, the request's model name says: ``ok``, ``slow``, ``silent``, ``html`` ... (see `_BEHAVIOURS`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

_LINGER = struct.pack("ii", 1, 0)  # closing then sends a reset, as a machine that crashed and came back does


class Upstream:
    """The upstream.

    Attributes:
        received: by the number that a request carries, its body as it came.
        headers: by the same number, its head.
        open: connections at this moment.
    """

    def __init__(self) -> None:
        self.received: dict[int, bytes] = {}
        self.headers: dict[int, bytes] = {}
        self.open = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._random = random.Random(7)

    async def start(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**26)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
                )
                body = await reader.readexactly(length)
                if not await self._answer(head, body, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the other side has left, or the scenario is over
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self, head: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request; whether the connection lives on."""
        try:
            request = json.loads(body)
        except ValueError:
            request = {}
        number = number_of(request)
        if number is not None:
            self.received[number], self.headers[number] = body, head
        behave: Behaviour = _BEHAVIOURS.get(str(request.get("model")), _ok)
        return await behave(self, request, reader, writer)


Behaviour = Callable[[Upstream, dict[str, Any], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


def number_of(request: Any) -> int | None:
    """The number that a caller put into a request."""
    user = request.get("user") if isinstance(request, dict) else None
    return int(user) if isinstance(user, str) and user.isdigit() else None


def said(number: int | None) -> str:
    """What the upstream says to the request of that number."""
    return f"answer {number}: a clock, a pear and an umbrella were seen — 時計と梨と傘"


def _completion(request: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": said(number_of(request))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()


def _events(request: dict[str, Any]) -> list[bytes]:
    words = said(number_of(request)).split(" ")
    deltas: list[dict[str, Any]] = [{"content": f" {word}" if i else word} for i, word in enumerate(words)]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return [b"data: " + json.dumps({**chunk, "choices": [choice]}).encode() + b"\n\n" for choice in choices] + [
        b"data: [DONE]\n\n"
    ]


def _head(status: str = "200 OK", type_: str = "application/json", **more: Any) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {type_}", *(f"{k.replace('_', '-')}: {v}" for k, v in more.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _ok(upstream: Upstream, request: dict[str, Any], _: Any, writer: asyncio.StreamWriter) -> bool:
    if request.get("stream"):
        await _send(writer, _head(type_="text/event-stream", transfer_encoding="chunked"))
        for event in _events(request):
            await _send(writer, f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await _send(writer, b"0\r\n\r\n")
    else:
        body = _completion(request)
        await _send(writer, _head(content_length=len(body)) + body)
    return True


async def _slow(upstream: Upstream, request: dict[str, Any], reader: Any, writer: asyncio.StreamWriter) -> bool:
    await asyncio.sleep(upstream._random.uniform(0.0, 1.5))
    return await _ok(upstream, request, reader, writer)


async def _dripping(upstream: Upstream, request: dict[str, Any], _: Any, writer: asyncio.StreamWriter) -> bool:
    """An event stream a few bytes at a time, cut anywhere, also within characters."""
    await _send(writer, _head(type_="text/event-stream", transfer_encoding="chunked"))
    everything = b"".join(_events(request))
    for start in range(0, len(everything), 61):
        piece = everything[start : start + 61]
        await _send(writer, f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await asyncio.sleep(0.005)
    await _send(writer, b"0\r\n\r\n")
    return True


async def _endless(upstream: Upstream, request: dict[str, Any], _: Any, writer: asyncio.StreamWriter) -> bool:
    await _send(writer, _head(type_="text/event-stream", transfer_encoding="chunked"))
    event = _events(request)[0]
    for _ in range(2000):
        await _send(writer, f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await asyncio.sleep(0.01)
    return False


async def _silent(upstream: Upstream, request: Any, reader: asyncio.StreamReader, writer: Any) -> bool:
    await reader.read(1)  # until the other side gives up
    return False


async def _failing(upstream: Upstream, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
    body = b'{"error":{"message":"out of order","type":"server_error","param":null,"code":null}}'
    await _send(writer, _head("500 Internal Server Error", content_length=len(body)) + body)
    return True


def _fixed(data: bytes, *, reset: bool = False) -> Behaviour:
    """Sends these bytes and closes, by a reset if so said."""

    async def behave(upstream: Upstream, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        if data:
            await _send(writer, data)
            await asyncio.sleep(0.02)
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            writer.transport.abort()
        return False

    return behave


def _first_events(*, reset: bool) -> Behaviour:
    async def behave(upstream: Upstream, request: dict[str, Any], reader: Any, writer: asyncio.StreamWriter) -> bool:
        events = b"".join(f"{len(e):x}\r\n".encode() + e + b"\r\n" for e in _events(request)[:3])
        whole = _head(type_="text/event-stream", transfer_encoding="chunked") + events
        return await _fixed(whole, reset=reset)(upstream, request, reader, writer)

    return behave


async def _endless_headers(upstream: Upstream, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
    await _send(writer, b"HTTP/1.1 200 OK\r\n")
    for i in range(20_000):
        await _send(writer, f"x-{i}: {'y' * 60}\r\n".encode())
    return False


_PART = b'{"id":"c","object":"chat.completion","choi'

_BEHAVIOURS: dict[str, Behaviour] = {
    "ok": _ok,
    "slow": _slow,
    "dripping": _dripping,
    "endless": _endless,
    "silent": _silent,
    "failing": _failing,
    "not-http": _fixed(b"220 mail.example.test ESMTP ready\r\n"),
    "binary": _fixed(bytes(range(256)) * 40),
    "html": _fixed(_head(type_="text/html", content_length=20) + b"<html>hello</html>  "),
    "not-json": _fixed(_head(content_length=9) + b"not json!"),
    "no-type": _fixed(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    "cut-json": _fixed(_head(content_length=500) + _PART),
    "bad-length": _fixed(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: many\r\n\r\n{}"),
    "bad-chunks": _fixed(_head(transfer_encoding="chunked") + b"zz\r\n{}\r\n0\r\n\r\n"),
    "endless-headers": _endless_headers,
    "hangs-up": _fixed(b""),
    "reset-before": _fixed(b"", reset=True),
    "reset-in-head": _fixed(b"HTTP/1.1 200 OK\r\ncontent-ty", reset=True),
    "reset-in-body": _fixed(_head(content_length=500) + _PART, reset=True),
    "cut-stream": _first_events(reset=False),
    "reset-in-stream": _first_events(reset=True),
}
GARBAGE = (
    "not-http",
    "binary",
    "html",
    "not-json",
    "no-type",
    "cut-json",
    "bad-length",
    "bad-chunks",
    "endless-headers",
)
RESETS = ("hangs-up", "reset-before", "reset-in-head", "reset-in-body")
CUT_STREAMS = ("cut-stream", "reset-in-stream")
