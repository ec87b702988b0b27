"""What the integrations share: a framework's conversation on its way, as far as the framework lets one follow it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from guard.api import WireFormat
from guard.deployment.local import local
from guard.flow import LAST, Call, Latest, RequestFlow, Step, arun, run
from guard.pipeline import Guard
from guard.types import Decision, Hints

OnDecision = Callable[[Decision], None]


class _Told(Latest):
    def __init__(self, on_decision: OnDecision | None) -> None:
        self._on_decision = on_decision

    def decided(self, decision: Decision, seconds: float) -> None:
        super().decided(decision, seconds)
        if self._on_decision is not None:
            self._on_decision(decision)


class Conversations:
    """Guards conversations that a framework is about to send to a model.

    Args:
        guard: what decides; one for the whole process by default, as the settings found here say.
        settings: a settings file that describes the guard, in its place.
        policy: deployment policy; the guard's own where None.
        hints: what is known of all conversations.
        on_decision: told of every decision, for logs and metrics.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        settings: Path | str | None = None,
        policy: str | None = None,
        hints: Hints | None = None,
        on_decision: OnDecision | None = None,
    ) -> None:
        self.local = local(guard, settings, policy=policy, hints=hints)
        self._on_decision = on_decision

    def flow(self, api: WireFormat, body: Any) -> RequestFlow:
        """The way of a request in the shape of `api`."""
        LAST.set(None)
        local = self.local
        return RequestFlow(
            local.guard, api, body, hints=local.hints, audit=local.audit, observer=_Told(self._on_decision)
        )

    def guarded(self, api: WireFormat, body: Any) -> RequestFlow:
        """How a request is to be sent, for frameworks that send it themselves; a rewriting model is not asked.

        Raises:
            RequestError: the request has not that shape.
            AccessError, GuardFault: the policy refuses it for a fault of the guard.
        """
        flow = self.flow(api, body)
        run(flow.request(), self.perform)
        flow.record(200)
        return flow

    async def aguarded(self, api: WireFormat, body: Any) -> RequestFlow:
        """As `guarded`, awaited."""
        flow = self.flow(api, body)
        await arun(flow.request(), self.aperform)
        flow.record(200)
        return flow

    def perform(self, step: Step) -> Any:
        """Do a step that touches no model; a call of the guard's own gets no answer."""
        return None if isinstance(step, Call) else self.local.perform(step)

    async def aperform(self, step: Step) -> Any:
        """As `perform`, awaited."""
        return None if isinstance(step, Call) else await self.local.aperform(step)
