"""The real server that asks for a key."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import openai
import pytest
from click.testing import CliRunner
from openai import OpenAI

from guard.access import keyring as keyring_module
from guard.access.keys import new_key, parts
from guard.access.store import open_keys
from guard.cli.keys import keys as keys_command
from tests.conftest import FakeUpstream
from tests.samples import CLOCK, HARMLESS
from tests.services import PostgresServer
from tests.waiting import wait_for

TOKEN = "an operator's token"


@pytest.fixture(scope="module")
def keys_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('keys')}/keys.db"


@pytest.fixture(scope="module")
def locked(start_proxy: Callable[..., str], _upstream: FakeUpstream, keys_url: str) -> str:
    return start_proxy(upstream=_upstream.base, keys=keys_url, admin_token=TOKEN, upstream_api_key="sk-of-the-upstream")


def made(url: str, **limits: Any) -> str:
    token, key = new_key("app", **limits)
    open_keys(url).add(key)
    return token


def ask(address: str, token: str, **more: Any) -> Any:
    client = OpenAI(base_url=f"{address}/v1", api_key=token, max_retries=0)
    messages: Any = [{"role": "user", "content": CLOCK}]
    return client.chat.completions.create(**{"model": "m", "messages": messages, **more})


def test_a_right_key_opens_and_never_reaches_the_upstream(locked: str, keys_url: str, upstream: FakeUpstream) -> None:
    token = made(keys_url)
    assert ask(locked, token).choices[0].message.content == "fine"
    assert upstream.headers[-1]["authorization"] == "Bearer sk-of-the-upstream"
    client = anthropic.Anthropic(base_url=locked, api_key=token, max_retries=0)
    client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": HARMLESS}])
    told = json.dumps(upstream.headers)
    assert token not in told
    assert token.rpartition("-")[2] not in told


def test_the_key_in_our_own_header_leaves_the_callers_for_the_upstream(
    start_proxy: Callable[..., str], keys_url: str, upstream: FakeUpstream
) -> None:
    address = start_proxy(upstream=upstream.base, keys=keys_url)
    token = made(keys_url)
    headers = {"authorization": "Bearer sk-callers", "x-normguard-key": token}
    body = {"model": "m", "messages": [{"role": "user", "content": HARMLESS}]}
    assert httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers).status_code == 200
    assert upstream.headers[-1]["authorization"] == "Bearer sk-callers"
    assert "x-normguard-key" not in upstream.headers[-1]
    spent = {"authorization": f"Bearer {token}"}
    assert httpx.post(f"{address}/v1/chat/completions", json=body, headers=spent).status_code == 200
    assert "authorization" not in upstream.headers[-1], "a spent proxy key is nobody else's business"


@pytest.mark.parametrize("path", ["chat/completions", "responses", "messages", "embeddings", "files"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk-1"}, {"x-api-key": "ng-000000000000-x"}])
def test_nothing_without_a_key(locked: str, upstream: FakeUpstream, path: str, headers: dict[str, str]) -> None:
    response = httpx.post(f"{locked}/v1/{path}", json={"model": "m"}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["code"] in {"missing_api_key", "invalid_api_key"}
    assert not upstream.paths


def test_our_own_routes_need_a_key_too(locked: str, keys_url: str) -> None:
    body = {"request": {"messages": [{"role": "user", "content": CLOCK}]}}
    for path in ("/normguard/apply", "/beta/litellm_basic_guardrail_api"):
        assert httpx.post(f"{locked}{path}", json=body).status_code == 401
    headers = {"x-normguard-key": made(keys_url, policy="off")}
    applied = httpx.post(f"{locked}/normguard/apply", json=body, headers=headers).json()
    assert applied["decision"]["action"] == "pass", "the key's policy applies there too"
    other = {**body, "normguard": {"policy": "strict"}}
    assert httpx.post(f"{locked}/normguard/apply", json=other, headers=headers).status_code == 403


def test_clients_raise_what_they_always_raise(locked: str, keys_url: str) -> None:
    with pytest.raises(openai.AuthenticationError, match="proxy key is wrong"):
        ask(locked, "ng-000000000000-x")
    limited = made(keys_url, per_minute=1)
    ask(locked, limited)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(locked, limited)
    assert int(caught.value.response.headers["retry-after"]) >= 1
    client = anthropic.Anthropic(base_url=locked, api_key="ng-000000000000-x", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError):
        client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": HARMLESS}])


def test_models_and_policies_of_a_key(locked: str, keys_url: str, upstream: FakeUpstream) -> None:
    token = made(keys_url, models=("good-*",), policy="off")
    raw = OpenAI(base_url=f"{locked}/v1", api_key=token).chat.completions.with_raw_response.create(
        model="good-one", messages=[{"role": "user", "content": CLOCK}]
    )
    assert raw.headers["x-normguard-action"] == "pass", "the key's policy applies"
    with pytest.raises(openai.PermissionDeniedError, match="policy"):
        ask(locked, token, model="good-one", extra_headers={"x-normguard-policy": "default"})
    before = len(upstream.paths)
    with pytest.raises(openai.PermissionDeniedError, match="may not ask for model 'bad'"):
        ask(locked, token, model="bad")
    headers = {"authorization": f"Bearer {token}"}
    for path, body in (("embeddings", {"model": "bad"}), ("batches", {"input_file_id": "f"})):
        assert httpx.post(f"{locked}/v1/{path}", json=body, headers=headers).status_code == 403
    assert httpx.post(f"{locked}/v1/files", files={"file": b"x"}, headers=headers).status_code == 403
    assert len(upstream.paths) == before
    assert httpx.post(f"{locked}/v1/embeddings", json={"model": "good-e"}, headers=headers).status_code == 200
    assert httpx.get(f"{locked}/v1/models", headers=headers).status_code == 200


def test_a_key_has_so_many_requests_at_one_time(locked: str, keys_url: str, upstream: FakeUpstream) -> None:
    token = made(keys_url, concurrent=1)
    slow = threading.Thread(target=lambda: list(ask(locked, token, model="held", stream=True)))
    slow.start()
    wait_for(lambda: bool(upstream.bodies))
    with pytest.raises(openai.RateLimitError, match="at one time"):
        ask(locked, token)
    upstream.release.set()
    slow.join()
    assert ask(locked, token).choices[0].message.content == "fine"


def test_a_revoked_key_ends(locked: str, keys_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made(keys_url)
    ask(locked, token)
    found = parts(token)
    assert found is not None
    assert CliRunner().invoke(keys_command, ["revoke", "--keys", keys_url, token]).exit_code == 0
    monkeypatch.setattr(keyring_module, "_FRESH", 0.0)
    with pytest.raises(openai.AuthenticationError, match="revoked"):
        ask(locked, token)


def test_the_operators_routes_have_a_token_of_their_own(locked: str, keys_url: str) -> None:
    token = made(keys_url)
    for path in ("/metrics", "/openapi.json", "/docs", "/normguard/admin/status"):
        assert httpx.get(f"{locked}{path}", headers={"authorization": f"Bearer {token}"}).status_code == 401
        assert httpx.get(f"{locked}{path}", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert httpx.post(f"{locked}/normguard/admin/reload").status_code == 401
    for path in ("/healthz", "/readyz"):
        assert httpx.get(f"{locked}{path}").status_code == 200
    counted = httpx.get(f"{locked}/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
    assert 'normguard_refused_total{reason="admin"}' in counted
    assert token not in counted


def test_decisions_tell_whose_key(
    start_proxy: Callable[..., str], upstream: FakeUpstream, keys_url: str, postgres: PostgresServer
) -> None:
    from guard.audit.store import Store

    address = start_proxy(upstream=upstream.base, keys=keys_url, audit=postgres.url)
    token = made(keys_url)
    ask(address, token)
    store = Store(postgres.url)
    deadline = time.monotonic() + 10
    while not (rows := [row for row in store.read() if row["key"] == token.split("-")[1]]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert rows[0]["action"] == "advise"
