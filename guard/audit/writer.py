"""Writing records in the background: requests never wait for the database, and never fail by it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from guard.audit.record import Record

if TYPE_CHECKING:
    from guard.audit.store import Store  # an extra

log = logging.getLogger("normguard")

_BATCH = 500
_EVERY = 0.5
_AGAIN = 5.0
_PRUNE = 3600.0


class Writer:
    """Takes records at once and writes them in batches, at most half a second later.

    Where the database is away it tries again, and keeps up to `room` records; what finds no room is dropped and
    counted.

    Args:
        retention_days: records older than that are deleted, at the start and every hour; kept for ever where None.

    Attributes:
        written, dropped: records so far.
        on_written, on_dropped: told how many more there are.
    """

    def __init__(self, store: Store, *, room: int = 20_000, retention_days: float | None = None) -> None:
        self.written = self.dropped = 0
        self.on_written: Callable[[int], None] = lambda count: None
        self.on_dropped: Callable[[int], None] = lambda count: None
        self._store = store
        self._retention = retention_days
        self._queue: queue.Queue[Record] = queue.Queue(room)
        self._closing = threading.Event()
        self._pruned = 0.0
        self._thread = threading.Thread(target=self._run, name="normguard-audit", daemon=True)
        self._thread.start()

    @property
    def secret(self) -> bytes:
        """The key under which questions and pictures are hashed."""
        return self._store.secret

    @property
    def full(self) -> bool:
        """Whether the next record would find no room."""
        return self._queue.full()

    def record(self, record: Record) -> None:
        """Keep a record; never waits and never raises."""
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._drop(1)

    def close(self, timeout: float = 10.0) -> None:
        """Write what is left, for at most `timeout` seconds, and stop."""
        self._closing.set()
        self._thread.join(timeout)
        self._store.close()

    def _run(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            self._prune()
            batch = self._gather()
            while batch:
                try:
                    written = self._store.add(batch)
                except Exception as error:  # whatever a database driver raises
                    log.warning("the audit database is away: %s; %d records wait", type(error).__name__, len(batch))
                    if self._closing.wait(_AGAIN):
                        self._drop(len(batch) + self._queue.qsize())
                        return
                else:
                    self.written += written
                    self.on_written(written)
                    if written < len(batch):
                        log.error("the audit database refuses %d records for good", len(batch) - written)
                        self._drop(len(batch) - written)
                    batch = []

    def _drop(self, count: int) -> None:
        self.dropped += count
        self.on_dropped(count)

    def _gather(self) -> list[Record]:
        batch: list[Record] = []
        deadline = time.monotonic() + _EVERY
        while len(batch) < _BATCH and (left := deadline - time.monotonic()) > 0:
            try:
                batch.append(self._queue.get(timeout=0.01 if self._closing.is_set() else left))
            except queue.Empty:
                break
        return batch

    def _prune(self) -> None:
        if self._retention is None or (time.monotonic() - self._pruned < _PRUNE and self._pruned):
            return
        self._pruned = time.monotonic()
        try:
            self._store.prune(datetime.now(UTC) - timedelta(days=self._retention))
        except Exception as error:
            log.warning("old audit records could not be deleted: %s", type(error).__name__)
