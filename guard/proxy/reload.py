"""Reloading settings, packs, policies and models while requests run: all of it, or none."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guard.deployment.settings import DEFAULT_FILE, Settings
from guard.errors import NormGuardError, SettingsError
from guard.observability.logs import without_content
from guard.proxy.generation import Generation
from guard.proxy.guarded import Guarded

log = logging.getLogger("normguard")

LIVE = frozenset(
    {
        *("upstream", "upstream_kind", "upstream_api_key", "upstreams", "routes", "default_upstream"),
        *("upstream_concurrency", "upstream_queue", "queue_timeout", "breaker_failures", "breaker_rest"),
        *(
            "connect_timeout",
            "read_timeout",
            "policy",
            "policies",
            "norms",
            "classifier",
            "vision",
            "ocr",
            "ocr_budget",
        ),
    }
)
"""The settings that a reload brings into force; the others need a new process."""


@dataclass(slots=True)
class Outcome:
    """What a reload came to.

    Attributes:
        ok: whether what was loaded is now in force; else the old is.
        message: what was wrong, or what needs a restart.
    """

    ok: bool
    message: str


class Reloader:
    """Reloads on demand.

    Args:
        guarded: whose guard and upstream are replaced.
        settings: those in force.
        read: reads the settings anew.
        build: makes what they describe, going on with the caches of the guard that is given; runs in a thread.
        file: the settings file that was named, if one was.
    """

    def __init__(
        self,
        guarded: Guarded,
        settings: Settings,
        *,
        read: Callable[[], Settings],
        build: Callable[[Settings, Generation], Generation],
        file: Path | None = None,
    ) -> None:
        self.last: Outcome | None = None
        self._guarded = guarded
        self._settings = settings
        self._read = read
        self._build = build
        self._file = file
        self._one_at_a_time = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._seen = self._fingerprint()

    async def __call__(self) -> Outcome:
        """Load everything anew; where that fails the old stays in force."""
        async with self._one_at_a_time:
            self._seen = self._fingerprint()
            self.last = await self._reload()
        self._guarded.metrics.reloads.labels("ok" if self.last.ok else "failed").inc()
        log.log(logging.INFO if self.last.ok else logging.ERROR, "reload: %s", self.last.message)
        return self.last

    async def watch(self, every: float) -> None:
        """Reload whenever a file has changed, for ever."""
        while True:
            await asyncio.sleep(every)
            if await asyncio.to_thread(self._fingerprint) != self._seen:
                await self()

    async def _reload(self) -> Outcome:
        old = self._guarded.live
        try:
            settings = await asyncio.to_thread(self._read)
            new = await asyncio.to_thread(self._build, settings, old)
        except NormGuardError as error:
            return Outcome(False, f"what was in force stays: {error}")
        except Exception as error:  # a fault of ours in reading what an operator wrote must not end the server either
            return Outcome(False, f"what was in force stays: {without_content(error)}")
        gc.collect()
        gc.freeze()
        self._guarded.live = new
        task = asyncio.ensure_future(old.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        waiting = sorted(
            name
            for name in Settings.model_fields
            if name not in LIVE and getattr(settings, name) != getattr(self._settings, name)
        )
        norms = len(new.guard.library.norms)
        told = f"{norms} norms, {len(new.guard.policies.names())} policies in force"
        return Outcome(True, told + (f"; these need a restart: {', '.join(waiting)}" if waiting else ""))

    def _fingerprint(self) -> dict[str, tuple[int, int]]:
        """Times and sizes of the files that settings, packs, policies and models are read from."""
        try:
            settings = self._read()
        except SettingsError:
            settings = self._settings
        places = [self._file or DEFAULT_FILE, *settings.norms, *filter(None, [settings.policies])]
        places += [Path(name) for name in (settings.classifier, settings.vision) if Path(name).is_dir()]
        found: dict[str, tuple[int, int]] = {}
        for place in places:
            try:
                paths = [place, *sorted(place.rglob("*"))] if place.is_dir() else [place]
            except OSError:  # it is being replaced this moment: seen to have changed, and looked at again
                paths = [place]
            for path in paths:
                try:
                    status = path.stat()
                except OSError:
                    continue
                found[str(path)] = (status.st_mtime_ns, status.st_size)
        return found
