"""The real server over a real socket, with the official client."""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from PIL import Image

from guard import Guard
from guard.classifier.base import Scores
from tests.conftest import FakeUpstream

CLOCK = "My colleague in Shanghai has a new baby. Is this wall clock a good gift?"
HARMLESS = "How many grams are three cups of flour?"


def client(proxy: str, **more: Any) -> OpenAI:
    return OpenAI(base_url=f"{proxy}/v1", api_key="sk-test", max_retries=0, **more)


def png(size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    return buffer.getvalue()


def data_url(data: bytes, type_: str = "image/png") -> str:
    return f"data:{type_};base64,{base64.b64encode(data).decode()}"


def picture_message(url: str, text: str = CLOCK) -> list[Any]:
    return [
        {"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]}
    ]


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


def test_streaming(proxy: str) -> None:
    stream = client(proxy).chat.completions.create(
        model="m", stream=True, messages=[{"role": "user", "content": CLOCK}]
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "piece0 piece1 piece2 "


async def test_async_and_async_streaming(proxy: str) -> None:
    async with AsyncOpenAI(base_url=f"{proxy}/v1", api_key="sk-test") as api:
        answer = await api.chat.completions.create(model="m", messages=[{"role": "user", "content": CLOCK}])
        assert answer.choices[0].message.content == "fine"
        stream = await api.chat.completions.create(
            model="m", stream=True, messages=[{"role": "user", "content": HARMLESS}]
        )
        assert len([chunk async for chunk in stream]) == 4


def test_chunks_are_not_held_back(proxy: str) -> None:
    start = time.monotonic()
    stream = client(proxy).chat.completions.create(
        model="slow", stream=True, messages=[{"role": "user", "content": HARMLESS}]
    )
    times = [time.monotonic() - start for _ in stream]
    assert times[0] < times[-1] / 2


def test_other_paths_pass_through(proxy: str, upstream: FakeUpstream) -> None:
    assert [model.id for model in client(proxy).models.list()] == ["m"]
    sent = httpx.post(f"{proxy}/v1/embeddings?a=b%20c", content=b"\x00raw", headers={"x-own": "yes"})
    assert sent.headers["x-normguard-status"] == "bypassed"
    assert sent.headers["x-up"] == "1"
    assert upstream.paths[-1] == "/v1/embeddings?a=b%20c"
    assert upstream.bodies[-1] == b"\x00raw"
    assert upstream.headers[-1]["x-own"] == "yes"


@pytest.mark.parametrize("path", ["/v1/../admin", "/v1/%2e%2e/admin", "/v1/files/..%2f..%2fadmin"])
def test_no_path_leads_out_of_the_api(proxy: str, upstream: FakeUpstream, path: str) -> None:
    host, port = proxy.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port))  # httpx would tidy the path up
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    assert connection.getresponse().status == 400
    assert upstream.paths == []


def test_an_upload_goes_on_with_its_length(proxy: str, upstream: FakeUpstream) -> None:
    httpx.post(f"{proxy}/v1/files", files={"file": b"x" * 100_000})
    assert int(upstream.headers[-1]["content-length"]) == len(upstream.bodies[-1])
    assert "transfer-encoding" not in upstream.headers[-1]


def test_the_callers_key_is_forwarded_and_our_headers_are_not(proxy: str, upstream: FakeUpstream) -> None:
    client(proxy).chat.completions.create(
        model="m", messages=[{"role": "user", "content": HARMLESS}], extra_headers={"x-normguard-country": "JP"}
    )
    assert upstream.headers[-1]["authorization"] == "Bearer sk-test"
    assert not [name for name in upstream.headers[-1] if name.startswith("x-normguard")]


def test_the_proxys_own_key_replaces_the_callers(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    own = start_proxy(upstream=upstream.base, upstream_api_key="sk-own")
    client(own).chat.completions.create(model="m", messages=[{"role": "user", "content": HARMLESS}])
    assert upstream.headers[-1]["authorization"] == "Bearer sk-own"


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


def bomb() -> bytes:
    """A PNG of a few kilobytes that claims 20,000 x 20,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = (20_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(b"\0" * 5_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


BAD_PICTURES = {
    "no image": (data_url(b"hello, I am no image"), "invalid_image"),
    "truncated": (data_url(png((600, 600))[:400]), "invalid_image"),
    "too many pixels": (data_url(bomb()), "image_too_large"),
    "50 MB": (data_url(b"\xff" * 50_000_000), "image_too_large"),
    "not base64": ("data:image/png;base64,@@@@", "invalid_image"),
    "wrong type": (data_url(b"<p>", "text/html"), "invalid_image_type"),
    "no comma": ("data:image/png;base64", "invalid_image_url"),
    "a file address": ("file:///etc/passwd", "invalid_image_url"),
}


@pytest.mark.parametrize("case", BAD_PICTURES)
def test_bad_pictures_get_an_openai_error(start_proxy: Callable[..., str], proxy: str, case: str) -> None:
    url, code = BAD_PICTURES[case]
    roomy = start_proxy(max_body=100_000_000) if case == "50 MB" else proxy
    with pytest.raises(openai.BadRequestError) as caught:
        client(roomy).chat.completions.create(model="m", messages=picture_message(url))
    assert caught.value.code == code
    assert caught.value.param == "messages[0].content[1].image_url.url"
    assert caught.value.type == "invalid_request_error"


BAD_BODIES = {
    "not JSON": (b"{oops", "invalid_json", None),
    "a list": (b"[]", "invalid_json", None),
    "empty": (b"", "invalid_json", None),
    "no messages": (b'{"model":"m"}', "missing_messages", "messages"),
    "messages empty": (b'{"messages":[]}', "empty_messages", "messages"),
    "messages a string": (b'{"messages":"hi"}', "invalid_request", "messages"),
    "message a string": (b'{"messages":["hi"]}', "invalid_request", "messages[0]"),
    "no role": (b'{"messages":[{"content":"hi"}]}', "invalid_request", "messages[0].role"),
    "content a number": (b'{"messages":[{"role":"user","content":7}]}', "invalid_request", "messages[0].content"),
    "part a string": (b'{"messages":[{"role":"user","content":["x"]}]}', "invalid_request", "messages[0].content[0]"),
    "text missing": (
        b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}',
        "invalid_request",
        "messages[0].content[0].text",
    ),
    "unknown country": (
        b'{"messages":[{"role":"user","content":"x"}],"normguard":{"country":"XQ"}}',
        "unknown_country",
        "country",
    ),
    "unknown locale": (
        b'{"messages":[{"role":"user","content":"x"}],"normguard":{"locale":"zz-ZZ"}}',
        "unknown_locale",
        "locale",
    ),
    "unknown field": (
        b'{"messages":[{"role":"user","content":"x"}],"normguard":{"contry":"JP"}}',
        "invalid_normguard_field",
        "normguard.contry",
    ),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_bad_bodies_get_an_openai_error(proxy: str, upstream: FakeUpstream, case: str) -> None:
    body, code, param = BAD_BODIES[case]
    response = httpx.post(f"{proxy}/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["param"] == param
    assert upstream.bodies == []


def test_a_body_over_the_limit(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    small = start_proxy(upstream=upstream.base, max_body=1000)
    response = httpx.post(f"{small}/v1/chat/completions", content=b'{"messages":"' + b"x" * 2000 + b'"}')
    assert (response.status_code, response.json()["error"]["code"]) == (400, "request_too_large")


def test_upstream_errors_come_back_unchanged(proxy: str) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client(proxy).chat.completions.create(model="rate-limited", messages=[{"role": "user", "content": HARMLESS}])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("html", 502, "upstream_invalid_response"),
        ("hang", 504, "upstream_timeout"),
        ("cut", 502, "upstream_disconnected"),
    ],
)
def test_a_broken_upstream(proxy: str, model: str, status: int, code: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": HARMLESS}]}
    response = httpx.post(f"{proxy}/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_an_unreachable_upstream(start_proxy: Callable[..., str]) -> None:
    nowhere = start_proxy(upstream="http://127.0.0.1:9/v1")
    with pytest.raises(openai.InternalServerError) as caught:
        client(nowhere).chat.completions.create(model="m", messages=[{"role": "user", "content": HARMLESS}])
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_unreachable"
    assert httpx.get(f"{nowhere}/v1/models").status_code == 502


def test_an_upstream_that_dies_in_mid_stream(proxy: str) -> None:
    stream = client(proxy).chat.completions.create(
        model="die", stream=True, messages=[{"role": "user", "content": HARMLESS}]
    )
    pieces = []
    with pytest.raises(openai.APIError, match="broke off"):
        pieces.extend(chunk.choices[0].delta.content for chunk in stream)


@pytest.mark.parametrize("model", ["endless", "hang"])
def test_a_client_that_goes_away_ends_the_upstreams_work(proxy: str, upstream: FakeUpstream, model: str) -> None:
    body = {"model": model, "stream": model == "endless", "messages": [{"role": "user", "content": HARMLESS}]}
    with (
        contextlib.suppress(httpx.ReadTimeout),
        httpx.Client(timeout=0.4) as caller,
        caller.stream("POST", f"{proxy}/v1/chat/completions", json=body) as response,
    ):
        assert next(response.iter_bytes())
    assert upstream.cancelled.wait(1.0)


def test_a_fault_in_the_guard_lets_the_request_through(
    start_proxy: Callable[..., str], upstream: FakeUpstream, guard: Guard
) -> None:
    class Broken:
        name = "broken"

        def read(self, *_: Any) -> tuple[()]:
            return ()

        def __call__(self, *_: Any) -> Scores:
            raise ZeroDivisionError

    broken = start_proxy(Guard(library=guard.library, scorer=Broken()), upstream=upstream.base)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": CLOCK}]}).encode()
    response = httpx.post(f"{broken}/v1/chat/completions", content=body)
    assert response.status_code == 200
    assert response.headers["x-normguard-status"] == "bypassed"
    assert upstream.bodies == [body]
    strict = httpx.post(f"{broken}/v1/chat/completions", content=body, headers={"x-normguard-policy": "strict"})
    assert strict.status_code == 500
    assert strict.json()["error"]["code"] == "guard_fault"
    assert len(upstream.bodies) == 1


def test_operation_routes(proxy: str) -> None:
    client(proxy).chat.completions.create(model="m", messages=[{"role": "user", "content": CLOCK}])
    assert httpx.get(f"{proxy}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{proxy}/readyz").json()["status"] == "ready"
    text = httpx.get(f"{proxy}/metrics").text
    for name in (
        'normguard_requests_total{route="chat",status="2xx"}',
        'normguard_decisions_total{action="advise"}',
        'normguard_guard_status_total{status="ok"}',
        'normguard_stage_seconds_count{stage="total"}',
        "normguard_upstream_seconds_count",
        "normguard_in_flight",
    ):
        assert name in text, name


def test_the_demo_model_without_an_upstream(start_proxy: Callable[..., str]) -> None:
    api = client(start_proxy())
    assert [model.id for model in api.models.list()] == ["normguard-demo"]
    message = picture_message(f"data:image/png;name=wall-clock.png;base64,{base64.b64encode(png()).decode()}")
    after = api.chat.completions.create(model="normguard-demo", messages=message).choices[0].message.content or ""
    before = (
        api.chat.completions.create(
            model="normguard-demo", messages=message, extra_headers={"x-normguard-policy": "off"}
        )
        .choices[0]
        .message.content
        or ""
    )
    assert "not a real one" in before
    assert "wonderful choice" in before
    assert "not a real one" in after
    assert "wonderful" not in after
    assert "alternative" in after
    stream = api.chat.completions.create(model="normguard-demo", messages=message, stream=True, n=1)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == after
