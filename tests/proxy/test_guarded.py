"""Guarded requests, with the official client over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from guard import Guard
from guard.audit.store import Store
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, Scripted
from tests.samples import BODY, CLOCK, HARMLESS, client, data_url, picture_message, png
from tests.waiting import wait_for


def test_a_sensitive_question_is_advised_on(proxy: str, upstream: FakeUpstream) -> None:
    raw = client(proxy).chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": CLOCK}]
    )
    assert raw.parse().choices[0].message.content == "fine"
    assert raw.headers["x-normguard-action"] == "advise"
    assert raw.headers["x-normguard-cultures"].startswith("CN")
    assert "cn.gift.clock" in raw.headers["x-normguard-norms"]
    assert raw.headers["x-normguard-status"] == "ok"
    assert float(raw.headers["x-normguard-latency-ms"]) < 1000
    assert len(raw.headers["x-normguard-request-id"]) == 32
    assert raw.headers["openai-version"] == "x"
    sent = upstream.last["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]
    assert "China" in sent[0]["content"]
    assert sent[1] == {"role": "user", "content": CLOCK}


def test_pass_changes_no_byte(proxy: str, upstream: FakeUpstream) -> None:
    body = b'{ "model":"m","seed":123456789012345678901234567890,\n "x_unknown": 1.0e5, "messages":[{"role":"user",'
    body += b'"content":"2+2? \\u00e9"}]}'
    response = httpx.post(f"{proxy}/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.headers["x-normguard-action"] == "pass"
    assert upstream.bodies == [body]


def test_advice_disturbs_nothing_else(proxy: str, upstream: FakeUpstream) -> None:
    messages: list[Any] = [
        {
            "role": "developer",
            "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "user", "name": "ann", "content": CLOCK},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "42"},
        {"role": "user", "content": "So shall I take the clock for her?"},
    ]
    extra = {
        "seed": 123456789012345678901234567890,
        "x_unknown": {"a": [1.5, None, True, "é"]},
        "logit_bias": {"50256": -100},
    }
    body = {
        "model": "m",
        "n": 2,
        "messages": messages,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        **extra,
    }
    response = httpx.post(f"{proxy}/v1/chat/completions", json=body)
    assert response.headers["x-normguard-action"] == "advise"
    sent = upstream.last
    assert sent["messages"][1:] == messages[1:]
    first = sent["messages"][0]
    assert first["role"] == "developer"
    assert first["content"][0] == messages[0]["content"][0]
    assert len(first["content"]) == 2
    assert {k: v for k, v in sent.items() if k != "messages"} == {k: v for k, v in body.items() if k != "messages"}


def test_tools_and_n(proxy: str) -> None:
    answer = client(proxy).chat.completions.create(
        model="m",
        n=3,
        messages=[{"role": "user", "content": CLOCK}],
        tools=[
            {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
        ],
    )
    assert len(answer.choices) == 3
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.name == "look_up"  # type: ignore[union-attr]


def test_hints_in_headers_and_in_the_body(proxy: str, upstream: FakeUpstream) -> None:
    question = [{"role": "user", "content": "Is this wall clock a good gift for my host?"}]
    by_header = client(proxy).chat.completions.with_raw_response.create(
        model="m", messages=question, extra_headers={"x-normguard-country": "cn"}
    )
    by_body = client(proxy).chat.completions.with_raw_response.create(
        model="m", messages=question, extra_body={"normguard": {"country": "CN", "captions": ["a wall clock"]}}
    )
    without = client(proxy).chat.completions.with_raw_response.create(model="m", messages=question)
    assert by_header.headers["x-normguard-action"] == "advise"
    assert by_body.headers["x-normguard-action"] == "advise"
    assert "normguard" not in json.loads(upstream.bodies[1])
    assert without.headers["x-normguard-action"] == "pass"


def test_policies_by_name(proxy: str) -> None:
    off = client(proxy).chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": CLOCK}], extra_headers={"x-normguard-policy": "off"}
    )
    assert off.headers["x-normguard-action"] == "pass"
    with pytest.raises(openai.BadRequestError) as caught:
        client(proxy).chat.completions.create(
            model="m", messages=[{"role": "user", "content": CLOCK}], extra_headers={"x-normguard-policy": "nope"}
        )
    assert caught.value.code == "unknown_policy"
    assert "default" in caught.value.message


def test_pictures_as_data_urls_and_addresses(proxy: str, upstream: FakeUpstream) -> None:
    seen = client(proxy).chat.completions.with_raw_response.create(model="m", messages=picture_message(data_url(png())))
    assert seen.headers["x-normguard-status"] == "ok"
    assert upstream.last["messages"][-1] == picture_message(data_url(png()))[0]
    address = "https://shop.example/wall-clock.jpg"
    remote = client(proxy).chat.completions.with_raw_response.create(
        model="m", messages=picture_message(address, "A gift for my host in Shanghai?")
    )
    assert remote.headers["x-normguard-status"] == "degraded"
    assert "cn.gift.clock" in remote.headers["x-normguard-norms"]


def test_the_whole_has_a_deadline(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, request_timeout=0.5)
    with pytest.raises(openai.APIStatusError) as caught:
        client(address).chat.completions.create(model="hang", messages=BODY["messages"])  # type: ignore[call-overload]
    assert caught.value.status_code == 504
    assert upstream.cancelled.wait(5), "the upstream's work ends too"
    with pytest.raises(openai.APIError, match="longer than it may"):
        list(client(address).chat.completions.create(model="endless", stream=True, messages=BODY["messages"]))  # type: ignore[call-overload]


def test_an_upstreams_headers_cannot_pose_as_ours(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    behind = start_proxy(upstream=upstream.base)  # a proxy behind a proxy says much in our name
    address = start_proxy(upstream=f"{behind}/v1")
    response = httpx.post(f"{address}/v1/chat/completions", json=BODY, headers={"x-normguard-policy": "off"})
    assert response.headers.get_list("x-normguard-action") == ["pass"]
    assert len(response.headers.get_list("x-normguard-request-id")) == 1


def test_the_proxy_keeps_every_decision(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    acting = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), checker=Scripted())
    address = start_proxy(acting, upstream=upstream.base, audit=url)

    def ask(query: str, policy: str = "default", **more: Any) -> str:
        body = {"model": "m", "messages": [{"role": "user", "content": query}], **more}
        headers = {"x-normguard-policy": policy}
        response = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers)
        return response.headers["x-normguard-request-id"]

    ids = [ask(CLOCK), ask(HARMLESS), ask(CLOCK, "block"), ask(CLOCK, "shadow"), ask(CLOCK, "verify", stream=True)]
    ids.append(ask(CLOCK, model="rate-limited"))
    store = Store(url)
    wait_for(lambda: store.count() == 6)
    found = {row["request_id"]: row for row in store.read()}
    rows = [found[id_] for id_ in ids]
    assert [row["action"] for row in rows] == ["advise", "pass", "block", "monitor", "verify", "advise"]
    assert [row["shadow"] for row in rows] == [None, None, None, "advise", None, None]
    assert [row["http_status"] for row in rows] == [200, 200, 200, 200, 200, 429]
    assert rows[0]["query_hash"] == rows[2]["query_hash"] != rows[1]["query_hash"]
    assert rows[4]["verify"] in {"cleared", "revised", "noted", "unsure"}, "told once the stream is over"
    wait_for(lambda: "normguard_audit_written_total 6.0" in httpx.get(f"{address}/metrics").text)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Shanghai" not in raw, "no text is kept unless the operator says so"


def test_the_original_of_a_rewritten_question_is_kept_where_content_is(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    acting = Guard(library=guard.library, scorer=guard.scorer, policies=AsPolicies(**POLICIES), policy="rewrite")
    address = start_proxy(acting, upstream=upstream.base, audit=url, audit_content=True)
    body = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}
    httpx.post(f"{address}/v1/chat/completions", json=body)
    store = Store(url)
    wait_for(lambda: store.count() == 1)
    (row,) = store.read()
    assert row["query"] == CLOCK
    assert row["rewritten"].startswith(f"{CLOCK}\n\nPlease take into account")
