"""The headers that tell of the guard."""

from __future__ import annotations

from guard.types import Decision

VERIFY = "x-normguard-verify"


def headers_of(decision: Decision, seconds: float, request_id: str) -> list[tuple[str, str]]:
    """Those of a decision that took so many seconds."""
    headers = [
        ("x-normguard-action", str(decision.action)),
        ("x-normguard-cultures", ",".join(culture["code"] for culture in decision.cultures)),
        ("x-normguard-norms", ",".join(norm.id for norm in decision.norms)),
        ("x-normguard-status", "degraded" if decision.degraded else "ok"),
        ("x-normguard-latency-ms", f"{seconds * 1000:.2f}"),
        ("x-normguard-request-id", request_id),
    ]
    if decision.shadow is not None:
        headers.append(("x-normguard-shadow", str(decision.shadow)))
    return headers


def bypassed(request_id: str) -> list[tuple[str, str]]:
    """Those of a request that goes on without the guard."""
    return [("x-normguard-status", "bypassed"), ("x-normguard-request-id", request_id)]
