"""What becomes of faults: which a policy refuses requests for, and how each is told to callers."""

from __future__ import annotations

from dataclasses import dataclass

from guard.errors import AccessError, GuardFault, NormGuardError, PolicyError, RequestError, UpstreamError


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as a caller is told of it.

    Attributes:
        status: of HTTP.
        code: short machine-readable name.
        param: path of the offending field, or None.
        retry_after: seconds after which asking again makes sense, or None.
    """

    status: int
    message: str
    code: str
    param: str | None = None
    retry_after: float | None = None


def fault_of(error: NormGuardError) -> Fault:
    """How a caller is told of `error`; of a fault of the guard's own, no more than that it failed."""
    match error:
        case UpstreamError() | AccessError():
            return Fault(error.status, str(error), error.code, retry_after=error.retry_after)
        case RequestError():
            return Fault(400, str(error), error.code, error.param)
        case PolicyError():
            return Fault(400, str(error), "unknown_policy", "normguard.policy")
        case _:
            return Fault(500, str(GuardFault()), "guard_fault")


def refused(why: str, code: str) -> AccessError:
    """The error of a request that a fail-closed policy turns away."""
    return AccessError(
        f"{why}, and the deployment's policy refuses requests then.", status=503, code=code, retry_after=5
    )
