"""Proxy keys: their form, their stores, what they allow, and the real server that asks for them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from click.testing import CliRunner
from openai import OpenAI

from guard.access import keyring as keyring_module
from guard.access.keyring import Keyring
from guard.access.keys import Key, new_key, parts
from guard.access.limits import Limits
from guard.access.store import KeyStore, open_keys
from guard.cli.keys import keys as keys_command
from guard.deployment.exposure import check_exposure, listens_beyond_this_machine
from guard.errors import AccessError, SettingsError
from guard.settings import Settings
from guard.stores.redis import Redis
from tests.conftest import FakeUpstream
from tests.services import PostgresServer, RedisServer
from tests.test_proxy import CLOCK, HARMLESS

TOKEN = "an operator's token"


class InMemory:
    """A store that counts how often it is asked, and can be away."""

    def __init__(self, *keys: Key) -> None:
        self.keys = {key.id: key for key in keys}
        self.asked = 0
        self.away = False

    def get(self, id_: str) -> Key | None:
        self.asked += 1
        if self.away:
            raise OSError("gone")
        return self.keys.get(id_)

    def add(self, key: Key) -> None:
        self.keys[key.id] = key

    def all(self) -> list[Key]:
        return list(self.keys.values())

    def revoke(self, id_: str, at: datetime) -> bool:
        self.keys[id_] = replace(self.keys[id_], revoked=at)
        return True


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    token, key = new_key("app")
    found = parts(token)
    assert found is not None
    id_, secret = found
    assert id_ == key.id
    assert key.opens(secret)
    assert not key.opens(secret[:-1])
    assert secret not in repr(key)
    assert len({new_key("app")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "token", ["", "sk-1", "ng-", "ng-abc", "ng-abcdefabcdef", "ng-abcdefabcdef-", "ng-" + "a" * 500]
)
def test_what_has_not_the_form_of_a_key(token: str) -> None:
    assert parts(token) is None


def test_what_a_key_allows() -> None:
    _, key = new_key("app", models=("gpt-4o*", "claude-?"), expires=datetime.now(UTC) + timedelta(seconds=5))
    assert key.allows("gpt-4o-mini")
    assert not key.allows("gpt-5")
    assert not key.allows(None)
    assert new_key("app")[1].allows(None)
    now = datetime.now(UTC)
    assert key.ended(now) is None
    assert key.ended(now + timedelta(seconds=6)) == "expired"
    assert replace(key, revoked=now).ended(now) == "revoked"


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    if request.param == "sqlite":
        return open_keys(f"sqlite:///{tmp_path}/keys.db")
    server = request.getfixturevalue("postgres" if request.param == "postgres" else "redis_server")
    return open_keys(server.url)


def test_stores_keep_all_of_a_key_and_nothing_of_its_secret(store: KeyStore) -> None:
    expires = datetime.now(UTC) + timedelta(days=1)
    token, key = new_key("Ann's app", policy="strict", models=("a*",), per_minute=3, concurrent=2, expires=expires)
    store.add(key)
    assert store.get(key.id) == key
    assert key in store.all()
    assert store.get("0" * 12) is None
    assert store.revoke(key.id, datetime.now(UTC))
    assert not store.revoke(key.id, datetime.now(UTC)), "once is enough"
    assert not store.revoke("0" * 12, datetime.now(UTC))
    kept = store.get(key.id)
    assert kept is not None
    assert kept.ended(datetime.now(UTC)) == "revoked"
    assert token.rpartition("-")[2] not in json.dumps([repr(key) for key in store.all()])


@pytest.mark.parametrize("url", ["nonsense", "redis://127.0.0.1:1/0", "sqlite:////no/such/folder/k.db"])
def test_stores_that_cannot_be_used(url: str) -> None:
    with pytest.raises(SettingsError, match="keys: "):
        open_keys(url)


# --- finding them -----------------------------------------------------------------------------------------------------


async def test_a_key_is_looked_up_once_in_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = new_key("app")
    store = InMemory(key)
    ring = Keyring(store)
    for _ in range(20):
        assert await ring.find(token) is key
    for _ in range(20):
        with pytest.raises(AccessError, match="wrong"):
            await ring.find("ng-" + "0" * 12 + "-secret")
    assert store.asked == 2
    with pytest.raises(AccessError):
        await ring.find("no key at all")
    assert store.asked == 2, "what has not the form of a key is not looked up"
    monkeypatch.setattr(keyring_module, "_FRESH", 0.0)
    store.revoke(key.id, datetime.now(UTC))
    with pytest.raises(AccessError, match="revoked") as caught:
        await ring.find(token)
    assert caught.value.status == 401


async def test_a_burst_asks_the_store_once() -> None:
    token, key = new_key("app")

    class Slow(InMemory):
        def get(self, id_: str) -> Key | None:
            time.sleep(0.05)
            return super().get(id_)

    store = Slow(key)
    ring = Keyring(store)
    found = await asyncio.gather(*(ring.find(token) for _ in range(400)))
    assert set(found) == {key}
    assert store.asked == 1


async def test_while_the_store_is_away_known_keys_stay_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    token, key = new_key("app")
    other, unknown = new_key("other")
    store = InMemory(key, unknown)
    ring = Keyring(store)
    await ring.find(token)
    monkeypatch.setattr(keyring_module, "_FRESH", 0.0)
    store.away = True
    assert await ring.find(token) is key
    with pytest.raises(AccessError) as caught:
        await ring.find(other)
    assert (caught.value.status, caught.value.code) == (503, "keys_unavailable")
    store.away = False
    assert await ring.find(other) is unknown


async def test_a_wrong_secret_of_a_right_id() -> None:
    token, key = new_key("app")
    with pytest.raises(AccessError) as caught:
        await Keyring(InMemory(key)).find(token[:-2] + "xx")
    assert caught.value.status == 401


# --- limits -----------------------------------------------------------------------------------------------------------


async def _let_in(limits: Limits, key: Key, times: int) -> int:
    let_in = 0
    for _ in range(times):
        try:
            async with limits.held(key):
                let_in += 1
        except AccessError as error:
            if error.status != 429 or not 1 <= (error.retry_after or 0) <= 60:
                raise
    return let_in


async def test_limits_of_one_process() -> None:
    _, key = new_key("app", per_minute=5, concurrent=2)
    _, other = new_key("other", per_minute=5)
    limits = Limits()
    assert await _let_in(limits, key, 9) == 5
    assert await _let_in(limits, other, 3) == 3, "each key has its own"
    _, busy = new_key("busy", concurrent=2)
    async with limits.held(busy), limits.held(busy):
        assert await _let_in(limits, busy, 1) == 0
    assert await _let_in(limits, busy, 3) == 3


async def test_limits_that_processes_share(redis_server: RedisServer) -> None:
    one, two = Limits(Redis(redis_server.url)), Limits(Redis(redis_server.url))
    _, key = new_key("app", per_minute=6)
    assert await _let_in(one, key, 4) + await _let_in(two, key, 9) == 6
    _, busy = new_key("busy", concurrent=2)
    async with one.held(busy), two.held(busy):
        assert await _let_in(one, busy, 1) == await _let_in(two, busy, 1) == 0
    assert await _let_in(two, busy, 2) == 2
    await one.close()
    await two.close()


async def test_leases_of_a_killed_process_end_by_themselves(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guard.access.limits._LEASE", 2)
    monkeypatch.setattr("guard.access.limits._RENEW", 0.5)
    alive, killed = Limits(Redis(redis_server.url)), Limits(Redis(redis_server.url))
    _, key = new_key("app", concurrent=2)
    _, renewed = new_key("app", concurrent=1)
    async with alive.held(renewed), killed.held(key), killed.held(key):
        await killed.close()  # it renews nothing any more
        assert await _let_in(alive, key, 1) == 0
        await asyncio.sleep(3.2)
        assert await _let_in(alive, key, 1) == 1
        assert await _let_in(killed, renewed, 1) == 0, "what is under way keeps its lease"
    await alive.close()


async def test_without_redis_each_process_holds_its_own(redis_server: RedisServer) -> None:
    failures: list[str] = []
    shared = Redis(f"redis://127.0.0.1:{redis_server.port + 1}/0")
    shared.on_error = failures.append
    limits = Limits(shared)
    _, key = new_key("app", per_minute=3, concurrent=1)
    start = time.perf_counter()
    assert await _let_in(limits, key, 5) == 3
    assert time.perf_counter() - start < 2
    assert failures, "it is told that Redis is away"
    async with limits.held(new_key("x", concurrent=1)[1]):
        pass


# --- the real server --------------------------------------------------------------------------------------------------


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


def test_a_key_has_so_many_requests_at_one_time(locked: str, keys_url: str) -> None:
    token = made(keys_url, concurrent=1)
    slow = threading.Thread(target=lambda: list(ask(locked, token, model="slow", stream=True)))
    slow.start()
    time.sleep(0.3)
    with pytest.raises(openai.RateLimitError, match="at one time"):
        ask(locked, token)
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


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("app.test", True)],
)
def test_a_public_address_is_not_served_to_anybody(host: str, public: bool) -> None:
    assert listens_beyond_this_machine(host) is public
    if not public:
        check_exposure(Settings(host=host))
        return
    with pytest.raises(SettingsError, match="normguard keys create"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, allow_anonymous=True))
    check_exposure(Settings(host=host, keys="sqlite:///keys.db"))  # type: ignore[arg-type]


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="admin_token"):
        Settings(admin_token="short")  # type: ignore[arg-type]


def test_the_commands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    run = CliRunner().invoke
    given = ["create", "--keys", url, "--name", "shop", "--model", "a*", "--per-minute", "9", "--days", "30", "--json"]
    answer = json.loads(run(keys_command, given).output)
    assert answer["key"].startswith(f"ng-{answer['id']}-")
    listed = json.loads(run(keys_command, ["list", "--keys", url, "--json"]).output)
    assert [(key["name"], key["state"], key["models"], key["per_minute"]) for key in listed] == [
        ("shop", "valid", ["a*"], 9)
    ]
    assert answer["id"] in run(keys_command, ["list", "--keys", url]).output
    assert "Revoked" in run(keys_command, ["revoke", "--keys", url, answer["id"]]).output
    again = run(keys_command, ["revoke", "--keys", url, answer["id"]])
    assert isinstance(again.exception, SettingsError)
    assert run(keys_command, ["create", "--keys", url, "--name", "x", "--per-minute", "0"]).exit_code == 2
    raw = (tmp_path / "keys.db").read_bytes()
    with sqlite3.connect(tmp_path / "keys.db") as database:
        assert len(database.execute("select digest from normguard_keys").fetchone()[0]) == 64
    assert answer["key"].rpartition("-")[2].encode() not in raw


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
