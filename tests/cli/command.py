"""The command line, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys

from click.testing import CliRunner

from guard.cli.main import cli
from guard.errors import NormGuardError

CLOCK = "Is this a nice gift for my host in Shanghai?"


def normguard(*args: str, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guard", *args]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}, check=False
    )


def started(*args: str) -> tuple[int, str]:
    """The command in this process: its exit status, and what it says."""
    run = CliRunner().invoke(cli, args)
    if isinstance(run.exception, NormGuardError):
        return 2, str(run.exception)
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    return run.exit_code, run.output
