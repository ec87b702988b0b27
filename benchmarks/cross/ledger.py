"""What a run spends, when it must stop, and how far it is: fed by Inspect's hooks."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from inspect_ai.hooks import Hooks, ModelUsageData, SampleEnd, hooks

MIN_FREE = 64 * 2**20
"""Bytes that must be free where answers are kept: below, nothing more is paid for that could not be kept."""


class Stopped(Exception):
    """No further call is made; what was paid for so far is kept."""


@dataclass
class Ledger:
    """The account of one run.

    Attributes:
        budget: US dollars that this run may spend, or None. Calls in flight when it is reached are still paid.
        folder: where paid answers are kept, or None.
        spent: dollars spent by this run, answers from the cache not counted.
        calls: calls that were paid for.
        tokens: tokens of those.
        unpriced: models that were called and have no price, with the number of calls.
        done: samples that ended.
        stopped: why no further calls are made, or None.
        watchers: called after every entry.
    """

    budget: float | None = None
    folder: Path | None = None
    spent: float = 0.0
    calls: int = 0
    tokens: int = 0
    unpriced: Counter[str] = field(default_factory=Counter)
    done: int = 0
    stopped: str | None = None
    started: float = field(default_factory=time.monotonic)
    watchers: list[Callable[[Ledger], None]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Paid calls a minute."""
        return 60 * self.calls / max(time.monotonic() - self.started, 1.0)

    def check(self) -> None:
        """Raise `Stopped` if nothing more may be paid for."""
        if self.stopped is None:
            self.stopped = self.reason()
        if self.stopped is not None:
            raise Stopped(self.stopped)

    def reason(self) -> str | None:
        """Why nothing more may be paid for, or None."""
        if self.budget is not None and self.spent >= self.budget:
            return f"the budget of ${self.budget:,.2f} is reached (${self.spent:,.2f} spent)"
        if self.folder is not None and shutil.disk_usage(self.folder).free < MIN_FREE:
            return f"the disk under {self.folder} is full (less than {MIN_FREE // 2**20} MiB free)"
        return None

    def book(self, data: ModelUsageData) -> None:
        """Enter a call that was paid for."""
        self.calls += 1
        self.tokens += data.usage.total_tokens
        if data.usage.total_cost is None:
            self.unpriced[data.model_name] += 1
        else:
            self.spent += data.usage.total_cost
        self.tell()

    def tell(self) -> None:
        for watcher in self.watchers:
            watcher(self)


ledger = Ledger()
"""The account of the run in progress; Inspect runs one at a time in a process."""


def open_ledger(*, budget: float | None = None, folder: Path | None = None) -> Ledger:
    """Begin a new account, which is `ledger` from now on."""
    fresh = Ledger(budget=budget, folder=folder)
    ledger.__dict__.update(fresh.__dict__)
    return ledger


@hooks(name="normguard_bench_ledger", description="What a NormGuard benchmark spends, and how far it is.")
class _Bookkeeper(Hooks):
    async def on_model_usage(self, data: ModelUsageData) -> None:
        ledger.book(data)

    async def on_sample_end(self, data: SampleEnd) -> None:
        ledger.done += 1
        ledger.tell()
