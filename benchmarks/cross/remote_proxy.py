"""The guarded arm at an address."""

from __future__ import annotations

import contextvars
import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

import aiohttp
from inspect_ai.model import GenerateConfig, Model, ModelAPI, ModelOutput, get_model, messages_from_openai, modelapi

from benchmarks.cross.arms import Answer, Request, answer_of, policy_of
from benchmarks.cross.ledger import ledger
from guard.errors import NormGuardError


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
        return answer_of([output], text=output.completion, headers=(output.metadata or {}).get("normguard", {}))


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
