"""Settings, policies and norms that are read again while the server runs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from guard import Guard
from tests.conftest import FakeUpstream
from tests.processes import served
from tests.proxy.asking import post, reload, reloadable
from tests.samples import BODY, HARMLESS
from tests.waiting import wait_for


def test_a_reload_brings_in_all_or_nothing(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base)

    def status(policy: str) -> int:
        return post(address, policy, picture=False).status_code

    assert status("mine") == 400
    (tmp_path / "policies" / "mine.yaml").write_text("description: mine\nmax_norms: 1\n")
    assert status("mine") == 400, "nothing happens by itself"
    answer = reload(address)
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert status("mine") == 200
    (tmp_path / "policies" / "mine.yaml").write_text("max_norms: many\n")
    (tmp_path / "policies" / "other.yaml").write_text("description: other\n")
    answer = reload(address)
    assert answer.status_code == 409
    assert "mine.yaml: max_norms" in answer.json()["message"]
    assert (status("mine"), status("other")) == (200, 400), "what was in force stays, all of it"
    (tmp_path / "policies" / "mine.yaml").unlink()
    (tmp_path / "norms" / "cn.yaml").write_text("country: CN\nnorms: [{id: cn.gift.clocks, title: }]\n")
    assert reload(address).status_code == 409
    assert status("mine") == 200
    told = httpx.get(f"{address}/metrics").text
    assert 'normguard_reloads_total{outcome="ok"} 1.0' in told
    assert 'normguard_reloads_total{outcome="failed"} 2.0' in told
    assert httpx.get(f"{address}/normguard/admin/status").json()["reload"]["ok"] is False


def test_requests_under_way_keep_what_they_began_with(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base)
    pieces: list[str] = []

    def slow() -> None:
        messages: Any = [{"role": "user", "content": HARMLESS}]
        for chunk in OpenAI(base_url=f"{address}/v1", api_key="x").chat.completions.create(
            model="endless", stream=True, messages=messages
        ):
            pieces.append(chunk.choices[0].delta.content or "")
            if len(pieces) > 300:
                break

    thread = threading.Thread(target=slow)
    thread.start()
    wait_for(lambda: bool(pieces))
    assert reload(address).status_code == 200
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    thread.join(30)
    assert len(pieces) > 300, "its upstream was not closed under it"


def test_files_that_change_are_noticed(
    start_proxy: Callable[..., str],
    guard: Guard,
    upstream: FakeUpstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base, reload_every=0.2)
    walk, failures = Path.rglob, iter(range(3))

    def limping(path: Path, pattern: str) -> Iterator[Path]:
        if next(failures, None) is not None:
            raise FileNotFoundError(path)  # a folder that is replaced while it is read
        return walk(path, pattern)

    monkeypatch.setattr(Path, "rglob", limping)
    (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
    deadline = time.monotonic() + 30
    while post(address, "mine", picture=False).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_server_that_was_given_its_guard_says_so(proxy: str) -> None:
    answer = reload(proxy)
    assert answer.status_code == 409
    assert "nothing to reload" in answer.json()["message"]


def test_sighup_reloads(upstream: FakeUpstream, tmp_path: Path) -> None:
    reloadable(tmp_path, upstream.base)
    with served(tmp_path, upstream.base, "--policies", str(tmp_path / "policies")) as (process, address):
        (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while post(address, "mine", picture=False).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_settings_that_name_another_folder_have_that_one_watched(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    source = reloadable(tmp_path, upstream.base)
    file = tmp_path / "normguard.yaml"
    address = start_proxy(guard, source, file=file, upstream=upstream.base, reload_on_change=True)

    def comes(policy: str) -> None:
        deadline = time.monotonic() + 60
        while post(address, policy, picture=False).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "first.yaml").write_text("description: first\n")
    file.write_text(file.read_text().replace(str(tmp_path / "policies"), str(tmp_path / "later")))
    comes("first")
    # As Kubernetes brings new files: beside the old, and then one link is moved.
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "second.yaml").write_text("description: second\n")
    (tmp_path / "later").rename(tmp_path / "gone")
    (tmp_path / "later").symlink_to(tmp_path / "volume")
    comes("second")
