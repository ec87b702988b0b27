"""One server: what it is made of, how it starts, reloads while requests run, and stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from watchfiles import awatch

from guard.access.keyring import Keyring
from guard.access.limits import Limits
from guard.access.store import open_keys
from guard.deployment.build import open_audit, upstream_maker
from guard.deployment.exposure import listens_beyond_this_machine
from guard.errors import NormGuardError
from guard.observability.logs import without_content
from guard.observability.metrics import Metrics
from guard.observability.telemetry import Telemetry
from guard.pictures.remote import RemoteImages
from guard.pipeline import Guard
from guard.proxy.admission import Admission
from guard.proxy.generation import Generation
from guard.proxy.guarded import Guarded
from guard.proxy.overload import OverloadGuard
from guard.proxy.shared_cache import SharedCache
from guard.settings import DEFAULT_FILE, Settings, live_settings
from guard.stores.redis import Redis
from guard.upstreams.base import Upstream

log = logging.getLogger("normguard")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reload came to.

    Attributes:
        ok: whether what was loaded is now in force; else the old is.
        message: what was wrong, or what needs a restart.
    """

    ok: bool
    message: str


class Server:
    """What serves requests, as its settings describe it.

    Args:
        settings: those in force; a reload changes what of them is marked `Live`.
        guard: what decides to begin with; the one that the settings describe where None.
        read: reads the settings anew; nothing is reloaded where None.
        file: the settings file that was named, if one was.
        upstream: makes what requests are sent on to, once the event loop runs; by the settings where None.
        reload_all: has every worker reload, where there are several.

    Attributes:
        guard: what decided to begin with; requests go by that of `guarded.live`.
        draining: whether it is about to shut down.
        last: what the last reload came to.

    Raises:
        SettingsError: something that the settings name is missing or cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        guard: Guard | None = None,
        *,
        read: Callable[[], Settings] | None = None,
        file: Path | None = None,
        upstream: Callable[[], Upstream] | None = None,
        reload_all: Callable[[], Awaitable[Outcome]] | None = None,
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.reload_all = reload_all
        self.draining = False
        self.started = time.time()
        self.last: Outcome | None = None
        self._read = read
        self._file = file
        self._latest = read() if read is not None else settings
        self._seen = self._fingerprint()
        self.guard = guard or Guard.from_settings(settings)
        self._upstream = upstream or upstream_maker(settings, self.metrics)
        self._keys = open_keys(settings.keys.get_secret_value()) if settings.keys else None
        self._audit = open_audit(settings, auto=True)
        self._redis = Redis(settings.redis.get_secret_value()) if settings.redis else None
        if self._redis is not None:
            self._redis.on_error = lambda what: self.metrics.shared_errors.labels(what).inc()
        self.telemetry = Telemetry(str(settings.otlp)) if settings.otlp else None
        self.admission = Admission(
            Keyring(self._keys) if self._keys is not None else None,
            Limits(self._redis) if self._keys is not None else None,
            admin_token=settings.admin_token.get_secret_value() if settings.admin_token else None,
            public=listens_beyond_this_machine(settings.host),
        )
        self.guarded = Guarded(self.metrics, settings, audit=self._audit, telemetry=self.telemetry)
        self.load = OverloadGuard(max_in_flight=settings.max_in_flight, max_lag=settings.max_lag)
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        _spare_the_collector()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start all of it, and stop it in the end: first what takes requests, last what keeps records."""
        async with contextlib.AsyncExitStack() as stop:  # the last first
            if self.telemetry is not None:
                stop.push_async_callback(asyncio.to_thread, self.telemetry.close)
            if self._audit is not None:
                stop.push_async_callback(asyncio.to_thread, self._audit.writer.close)
            if self._redis is not None:
                stop.push_async_callback(self._redis.close)
                self.guarded.remembered = SharedCache(self._redis)
            stop.push_async_callback(self.admission.close)
            self.guarded.live = Generation(self.guard, self._upstream())
            stop.push_async_callback(self._close_upstream)
            self.guarded.remote = RemoteImages(self.guard.pictures)
            stop.push_async_callback(self.guarded.remote.close)
            self.load.start()
            stop.callback(self.load.stop)
            if self._read is not None and self.settings.reload_on_change:
                stop.callback(self._go(self._watch()).cancel)
            self._heed_signals()
            yield

    async def _close_upstream(self) -> None:
        await self.guarded.live.upstream.close()

    async def reload(self) -> Outcome:
        """Load settings, packs, policies and models anew: all of it, or where that fails the old stay in force."""
        if self._read is None:
            return Outcome(False, "this server was given its guard and has nothing to reload it from")
        async with self._one_at_a_time:
            self._seen = self._fingerprint()
            self.last = outcome = await self._replaced(self._read)
        self.metrics.reloads.labels("ok" if outcome.ok else "failed").inc()
        log.log(logging.INFO if outcome.ok else logging.ERROR, "reload: %s", outcome.message)
        return outcome

    async def _replaced(self, read: Callable[[], Settings]) -> Outcome:
        old = self.guarded.live
        try:
            self._latest = settings = await asyncio.to_thread(read)
            make = await asyncio.to_thread(upstream_maker, settings, self.metrics)
            guard = await asyncio.to_thread(Guard.from_settings, settings, old=old.guard)
            self.guarded.live = Generation(guard, make())  # made here: pools of connections belong to the event loop
        except NormGuardError as error:
            return Outcome(False, f"what was in force stays: {error}")
        except Exception as error:  # a fault of ours in reading what an operator wrote must not end the server either
            return Outcome(False, f"what was in force stays: {without_content(error)}")
        _spare_the_collector()
        self._go(old.retire())
        others = Settings.model_fields.keys() - live_settings()
        waiting = sorted(name for name in others if getattr(settings, name) != getattr(self.settings, name))
        in_force = f"{len(guard.library.norms)} norms, {len(guard.policies.names())} policies in force"
        return Outcome(True, in_force + (f"; these need a restart: {', '.join(waiting)}" if waiting else ""))

    async def _watch(self) -> None:
        """Reload whenever a file that was read has changed, for ever.

        The system tells at once of what happens near them; what it does not tell of (shared drives, a folder that was
        replaced) is seen some five seconds later.
        """
        while True:
            near = {folder for place in self._places() for folder in (place, place.absolute().parent)}
            try:
                async for _ in awatch(*filter(Path.is_dir, near), recursive=False, yield_on_timeout=True):
                    if await asyncio.to_thread(self._fingerprint) != self._seen:
                        await self.reload()
                        break
            except OSError as error:  # a folder that went away this moment, or more of them than the system watches
                log.warning("files are not watched for a second: %s", error)
                await asyncio.sleep(1)

    def _places(self) -> list[Path]:
        """Files and folders that the settings last read, and what they name, came from."""
        named = (Path(name) for name in (self._latest.classifier, self._latest.vision))
        policies = filter(None, [self._latest.policies])
        return [self._file or DEFAULT_FILE, *self._latest.norms, *policies, *filter(Path.is_dir, named)]

    def _fingerprint(self) -> dict[Path, tuple[int, int, int]]:
        found: dict[Path, tuple[int, int, int]] = {}
        for place in self._places():
            with contextlib.suppress(OSError):  # it is being replaced this moment: seen to have changed
                for path in (place, *(place.iterdir() if place.is_dir() else ())):
                    status = path.stat()
                    found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def _heed_signals(self) -> None:
        """SIGHUP reloads; SIGTERM first has ``/readyz`` say no, so that balancers send nothing new, and then stops."""
        if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: self._go(self.reload()))
        stop = signal.getsignal(signal.SIGTERM)
        delay = self.settings.drain_delay

        def drain(number: int, frame: FrameType | None) -> None:
            first, self.draining = not self.draining, True
            if first and delay:
                loop.call_soon_threadsafe(loop.call_later, delay, stop, number, frame)  # type: ignore[arg-type]
            elif callable(stop):
                stop(number, frame)

        signal.signal(signal.SIGTERM, drain)

    def _go(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something that nobody waits for, and hold on to it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _spare_the_collector() -> None:
    """The lexicon is some hundred thousand objects that live as long as the guard: without this, each full garbage
    collection walks them all and stops the world for a tenth of a second."""
    gc.collect()
    gc.freeze()
