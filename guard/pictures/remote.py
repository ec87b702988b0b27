"""Pictures given by address: fetched only where a policy allows it, and never from private addresses."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from yarl import URL

from guard.errors import ImageError
from guard.pictures.decode import MAX_BYTES, PictureCache
from guard.types import Exchange, Image

# What the standard library counts as global, or may in some version, and leads to private addresses all the same: IPv6
# forms of IPv4 addresses (RFC 4291 2.5.5, 3056, 4380, 6052, 8215, 2765), protocol assignments with clouds' metadata.
_NEVER = tuple(
    map(
        ip_network,
        (
            *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
            *("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"),
        ),
    )
)
_SECONDS = 5.0
_AT_MOST = 10
_REDIRECTS = 3


class _PublicOnly(AbstractResolver):
    """Resolves names to public addresses only; aiohttp connects to just those, so nothing changes in between."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [address for address in found if is_globally_routable(address["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def _public_socket(info: Any) -> socket.socket:
    """A socket for an address that is about to be connected to: the last word, whatever was resolved before."""
    family, type_, proto, _, address = info
    if not is_globally_routable(str(address[0])):
        raise OSError("not a public address")
    made = socket.socket(family, type_, proto)
    made.setblocking(False)
    return made


def is_globally_routable(address: str) -> bool:
    """Whether an IP address is reachable by everybody: not private, link-local, loopback, mapped or reserved."""
    ip = ip_address(address.partition("%")[0])
    if any(ip in network for network in _NEVER if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast


class RemoteImages:
    """Fetches pictures by address: http(s) and public addresses only, each redirect too, bounded in size and time."""

    def __init__(self, pictures: PictureCache) -> None:
        self._pictures = pictures
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, exchange: Exchange) -> Exchange:
        """The exchange with its remote pictures' bytes; one that cannot be had or read stays as it was."""
        wanted = [image for image in exchange.images if image.data is None][:_AT_MOST]
        fetched = dict(zip(wanted, await asyncio.gather(*(self._get(image) for image in wanted)), strict=True))
        return exchange.with_images(lambda image: fetched.get(image, image))

    async def _get(self, image: Image) -> Image:
        try:
            data = await self.get(image.url or "")
            # What cannot be read is as good as not fetched.
            picture = await asyncio.to_thread(self._pictures.decode, data)
            return replace(image, data=data, picture=picture)
        except (ImageError, aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return image  # the guard then does without this picture, and says so

    async def get(self, address: str) -> bytes:
        """The bytes at `address`; raises `ImageError` where it may not or cannot be fetched."""
        url = URL(address)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ImageError(f"{address[:80]!r} is no http(s) address.", code="invalid_image_url")
        if _is_ip(url.host) and not is_globally_routable(url.host):
            raise ImageError("Pictures are not fetched from private addresses.", code="private_address")
        async with self._client().get(url, max_redirects=_REDIRECTS) as response:
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
            connector: Any = aiohttp.TCPConnector(resolver=_PublicOnly(), limit=32, socket_factory=_public_socket)
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
