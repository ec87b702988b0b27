"""An upstream over HTTP: any API that is compatible with OpenAI's or Anthropic's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from guard.errors import UpstreamError
from guard.upstreams.base import Headers, Reply, end_to_end
from guard.upstreams.config import Kind

_CREDENTIALS = ("Authorization", "x-api-key", "api-key", "Cookie")
_ANTHROPIC_VERSION = "2023-06-01"


class HttpUpstream:
    """An API at a base URL, over pooled connections.

    Args:
        base: URL up to the version (``https://api.openai.com/v1``).
        kind: how a key is sent: as a bearer token, or as Anthropic has it.
        api_key: sent in place of the caller's credentials.
        forward_auth: whether the caller's credentials are sent on where there is no `api_key`.
        connect_timeout: seconds to reach it.
        read_timeout: seconds between two pieces of an answer.
    """

    name = "http"
    by_model = False

    def __init__(
        self,
        base: str,
        *,
        kind: Kind = "openai",
        api_key: str | None = None,
        forward_auth: bool = True,
        connect_timeout: float = 5.0,
        read_timeout: float = 600.0,
    ) -> None:
        self._base = base.rstrip("/")
        self._kind = kind
        self._api_key = api_key
        self._forward_auth = forward_auth
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=read_timeout),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        del model
        sent = CIMultiDict(headers)
        if self._api_key is not None or not self._forward_auth:
            for name in _CREDENTIALS:
                sent.popall(name, None)
        if self._api_key is not None:
            self._authorise(sent, self._api_key)
        url = URL(f"{self._base}/{path}", encoded=True)
        try:
            response = await self._session.request(method, url, headers=sent, data=body or None, allow_redirects=False)
        except Exception as error:
            raise _explained(error) from error
        return Reply(response.status, end_to_end(response.headers.items()), _Body(response))

    async def close(self) -> None:
        await self._session.close()

    def _authorise(self, headers: CIMultiDict[str], key: str) -> None:
        if self._kind == "openai":
            headers["Authorization"] = f"Bearer {key}"
        else:
            headers["x-api-key"] = key
            headers.setdefault("anthropic-version", _ANTHROPIC_VERSION)


class _Body:
    """An answer's bytes as they come.

    Leaving it early (the caller went away) closes the connection, which cancels the upstream's work; a generator would
    not notice where nobody has begun to read.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._chunks = response.content.iter_any()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except Exception as error:
            await self.aclose()
            raise _explained(error) from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        self._response.release() if self._response.content.at_eof() else self._response.close()


def _explained(error: Exception) -> Exception:
    match error:
        case StopAsyncIteration():
            return error
        case TimeoutError():
            return UpstreamError("The upstream did not answer in time.", status=504, code="upstream_timeout")
        case aiohttp.ClientConnectorError():
            return UpstreamError("The upstream cannot be reached.", code="upstream_unreachable")
        case aiohttp.ClientError() | ConnectionError() | OSError():
            return UpstreamError("The upstream broke off the connection.", code="upstream_disconnected")
        case _:
            return error
