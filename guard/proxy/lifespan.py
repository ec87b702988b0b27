"""What a server is made of, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from guard.access.keyring import Keyring
from guard.access.limits import Limits
from guard.access.store import KeyStore
from guard.audit.trail import AuditTrail
from guard.deployment.settings import Settings
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.pictures.remote import RemoteImages
from guard.proxy.admin import ServerState
from guard.proxy.admission import Admission, listens_beyond_this_machine
from guard.proxy.generation import Generation
from guard.proxy.guarded import Guarded
from guard.proxy.overload import OverloadGuard
from guard.proxy.reload import Outcome, Reloader
from guard.proxy.shared_cache import SharedCache
from guard.stores.redis import Redis


@dataclass(slots=True)
class Source:
    """Where a reload gets things from.

    Attributes:
        read: reads the settings anew.
        build: makes what they describe.
        file: the settings file that was named, if one was.
    """

    read: Callable[[], Settings]
    build: Callable[[Settings, Generation], Generation]
    file: Path | None = None


@dataclass(slots=True)
class Lifespan:
    """The parts of one server.

    Attributes:
        live: makes what requests are served with, once the event loop runs.
        source: where a reload gets things from; None where the guard was given.
        reload_all: has every worker reload, where there are several.
    """

    settings: Settings
    live: Callable[[], Generation]
    metrics: Metrics
    admission: Admission = field(init=False)
    keys: KeyStore | None = None
    audit: AuditTrail | None = None
    shared: Redis | None = None
    telemetry: Telemetry | None = None
    source: Source | None = None
    reload_all: Callable[[], Awaitable[Outcome]] | None = None

    def __post_init__(self) -> None:
        if self.shared is not None:
            self.shared.on_error = lambda what: self.metrics.shared_errors.labels(what).inc()
        token = self.settings.admin_token
        self.admission = Admission(
            Keyring(self.keys) if self.keys is not None else None,
            Limits(self.shared) if self.keys is not None else None,
            admin_token=token.get_secret_value() if token else None,
            public=listens_beyond_this_machine(self.settings.host),
        )

    @contextlib.asynccontextmanager
    async def running(self, guarded: Guarded, load: OverloadGuard, state: ServerState) -> AsyncIterator[None]:
        """Start them, and stop them in the end: first what takes requests, last what keeps records."""
        guarded.live = self.live()
        guarded.remote = RemoteImages(guarded.live.guard.pictures)
        guarded.remembered = SharedCache(self.shared) if self.shared is not None else None
        watching: asyncio.Task[None] | None = None
        load.start()
        if self.source is not None:
            source = self.source
            state.reloader = Reloader(guarded, self.settings, read=source.read, build=source.build, file=source.file)
            if self.settings.reload_every is not None:
                watching = asyncio.ensure_future(state.reloader.watch(self.settings.reload_every))
        self._heed_signals(state)
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
            load.stop()
            await guarded.remote.close()
            await guarded.live.upstream.close()
            await self.admission.close()
            if self.shared is not None:
                await self.shared.close()
            if self.audit is not None:
                await asyncio.to_thread(self.audit.writer.close)
            if self.telemetry is not None:
                await asyncio.to_thread(self.telemetry.close)

    def _heed_signals(self, state: ServerState) -> None:
        """SIGHUP reloads; SIGTERM first has ``/readyz`` say no, so that balancers send nothing new, and then stops."""
        if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[Any]] = set()

        def reload() -> None:
            if state.reloader is not None:
                task = asyncio.ensure_future(state.reloader())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        stop = signal.getsignal(signal.SIGTERM)
        delay = self.settings.drain_delay

        def drain(number: int, frame: FrameType | None) -> None:
            first, state.draining = not state.draining, True
            if first and delay:
                loop.call_soon_threadsafe(loop.call_later, delay, stop, number, frame)  # type: ignore[arg-type]
            elif callable(stop):
                stop(number, frame)

        signal.signal(signal.SIGTERM, drain)
