"""The command line, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys

CLOCK = "Is this a nice gift for my host in Shanghai?"


def normguard(*args: str, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guard", *args]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}, check=False
    )
