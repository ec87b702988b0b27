"""The two arms: the same request to the same model, without the guard and through the real proxy.

In process, the guarded request goes over a TCP socket to the proxy that ``normguard serve`` runs, and the proxy's
upstream is the Inspect model itself. So both arms use one model object with its retries, limits and cache, whatever its
provider, and the guard is the only difference. A request that the guard lets pass is the bare one: the cache answers
it, and one answer stands for both arms.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from inspect_ai.model import (
    CachePolicy,
    GenerateConfig,
    Model,
    ModelAPI,
    ModelOutput,
    get_model,
    messages_from_openai,
    modelapi,
)
from pydantic import BaseModel
from pydantic_core import from_json, to_json
from tenacity import RetryError

from benchmarks.cross.ledger import Stopped, ledger
from guard.errors import NormGuardError
from guard.pipeline import Guard
from guard.proxy.app import create_app
from guard.proxy.serve import listen
from guard.proxy.server import Server
from guard.settings import Settings
from guard.upstreams.base import Headers, Reply

ARMS = ("bare", "guarded")
_CALL = "x-bench-call"  # how the in-process upstream knows which sample a request belongs to; the proxy passes it on

Request = dict[str, Any]


class Answer(BaseModel):
    """What one arm answered.

    Attributes:
        text: the answer; None where there is none.
        error: why there is none.
        model: the model that served it, in its own words.
        input_tokens, output_tokens: as the provider counted them, cached ones included.
        cost: US dollars; None where the model has no price.
        seconds: how long the model took, and in the guarded arm the guard.
        action, norms, cultures, status, guard_ms: what the proxy said it did; None and empty in the bare arm.
    """

    text: str | None = None
    error: str | None = None
    model: str = ""
    stop_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None
    action: str | None = None
    norms: tuple[str, ...] = ()
    cultures: tuple[str, ...] = ()
    status: str | None = None
    guard_ms: float | None = None

    @property
    def usable(self) -> bool:
        return bool(self.text and self.text.strip())


def policy_of(cache: bool, **scopes: str) -> CachePolicy | bool:
    """How answers are kept: for ever, so that a run that was interrupted pays for none of them twice."""
    return CachePolicy(expiry=None, scopes=scopes) if cache else False


async def bare_answer(model: Model, request: Request, *, config: GenerateConfig, cache: bool) -> Answer:
    """The model's own answer."""
    output = await _generate(model, request, config, cache)
    return _answer([output], text=output.completion)


async def _generate(model: Model, request: Mapping[str, Any], config: GenerateConfig, cache: bool) -> ModelOutput:
    ledger.check()
    messages = await messages_from_openai(list(request["messages"]))
    return await model.generate(messages, config=config, cache=policy_of(cache))


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
        coroutine = _generate(call.model, from_json(raw), call.config, call.cache)
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


async def stop_proxies() -> None:
    """Stop every in-process proxy of this event loop."""
    for proxy in list(_proxies):
        if proxy.loop is asyncio.get_running_loop():
            await proxy.stop()
        _proxies.remove(proxy)  # that of a loop which is no more ended with it


class LocalProxy:
    """The guarded arm in process: the real proxy on a free port of the loopback interface.

    Args:
        settings: as ``normguard serve`` reads them; host, port and upstream do not matter.
    """

    def __init__(self, settings: Settings) -> None:
        # Its keys, its audit trail and the like are of the deployment, and no part of what is measured.
        apart = dict.fromkeys(("keys", "audit", "redis", "otlp"))
        self.settings = settings.model_copy(update={"host": "127.0.0.1", "port": 0, **apart})
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
        if self.loop is not asyncio.get_running_loop():
            self.loop, self._base, self._starting = asyncio.get_running_loop(), None, asyncio.Lock()
        async with self._starting:
            if self._base is None:
                await self._start()
        key = uuid.uuid4().hex
        call = self._calls[key] = _Call(model, config, cache, contextvars.copy_context())
        body: Request = {**request, "model": str(model)}
        if captions:
            body["normguard"] = {"captions": list(captions)}
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
        text = parsed["choices"][0]["message"]["content"]
        return _answer(call.outputs, text=text, headers=headers)

    async def _start(self) -> None:
        guard = await asyncio.to_thread(lambda: self.guard)
        app = create_app(Server(self.settings, guard, upstream=lambda: _ModelUpstream(self._calls)))
        bound = listen(self.settings)
        self._server = _Server(uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1))
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


class RemoteProxy:
    """The guarded arm at an address: a proxy that is deployed, with its own upstream.

    Args:
        base_url: the proxy's base URL, with ``/v1``.
        model: the model's name as the proxy's upstream knows it.
    """

    def __init__(self, base_url: str, model: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = model
        self.ready: dict[str, Any] | None = None

    async def readiness(self) -> dict[str, Any]:
        """What the proxy says of itself (``GET /readyz``); raises `NormGuardError` if nobody is there."""
        if self.ready is None:
            url = f"{self.base_url.removesuffix('/v1')}/readyz"
            try:
                async with aiohttp.ClientSession() as session, session.get(url) as reply:
                    reply.raise_for_status()
                    self.ready = await reply.json()
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise NormGuardError(f"{url}: no NormGuard proxy answers there ({error}).") from error
        return self.ready

    async def answer(
        self, model: Model, request: Request, *, config: GenerateConfig, cache: bool, captions: Sequence[str] = ()
    ) -> Answer:
        """The answer of the deployed proxy's model; `model` only lends its configuration."""
        ledger.check()
        ready = await self.readiness()
        from inspect_ai.model._generate_config import active_generate_config  # what --temperature and the like set

        inherited = model.config.merge(active_generate_config())
        guarded = get_model(f"normguard/{self.name}", base_url=self.base_url, config=inherited)
        if captions:
            config = config.merge(GenerateConfig(extra_body={"normguard": {"captions": list(captions)}}))
        scopes = {"guard": hashlib.sha256(json.dumps(ready, sort_keys=True).encode()).hexdigest()}
        messages = await messages_from_openai(list(request["messages"]))
        output = await guarded.generate(messages, config=config, cache=policy_of(cache, **scopes))
        return _answer([output], text=output.completion, headers=(output.metadata or {}).get("normguard", {}))


GuardedArm = LocalProxy | RemoteProxy

_noted: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("normguard_headers", default=None)


@modelapi(name="normguard")
def _normguard_provider() -> type[ModelAPI]:
    from inspect_ai.model._providers.openai_compatible import OpenAICompatibleAPI

    class GuardedAPI(OpenAICompatibleAPI):
        """A model behind a deployed proxy: an OpenAI-compatible API whose ``x-normguard-*`` headers are kept."""

        def __init__(
            self,
            model_name: str,
            base_url: str | None = None,
            api_key: str | None = None,
            config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
            **model_args: Any,
        ) -> None:
            key = api_key or os.environ.get("NORMGUARD_API_KEY") or os.environ.get("OPENAI_API_KEY") or "none"
            super().__init__(model_name, base_url, key, config, service="normguard", **model_args)

        def initialize(self) -> None:
            super().initialize()
            hooks = self.http_client.event_hooks
            if _note not in hooks["response"]:
                self.http_client.event_hooks = {**hooks, "response": [*hooks["response"], _note]}

        async def generate(self, *args: Any, **kwargs: Any) -> Any:
            noted: dict[str, str] = {}
            token = _noted.set(noted)
            try:
                result = await super().generate(*args, **kwargs)
            finally:
                _noted.reset(token)
            output = result[0] if isinstance(result, tuple) else result
            if isinstance(output, ModelOutput):
                output.metadata = {**(output.metadata or {}), "normguard": noted}
            return result

    return GuardedAPI


async def _note(response: Any) -> None:
    noted = _noted.get()
    if noted is not None:
        noted.clear()
        noted.update({name: value for name, value in response.headers.items() if name.startswith("x-normguard-")})


def wire_name(model: str) -> str:
    """A model's name without Inspect's provider ("openai/gpt-4o" gives "gpt-4o")."""
    provider, _, name = model.partition("/")
    return name.partition("/")[2] if provider == "openai-api" else name or provider


async def failing_soft(answer: Any) -> Answer:
    """What the coroutine `answer` gives; an answer without text where the model or the proxy failed.

    Raises:
        Stopped: nothing more may be paid for.
    """
    try:
        return await answer
    except Stopped:
        raise
    except Exception as error:  # whatever a provider raises: one bad sample must not end the run
        return Answer(error=fault_of(error))


def fault_of(error: BaseException) -> str:
    """An error in one line, the cause where Inspect gave up trying again."""
    cause = error.last_attempt.exception() if isinstance(error, RetryError) else error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[-1][:500] if lines else ''}"


def _answer(outputs: Sequence[ModelOutput], *, text: str | None, headers: Mapping[str, str] | None = None) -> Answer:
    usages = [output.usage for output in outputs if output.usage]
    costs = [usage.total_cost for usage in usages]
    seconds = sum(output.time or 0.0 for output in outputs)
    answer = Answer(
        text=text or None,
        error=None if text else "the answer is empty",
        model=outputs[-1].model if outputs else "",
        stop_reason=outputs[-1].stop_reason if outputs and outputs[-1].choices else None,
        input_tokens=sum(
            u.input_tokens + (u.input_tokens_cache_read or 0) + (u.input_tokens_cache_write or 0) for u in usages
        )
        if usages
        else None,
        output_tokens=sum(u.output_tokens for u in usages) if usages else None,
        cost=sum(c for c in costs if c is not None) if costs and None not in costs else None,
        seconds=seconds if outputs else None,
    )
    if headers is None:
        return answer
    guard_ms = headers.get("x-normguard-latency-ms")
    return answer.model_copy(
        update={
            "action": headers.get("x-normguard-action"),
            "norms": _split(headers.get("x-normguard-norms")),
            "cultures": _split(headers.get("x-normguard-cultures")),
            "status": headers.get("x-normguard-status"),
            "guard_ms": float(guard_ms) if guard_ms else None,
            "seconds": seconds + float(guard_ms or 0) / 1000,
        }
    )


def _split(value: str | None) -> tuple[str, ...]:
    return tuple(part for part in (value or "").split(",") if part)


def settings_of(settings: Path | None, **flags: Any) -> Settings:
    """Settings of the proxy in process; raises `SettingsError`."""
    from guard.settings import read_settings

    return read_settings(settings, **flags)
