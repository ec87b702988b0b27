"""A bare upstream of all three APIs that answers at once: the zero against which proxies are measured.

``python upstream.py PORT``. Answers are fixed bytes, so that it costs as little as an asyncio server can.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from guard.api import FORMATS

_TEXT = "An answer of some words. " * 8
_BODIES: dict[str, bytes] = {}
_EVENTS: dict[str, list[bytes]] = {}
for _api in FORMATS.values():
    _said = _api.answer({"model": "bench", "n": 1}, _TEXT, id_="bench")
    _BODIES[f"/v1/{_api.path}"] = json.dumps(_said).encode()
    _EVENTS[f"/v1/{_api.path}"] = [event.encode() for event in _api.events(_said)]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if b'"stream":true' in body or b'"stream": true' in body:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        *first, last = _EVENTS[scope["path"]]
        for event in first:
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": last})
        return
    answer = _BODIES.get(scope["path"], b"{}")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
