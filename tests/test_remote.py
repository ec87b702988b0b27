"""Pictures given by address."""

from __future__ import annotations

import pytest

from guard import Exchange, Image, ImageError
from guard.evidence.remote import RemoteImages
from tests.conftest import FakeUpstream


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/a.png",
        "http://[::1]/a.png",
        "http://169.254.169.254/latest",
        "ftp://8.8.8.8/a.png",
        "http:///a.png",
    ],
)
async def test_private_and_odd_addresses_are_refused(address: str) -> None:
    remote = RemoteImages()
    with pytest.raises((ImageError, ValueError)):
        await remote.get(address)
    await remote.close()


async def test_names_of_private_addresses_are_not_connected_to(upstream: FakeUpstream) -> None:
    remote = RemoteImages()
    address = upstream.base.replace("127.0.0.1", "localhost") + "/picture.png"
    exchange = Exchange.of("?", images=[Image(url=address)])
    assert await remote.fetch(exchange) == exchange
    assert upstream.paths == []
    await remote.close()
