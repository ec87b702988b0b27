"""The OpenAPI document."""

from __future__ import annotations

import httpx
import pytest

from tests.samples import BODY


def test_the_document_tells_of_the_guarded_routes(proxy: str) -> None:
    document = httpx.get(f"{proxy}/openapi.json").json()
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/normguard/apply", "/readyz"):
        assert path in document["paths"]
    import jsonschema

    schema = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({**BODY, "normguard": {"country": "CN"}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"messages": []}, schema)
