"""Error answers in the shape of the API that was called."""

from __future__ import annotations

import math

from pydantic_core import to_json
from starlette.responses import JSONResponse

from guard.api import FORMATS, WireFormat
from guard.api.events import Event
from guard.errors import AccessError, NormGuardError, PolicyError, RequestError
from guard.upstreams.base import UpstreamError

_CHAT = FORMATS["chat"]


def error_response(
    status: int, message: str, *, code: str, param: str | None = None, api: WireFormat = _CHAT
) -> JSONResponse:
    """An error answer as the API gives it."""
    return JSONResponse(api.error(status, message, code=code, param=param), status)


def response_of(error: NormGuardError | UpstreamError, api: WireFormat = _CHAT) -> JSONResponse:
    """The answer to a request that ended in `error`."""
    match error:
        case UpstreamError() | AccessError():
            response = error_response(error.status, str(error), code=error.code, api=api)
            if error.retry_after is not None:
                response.headers["retry-after"] = str(math.ceil(error.retry_after))
            if error.status == 401:
                response.headers["www-authenticate"] = "Bearer"
            return response
        case RequestError():
            return error_response(400, str(error), code=error.code, param=error.param, api=api)
        case PolicyError():
            return error_response(400, str(error), code="unknown_policy", param="normguard.policy", api=api)
        case _:
            return error_response(500, "The guard failed.", code="guard_fault", api=api)


def out_of_time() -> UpstreamError:
    """The error of a request that took longer than it may."""
    return UpstreamError("The request took longer than it may.", status=504, code="request_timeout")


def error_event(error: NormGuardError | UpstreamError, api: WireFormat = _CHAT) -> bytes:
    """The last event of a stream that ends in `error`, such that the API's clients raise it."""
    status, code = (error.status, error.code) if isinstance(error, UpstreamError) else (500, "guard_fault")
    message = str(error) if isinstance(error, UpstreamError) else "The guard failed."
    body = api.error(status, message, code=code)
    if api.name == "chat":
        return b"data: " + to_json(body) + b"\n\n"
    if api.name == "responses":
        body = {"type": "error", "code": code, "message": message, "param": None, **body}
    return Event(body, "error").encode()
