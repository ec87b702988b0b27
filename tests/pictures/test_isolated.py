"""Pictures decoded in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from benchmarks.faults.pictures import bases, crafted, spoilt
from guard.errors import ImageError, NormGuardError
from guard.pictures import isolated
from guard.pictures.decode import decode
from guard.pictures.isolated import Decoders
from tests.conftest import FakeUpstream
from tests.processes import served
from tests.samples import data_url, picture_message


@pytest.fixture(scope="module")
def decoders() -> Decoders:
    return Decoders(1)


def children() -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "isolated.py"], capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.parametrize("name", bases())
def test_the_same_as_in_this_process(decoders: Decoders, name: str) -> None:
    data = bases()[name]
    here, there = decode(data), decoders(data)
    assert (there.format, there.size, there.location, there.title, there.key) == (
        here.format,
        here.size,
        here.location,
        here.title,
        here.key,
    )
    assert there.thumbnail.tobytes() == here.thumbnail.tobytes()


def test_the_same_errors_with_the_callers_field(decoders: Decoders) -> None:
    for data in (b"", b"nonsense", bases()["png"][:60], dict(crafted())["png of 400 megapixels in its head"]):
        with pytest.raises(ImageError) as here:
            decode(data, param="messages[0]")
        with pytest.raises(ImageError) as there:
            decoders(data, param="messages[0]")
        assert (str(there.value), there.value.code, there.value.param) == (
            str(here.value),
            here.value.code,
            "messages[0]",
        )


def test_one_that_takes_too_long_is_ended_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    decoders = Decoders(1)
    decoders(bases()["png"])
    monkeypatch.setattr(isolated, "SECONDS", 0.05)
    slow = dict(crafted())["png bomb of 49 megapixels, 16 bits, alpha"]
    start = time.perf_counter()
    with pytest.raises(ImageError, match="takes longer"):
        decoders(slow)
    assert time.perf_counter() - start < 2
    monkeypatch.undo()
    assert decoders(bases()["png"]).size == (160, 120)


def test_one_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Path(isolated.__file__).read_text().replace("MEMORY = 640 * 2**20", "MEMORY = 260 * 2**20")
    script = Path(isolated.__file__).with_name("isolated_small.py")
    script.write_text(small)
    try:
        monkeypatch.setattr(isolated, "__file__", str(script))
        decoders = Decoders(1)
        with pytest.raises(ImageError) as caught:
            decoders(dict(crafted())["png bomb of 49 megapixels, 16 bits, alpha"])
        assert caught.value.code in {"image_too_costly", "invalid_image"}
        assert decoders(bases()["jpeg"]).format == "JPEG"
    finally:
        script.unlink()


def test_one_that_is_killed_costs_one_picture(decoders: Decoders) -> None:
    decoders(bases()["gif"])
    for child in children():
        os.kill(child, signal.SIGKILL)
    time.sleep(0.1)
    with pytest.raises(ImageError, match="cannot be decoded"):
        decoders(bases()["gif"])
    assert decoders(bases()["gif"]).format == "GIF"


def test_many_at_once_take_turns(decoders: Decoders) -> None:
    files = list(bases().values()) * 5
    sizes: list[tuple[int, int]] = []
    threads = [threading.Thread(target=lambda d=data: sizes.append(decoders(d).size)) for data in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(sizes) == len(files)


def test_a_decoder_knows_no_secrets_and_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NORMGUARD_UPSTREAM_API_KEY", "sk-QX77Z")
    decoders = Decoders(1)
    decoders(bases()["png"])
    found = children()
    assert found
    for child in found:
        assert b"QX77Z" not in Path(f"/proc/{child}/environ").read_bytes()
    newest = max(found)
    del decoders
    deadline = time.monotonic() + 5
    while newest in children():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("where", ["here", "there"])
def test_spoilt_files_are_read_or_refused(decoders: Decoders, where: str) -> None:
    read: Callable[[bytes], object] = decode if where == "here" else decoders
    refused = 0
    for name, data in spoilt(300, seed=5):
        try:
            read(data)
        except NormGuardError as error:
            refused += 1
            assert len(str(error)) < 400, name  # noqa: PT017
    assert 30 < refused < 290


def test_the_server_lives_through_what_kills_a_decoder(upstream: FakeUpstream, tmp_path: Path) -> None:
    with served(tmp_path, upstream.base) as (process, address):

        def post(data: bytes) -> httpx.Response:
            body = {"model": "m", "messages": picture_message(data_url(data))}
            return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=20)

        assert post(bases()["jpeg"]).status_code == 200
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "isolated.py"], capture_output=True, check=True
        ).stdout.split()
        assert found
        for child in found:
            os.kill(int(child), signal.SIGKILL)
        time.sleep(0.1)
        response = post(bases()["png"])
        assert response.status_code == 400
        assert response.json()["error"]["param"] == "messages[0].content[1].image_url.url"
        assert post(bases()["webp"]).status_code == 200
