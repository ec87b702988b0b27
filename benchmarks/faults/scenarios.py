"""What goes wrong around the server, one function a scenario."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.faults.callers import Callers
from benchmarks.faults.counts import Counts
from benchmarks.faults.server import Proxy
from benchmarks.faults.services import Missing, PostgresServer, RedisServer
from benchmarks.faults.upstream import CUT_STREAMS, GARBAGE, RESETS, Upstream

_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@dataclass(slots=True)
class Stage:
    """Where a scenario plays.

    Attributes:
        share: of the full number of requests.
    """

    folder: Path
    share: float = 1.0
    counts: Counts = field(default_factory=Counts)

    def count(self, full: int) -> int:
        return max(8, int(full * self.share))

    @contextlib.asynccontextmanager
    async def playing(self, **more: Any) -> AsyncIterator[tuple[Proxy, Upstream, Callers]]:
        """A running proxy, its upstream and its callers; what is left over in the end is counted as leaked."""
        upstream = Upstream()
        await upstream.start()
        proxy = Proxy(self.folder, upstream.port, **more)
        callers = Callers(proxy, upstream, self.counts)
        await proxy.start()
        try:
            yield proxy, upstream, callers
            callers.settle()
        finally:
            proxy.kill()
            await upstream.stop()

    async def given_back(self, proxy: Proxy, upstream: Upstream, before: int) -> None:
        """See that files and connections go back to what they were, but for a pool of idle ones."""
        deadline = time.monotonic() + 45
        while time.monotonic() < deadline:
            if proxy.files() <= before + 4 and upstream.open <= 2:
                return
            await asyncio.sleep(0.5)
        self.counts.leaked.append(
            f"{proxy.files() - before} files more than before, {upstream.open} connections to the upstream"
        )


Scenario = Callable[[Stage], Coroutine[Any, Any, None]]


async def upstream_is_slow(stage: Stage) -> None:
    """Each answer takes up to 1.5 s; 64 callers."""
    async with stage.playing() as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        await callers.many("slow", stage.count(600), at_once=64)
        await callers.many("dripping", stage.count(60), at_once=16, stream=True)
        await callers.look_at_metrics()
        await stage.given_back(proxy, upstream, before)


async def upstream_is_dead_and_comes_back(stage: Stage) -> None:
    """Connections are refused for a while."""
    async with stage.playing(settings={"breaker_rest": 1}) as (_, upstream, callers):
        await callers.many("ok", stage.count(100))
        await upstream.stop()
        start = time.perf_counter()
        await callers.many("ok", stage.count(400))
        stage.counts.notes.append(f"dead: {stage.count(400) / (time.perf_counter() - start):.0f} refusals a second")
        await upstream.start()
        await asyncio.sleep(1.2)
        await callers.many("ok", 1)  # the one that finds out
        before = stage.counts.succeeded
        await callers.many("ok", stage.count(100))
        if stage.counts.succeeded - before < stage.count(100):
            stage.counts.lost.append("the upstream was back, and not all requests were answered")


async def upstream_says_nothing(stage: Stage) -> None:
    """It accepts, and is silent; others are served meanwhile."""
    settings = {"read_timeout": 2, "breaker_failures": 0}
    async with stage.playing(settings=settings) as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        await asyncio.gather(
            callers.many("silent", stage.count(60), at_once=60), callers.many("ok", stage.count(200), at_once=4)
        )
        await stage.given_back(proxy, upstream, before)


async def upstream_answers_garbage(stage: Stage) -> None:
    """No HTTP, HTML, no JSON, wrong lengths, broken chunks, endless headers."""
    async with stage.playing(settings={"breaker_failures": 0}) as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        for kind in GARBAGE:
            await callers.many(kind, stage.count(30), at_once=8)
        await callers.many("failing", stage.count(30))
        await callers.many("ok", stage.count(60))
        await callers.look_at_metrics()
        await stage.given_back(proxy, upstream, before)


async def upstream_resets(stage: Stage) -> None:
    """Connections are reset before, in and after the head, in the body, in mid-stream."""
    async with stage.playing(settings={"breaker_failures": 0}) as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        for kind in RESETS:
            await callers.many(kind, stage.count(40), at_once=8)
        for kind in CUT_STREAMS:
            await callers.many(kind, stage.count(60), at_once=8, stream=True)
        await callers.many("ok", stage.count(60))
        await stage.given_back(proxy, upstream, before)


async def clients_stop_half_way(stage: Stage) -> None:
    """300 connections send half a head or half a body and nothing more, while others are served."""
    async with stage.playing(settings={"body_timeout": 5}) as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        stuck = []
        for i in range(stage.count(300)):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 400\r\n"
            writer.write(head[: 5 + i % 60] if i % 2 else head + b'\r\n{"model":')
            stuck.append((reader, writer))
        start = time.perf_counter()
        await callers.many("ok", stage.count(300), at_once=16)
        stage.counts.notes.append(f"meanwhile {stage.count(300) / (time.perf_counter() - start):.0f} requests a second")
        closed = await asyncio.gather(
            *(asyncio.wait_for(reader.read(), 40) for reader, _ in stuck), return_exceptions=True
        )
        if left := sum(isinstance(end, BaseException) for end in closed):
            stage.counts.leaked.append(f"{left} half-open connections were never closed")
        for _, writer in stuck:
            writer.close()
        await stage.given_back(proxy, upstream, before)


async def clients_go_away(stage: Stage) -> None:
    """Callers leave in mid-stream and before the answer; the upstream's work ends with them."""
    async with stage.playing() as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def leave(i: int) -> None:
                model = ("endless", "silent")[i % 2]
                body = {"model": model, "stream": True, "messages": [{"role": "user", "content": f"hello {i}"}]}
                with contextlib.suppress(TimeoutError, aiohttp.ClientError):
                    async with asyncio.timeout(0.2 + i % 5 * 0.1):
                        async with session.post(f"{proxy.base}/v1/chat/completions", json=body) as response:
                            await response.read()

            await asyncio.gather(*(leave(i) for i in range(stage.count(150))))
        await callers.many("ok", stage.count(60))
        await stage.given_back(proxy, upstream, before)


async def a_client_reads_slowly(stage: Stage) -> None:
    """Answers are read a byte at a time; others are served at full speed."""
    async with stage.playing() as (proxy, _, callers):

        async def slow(number: int) -> None:
            stage.counts.sent += 1
            body = {"model": "ok", "stream": True, "messages": [{"role": "user", "content": "hello"}], "user": "0"}
            raw = json.dumps(body).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=64)
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                + f"connection: close\r\ncontent-length: {len(raw)}\r\n\r\n".encode()
                + raw
            )
            got = b""
            while piece := await reader.read(1):
                got += piece
                await asyncio.sleep(0.0005)
            writer.close()
            if b"data: [DONE]" in got:
                stage.counts.succeeded += 1
            else:
                stage.counts.lost.append(f"slow reader {number} got {len(got)} bytes")

        await asyncio.gather(*(slow(i) for i in range(20)), callers.many("ok", stage.count(300)))


async def told_to_stop_under_load(stage: Stage) -> None:
    """SIGTERM: what is under way is finished, nothing new is taken, the process ends in time and with 0."""
    async with stage.playing(settings={"drain": 20}) as (proxy, upstream, callers):
        found_nobody: list[int] = []  # new connections after the signal: as it should be
        callers.on_refused = lambda number, _: found_nobody.append(number)
        load = asyncio.ensure_future(callers.many("slow", stage.count(300), at_once=48, stream=False))
        await asyncio.sleep(1.0)
        start = time.perf_counter()
        proxy.signal(signal.SIGTERM)
        status = await proxy.ended()
        took = time.perf_counter() - start
        await load
        stage.counts.notes.append(f"{len(found_nobody)} found nobody, ended with {status} after {took:.1f} s")
        stage.counts.lost += [f"{n}: taken, and not answered" for n in found_nobody if n in upstream.received]
        if status != 0:
            stage.counts.lost.append(f"the process ended with {status}")
        if stage.counts.broken_off:
            stage.counts.lost.append(f"{stage.counts.broken_off} answers were cut off")


async def a_worker_is_killed(stage: Stage) -> None:
    """Two workers: one is killed and replaced, both reload twice, then SIGTERM; all of it under load."""
    audit = stage.folder / "audit.db"
    settings = {"workers": 2, "drain": 20, "audit": f"sqlite:///{audit}"}
    async with stage.playing(settings=settings) as (proxy, upstream, callers):
        cut: list[int] = []
        callers.on_refused = lambda number, _: cut.append(number)
        at_once = 16
        load = asyncio.ensure_future(callers.many("slow", stage.count(800), at_once=at_once))
        await asyncio.sleep(1.0)
        killed = max(proxy.workers(), key=proxy.files)  # the busier one
        os.kill(killed, signal.SIGKILL)
        await load
        died_with_it, cut[:] = len(cut), []
        if died_with_it > at_once:
            stage.counts.lost.append(f"{died_with_it} requests failed, and {at_once} were under way at most")
        deadline = time.monotonic() + 60
        while (len(proxy.workers()) < 2 or killed in proxy.workers()) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        if len(proxy.workers()) < 2:
            stage.counts.lost.append("the worker that was killed was not replaced in a minute")

        load = asyncio.ensure_future(callers.many("ok", stage.count(2000), at_once=at_once))
        for _ in range(2):
            await asyncio.sleep(1.0)
            proxy.signal(signal.SIGHUP)
        await load
        stage.counts.lost += [f"{number}: not answered while the workers reloaded" for number in cut]
        cut.clear()

        load = asyncio.ensure_future(callers.many("slow", stage.count(300), at_once=at_once, stream=False))
        await asyncio.sleep(1.0)
        proxy.signal(signal.SIGTERM)
        status = await proxy.ended()
        await load
        stage.counts.lost += [f"{number}: taken, and not answered" for number in cut if number in upstream.received]
        if status != 0:
            stage.counts.lost.append(f"the parent ended with {status}")
        with sqlite3.connect(audit) as database:
            whole = database.execute("pragma integrity_check").fetchone()[0]
            kept = database.execute("select count(*) from normguard_decisions").fetchone()[0]
        if whole != "ok":
            stage.counts.lost.append("the audit database is damaged")
        stage.counts.notes.append(
            f"{died_with_it} died with their worker, {len(cut)} found nobody after SIGTERM, ended with {status}; "
            f"{kept} decisions kept of {stage.counts.succeeded} answered"
        )


async def killed_under_load(stage: Stage) -> None:
    """SIGKILL: the audit trail stays whole, and a new process goes on with it."""
    url = f"sqlite:///{stage.folder}/audit.db"
    async with stage.playing(settings={"audit": url}) as (proxy, _, callers):
        callers.on_refused = lambda *_: None
        load = asyncio.ensure_future(callers.many("ok", stage.count(2000), at_once=16))
        await asyncio.sleep(2.0)
        done = stage.counts.succeeded
        await asyncio.sleep(1.0)
        proxy.kill()
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        stage.counts.lost.clear()  # a killed process answers nobody; what counts is what it kept
        await proxy.start()
        with sqlite3.connect(stage.folder / "audit.db") as database:
            whole = database.execute("pragma integrity_check").fetchone()[0]
            kept = database.execute("select count(*) from normguard_decisions").fetchone()[0]
        stage.counts.notes.append(
            f"{done} answered a second before the kill, {kept} decisions kept, integrity check: {whole}"
        )
        if whole != "ok":
            stage.counts.lost.append("the audit database is damaged")
        if kept < done:
            stage.counts.lost.append(f"{done - kept} decisions older than a second are missing")
        await callers.many("ok", stage.count(100))


async def disk_is_full(stage: Stage) -> None:
    """The audit trail's database cannot grow: requests go on, what is not kept is counted."""

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    url = f"sqlite:///{stage.folder}/audit.db"
    async with stage.playing(settings={"audit": url, "log_requests": "false"}, preexec=small_files) as (_, _, callers):
        await callers.many("ok", stage.count(3000), at_once=16)
        told = await callers.look_at_metrics()
        written = re.search(r"^normguard_audit_written_total (\S+)", told, re.MULTILINE)
        kept = float(written[1]) if written else 0
        stage.counts.notes.append(f"{kept:.0f} decisions kept, the others wait or are dropped")


async def clocks_jump(stage: Stage) -> None:
    """The wall clock jumps an hour ahead, a day back, and stands still; limits and breakers go on."""
    if not _FAKETIME.exists():  # noqa: ASYNC240
        raise Missing("libfaketime")
    clock = stage.folder / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(_FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    url = f"sqlite:///{stage.folder}/keys.db"
    token = _key(url, per_minute=100_000, concurrent=64)
    settings = {"keys": url, "audit": f"sqlite:///{stage.folder}/audit.db", "breaker_rest": 1}
    async with stage.playing(settings=settings, environment=environment) as (_, upstream, callers):
        callers.headers = {"x-normguard-key": token}
        for jump in ("+0", "+3600", "-86400", "+0"):
            load = asyncio.ensure_future(callers.many("ok", stage.count(150)))
            await asyncio.sleep(0.1)
            clock.write_text(f"{jump}\n")
            await load
        await upstream.stop()
        await callers.many("ok", 40)
        clock.write_text("-86400\n")
        await upstream.start()
        await asyncio.sleep(1.3)
        await callers.many("ok", 1)
        before = stage.counts.succeeded
        await callers.many("ok", 40)
        if stage.counts.succeeded - before < 40:
            stage.counts.lost.append("the breaker did not close after the clock went back")


async def redis_goes_and_comes_back(stage: Stage) -> None:
    """Shared limits, memory and keys are away for a while."""
    server = RedisServer(_subfolder(stage, "redis"))
    try:
        token = _key(server.url, per_minute=1_000_000, concurrent=64)
        async with stage.playing(settings={"redis": server.url, "keys": server.url}) as (_, _, callers):
            callers.headers = {"x-normguard-key": token}
            await callers.many("ok", stage.count(100))
            load = asyncio.ensure_future(callers.many("ok", stage.count(2000)))
            await asyncio.sleep(0.5)
            server.stop()
            await asyncio.sleep(2)
            server.start()
            await load
            await asyncio.sleep(2)
            await callers.many("ok", stage.count(200))
            await callers.look_at_metrics()
    finally:
        server.stop()


async def postgres_goes_and_comes_back(stage: Stage) -> None:
    """The audit trail's database is away for a while: nobody waits, nothing is lost."""
    server = PostgresServer(_subfolder(stage, "postgres"))
    try:
        async with stage.playing(settings={"audit": server.url}) as (_, _, callers):
            await callers.many("ok", stage.count(100))
            load = asyncio.ensure_future(callers.many("ok", stage.count(2000)))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(1)
            await load
            await asyncio.to_thread(server.start)
            from guard.audit.store import Store

            store, deadline = Store(server.url), time.monotonic() + 30
            while store.count() < stage.counts.succeeded and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            kept = store.count()
            store.close()
            stage.counts.notes.append(f"{kept} decisions kept of {stage.counts.succeeded}")
            if kept < stage.counts.succeeded:
                stage.counts.lost.append(f"{stage.counts.succeeded - kept} decisions are missing")
    finally:
        server.stop()


async def too_many_at_once(stage: Stage) -> None:
    """A thousand callers at once: those that are served are served soon, the others are told to come back."""
    settings = {"max_in_flight": 200, "log_requests": "false"}
    async with stage.playing(settings=settings) as (proxy, upstream, callers):
        await callers.many("ok", 20)
        before = proxy.files()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        callers_at_once = min(stage.count(1000), limit // 4)
        start, worked = time.perf_counter(), proxy.cpu()
        await callers.many("ok", stage.count(6000), at_once=callers_at_once)
        took, worked = time.perf_counter() - start, proxy.cpu() - worked
        stage.counts.notes.append(
            f"{callers_at_once} callers: {stage.counts.succeeded / took:.0f} answered and "
            f"{stage.counts.refused / took:.0f} turned away a second, "
            f"the server busy {worked / took:.0%} of the time (callers and upstream share the other core), "
            f"{proxy.memory():.0f} MiB"
        )
        await stage.given_back(proxy, upstream, before)


def _subfolder(stage: Stage, name: str) -> Path:
    folder = stage.folder / name
    folder.mkdir()
    for path in (stage.folder, *stage.folder.parents):
        if path != Path("/") and os.stat(path).st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o011)
    return folder


def _key(url: str, **limits: Any) -> str:
    from guard.access.keys import new_key
    from guard.access.store import open_keys

    token, key = new_key("faults", **limits)
    open_keys(url).add(key)
    return token


SCENARIOS: dict[str, Scenario] = {
    "slow-upstream": upstream_is_slow,
    "dead-upstream": upstream_is_dead_and_comes_back,
    "silent-upstream": upstream_says_nothing,
    "garbage": upstream_answers_garbage,
    "resets": upstream_resets,
    "half-open": clients_stop_half_way,
    "leaving-clients": clients_go_away,
    "slow-readers": a_client_reads_slowly,
    "sigterm": told_to_stop_under_load,
    "workers": a_worker_is_killed,
    "sigkill": killed_under_load,
    "full-disk": disk_is_full,
    "clock-jumps": clocks_jump,
    "redis-away": redis_goes_and_comes_back,
    "postgres-away": postgres_goes_and_comes_back,
    "overload": too_many_at_once,
}
