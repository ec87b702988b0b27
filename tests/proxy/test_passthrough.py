"""Paths and headers that pass through."""

from __future__ import annotations

import http.client
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import FakeUpstream
from tests.samples import HARMLESS, client


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
