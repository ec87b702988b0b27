"""What an upstream is: somewhere that a request goes once it is guarded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

Headers = list[tuple[str, str]]

# RFC 9110 section 7.6.1, and what belongs to one connection or is computed anew.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "host", "content-length", "expect"),
    }
)


@dataclass(slots=True)
class Reply:
    """An upstream's answer: status, end-to-end headers, and the body as it comes."""

    status: int
    headers: Headers
    body: AsyncIterator[bytes]

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name.lower() == "content-type"), "")


class Upstream(Protocol):
    """Somewhere to send requests to.

    Attributes:
        by_model: whether it must be told which model is meant, also on routes that are not guarded.
    """

    name: str
    by_model: bool

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        """Send a request.

        Args:
            path: relative to the API's base, with the query string.
            model: the one that the body names, where somebody has read it.

        Raises:
            UpstreamError: there is no answer. Reading the reply's body may raise it too.
        """
        ...

    async def close(self) -> None: ...


def end_to_end(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers that pass through a proxy: without those of the connection (also those that Connection names)."""
    pairs = list(headers)
    named = {
        token.strip().lower() for name, value in pairs if name.lower() == "connection" for token in value.split(",")
    }
    return [(name, value) for name, value in pairs if name.lower() not in _HOP_BY_HOP | named]
