"""Several workers that answer as one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx

from tests.conftest import FakeUpstream
from tests.processes import served
from tests.proxy.asking import post, reload, reloadable
from tests.samples import BODY


def test_several_workers(upstream: FakeUpstream, tmp_path: Path) -> None:
    source = reloadable(tmp_path, upstream.base)
    del source
    flags = ("--workers", "2", "--policies", str(tmp_path / "policies"))
    with served(tmp_path, upstream.base, *flags) as (process, address):

        def workers() -> set[int]:
            found = (httpx.get(f"{address}/normguard/admin/status").json()["process"] for _ in range(40))
            return set(found)

        deadline = time.monotonic() + 60
        while len(running := workers()) < 2:
            assert time.monotonic() < deadline
        for _ in range(10):
            assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
        for _ in range(4):  # whichever worker is asked, it answers for all
            assert 'normguard_decisions_total{action="advise"} 10.0' in httpx.get(f"{address}/metrics").text
        (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
        assert reload(address).json()["ok"]
        while any(post(address, "mine", picture=False).status_code != 200 for _ in range(10)):
            assert time.monotonic() < deadline
        os.kill(running.pop(), signal.SIGKILL)
        while len(workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
