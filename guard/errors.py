"""The errors that NormGuard raises: one tree, each message says what was wrong, where, and what to do.

NormGuardError
├── PackError         a norm pack or vocabulary file
├── PolicyError       a deployment policy
├── SettingsError     a setting
├── ModelError        a vision model or classifier
├── GuardFault        the guard itself, where the policy refuses requests then
├── AccessError       the caller may not, or not now
├── UpstreamError     no answer to pass on
└── RequestError      what the caller sent
    └── ImageError    a picture of it
"""

from __future__ import annotations


class NormGuardError(Exception):
    """Base of all errors raised on purpose by this package."""


class PackError(NormGuardError):
    """A norm pack or vocabulary file cannot be used; the message names file, norm and field."""


class PolicyError(NormGuardError):
    """A deployment policy is unknown or cannot be read."""


class SettingsError(NormGuardError):
    """A setting has a value that cannot be used."""


class ModelError(NormGuardError):
    """A vision model or classifier is missing, damaged, or not what it should be."""


class GuardFault(NormGuardError):
    """The guard failed, and the deployment's policy refuses requests then."""

    def __init__(self) -> None:
        super().__init__("The guard failed.")


class RequestError(NormGuardError):
    """What the caller sent cannot be understood.

    Attributes:
        param: path of the offending field (``messages[0].content``), or None.
        code: short machine-readable name of the fault (``invalid_image``).
    """

    def __init__(self, message: str, *, param: str | None = None, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class AccessError(NormGuardError):
    """The caller may not ask this, or not now.

    Attributes:
        status: HTTP status: 401, 403, 429 or 503.
        code: short machine-readable name of the reason (``rate_limit_exceeded``).
        retry_after: seconds after which asking again makes sense, or None.
    """

    def __init__(self, message: str, *, status: int, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class ImageError(RequestError):
    """An image is none, is broken, or exceeds a limit."""


class UpstreamError(NormGuardError):
    """No upstream gave an answer that could be passed on.

    Attributes:
        status: HTTP status for the caller: 502, or 504 where time ran out; 503 where it is not even tried; 404 where no
            upstream is meant.
        code: ``upstream_`` and ``unreachable``, ``timeout``, ``disconnected``, ``invalid_response``, ``resting`` or
            ``busy``; ``model_not_found``, ``no_route``.
        retry_after: seconds after which asking again makes sense, or None.
    """

    def __init__(self, message: str, *, status: int = 502, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


def missing(what: str, extra: str) -> str:
    """What to say where `what` cannot be had without the packages of `extra`.

    An installed package's extra is installed by its name, whether or not an index has the package.
    """
    return f"{what} needs the extra [{extra}]: pip install 'normguard[{extra}]'"
