"""Every other provider, through the LiteLLM library (extra ``litellm``), which is imported when it is first needed."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Mapping
from operator import attrgetter
from typing import Any

from pydantic_core import from_json, to_json

from guard.api import APIS, WireFormat
from guard.errors import SettingsError, UpstreamError, missing
from guard.upstreams.base import Headers, Reply

_MISSING = (
    f"{missing('An upstream of kind litellm', 'litellm')}, in an environment of its own if another package there wants "
    "a newer openai."
)
_APIS = {api.path: api for api in APIS}


class LiteLLMUpstream:
    """Models of any provider that LiteLLM knows, by its names for them (``gemini/gemini-2.5-flash``).

    Args:
        api_key: given to the provider; LiteLLM looks for the provider's own environment variable where None.
        options: further arguments of LiteLLM's calls (``api_base``, ``api_version``, ``drop_params`` ...).
        read_timeout: seconds that a provider gets.

    Raises:
        SettingsError: LiteLLM is not installed.
    """

    name = "litellm"
    by_model = False

    def __init__(
        self, *, api_key: str | None = None, options: Mapping[str, Any] | None = None, read_timeout: float = 600.0
    ) -> None:
        if importlib.util.find_spec("litellm") is None:
            raise SettingsError(_MISSING)
        self._api_key = api_key
        self._options = {"timeout": read_timeout, **(options or {})}
        if api_key is not None:
            self._options["api_key"] = api_key

    async def send(
        self, method: str, path: str, headers: Headers, body: bytes | AsyncIterator[bytes], *, model: str | None = None
    ) -> Reply:
        del headers, model
        api = _APIS.get(path.partition("?")[0])
        if api is None or method != "POST":
            raise UpstreamError(
                "This model's provider is reached through LiteLLM, which serves chat completions, responses and "
                "messages only.",
                status=404,
                code="route_not_found",
            )
        raw = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        request = from_json(raw)
        try:
            litellm = await asyncio.to_thread(_litellm)
            answer = await attrgetter(api.litellm)(litellm)(**{**request, **self._options})
            if not request.get("stream"):
                return _reply(200, to_json(_plain(answer)))
            events = aiter(answer)
            first = await anext(events, None)  # what fails before the first piece is an error and no broken stream
        except Exception as error:
            return self._error(api, error)
        return Reply(200, [("content-type", "text/event-stream; charset=utf-8")], self._stream(api, first, events))

    async def close(self) -> None:
        """Nothing to close: LiteLLM keeps its own connections."""

    async def _stream(self, api: WireFormat, first: Any, events: AsyncIterator[Any]) -> AsyncIterator[bytes]:
        try:
            if first is not None:
                yield _encoded(api, first)
            async for event in events:
                yield _encoded(api, event)
            if api.last_event is not None:
                yield api.last_event.encode()
        except Exception as error:
            raise UpstreamError(f"The provider broke off: {self._told(error)}", code="upstream_disconnected") from error

    def _error(self, api: WireFormat, error: Exception) -> Reply:
        status = getattr(error, "status_code", None)
        status = status if isinstance(status, int) and 400 <= status <= 599 else 502
        code = getattr(error, "code", None)
        code = code if isinstance(code, str) else "provider_error"
        body = api.error(status, self._told(error), code=code)
        reply = _reply(status, to_json(body))
        response = getattr(error, "response", None)
        after = response.headers.get("retry-after") if response is not None else None
        if after:
            reply.headers.append(("retry-after", str(after)))
        return reply

    def _told(self, error: Exception) -> str:
        text = str(getattr(error, "message", None) or error)
        if self._api_key:
            text = text.replace(self._api_key, "…")
        return text[:2000]


def _litellm() -> Any:
    # Without this LiteLLM fetches a price list from the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _plain(answer: Any) -> Any:
    return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer


def _encoded(api: WireFormat, event: Any) -> bytes:
    if isinstance(event, bytes):  # Messages come as events already
        return event
    if isinstance(event, str):
        return event.encode()
    data = event.model_dump(mode="json", exclude_none=api.omits_null) if hasattr(event, "model_dump") else event
    return api.event(data).encode()


def _reply(status: int, body: bytes) -> Reply:
    async def once() -> AsyncIterator[bytes]:
        yield body

    return Reply(status, [("content-type", "application/json")], once())
