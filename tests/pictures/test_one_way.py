"""A picture goes one way: opened in no process but a decoder's, and its bytes gone over once."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from guard import Exchange, Guard, Image
from guard import types as types_module
from guard.audit.record import Record
from guard.pictures import decode as decode_module
from guard.pictures.decode import PictureCache, decode
from guard.pictures.isolated import Decoders
from guard.vision import ocr
from guard.vision.ocr import EDGE, SignReader
from tests.conftest import FakeUpstream
from tests.samples import data_url, picture_message
from tests.vision.test_ocr import sign


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads of this process in which Pillow has opened a file."""
    found: list[str] = []
    open_ = Pillow.open

    def counting(*args: Any, **rest: Any) -> Any:
        found.append(threading.current_thread().name)
        return open_(*args, **rest)

    monkeypatch.setattr(Pillow, "open", counting)
    return found


def served(
    guard: Guard, reader: SignReader, pictures: PictureCache, start_proxy: Callable[..., str], base: str
) -> httpx.Response:
    looking = Guard(library=guard.library, scorer=guard.scorer, ocr=reader, pictures=pictures)
    address = start_proxy(looking, upstream=base, guard_timeout=60)
    data = sign("Shanghai Garden Hotel", "Roast pork 45")
    body = {"model": "m", "messages": picture_message(data_url(data), "What should I order for my host?")}
    return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=60)


def test_a_server_that_reads_signs_opens_no_picture_itself(
    guard: Guard, upstream: FakeUpstream, start_proxy: Callable[..., str], opened: list[str]
) -> None:
    pytest.importorskip("rapidocr", reason="the OCR library is not installed")
    pictures = PictureCache(decoder=Decoders(1))
    response = served(guard, SignReader(budget=60.0), pictures, start_proxy, upstream.base)
    assert response.headers["x-normguard-status"] == "ok"
    assert response.headers["x-normguard-cultures"].startswith("CN"), "the sign was read"
    assert opened == []


def test_the_count_sees_what_a_process_opens_itself(
    guard: Guard, upstream: FakeUpstream, start_proxy: Callable[..., str], opened: list[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(ocr, "_engine", lambda: lambda pixels: SimpleNamespace(txts=None, scores=None))
    assert served(guard, SignReader(), PictureCache(), start_proxy, upstream.base).status_code == 200
    assert len(opened) == 2


@pytest.mark.parametrize("edge", [64, EDGE])
def test_decoders_give_the_size_that_is_asked_for(edge: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(noise).save(buffer, "PNG")
    data = buffer.getvalue()
    there, here = Decoders(1)(data, edge=edge), decode(data, edge=edge)
    assert max(there.thumbnail.size) == edge
    assert there.thumbnail.tobytes() == here.thumbnail.tobytes()
    assert (there.key, there.size) == (here.key, (2000, 1500))


def test_a_pictures_bytes_are_gone_over_once(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "_engine", lambda: lambda pixels: SimpleNamespace(txts=None, scores=None))
    counted: list[int] = []
    digest = types_module.digest
    for module in (types_module, decode_module):
        monkeypatch.setattr(module, "digest", lambda data: counted.append(len(data)) or digest(data))
    looking = Guard(library=guard.library, scorer=guard.scorer, ocr=SignReader(budget=5.0))
    image = Image(data=sign("x"))
    key = image.key
    image = looking.prefetch(image)
    exchange = Exchange.of("A gift for my host in Japan?", images=[image])
    decision = looking.check(exchange)
    record = Record.of(
        exchange, decision, secret=b"s", request_id="r", api="chat", model="m", policy=None, http_status=200,
        latency_ms=1.0,
    )  # fmt: skip
    assert len(record.image_hashes) == 1
    assert image.key == key == digest(image.data or b"")
    assert len(counted) == 1
