"""What becomes of a request once it is decided: one way for the proxy and for wrapped clients, free of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guard.actions.rewrite import rewritten_by
from guard.actions.steps import Ask, Steps, Wanted
from guard.actions.verify import Verification
from guard.api import WireFormat
from guard.pipeline import Guard, told
from guard.policy.model import DeploymentPolicy
from guard.types import Action, Decision, Exchange


@dataclass(frozen=True, slots=True)
class Handling:
    """How a request is handled.

    Attributes:
        api: the wire format it came in.
        body: what to send; the very object that was given where nothing changes.
        decision: why.
        answer: the answer that is given in place of the model's, which is then not asked; else None.
        verification: the check that the model's answer is to pass; None where there is none.
        unverified: why an answer that was to be checked is not: ``structured`` (JSON was asked for) or ``background``
            (the answer is fetched later); else None.
        streamed: whether the caller wants an event stream.
    """

    api: WireFormat
    body: Mapping[str, Any]
    decision: Decision
    answer: dict[str, Any] | None = None
    verification: Verification | None = None
    unverified: str | None = None
    streamed: bool = False

    def side_call(self, wanted: Wanted) -> dict[str, Any]:
        """The body of a call of the guard's own, in the API of the request."""
        if isinstance(wanted, Ask):
            return self.api.question(wanted.model, wanted.system, wanted.prompt, max_tokens=wanted.max_tokens)
        return self.api.follow_up(self.body, wanted.answer, wanted.instruction)

    def reply_of(self, answer: Any) -> str | None:
        """What the model said to a call of the guard's own; None where that is nothing."""
        texts = self.api.texts(answer) if isinstance(answer, dict) else {}
        return "\n".join(texts.values()) or None


def asks(decision: Decision, rules: DeploymentPolicy) -> bool:
    """Whether a model is asked before the request is sent."""
    return decision.action is Action.REWRITE and rules.rewrite.model is not None


def handle(
    guard: Guard,
    api: WireFormat,
    body: Mapping[str, Any],
    exchange: Exchange,
    decision: Decision,
    *,
    id_: str,
    policy: str | None = None,
) -> Steps[Handling]:
    """Carry `decision` out on a request's `body`.

    Args:
        id_: of the request; an answer of our own carries it.
        policy: the deployment policy that the request named.
    """
    rules = guard.rules(policy)
    streamed = body.get("stream") is True
    if decision.action is Action.BLOCK and decision.message:
        answer = api.answer(body, decision.message, id_=id_)
        return Handling(api, body, decision, answer=answer, streamed=streamed)
    if asks(decision, rules) and rules.rewrite.model:
        norms = [guard.library.norms[norm.id] for norm in decision.norms]
        query = exchange.query
        rewritten = yield from rewritten_by(rules.rewrite.model, query, norms, timeout=rules.rewrite.timeout)
        decision = replace(decision, rewritten=rewritten or decision.rewritten)
    verification, unverified = guard.verification(exchange, decision, policy=policy), None
    if verification is not None and (api.structured(body) or body.get("background") is True):
        verification, unverified = None, "structured" if api.structured(body) else "background"
    return Handling(
        api,
        told(api, body, decision),
        decision,
        verification=verification,
        unverified=unverified,
        streamed=streamed,
    )


def headers_of(handling: Handling, elapsed: float, request_id: str) -> list[tuple[str, str]]:
    """The headers that tell of a decision."""
    decision = handling.decision
    headers = [
        ("x-normguard-action", str(decision.action)),
        ("x-normguard-cultures", ",".join(culture["code"] for culture in decision.cultures)),
        ("x-normguard-norms", ",".join(norm.id for norm in decision.norms)),
        ("x-normguard-status", "degraded" if decision.degraded else "ok"),
        ("x-normguard-latency-ms", f"{elapsed * 1000:.2f}"),
        ("x-normguard-request-id", request_id),
    ]
    if decision.shadow is not None:
        headers.append(("x-normguard-shadow", str(decision.shadow)))
    if handling.verification is not None and handling.streamed:
        headers.append(("x-normguard-verify", "streamed"))
    if handling.unverified is not None:
        headers.append(("x-normguard-verify", f"skipped ({handling.unverified})"))
    return headers
