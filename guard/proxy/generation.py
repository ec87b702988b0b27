"""What requests are served with, and how it is replaced while they run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from guard.pipeline import Guard
from guard.upstreams.base import Upstream


@dataclass(slots=True)
class Generation:
    """A guard and an upstream that belong together.

    A reload puts another in its place; requests under way keep theirs, which is closed when the last of them ends.
    """

    guard: Guard
    upstream: Upstream
    users: int = 0

    @contextlib.contextmanager
    def used(self) -> Iterator[Generation]:
        """Hold on to it for a request."""
        self.users += 1
        try:
            yield self
        finally:
            self.users -= 1

    async def retire(self) -> None:
        """Close it once nobody uses it any more."""
        while self.users:  # noqa: ASYNC110  (nobody is in a hurry)
            await asyncio.sleep(0.1)
        await self.upstream.close()
