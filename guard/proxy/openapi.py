"""The guarded routes in the OpenAPI document: they are served without FastAPI, but documented with the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from guard.api.options import Extra

_TEXT = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {"type": {"type": "string"}, "text": {"type": "string"}},
}
_COMMON = {
    "model": {"type": "string"},
    "stream": {"type": "boolean"},
    "normguard": {
        **Extra.model_json_schema(),
        "description": "Hints and policy; taken out before the request goes on.",
    },
}


def _turn(roles: list[str], part: dict[str, Any]) -> dict[str, Any]:
    content = {"oneOf": [{"type": "string"}, {"type": "array", "items": part}]}
    return {
        "type": "object",
        "required": ["role", "content"],
        "properties": {"role": {"type": "string", "enum": roles}, "content": content},
    }


_BODIES: dict[str, dict[str, Any]] = {
    "chat": {
        "required": ["messages"],
        "properties": {
            **_COMMON,
            "messages": {
                "type": "array",
                "minItems": 1,
                "items": _turn(["system", "developer", "user", "assistant"], _TEXT),
            },
        },
    },
    "responses": {
        "properties": {
            **_COMMON,
            "instructions": {"type": "string"},
            "previous_response_id": {"type": "string"},
            "input": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "array", "items": _turn(["system", "developer", "user", "assistant"], _TEXT)},
                ]
            },
        }
    },
    "messages": {
        "required": ["messages"],
        "properties": {
            **_COMMON,
            "max_tokens": {"type": "integer", "minimum": 1},
            "system": {"oneOf": [{"type": "string"}, {"type": "array", "items": _TEXT}]},
            "messages": {"type": "array", "minItems": 1, "items": _turn(["user", "assistant"], _TEXT)},
        },
    },
}
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


def describe(app: FastAPI, guarded: Iterable[tuple[str, str]]) -> None:
    """Add the guarded routes, as pairs of path and API, to what the application tells of itself."""
    paths = dict(guarded)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path, api in paths.items():
                document["paths"][path] = {"post": _operation(api)}
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operation(api: str) -> dict[str, Any]:
    anything = {"application/json": {"schema": {"type": "object"}}}
    return {
        "tags": ["guarded"],
        "summary": f"The API's own route ({api}), guarded",
        "description": "Fields beyond these are the API's own and pass through as they are.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object", **_BODIES[api]}}},
        },
        "responses": {
            "200": {
                "description": "The upstream's answer.",
                "content": {**anything, "text/event-stream": {"schema": {"type": "string"}}},
            },
            **{status: {"description": what, "content": anything} for status, what in _ERRORS.items()},
        },
    }
