"""Pictures given by address."""

from __future__ import annotations

import pytest
from aiohttp import web

from guard import Exchange, Image, ImageError
from guard.pictures import remote as module
from guard.pictures.decode import PictureCache
from guard.pictures.remote import RemoteImages, is_globally_routable
from tests.conftest import FakeUpstream
from tests.pictures.samples import jpeg


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_private_addresses_are_told_from_public_ones(address: str, public: bool) -> None:
    assert is_globally_routable(address) is public


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
    remote = RemoteImages(PictureCache())
    with pytest.raises((ImageError, ValueError)):
        await remote.get(address)
    await remote.close()


async def test_names_of_private_addresses_are_not_connected_to(upstream: FakeUpstream) -> None:
    remote = RemoteImages(PictureCache())
    address = upstream.base.replace("127.0.0.1", "localhost") + "/picture.png"
    exchange = Exchange.of("?", images=[Image(url=address)])
    assert await remote.fetch(exchange) == exchange
    assert upstream.paths == []
    await remote.close()


async def test_what_is_fetched_and_what_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_globally_routable", lambda address: True)
    photo = jpeg()
    answers = {
        "photo": lambda: web.Response(body=photo, content_type="image/jpeg"),
        "page": lambda: web.Response(text="<html>", content_type="text/html"),
        "broken": lambda: web.Response(body=photo[:100], content_type="image/jpeg"),
        "huge": lambda: web.Response(body=b"\xff" * (module.MAX_BYTES + 1), content_type="image/jpeg"),
        "moved": lambda: web.Response(status=302, headers={"location": "/photo"}),
    }

    async def answer(request: web.Request) -> web.Response:
        return answers[request.match_info["name"]]()

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    remote = RemoteImages(PictureCache())
    exchange = Exchange.of("?", images=[Image(url=f"http://{host}:{port}/{name}") for name in answers])
    fetched = await remote.fetch(exchange)
    await remote.close()
    await runner.cleanup()
    assert [image.data for image in fetched.images] == [photo, None, None, None, photo]
