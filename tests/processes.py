"""The real server in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


@contextlib.contextmanager
def served(folder: Path, base: str, *flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NORMGUARD_")}
    env = {**kept, "NORMGUARD_MODELS": str(folder), **environment}
    command = [sys.executable, "-m", "guard", "serve", "--port", "0", "--upstream", base, *flags]
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "listens on" in line, line + process.stdout.read()
    address = line.split()[3].removesuffix("/v1")
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/readyz").status_code == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    try:
        yield process, address
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
