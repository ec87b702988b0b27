"""Error answers in the shape of the API that was called."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse

from guard.api import APIS, WireFormat
from guard.errors import NormGuardError, UpstreamError
from guard.flow import fault_of

_CHAT = APIS[0]


def error_response(
    status: int, message: str, *, code: str, param: str | None = None, api: WireFormat = _CHAT
) -> JSONResponse:
    """An error answer as the API gives it."""
    return JSONResponse(api.error(status, message, code=code, param=param), status)


def response_of(error: NormGuardError, api: WireFormat = _CHAT) -> JSONResponse:
    """The answer to a request that ended in `error`."""
    fault = fault_of(error)
    response = error_response(fault.status, fault.message, code=fault.code, param=fault.param, api=api)
    if fault.retry_after is not None:
        response.headers["retry-after"] = str(math.ceil(fault.retry_after))
    if fault.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def out_of_time() -> UpstreamError:
    """The error of a request that took longer than it may."""
    return UpstreamError("The request took longer than it may.", status=504, code="request_timeout")


def error_event(error: NormGuardError, api: WireFormat = _CHAT) -> bytes:
    """The last event of a stream that ends in `error`, such that the API's clients raise it."""
    fault = fault_of(error)
    return api.error_event(fault.status, fault.message, code=fault.code).encode()
