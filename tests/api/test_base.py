"""What holds for every API: what is read, and what is left alone."""

from __future__ import annotations

import copy

import httpx
import pytest

from guard.api import FORMATS
from guard.errors import RequestError
from tests.conftest import FakeUpstream
from tests.samples import REQUESTS

BAD = {
    ("responses", "input a number"): ({"input": 7}, "input"),
    ("responses", "an item a string"): ({"input": ["x"]}, "input[0]"),
    ("responses", "no role"): ({"input": [{"content": "x"}]}, "input[0].role"),
    ("responses", "text missing"): (
        {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
        "input[0].content[0].text",
    ),
    ("responses", "an image of nothing"): (
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        "input[0].content[0]",
    ),
    ("responses", "instructions a list"): ({"instructions": []}, "instructions"),
    ("responses", "a numbered conversation"): ({"input": "x", "conversation": 7}, "conversation"),
    ("messages", "no messages"): ({}, "messages"),
    ("messages", "empty"): ({"messages": []}, "messages"),
    ("messages", "no role"): ({"messages": [{"content": "x"}]}, "messages[0].role"),
    ("messages", "content a number"): ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ("messages", "system a number"): ({"system": 7, "messages": [{"role": "user", "content": "x"}]}, "system"),
    ("messages", "an image of nothing"): (
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
        "messages[0].content[0].source",
    ),
    ("messages", "an image of text"): (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "text/html", "data": "AAAA"}}
                    ],
                }
            ]
        },
        "messages[0].content[0].source.media_type",
    ),
}


@pytest.mark.parametrize(("api", "case"), BAD)
def test_bad_bodies_name_the_place(proxy: str, upstream: FakeUpstream, api: str, case: str) -> None:
    body, param = BAD[api, case]
    with pytest.raises(RequestError) as caught:
        FORMATS[api].read(body)
    assert caught.value.param == param
    response = httpx.post(f"{proxy}/v1/{FORMATS[api].path}", json={"model": "m", **body})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert param in (error["message"] if api == "messages" else error["param"])
    assert upstream.bodies == []


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_that_was_given_is_changed(name: str) -> None:
    api = FORMATS[name]
    body = {**REQUESTS[name], "stream": True, "x_unknown": {"a": [1, None]}}
    before = copy.deepcopy(body)
    assert api.with_guidance(body, "NOTE")["x_unknown"] == before["x_unknown"]
    assert api.read(api.with_query(body, "other")).query == "other"
    again = api.follow_up(body, "An answer.", "Try again.")
    assert api.read(again).query == "Try again."
    assert "stream" not in again
    assert body == before
