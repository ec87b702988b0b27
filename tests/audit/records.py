"""Records of decisions made for tests."""

from __future__ import annotations

from typing import Any

from guard import Exchange, Guard, Image
from guard.audit.record import Record
from tests.samples import CLOCK, png


def record(guard: Guard, query: str = CLOCK, **more: Any) -> Record:
    exchange = Exchange.of(query, images=[Image(data=png())])
    given: dict[str, Any] = {
        "secret": b"s",
        "request_id": "1",
        "api": "chat",
        "model": "m",
        "policy": guard.policy,
        "packs_hash": guard.library.digest,
        "http_status": 200,
        "latency_ms": 1.0,
    }
    return Record.of(exchange, guard.check(exchange), **{**given, **more})
