"""Several processes that serve one address, and a parent that keeps them alive."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from guard.observability.logs import configure
from guard.proxy.app import create_app
from guard.proxy.serve import config
from guard.proxy.server import Outcome, Server
from guard.settings import WORKER, Settings, read_settings


class Workers(Multiprocess):
    """uvicorn's supervisor: it starts workers anew that die or hang. SIGHUP has all of them reload in place."""

    def handle_hup(self) -> None:
        for process in self.processes:
            if process.pid is not None:
                os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for gone in before - {process.pid for process in self.processes}:
            mark_process_dead(gone)  # type: ignore[no-untyped-call]


def run_workers(settings: Settings, bound: socket.socket, *, file: Path | None, flags: dict[str, Any]) -> None:
    """Serve with ``settings.workers`` processes until told to stop.

    Args:
        bound: the socket that all of them accept connections from.
        file, flags: from which each reads the settings for itself, as its parent did.
    """
    with tempfile.TemporaryDirectory(prefix="normguard-metrics-") as metrics:
        # What workers read from the environment: it is the one thing that a spawned process is sure to get.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics
        os.environ[WORKER] = json.dumps({"file": str(file) if file else None, "flags": flags}, default=str)
        more = {"factory": True, "workers": settings.workers, "timeout_worker_healthcheck": 30}
        Workers(config(settings, "guard.proxy.workers:worker_app", **more), [bound]).run()


def worker_app() -> ASGIApp:
    """The application of one worker."""
    given = json.loads(os.environ[WORKER])
    file = Path(given["file"]) if given["file"] else None

    def read() -> Settings:
        return read_settings(file, **given["flags"])

    settings = read()
    configure(settings.log_format, settings.log_level)
    return create_app(Server(settings, read=read, file=file, reload_all=_reload_all))


async def _reload_all() -> Outcome:
    os.kill(os.getppid(), signal.SIGHUP)
    return Outcome(True, "every worker was told to reload; the log and normguard_reloads_total tell what came of it")
