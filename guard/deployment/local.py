"""A deployment without a server: what wrapped clients and integrations run by."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from guard.audit.trail import AuditTrail
from guard.deployment.build import open_audit
from guard.flow import Authorize, Prepare, Step, Work
from guard.flow.prepare import aprepared, prepared
from guard.pipeline import Guard
from guard.settings import read_settings
from guard.types import Hints


@dataclass(frozen=True, slots=True)
class Local:
    """A guard, and what a deployment wants besides.

    Attributes:
        policy: deployment policy of requests that name none; the guard's own where None.
        hints: what is known of all requests; what a request itself tells wins.
        audit: where decisions are kept; nowhere where None.
        guard_timeout: seconds for fetching, decoding and looking at the pictures of a request.

    Raises:
        PolicyError: there is no such policy.
    """

    guard: Guard
    policy: str | None = None
    hints: Hints = field(default_factory=Hints)
    audit: AuditTrail | None = None
    guard_timeout: float = 10.0

    def __post_init__(self) -> None:
        self.guard.rules(self.policy)

    def perform(self, step: Step) -> Any:
        """Do a step of a request's way that touches no model."""
        match step:
            case Authorize(_, policy):
                return policy or self.policy
            case Work(call):
                return call()
            case Prepare(exchange, rules):
                return prepared(self.guard, exchange, rules, seconds=self.guard_timeout)
        raise AssertionError(f"nobody is to be asked here: {step!r}")

    async def aperform(self, step: Step) -> Any:
        """As `perform`, awaited."""
        match step:
            case Work(call):
                return await asyncio.to_thread(call)
            case Prepare(exchange, rules):
                return await aprepared(self.guard, exchange, rules, seconds=self.guard_timeout)
        return self.perform(step)


def local(
    guard: Guard | None = None,
    settings: Path | str | None = None,
    *,
    policy: str | None = None,
    hints: Hints | None = None,
) -> Local:
    """The deployment that is described.

    Args:
        guard: what decides; in its place `settings` may be given.
        settings: a settings file. Without both, those found here (`normguard.yaml`, ``NORMGUARD_*``) count, and one
            guard serves the whole process.

    Raises:
        TypeError: both are given.
        SettingsError, PackError, PolicyError, ModelError: what they name is missing or faulty.
    """
    if guard is not None and settings is not None:
        raise TypeError("Give a guard or settings, not both: the settings describe a guard.")
    found = Local(guard) if guard is not None else _of_settings(str(settings) if settings is not None else None)
    return Local(found.guard, policy, hints or Hints(), found.audit, found.guard_timeout)


@cache
def _of_settings(file: str | None) -> Local:
    settings = read_settings(Path(file) if file is not None else None)
    guard = Guard.from_settings(settings)
    return Local(guard, audit=open_audit(settings), guard_timeout=settings.guard_timeout)
