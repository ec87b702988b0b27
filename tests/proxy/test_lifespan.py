"""How the server ends."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import FakeUpstream
from tests.processes import served
from tests.samples import BODY, HARMLESS, client
from tests.waiting import wait_for


def test_a_drain_is_orderly(upstream: FakeUpstream, tmp_path: Path) -> None:
    with served(tmp_path, upstream.base, NORMGUARD_DRAIN_DELAY="3.0", NORMGUARD_DRAIN="5") as (process, address):
        pieces: list[Any] = []

        def slow() -> None:
            messages: Any = [{"role": "user", "content": HARMLESS}]
            pieces.extend(client(address).chat.completions.create(model="held", stream=True, messages=messages))

        thread = threading.Thread(target=slow)
        thread.start()
        wait_for(lambda: bool(upstream.bodies))
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: httpx.get(f"{address}/readyz").status_code == 503)
        ready = httpx.get(f"{address}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        answered = httpx.post(f"{address}/v1/chat/completions", json=BODY)
        assert answered.status_code == 200, "who did not hear of it yet is served"
        assert answered.headers["connection"] == "close"
        upstream.release.set()
        thread.join(10)
        assert process.wait(10) == 0
        assert pieces[-1].choices[0].finish_reason == "stop", "what was under way is finished"
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{address}/healthz")
