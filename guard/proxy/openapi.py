"""The guarded routes in the OpenAPI document: they are served without FastAPI, but documented with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from guard.api import WireFormat
from guard.api.options import Extra

_NORMGUARD = {**Extra.model_json_schema(), "description": "Hints and policy; taken out before the request goes on."}
_COMMON = {"model": {"type": "string"}, "stream": {"type": "boolean"}, "normguard": _NORMGUARD}
_ERRORS = {
    "400": "What was sent cannot be used; the error says what and where.",
    "401": "The proxy key is missing, wrong, or has ended.",
    "403": "The key may not ask this.",
    "404": "No route leads to the model.",
    "429": "The key's limits are reached.",
    "502": "The upstream cannot be reached, or its answer cannot be used.",
    "503": "Too much to do, or the upstream is left alone for a moment.",
    "504": "The upstream, or the whole, took too long.",
}


def describe(app: FastAPI, guarded: Mapping[str, WireFormat]) -> None:
    """Add the guarded routes, by path, to what the application tells of itself."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path, api in guarded.items():
                document["paths"][path] = {"post": _operation(api)}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(api: WireFormat) -> dict[str, Any]:
    anything = {"application/json": {"schema": {"type": "object"}}}
    schema = {"type": "object", **api.schema, "properties": {**_COMMON, **api.schema["properties"]}}
    return {
        "tags": ["guarded"],
        "summary": f"The API's own route ({api.name}), guarded",
        "description": "Fields beyond these are the API's own and pass through as they are.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {
                "description": "The upstream's answer.",
                "content": {**anything, "text/event-stream": {"schema": {"type": "string"}}},
            },
            **{status: {"description": what, "content": anything} for status, what in _ERRORS.items()},
        },
    }
