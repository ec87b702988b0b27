"""The guarded arm in process.

The guarded request goes over a TCP socket to the proxy that ``normguard serve`` runs, and the proxy's upstream is the
Inspect model itself. So both arms use one model object with its retries, limits and cache, whatever its provider, and
the guard is the only difference.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp
import stamina
import uvicorn
from inspect_ai.hooks import Hooks, TaskEnd, hooks
from inspect_ai.model import GenerateConfig, Model, ModelOutput
from pydantic_core import from_json, to_json

from benchmarks.cross.arms import Answer, Request, answer_of, generated
from benchmarks.cross.ledger import ledger
from guard.errors import NormGuardError
from guard.pipeline import Guard
from guard.proxy.app import create_app
from guard.proxy.serve import listen
from guard.proxy.server import Server
from guard.settings import Settings
from guard.upstreams.base import Headers, Reply

_CALL = "x-bench-call"  # how the upstream knows which sample a request belongs to; the proxy passes it on
_ATTEMPTS = 5
_WEEK = 7 * 24 * 3600
# The proxy shares its event loop with Inspect's work, and what that holds up would count against the guarded arm alone.
_PATIENT = {"max_lag": math.inf, "max_in_flight": 10**9, "guard_timeout": 600.0, "request_timeout": float(_WEEK)}


@dataclass
class _Call:
    """One guarded request on its way through the proxy."""

    model: Model
    config: GenerateConfig
    cache: bool
    context: contextvars.Context
    outputs: list[ModelOutput] = field(default_factory=list)
    fault: BaseException | None = None


class _ModelUpstream:
    """An Inspect model behind the interface of the proxy's upstream.

    The call runs in the context of the sample that it belongs to, so Inspect logs, counts and limits it there.
    """

    name = "inspect"
    by_model = False

    def __init__(self, calls: Mapping[str, _Call]) -> None:
        self._calls = calls

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        raw = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        call = self._calls[next(value for name, value in headers if name.lower() == _CALL)]
        coroutine = generated(call.model, from_json(raw), call.config, call.cache)
        task = asyncio.get_running_loop().create_task(coroutine, context=call.context)
        try:
            output = await task
        except Exception as error:
            call.fault = error
            return _json_reply(
                400, {"error": {"message": type(error).__name__, "type": "bench", "code": "model_failed"}}
            )
        call.outputs.append(output)
        usage = output.usage
        message = {"role": "assistant", "content": output.completion}
        finish = {"max_tokens": "length", "content_filter": "content_filter"}.get(output.stop_reason, "stop")
        return _json_reply(
            200,
            {
                "id": f"chatcmpl-{uuid.uuid4().hex}",
                "object": "chat.completion",
                "created": 0,
                "model": output.model,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}],
                "usage": {
                    "prompt_tokens": usage.input_tokens if usage else 0,
                    "completion_tokens": usage.output_tokens if usage else 0,
                    "total_tokens": usage.total_tokens if usage else 0,
                },
            },
        )

    async def close(self) -> None:
        """The model is Inspect's to close."""


def _json_reply(status: int, body: object) -> Reply:
    async def once() -> AsyncIterator[bytes]:
        yield to_json(body)

    return Reply(status, [("content-type", "application/json")], once())


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # Ctrl-C is Inspect's


_proxies: list[LocalProxy] = []


class LocalProxy:
    """The guarded arm in process: the real proxy on a free port of the loopback interface.

    Args:
        settings: as ``normguard serve`` reads them; host, port, upstream and what sheds load do not matter.
    """

    def __init__(self, settings: Settings) -> None:
        # Its keys, its audit trail and the like are the deployment's, and no part of what is measured.
        apart = dict.fromkeys(("keys", "audit", "redis", "otlp"))
        self.settings = settings.model_copy(update={"host": "127.0.0.1", "port": 0, **apart, **_PATIENT})
        self._guard: Guard | None = None
        self._calls: dict[str, _Call] = {}
        self._starting = asyncio.Lock()
        self._base: str | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def guard(self) -> Guard:
        """The guard that decides; read when first needed.

        Raises:
            PackError, PolicyError, SettingsError: the settings cannot be used.
        """
        if self._guard is None:
            self._guard = Guard.from_settings(self.settings)
        return self._guard

    async def answer(
        self, model: Model, request: Request, *, config: GenerateConfig, cache: bool, captions: Sequence[str] = ()
    ) -> Answer:
        """The model's answer to the request after the proxy has had it."""
        ledger.check()
        body: Request = {**request, "model": str(model)}
        if captions:
            body["normguard"] = {"captions": list(captions)}
        async for attempt in stamina.retry_context(on=aiohttp.ClientConnectionError, attempts=_ATTEMPTS):
            with attempt:
                return await self._ask(_Call(model, config, cache, contextvars.copy_context()), body)
        raise AssertionError  # the last attempt raises

    async def _ask(self, call: _Call, body: Request) -> Answer:
        if self.loop is not asyncio.get_running_loop():
            self.loop, self._base, self._starting = asyncio.get_running_loop(), None, asyncio.Lock()
        async with self._starting:
            if self._base is None:
                await self._start()
        key = uuid.uuid4().hex
        self._calls[key] = call
        try:
            async with self._session.post(
                f"{self._base}/v1/chat/completions", json=body, headers={_CALL: key}
            ) as reply:
                raw, headers = await reply.read(), reply.headers
        finally:
            del self._calls[key]
        if call.fault is not None:
            raise call.fault
        parsed = from_json(raw)
        if reply.status != 200:
            raise NormGuardError(f"the proxy refused the request: {parsed.get('error', {}).get('message', raw[:200])}")
        return answer_of(call.outputs, text=parsed["choices"][0]["message"]["content"], headers=headers)

    async def _start(self) -> None:
        guard = await asyncio.to_thread(lambda: self.guard)
        app = create_app(Server(self.settings, guard, upstream=lambda: _ModelUpstream(self._calls)))
        bound = listen(self.settings)
        self._server = _Server(
            uvicorn.Config(
                app,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=_WEEK,
            )
        )
        # In a context of its own: what the proxy does belongs to no sample.
        self._task = asyncio.get_running_loop().create_task(
            self._server.serve(sockets=[bound]), context=contextvars.Context()
        )
        while not self._server.started:
            if self._task.done():
                raise NormGuardError("The proxy did not start.") from self._task.exception()
            await asyncio.sleep(0.01)
        timeout = aiohttp.ClientTimeout(total=None)  # Inspect's own limits and retries hold
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        self._base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        _proxies.append(self)

    async def stop(self) -> None:
        """Stop serving; the next `answer` starts anew."""
        self._base = None
        await self._session.close()
        self._server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


@hooks(name="normguard_bench_proxies", description="Ends the proxies of NormGuard benchmarks with their task.")
class _Ends(Hooks):
    async def on_task_end(self, data: TaskEnd) -> None:
        for proxy in list(_proxies):
            if proxy.loop is asyncio.get_running_loop():
                await proxy.stop()
            _proxies.remove(proxy)  # that of a loop which is no more ended with it
