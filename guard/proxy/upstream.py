"""Upstreams: where a request goes once it is guarded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

Headers = list[tuple[str, str]]

# RFC 9110 section 7.6.1, and what belongs to one connection or is computed anew.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "host", "content-length", "expect"),
    }
)


class UpstreamError(Exception):
    """The upstream gave no answer that could be passed on.

    Attributes:
        status: HTTP status for the caller: 502, or 504 where time ran out.
        code: ``upstream_`` and ``unreachable``, ``timeout``, ``disconnected`` or ``invalid_response``.
    """

    def __init__(self, message: str, *, status: int = 502, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


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
    """Somewhere to send requests to."""

    name: str

    async def send(self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes]) -> Reply:
        """Send a request; `path` is relative to the API's base and carries the query string.

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


class HttpUpstream:
    """Any OpenAI-compatible API at a base URL, over pooled connections."""

    name = "http"

    def __init__(
        self, base: str, *, api_key: str | None = None, connect_timeout: float = 5.0, read_timeout: float = 600.0
    ) -> None:
        self._base = base.rstrip("/")
        self._api_key = api_key
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=read_timeout),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def send(self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes]) -> Reply:
        sent = CIMultiDict(headers)
        if self._api_key is not None:
            sent["Authorization"] = f"Bearer {self._api_key}"
        url = URL(f"{self._base}/{path}", encoded=True)
        try:
            response = await self._session.request(method, url, headers=sent, data=body or None, allow_redirects=False)
        except Exception as error:
            raise _explained(error) from error
        return Reply(response.status, end_to_end(response.headers.items()), _body(response))

    async def close(self) -> None:
        await self._session.close()


async def _body(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    # Leaving this generator early (the caller went away) closes the connection, which cancels the upstream's work.
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except Exception as error:
        raise _explained(error) from error
    finally:
        response.close() if not response.content.at_eof() else response.release()


def _explained(error: Exception) -> Exception:
    match error:
        case TimeoutError():
            return UpstreamError("The upstream did not answer in time.", status=504, code="upstream_timeout")
        case aiohttp.ClientConnectorError():
            return UpstreamError("The upstream cannot be reached.", code="upstream_unreachable")
        case aiohttp.ClientError() | ConnectionError() | OSError():
            return UpstreamError("The upstream broke off the connection.", code="upstream_disconnected")
        case _:
            return error
