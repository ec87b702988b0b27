"""What breaks, hangs or is too much: breakers, queues, deadlines, shedding, classes of fault, drain and reload."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from guard import Guard
from guard.errors import AccessError, UpstreamError
from guard.proxy import slow_clients as protocol
from guard.proxy.overload import OverloadGuard
from guard.settings import Settings, read_settings
from guard.upstreams.base import Reply
from guard.upstreams.breaker import Breaker
from guard.upstreams.config import Route, Target
from guard.upstreams.protected import Bounds, Protected
from guard.upstreams.routes import Router
from tests.conftest import FakeUpstream
from tests.policies import POLICIES, AsPolicies, Scripted, same
from tests.services import free_port
from tests.test_proxy import CLOCK, HARMLESS, client, data_url, picture_message, png

BODY = {"model": "m", "messages": [{"role": "user", "content": CLOCK}]}


# --- breaker and queue ------------------------------------------------------------------------------------------------


def test_a_breaker_opens_rests_and_tries_once() -> None:
    now, changes = [0.0], []
    breaker = Breaker(3, 10, on_change=changes.append, clock=lambda: now[0])
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    breaker.enter()
    breaker.failed()
    assert breaker.is_open
    with pytest.raises(UpstreamError) as caught:
        breaker.enter()
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "upstream_resting", 10)
    now[0] = 10.1
    breaker.enter()
    with pytest.raises(UpstreamError):
        breaker.enter()  # one tries, the others wait for what comes of it
    breaker.failed()
    with pytest.raises(UpstreamError):
        breaker.enter()
    now[0] = 20.3
    breaker.enter()
    breaker.gave_up()
    breaker.enter()
    breaker.succeeded()
    assert not breaker.is_open
    assert changes == [True, False]


def test_a_breaker_that_never_opens() -> None:
    breaker = Breaker(0, 10)
    for _ in range(100):
        breaker.failed()
    breaker.enter()


class Played:
    """An upstream that answers as a list says."""

    name, by_model = "played", False

    def __init__(self, *answers: int | Exception, seconds: float = 0) -> None:
        self.answers, self.seconds, self.sent = list(answers), seconds, 0

    async def send(self, method: str, path: str, headers: Any, body: Any, *, model: str | None = None) -> Reply:
        self.sent += 1
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer

        async def once() -> AsyncIterator[bytes]:
            yield b"{}"

        return Reply(answer, [], once())

    async def close(self) -> None: ...


async def read(protected: Protected) -> int:
    reply = await protected.send("POST", "chat/completions", [], b"{}")
    assert b"".join([chunk async for chunk in reply.body]) in {b"{}", b""}
    return reply.status


GONE = UpstreamError("gone", code="upstream_unreachable")


async def test_failures_open_and_callers_hear_at_once() -> None:
    upstream = Played(GONE, 503, GONE)
    protected = Protected(upstream, Bounds(failures=3, rest=0.2), name="a")
    for _ in range(3):
        with contextlib.suppress(UpstreamError):
            await read(protected)
    for _ in range(50):
        with pytest.raises(UpstreamError, match="left alone"):
            await read(protected)
    assert upstream.sent == 3
    await asyncio.sleep(0.25)
    assert await read(protected) == 200
    assert protected.running == 0


async def test_what_the_caller_did_wrong_opens_nothing() -> None:
    upstream = Played(*[404, 400, 401, 429] * 10, UpstreamError("no", status=404, code="model_not_found"))
    protected = Protected(upstream, Bounds(failures=2), name="a")
    for _ in range(40):
        await read(protected)
    with pytest.raises(UpstreamError, match="no"):
        await read(protected)
    assert await read(protected) == 200


async def test_a_queue_is_bounded_and_patient_for_so_long() -> None:
    upstream = Played(seconds=0.3)
    protected = Protected(upstream, Bounds(concurrency=2, queue=3, patience=5), name="a")
    results = await asyncio.gather(*(read(protected) for _ in range(9)), return_exceptions=True)
    assert sum(result == 200 for result in results) == 5
    refused = [result for result in results if isinstance(result, UpstreamError)]
    assert {(error.status, error.code) for error in refused} == {(503, "upstream_busy")}
    assert (protected.running, protected.waiting) == (0, 0)
    short = Protected(Played(seconds=0.5), Bounds(concurrency=1, queue=3, patience=0.1), name="a")
    results = await asyncio.gather(*(read(short) for _ in range(3)), return_exceptions=True)
    assert sum(result == 200 for result in results) == 1


async def test_whoever_leaves_makes_room() -> None:
    protected = Protected(Played(), Bounds(concurrency=1, queue=0), name="a")
    reply = await protected.send("GET", "models", [], b"")
    assert protected.running == 1
    await reply.body.aclose()  # type: ignore[attr-defined]
    reply = await protected.send("GET", "models", [], b"")
    del reply  # a caller that is gone before the first byte is read
    assert protected.running == 0
    slow = Protected(Played(seconds=5), Bounds(concurrency=1, queue=5), name="a")
    tasks = [asyncio.ensure_future(read(slow)) for _ in range(4)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (slow.running, slow.waiting) == (0, 0)


async def test_a_route_goes_on_to_the_next_where_one_rests() -> None:
    dead, good = Played(*[GONE] * 99), Played()
    upstreams = {"dead": Protected(dead, Bounds(failures=1, rest=60), name="dead"), "good": good}
    route = Route(model="*", to=(Target(upstream="dead"),), fallbacks=(Target(upstream="good"),), retries=0)
    router = Router(upstreams, [route])
    for _ in range(5):
        assert (await router.send("POST", "chat/completions", [], b"{}", model="m")).status == 200
    assert dead.sent == 1


def test_a_dead_upstream_is_left_alone_and_found_again(start_proxy: Callable[..., str]) -> None:
    port = free_port()
    address = start_proxy(upstream=f"http://127.0.0.1:{port}/v1", breaker_failures=3, breaker_rest=0.5)
    codes = [httpx.post(f"{address}/v1/chat/completions", json=BODY).json()["error"]["code"] for _ in range(5)]
    assert codes == ["upstream_unreachable"] * 3 + ["upstream_resting"] * 2
    response = httpx.post(f"{address}/v1/messages", json={**BODY, "max_tokens": 5})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["type"] == "overloaded_error"
    assert 'normguard_breaker_open{upstream="upstream"} 1.0' in httpx.get(f"{address}/metrics").text


# --- too much to do ---------------------------------------------------------------------------------------------------


async def test_a_late_event_loop_sheds_until_it_is_not() -> None:
    load = OverloadGuard(max_in_flight=2, max_lag=0.1)
    load.start()
    await asyncio.sleep(0.12)
    with load.room(), load.room():
        with pytest.raises(AccessError) as caught, load.room():
            pass
        assert (caught.value.status, caught.value.code) == (503, "overloaded_in_flight")
    time.sleep(0.3)  # noqa: ASYNC251  (this is the point)
    await asyncio.sleep(0.01)
    with load.room():
        pass  # once may be the machine's doing
    time.sleep(0.3)  # noqa: ASYNC251
    await asyncio.sleep(0.01)
    with pytest.raises(AccessError, match="too much"), load.room():
        pass
    await asyncio.sleep(0.12)
    with load.room():
        assert load.in_flight == 1
    assert load.in_flight == 0
    load.stop()


def test_more_than_there_is_room_for(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, max_in_flight=3)

    def slow() -> None:
        messages: Any = [{"role": "user", "content": HARMLESS}]
        list(client(address).chat.completions.create(model="slow", stream=True, messages=messages))

    threads = [threading.Thread(target=slow) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.4)
    for path, error in (("chat/completions", "server_error"), ("messages", "overloaded_error")):
        response = httpx.post(f"{address}/v1/{path}", json={**BODY, "max_tokens": 5})
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["error"]["type"] == error
    assert httpx.get(f"{address}/healthz").status_code == 200, "probes are answered all the same"
    for thread in threads:
        thread.join()
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    assert 'normguard_shed_total{reason="in_flight"} 2.0' in httpx.get(f"{address}/metrics").text


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_the_whole_has_a_deadline(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, request_timeout=0.5)
    with pytest.raises(openai.APIStatusError) as caught:
        client(address).chat.completions.create(model="hang", messages=BODY["messages"])  # type: ignore[call-overload]
    assert caught.value.status_code == 504
    assert upstream.cancelled.wait(5), "the upstream's work ends too"
    with pytest.raises(openai.APIError, match="longer than it may"):
        list(client(address).chat.completions.create(model="endless", stream=True, messages=BODY["messages"]))  # type: ignore[call-overload]


def test_a_body_that_does_not_come(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    address = start_proxy(upstream=upstream.base, body_timeout=0.4)
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as stalled:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{"
        stalled.sendall(head)
        answer = stalled.recv(65536)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"body_timeout" in answer


def test_a_connection_that_never_says_what_it_wants(
    start_proxy: Callable[..., str], upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    address = start_proxy(upstream=upstream.base)
    host, port = address.removeprefix("http://").split(":")
    stalled = [socket.create_connection((host, int(port)), 5) for _ in range(30)]
    for number, connection in enumerate(stalled):
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"[: number * 2])
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    for connection in stalled:
        assert connection.recv(10) == b""
        connection.close()
    with httpx.Client() as kept:  # a connection that is used on time stays
        for _ in range(3):
            assert kept.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
            time.sleep(0.3)


# --- classes of fault -------------------------------------------------------------------------------------------------


class SlowVision:
    """Eyes that take their time."""

    name, provider = "slow-eyes", "none"

    def look(self, picture: Any, key: bytes) -> dict[str, float]:
        time.sleep(1.5)
        return {}

    def knows(self, key: bytes) -> None:
        return None


class BrokenVision(SlowVision):
    name = "broken-eyes"

    def look(self, picture: Any, key: bytes) -> dict[str, float]:
        raise RuntimeError("secret text of a user")


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


def post(address: str, policy: str, *, picture: bool = True, n: int = 0) -> httpx.Response:
    messages = picture_message(data_url(png((64 + n, 48)))) if picture else BODY["messages"]
    headers = {"x-normguard-policy": policy}
    body = {"model": "m", "messages": messages}
    return httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=10)


def test_pictures_that_take_too_long(
    start_proxy: Callable[..., str], with_faults: Callable[[Any], Guard], upstream: FakeUpstream
) -> None:
    address = start_proxy(with_faults(SlowVision()), upstream=upstream.base, guard_timeout=0.3)
    start = time.perf_counter()
    response = post(address, "default", n=1)
    assert time.perf_counter() - start < 1.2
    assert (response.status_code, response.headers["x-normguard-status"]) == (200, "degraded")
    assert response.headers["x-normguard-action"] == "advise", "the text still counts"
    for policy in ("closed", "timeout-closed"):
        response = post(address, policy, n=2)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "guard_timeout")
    assert post(address, "evidence-closed", n=3).status_code == 200, "late is not broken"
    assert 'source="timeout"' in httpx.get(f"{address}/metrics").text


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
    assert "test_resilience.py" in caplog.text, "where it was is told"
    response = httpx.post(f"{address}/v1/chat/completions", json=secret, headers={"x-normguard-policy": "strict"})
    assert response.status_code == 500
    assert "QX77Z" not in response.text + caplog.text


def test_an_upstreams_headers_cannot_pose_as_ours(start_proxy: Callable[..., str], upstream: FakeUpstream) -> None:
    behind = start_proxy(upstream=upstream.base)  # a proxy behind a proxy says much in our name
    address = start_proxy(upstream=f"{behind}/v1")
    response = httpx.post(f"{address}/v1/chat/completions", json=BODY, headers={"x-normguard-policy": "off"})
    assert response.headers.get_list("x-normguard-action") == ["pass"]
    assert len(response.headers.get_list("x-normguard-request-id")) == 1


# --- reload -----------------------------------------------------------------------------------------------------------


def reloadable(folder: Path, base: str) -> Callable[[], Settings]:
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "norms").mkdir(exist_ok=True)
    file = folder / "normguard.yaml"
    given = {"upstream": base, "policies": str(folder / "policies"), "norms": [str(folder / "norms")], "vision": "none"}
    file.write_text(json.dumps(given))
    return lambda: read_settings(file)


def reload(address: str) -> httpx.Response:
    return httpx.post(f"{address}/normguard/admin/reload", timeout=60)


def test_a_reload_brings_in_all_or_nothing(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base)

    def status(policy: str) -> int:
        return post(address, policy, picture=False).status_code

    assert status("mine") == 400
    (tmp_path / "policies" / "mine.yaml").write_text("description: mine\nmax_norms: 1\n")
    assert status("mine") == 400, "nothing happens by itself"
    answer = reload(address)
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert status("mine") == 200
    (tmp_path / "policies" / "mine.yaml").write_text("max_norms: many\n")
    (tmp_path / "policies" / "other.yaml").write_text("description: other\n")
    answer = reload(address)
    assert answer.status_code == 409
    assert "mine.yaml: max_norms" in answer.json()["message"]
    assert (status("mine"), status("other")) == (200, 400), "what was in force stays, all of it"
    (tmp_path / "policies" / "mine.yaml").unlink()
    (tmp_path / "norms" / "cn.yaml").write_text("country: CN\nnorms: [{id: cn.gift.clocks, title: }]\n")
    assert reload(address).status_code == 409
    assert status("mine") == 200
    told = httpx.get(f"{address}/metrics").text
    assert 'normguard_reloads_total{outcome="ok"} 1.0' in told
    assert 'normguard_reloads_total{outcome="failed"} 2.0' in told
    assert httpx.get(f"{address}/normguard/admin/status").json()["reload"]["ok"] is False


def test_requests_under_way_keep_what_they_began_with(
    start_proxy: Callable[..., str], guard: Guard, upstream: FakeUpstream, tmp_path: Path
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base)
    pieces: list[str] = []

    def slow() -> None:
        messages: Any = [{"role": "user", "content": HARMLESS}]
        for chunk in OpenAI(base_url=f"{address}/v1", api_key="x").chat.completions.create(
            model="endless", stream=True, messages=messages
        ):
            pieces.append(chunk.choices[0].delta.content or "")
            if len(pieces) > 300:
                break

    thread = threading.Thread(target=slow)
    thread.start()
    time.sleep(0.3)
    assert reload(address).status_code == 200
    assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
    thread.join(30)
    assert len(pieces) > 300, "its upstream was not closed under it"


def test_files_that_change_are_noticed(
    start_proxy: Callable[..., str],
    guard: Guard,
    upstream: FakeUpstream,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = reloadable(tmp_path, upstream.base)
    address = start_proxy(guard, source, upstream=upstream.base, reload_every=0.2)
    walk, failures = Path.rglob, iter(range(3))

    def limping(path: Path, pattern: str) -> Iterator[Path]:
        if next(failures, None) is not None:
            raise FileNotFoundError(path)  # a folder that is replaced while it is read
        return walk(path, pattern)

    monkeypatch.setattr(Path, "rglob", limping)
    (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
    deadline = time.monotonic() + 30
    while post(address, "mine", picture=False).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_server_that_was_given_its_guard_says_so(proxy: str) -> None:
    answer = reload(proxy)
    assert answer.status_code == 409
    assert "nothing to reload" in answer.json()["message"]


# --- processes --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(folder: Path, base: str, *flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NORMGUARD_")}
    env = {**kept, "NORMGUARD_MODELS": str(folder), **environment}
    command = [sys.executable, "-m", "guard", "serve", "--port", "0", "--upstream", base, *flags]
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "listens on" in line, line + process.stdout.read()
    address = line.split()[3].removesuffix("/v1")
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/readyz").status_code == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    try:
        yield process, address
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def test_a_drain_is_orderly(upstream: FakeUpstream, tmp_path: Path) -> None:
    with served(tmp_path, upstream.base, NORMGUARD_DRAIN_DELAY="1.0", NORMGUARD_DRAIN="5") as (process, address):
        pieces: list[Any] = []

        def slow() -> None:
            messages: Any = [{"role": "user", "content": HARMLESS}]
            pieces.extend(client(address).chat.completions.create(model="slow", stream=True, messages=messages))

        thread = threading.Thread(target=slow)
        thread.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        ready = httpx.get(f"{address}/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        answered = httpx.post(f"{address}/v1/chat/completions", json=BODY)
        assert answered.status_code == 200, "who did not hear of it yet is served"
        assert answered.headers["connection"] == "close"
        thread.join(10)
        assert process.wait(10) == 0
        assert pieces[-1].choices[0].finish_reason == "stop", "what was under way is finished"
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{address}/healthz")


def test_several_workers(upstream: FakeUpstream, tmp_path: Path) -> None:
    source = reloadable(tmp_path, upstream.base)
    del source
    flags = ("--workers", "2", "--policies", str(tmp_path / "policies"))
    with served(tmp_path, upstream.base, *flags) as (process, address):

        def workers() -> set[int]:
            found = (httpx.get(f"{address}/normguard/admin/status").json()["process"] for _ in range(40))
            return set(found)

        deadline = time.monotonic() + 60
        while len(running := workers()) < 2:
            assert time.monotonic() < deadline
        for _ in range(10):
            assert httpx.post(f"{address}/v1/chat/completions", json=BODY).status_code == 200
        for _ in range(4):  # whichever worker is asked, it answers for all
            assert 'normguard_decisions_total{action="advise"} 10.0' in httpx.get(f"{address}/metrics").text
        (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
        assert reload(address).json()["ok"]
        while any(post(address, "mine", picture=False).status_code != 200 for _ in range(10)):
            assert time.monotonic() < deadline
        os.kill(running.pop(), signal.SIGKILL)
        while len(workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_sighup_reloads(upstream: FakeUpstream, tmp_path: Path) -> None:
    reloadable(tmp_path, upstream.base)
    with served(tmp_path, upstream.base, "--policies", str(tmp_path / "policies")) as (process, address):
        (tmp_path / "policies" / "mine.yaml").write_text("description: mine\n")
        process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 30
        while post(address, "mine", picture=False).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
