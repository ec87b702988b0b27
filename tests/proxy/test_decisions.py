"""Decisions over HTTP, and what is guarded where."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from guard import Guard
from guard.proxy.app import GUARDED
from tests.conftest import FakeUpstream
from tests.paths import ROOT
from tests.policies import POLICIES, AsPolicies, Scripted
from tests.samples import CLOCK, HARMLESS, REQUESTS, data_url, png

ASKED: Any = [{"role": "user", "content": CLOCK}]


@pytest.fixture(scope="module")
def deciding(start_proxy: Callable[..., str], guard: Guard, _upstream: FakeUpstream) -> str:
    acting = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())
    return start_proxy(acting, upstream=_upstream.base)


def apply(address: str, **given: Any) -> httpx.Response:
    return httpx.post(f"{address}/normguard/apply", json=given)


@pytest.mark.parametrize("api", REQUESTS)
def test_a_request_as_it_should_be_sent(deciding: str, upstream: FakeUpstream, api: str) -> None:
    told = apply(deciding, api=api, request=REQUESTS[api]).json()
    assert told["decision"]["action"] == "advise"
    assert told["answer"] is None
    assert "Cultural note, China" in str(told["request"])
    assert told["request"]["model"] == "m"
    blocked = apply(deciding, api=api, request=REQUESTS[api], normguard={"policy": "block"}).json()
    assert "Before going on" in str(blocked["answer"])
    assert upstream.bodies == []


def test_hints_count(deciding: str) -> None:
    request = {"messages": [{"role": "user", "content": "Is this a good gift for my host?"}]}
    told = {"country": "CN", "captions": ["a wall clock"]}
    assert apply(deciding, request=request, normguard=told).json()["decision"]["norms"][0]["id"] == "cn.gift.clocks"
    assert apply(deciding, request=request).json()["request"] == request


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"request": {"messages": 7}}, 400),
        ({"request": {}, "api": "chat"}, 400),
        ({"request": {"messages": ASKED}, "normguard": {"policy": "nope"}}, 400),
        ({"request": {"messages": ASKED}, "normguard": {"country": "XQ"}}, 400),
        ({"request": {"messages": ASKED}, "normguard": {"contry": "CN"}}, 422),
        ({"request": {"messages": ASKED}, "api": "telex"}, 422),
        ({}, 422),
    ],
)
def test_bad_input(deciding: str, given: dict[str, Any], status: int) -> None:
    response = apply(deciding, **given)
    assert response.status_code == status
    assert response.json()


def test_bodies_for_our_own_routes_are_bounded(start_proxy: Callable[..., str]) -> None:
    small = start_proxy(max_body=1000)
    large = httpx.post(f"{small}/normguard/apply", content=b"x" * 2000)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_too_large")
    unbounded = httpx.post(f"{small}/normguard/apply", content=iter([b"x"]))
    assert unbounded.status_code == 411


def test_a_gateway_that_tells_texts_only(deciding: str) -> None:
    def ask(**given: Any) -> dict[str, Any]:
        return httpx.post(f"{deciding}/beta/litellm_basic_guardrail_api", json=given).json()

    told = ask(texts=[CLOCK], images=[data_url(png())])
    assert told["action"] == "GUARDRAIL_INTERVENED"
    assert told["texts"][0].startswith(f"{CLOCK}\n\nCultural note")
    assert ask(texts=[HARMLESS]) == {"action": "NONE"}
    assert ask(texts=[]) == {"action": "NONE"}
    assert ask(input_type="response", texts=[CLOCK]) == {"action": "NONE"}
    blocked = ask(texts=[CLOCK], additional_provider_specific_params={"policy": "block", "other": 1})
    assert blocked["action"] == "BLOCKED"


UNGUARDED = [
    *("completions", "embeddings", "batches", "files", "moderations", "images/generations", "audio/speech"),
    *("messages/count_tokens", "messages/batches", "responses/input_tokens", "responses/resp_1/cancel"),
    *("conversations", "chat/completions/c_1", "assistants", "threads", "fine_tuning/jobs"),
]


@pytest.mark.parametrize("path", UNGUARDED)
def test_what_is_not_guarded_says_so(deciding: str, path: str) -> None:
    response = httpx.post(f"{deciding}/v1/{path}", json={"model": "m", "input": CLOCK})
    assert response.headers["x-normguard-status"] == "bypassed"
    assert "x-normguard-action" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/chat/completions/", "/v1//chat/completions", "/V1/chat/completions"),
        *("/v1/Chat/Completions", "/v1/chat/completions;x", "/v1/messages%20", "//v1/responses", "/v1/%6Dessages/"),
    ],
)
def test_no_other_spelling_of_a_guarded_path_gets_through(deciding: str, upstream: FakeUpstream, path: str) -> None:
    response = httpx.post(f"{deciding}{path}", json=REQUESTS["chat"])
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_path"
    assert upstream.paths == []


def test_websockets_are_refused(deciding: str) -> None:
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path in ("realtime", "responses"):
        assert httpx.get(f"{deciding}/v1/{path}", headers=upgrade).status_code == 403


def test_the_table_of_what_is_guarded_is_true() -> None:
    page = (ROOT / "docs" / "use" / "proxy.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `POST (/v1/[a-z/]+)`[^|]*\| yes \|", page, re.MULTILINE)
    assert set(rows) == set(GUARDED)
