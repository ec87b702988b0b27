"""What the integrations share: a framework's conversation in the shape of a wire format, decided and carried out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from guard.api import FORMATS
from guard.errors import NormGuardError
from guard.flow.request import Handling, handle
from guard.pipeline import Guard
from guard.policy.model import OnFault
from guard.sdk.transport import LAST
from guard.types import Decision, Hints

log = logging.getLogger("normguard")

OnDecision = Callable[[Decision], None]


class Conversations:
    """Decides on conversations that a framework is about to send to a model.

    Args:
        guard: what decides; one for the whole process by default.
        policy: deployment policy; the guard's own where None.
        hints: what is known of all conversations.
        on_decision: told of every decision, for logs and metrics.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        policy: str | None = None,
        hints: Hints | None = None,
        on_decision: OnDecision | None = None,
    ) -> None:
        from guard.sdk.client import default_guard  # loads for seconds; only where none is given

        self.guard = guard or default_guard()
        self.policy = policy
        self._hints = hints
        self._on_decision = on_decision
        self.guard.rules(policy)

    def handle(self, api: str, body: Mapping[str, Any], *, hints: Hints | None = None) -> Handling | None:
        """How a request in the shape of `api` is to be handled; a rewriting model is not asked, the template serves.

        None where the guard itself failed: the conversation then goes on as it is.

        Raises:
            RequestError: the request has not that shape.
            NormGuardError: the guard failed, and the policy is fail-closed.
        """
        format_ = FORMATS[api]
        exchange = format_.read(body, hints or self._hints)
        try:
            decision = self.guard.check(exchange, policy=self.policy)
            steps = handle(self.guard, format_, body, exchange, decision, id_="integration", policy=self.policy)
            try:
                while True:
                    next(steps)
            except StopIteration as done:
                handling: Handling = done.value
        except NormGuardError:
            raise
        except Exception:
            log.exception("guard fault in an integration")
            if self.guard.rules(self.policy).on_fault.guard is OnFault.CLOSED:
                raise NormGuardError("The guard failed.") from None
            return None
        LAST.set(handling.decision)
        if self._on_decision is not None:
            self._on_decision(handling.decision)
        return handling
