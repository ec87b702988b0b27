"""Connections that never say what they want are closed."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0


class SlowClientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit to how long a client may take to send the head of its first request.

    Between requests uvicorn closes idle connections itself; bodies have a deadline of their own.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._waiting = self.loop.call_later(HEAD_SECONDS, transport.close)

    def on_headers_complete(self) -> None:
        self._heard()
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        # The head of a later request on the same connection has begun to come.
        self._heard()
        self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)
        super().on_message_begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        super().connection_lost(exc)

    def _heard(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
