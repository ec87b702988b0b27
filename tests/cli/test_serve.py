"""normguard serve: its port, its settings, its end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.cli.command import normguard
from tests.conftest import FakeUpstream


def test_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = normguard("serve", "--port", str(taken.getsockname()[1]))
    assert run.returncode == 2
    assert "Choose another --port" in run.stderr


def test_settings_from_file_environment_and_flags(tmp_path: Path) -> None:
    (tmp_path / "normguard.yaml").write_text("policy: nope-file\nport: 1\n")
    settings = ["serve", "--settings", str(tmp_path / "normguard.yaml"), "--port", "0"]
    assert "'nope-file'" in normguard(*settings).stderr
    assert "'nope-env'" in normguard(*settings, env={"NORMGUARD_POLICY": "nope-env"}).stderr
    flagged = normguard(*settings, "--policy", "nope-flag", env={"NORMGUARD_POLICY": "nope-env"})
    assert "'nope-flag'" in flagged.stderr
    (tmp_path / "normguard.yaml").write_text("prot: 1\n")
    assert "prot" in normguard(*settings).stderr


def test_serve_finishes_streams_in_flight_when_told_to_stop(upstream: FakeUpstream) -> None:
    command = [sys.executable, "-m", "guard", "serve", "--port", "0", "--upstream", upstream.base]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        address = re.search(r"http://[\d.]+:\d+", line)
        assert address, line
        base = address[0]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{base}/readyz")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        received: list[bytes] = []

        def read() -> None:
            body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "2+2?"}]}
            with httpx.stream("POST", f"{base}/v1/chat/completions", json=body) as response:
                received.extend(response.iter_raw())

        reader = threading.Thread(target=read)
        reader.start()
        while not received and reader.is_alive():
            time.sleep(0.01)
        served.send_signal(signal.SIGTERM)
        reader.join(timeout=10)
        assert b"".join(received).endswith(b"data: [DONE]\n\n")
        assert served.wait(timeout=10) in {0, -signal.SIGTERM}
