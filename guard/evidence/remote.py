"""Pictures given by address: fetched only where a policy allows it, and never from private addresses."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from guard.errors import ImageError
from guard.evidence.pictures import MAX_BYTES, PictureCache
from guard.types import Exchange, Image

_SECONDS = 5.0
_AT_MOST = 10


class _PublicOnly(AbstractResolver):
    """Resolves names to public addresses only; aiohttp connects to just those, so nothing changes in between."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [address for address in found if is_public(address["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Whether an IP address is reachable by everybody: not private, link-local, loopback, mapped or reserved."""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


class RemoteImages:
    """Fetches pictures by address: http(s) only, public addresses only, no redirects, bounded in size and time."""

    def __init__(self, pictures: PictureCache) -> None:
        self._pictures = pictures
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, exchange: Exchange) -> Exchange:
        """The exchange with its remote pictures' bytes; one that cannot be had or read stays as it was."""
        wanted = [image for image in exchange.images if image.data is None][:_AT_MOST]
        fetched = dict(zip(wanted, await asyncio.gather(*(self._get(image) for image in wanted)), strict=True))
        turns = tuple(
            replace(turn, images=tuple(fetched.get(image, image) for image in turn.images)) for turn in exchange.turns
        )
        return replace(exchange, turns=turns)

    async def _get(self, image: Image) -> Image:
        try:
            data = await self.get(image.url or "")
            await asyncio.to_thread(self._pictures.decode, data)  # what cannot be read is as good as not fetched
            return replace(image, data=data)
        except (ImageError, aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return image  # the guard then does without this picture, and says so

    async def get(self, address: str) -> bytes:
        """The bytes at `address`; raises `ImageError` where it may not or cannot be fetched."""
        url = URL(address)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ImageError(f"{address[:80]!r} is no http(s) address.", code="invalid_image_url")
        if _is_ip(url.host) and not is_public(url.host):
            raise ImageError("Pictures are not fetched from private addresses.", code="private_address")
        async with self._client().get(url, allow_redirects=False) as response:
            if response.status != 200 or not response.content_type.startswith("image/"):
                raise ImageError(
                    f"The address answered {response.status} with {response.content_type}, not a picture.",
                    code="not_an_image",
                )
            data = await response.content.read(MAX_BYTES + 1)
            while len(data) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES + 1 - len(data))):
                data += more
            if len(data) > MAX_BYTES:
                raise ImageError(f"The picture at {address[:80]!r} is too large.", code="image_too_large")
            return data

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector: Any = aiohttp.TCPConnector(resolver=_PublicOnly(), limit=32)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept": "image/*"},
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
