"""The server under test, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

import guard
from benchmarks.faults.services import free_port


class Proxy:
    """``normguard serve`` with the settings of a scenario.

    Args:
        folder: for its log and databases.
        upstream: port of the upstream.
        settings: as in the environment, by the setting's name.
        preload: environment and a function to run in the child before it becomes the server.
    """

    def __init__(
        self,
        folder: Path,
        upstream: int,
        settings: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        preexec: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NORMGUARD_", "OTEL_"))}
        given = {
            "upstream": f"http://127.0.0.1:{upstream}/v1",
            "vision": "none",
            "read_timeout": "4",
            "log_level": "info",
            "log_requests": "true",
            **(settings or {}),
        }
        here = str(Path(guard.__file__).parents[1])
        self._environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join([here, kept.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "XDG_STATE_HOME": str(folder / "state"),
            **{f"NORMGUARD_{name.upper()}": str(value) for name, value in given.items()},
            **(environment or {}),
        }
        self._preexec = preexec
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "guard", "serve", "--port", str(self.port)]
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(  # noqa: ASYNC220
                command,
                cwd=self.folder,
                env=self._environment,
                stdout=sink,
                stderr=sink,
                preexec_fn=self._preexec,  # noqa: PLW1509
            )
        deadline = time.monotonic() + 90
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    async with session.get(f"{self.base}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float = 40) -> int:
        """Its exit status, once it has one."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, seconds)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            orphans = self.workers()
            self.process.kill()
            self.process.wait(10)
            for worker in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)

    def workers(self) -> list[int]:
        """The processes that serve, where there are several."""
        found = []
        for child in self._children():
            with contextlib.suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
        return found

    def files(self, process: int | None = None) -> int:
        """Open files and sockets, of the server or of one of its workers."""
        assert self.process is not None
        return len(list(Path(f"/proc/{process or self.process.pid}/fd").iterdir()))

    def cpu(self) -> float:
        """Seconds of processor time that the server has had."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory of the server and of its decoders, MiB."""
        assert self.process is not None
        return sum(map(_resident, [str(self.process.pid), *self._children()]))

    def _children(self) -> list[str]:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()


def _resident(process: str) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
    except (OSError, StopIteration):  # it has ended
        return 0.0
