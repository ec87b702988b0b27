"""Error answers in the shape of the OpenAI API."""

from __future__ import annotations

from starlette.responses import JSONResponse

from guard.errors import NormGuardError, PolicyError, RequestError
from guard.proxy.upstream import UpstreamError


def error_body(message: str, *, type_: str, code: str, param: str | None = None) -> dict[str, object]:
    """An OpenAI error object."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def error_response(status: int, message: str, *, code: str, param: str | None = None) -> JSONResponse:
    """An error answer with an OpenAI error object as its body."""
    type_ = "invalid_request_error" if status < 500 else "upstream_error" if status in {502, 504} else "server_error"
    return JSONResponse(error_body(message, type_=type_, code=code, param=param), status)


def response_of(error: NormGuardError | UpstreamError) -> JSONResponse:
    """The answer to a request that ended in `error`."""
    match error:
        case UpstreamError():
            return error_response(error.status, str(error), code=error.code)
        case RequestError():
            return error_response(400, str(error), code=error.code, param=error.param)
        case PolicyError():
            return error_response(400, str(error), code="unknown_policy", param="normguard.policy")
        case _:
            return error_response(500, "The guard failed.", code="guard_fault")
