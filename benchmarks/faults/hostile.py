"""Callers that mean harm: bodies, pictures, and whatever the OpenAPI document allows."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.faults.bodies import BY_API, RAW, bodies
from benchmarks.faults.pictures import bases, crafted, spoilt
from benchmarks.faults.scenarios import Scenario, Stage
from benchmarks.faults.server import Proxy
from benchmarks.faults.services import Missing

SECONDS = 15.0


async def hostile_bodies(stage: Stage) -> None:
    """5,000 bodies that almost are requests, over the three APIs: an answer or a clear error, never a fault of ours."""
    async with stage.playing(settings={"log_requests": "false"}) as (proxy, _, callers):
        await callers.many("ok", 20)
        before = proxy.memory()
        each = stage.count(5000) // len(BY_API)
        for api in BY_API:
            wanted = [*RAW, *await asyncio.to_thread(bodies, api, max(8, each - len(RAW)))]
            await _post_all(stage, proxy, [(api, body) for body in wanted])
        await callers.many("ok", 40)
        await callers.look_at_metrics()
        _faults_of_the_guard(stage, proxy)
        stage.counts.notes.append(f"{before:.0f} MiB before, {proxy.memory():.0f} after")


async def hostile_pictures(stage: Stage) -> None:
    """Spoilt and crafted picture files, while ordinary callers are served."""
    async with stage.playing(settings={"log_requests": "false", "breaker_failures": 0}) as (proxy, _, callers):
        await callers.many("ok", 20)
        before = proxy.memory()
        files = [*bases().items(), *spoilt(stage.count(1500)), *crafted()]
        slowest: tuple[float, str] = (0.0, "")
        accepted = 0
        queue = iter(files)
        done = False

        async def attacker(session: aiohttp.ClientSession) -> None:
            nonlocal slowest, accepted
            for name, data in queue:
                url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
                content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
                body = {"model": "ok", "messages": [{"role": "user", "content": content}]}
                start = time.perf_counter()
                status = await _post(stage, session, proxy, "chat/completions", json.dumps(body).encode(), name)
                slowest = max(slowest, (time.perf_counter() - start, name))
                accepted += status == 200

        waits: list[float] = []
        peak = before

        async def ordinary() -> None:
            nonlocal peak
            while not done:
                peak = max(peak, proxy.memory())
                start = time.perf_counter()
                await callers.many("ok", 1)
                waits.append(time.perf_counter() - start)
                await asyncio.sleep(0.05)

        others = asyncio.ensure_future(ordinary())
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(attacker(session) for _ in range(8)))
        done = True
        await others
        _faults_of_the_guard(stage, proxy)
        stage.counts.notes.append(
            f"{len(files)} files, {accepted} could be read; slowest {slowest[0]:.1f} s ({slowest[1]}); others waited "
            f"{1000 * sorted(waits)[len(waits) // 2]:.0f} ms in the median and {max(waits):.1f} s at most; "
            f"{before:.0f} MiB before, {proxy.memory():.0f} after, {peak:.0f} at most"
        )


async def what_the_document_allows(stage: Stage) -> None:
    """schemathesis on the server's own OpenAPI document: answers are of the described kinds, and no fault of ours."""
    command = shutil.which("schemathesis") or str(Path(sys.executable).with_name("schemathesis"))
    if not Path(command).exists():  # noqa: ASYNC240
        raise Missing("schemathesis is not installed")
    # Shedding is no fault, but schemathesis cannot know that.
    settings = {"log_requests": "false", "breaker_failures": 0, "max_lag": 30}
    async with stage.playing(settings=settings) as (proxy, _, callers):
        report = stage.folder / "report.json"
        process = await asyncio.create_subprocess_exec(
            *(command, "run", f"{proxy.base}/openapi.json", "--seed", "5", "--max-examples", str(stage.count(150))),
            *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance", "--no-color"),
            *(
                "--phases",
                "examples,coverage,fuzzing",
                "--request-timeout",
                str(SECONDS),
                "--exclude-path-regex",
                "reload",
            ),
            *("--report", "ndjson", "--report-ndjson-path", str(report)),
            cwd=stage.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode(errors="replace")
        counted = _requests(report)
        stage.counts.sent += counted
        stage.counts.succeeded += counted
        stage.counts.notes += re.findall(r"\d+ generated, \d+ passed", said)
        if process.returncode != 0:
            stage.counts.lost.append(said[-3000:])
        await callers.many("ok", 20)
        _faults_of_the_guard(stage, proxy)


def _requests(report: Path) -> int:
    """How many requests a report of schemathesis tells of."""
    if not report.exists():
        return 0
    return report.read_text(encoding="utf-8", errors="replace").count('"status_code"')


async def _post_all(stage: Stage, proxy: Proxy, wanted: list[tuple[str, bytes]]) -> None:
    queue = iter(wanted)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def caller() -> None:
            for api, body in queue:
                await _post(stage, session, proxy, api, body, f"{api} {body[:120]!r}")

        await asyncio.gather(*(caller() for _ in range(8)))


async def _post(
    stage: Stage, session: aiohttp.ClientSession, proxy: Proxy, api: str, body: bytes, name: str
) -> int | None:
    stage.counts.sent += 1
    try:
        async with asyncio.timeout(SECONDS):
            headers = {"content-type": "application/json"}
            async with session.post(f"{proxy.base}/v1/{api}", data=body, headers=headers) as response:
                data = await response.read()
    except TimeoutError:
        stage.counts.lost.append(f"{name}: no answer in {SECONDS:.0f} s")
        return None
    except aiohttp.ClientError as error:
        stage.counts.lost.append(f"{name}: {type(error).__name__}")
        return None
    if response.headers.get("x-normguard-status") == "bypassed":
        stage.counts.wrong.append(f"{name}: the guard failed and was bypassed")
    if response.status == 200:
        stage.counts.succeeded += 1
    elif 400 <= response.status < 500 and _is_error(api, data):
        stage.counts.refused += 1
    else:
        stage.counts.lost.append(f"{name}: {response.status} {data[:200]!r}")
    return response.status


def _is_error(api: str, data: bytes) -> bool:
    try:
        body: Any = json.loads(data)
        error = body["error"]
        whole = bool(error["message"]) and bool(error["type"])
        return whole and (body["type"] == "error" if api == "messages" else "param" in error and "code" in error)
    except (ValueError, KeyError, TypeError):
        return False


def _faults_of_the_guard(stage: Stage, proxy: Proxy) -> None:
    """Faults that the server logged."""
    lines = proxy.log.read_text(errors="replace").splitlines()
    stage.counts.wrong += [line[:300] for line in lines if "guard fault" in line or "broken off" in line][:20]


HOSTILE: dict[str, Scenario] = {
    "hostile-bodies": hostile_bodies,
    "hostile-pictures": hostile_pictures,
    "openapi": what_the_document_allows,
}
