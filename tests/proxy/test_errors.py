"""What callers hear of bad requests, broken upstreams and faults of the guard."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from guard import Guard
from guard.classifier.base import Scores
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, BrokenVision, Scripted, SlowVision, same
from tests.proxy.asking import post
from tests.samples import CLOCK, HARMLESS, client, data_url, picture_message, png


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


@pytest.fixture(scope="module")
def with_faults(guard: Guard) -> Callable[[Any], Guard]:
    more = {
        "closed": {"on_fault": "closed"},
        "all-closed": {"on_fault": dict.fromkeys(("guard", "timeout", "evidence", "verify", "audit"), "closed")},
        "evidence-closed": {"on_fault": {"evidence": "closed"}},
        "timeout-closed": {"on_fault": {"timeout": "closed"}},
        "verify-closed": {"actions": same("verify"), "on_fault": {"verify": "closed"}},
        "audit-closed": {"on_fault": {"audit": "closed"}},
    }

    def made(vision: Any) -> Guard:
        policies = AsPolicies(**POLICIES, **more)
        return Guard(library=guard.library, scorer=guard.scorer, policies=policies, vision=vision, checker=Scripted())

    return made


def test_pictures_that_take_too_long(
    start_proxy: Callable[..., str], with_faults: Callable[[Any], Guard], upstream: FakeUpstream
) -> None:
    slow = SlowVision()
    address = start_proxy(with_faults(slow), upstream=upstream.base, guard_timeout=0.3)
    response = post(address, "default", n=1)  # before the eyes are open, which is only when all is over
    assert (response.status_code, response.headers["x-normguard-status"]) == (200, "degraded")
    assert response.headers["x-normguard-action"] == "advise", "the text still counts"
    for policy in ("closed", "timeout-closed"):
        response = post(address, policy, n=2)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "guard_timeout")
    assert post(address, "evidence-closed", n=3).status_code == 200, "late is not broken"
    assert 'source="timeout"' in httpx.get(f"{address}/metrics").text
    slow.opened.set()


def test_evidence_that_breaks(
    start_proxy: Callable[..., str], with_faults: Callable[[Any], Guard], upstream: FakeUpstream
) -> None:
    address = start_proxy(with_faults(BrokenVision()), upstream=upstream.base, audit=None)
    for policy, status in (("default", 200), ("closed", 200), ("evidence-closed", 503), ("all-closed", 503)):
        response = post(address, policy, n=4)
        assert response.status_code == status, policy
    assert response.json()["error"]["code"] == "audit_unavailable"
    assert "secret text" not in response.text
    assert post(address, "evidence-closed", picture=False).status_code == 200


def test_decisions_that_cannot_be_kept(
    start_proxy: Callable[..., str], with_faults: Callable[[Any], Guard], upstream: FakeUpstream, tmp_path: Path
) -> None:
    without = start_proxy(with_faults(None), upstream=upstream.base, audit=None)
    refused = post(without, "audit-closed", picture=False)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "audit_unavailable")
    assert post(without, "default", picture=False).status_code == 200
    kept = start_proxy(with_faults(None), upstream=upstream.base, audit=f"sqlite:///{tmp_path}/audit.db")
    assert post(kept, "audit-closed", picture=False).status_code == 200


def test_faults_are_logged_without_what_users_say(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Scripted):
        name = "broken"

        def read(self, exchange: Any) -> Any:
            return ()

        def __call__(self, *given: Any) -> Any:
            raise ValueError(f"cannot score {given[0]!r}")

    broken = Guard(library=guard.library, scorer=Broken(), policies=AsPolicies(**POLICIES))  # type: ignore[arg-type]
    address = start_proxy(broken, upstream=upstream.base)
    secret = {"model": "m", "messages": [{"role": "user", "content": "my password is QX77Z"}]}
    response = httpx.post(f"{address}/v1/chat/completions", json=secret)
    assert response.headers["x-normguard-status"] == "bypassed"
    assert "ValueError" in caplog.text
    assert "QX77Z" not in caplog.text
    assert "test_errors.py" in caplog.text, "where it was is told"
    response = httpx.post(f"{address}/v1/chat/completions", json=secret, headers={"x-normguard-policy": "strict"})
    assert response.status_code == 500
    assert "QX77Z" not in response.text + caplog.text
