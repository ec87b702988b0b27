"""The same request sent through the proxy, through wrapped clients and through what integrations are made of."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from openai import AsyncOpenAI, OpenAI

from guard.api import FORMATS
from guard.deployment.local import Local
from guard.errors import NormGuardError
from guard.flow import Call, Read, Send, Step, fault_of, run
from guard.integrations.base import Conversations
from guard.sdk.client import _behind
from guard.sdk.transport import GuardedTransport
from tests.conftest import FakeUpstream

CHAT = FORMATS["chat"]


@dataclass
class Seen:
    """What a caller got, what the upstream was sent, and what was kept.

    Attributes:
        broken: whether a stream ended in an error of the guard's.
    """

    status: int
    text: str = ""
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    sent: list[bytes] = field(default_factory=list)
    row: dict[str, Any] | None = None


def _seen(response: httpx.Response, content: bytes, upstream: FakeUpstream, *, broken: bool = False) -> Seen:
    headers = {name: value for name, value in response.headers.items() if name.startswith("x-normguard-")}
    told = Seen(response.status_code, headers=headers, sent=list(upstream.bodies), broken=broken)
    if response.headers["content-type"].startswith("text/event-stream"):
        for line in content.decode().split("\n\n"):
            if line.startswith("data: {"):
                event = json.loads(line.removeprefix("data: "))
                told.broken |= "error" in event
                told.text += "".join(c["delta"].get("content") or "" for c in event.get("choices", ()))
    elif response.status_code < 300:
        told.text = "".join(CHAT.texts(json.loads(content)).values())
    else:
        told.code = json.loads(content)["error"]["code"]
    return told


def through_proxy(address: str, policy: str, body: bytes, upstream: FakeUpstream) -> Seen:
    headers = {"x-normguard-policy": policy, "content-type": "application/json"}
    response = httpx.post(f"{address}/v1/chat/completions", content=body, headers=headers, timeout=20)
    return _seen(response, response.content, upstream)


def through_wrap(local: Local, policy: str, body: bytes, upstream: FakeUpstream) -> Seen:
    with OpenAI(base_url=upstream.base, api_key="k", max_retries=0) as client:
        return _through(client, local, policy, body, upstream)


def _through(client: OpenAI, local: Local, policy: str, body: bytes, upstream: FakeUpstream) -> Seen:
    http = _behind(GuardedTransport(local), client._client, is_async=False)
    headers = {"x-normguard-policy": policy, "content-type": "application/json"}
    broken, content = False, b""
    with http.stream("POST", f"{upstream.base}/chat/completions", content=body, headers=headers) as response:
        try:
            for chunk in response.iter_bytes():
                content += chunk
        except NormGuardError:
            broken = True
    return _seen(response, content, upstream, broken=broken)


def through_async_wrap(local: Local, policy: str, body: bytes, upstream: FakeUpstream) -> Seen:
    async def ask() -> Seen:
        client = AsyncOpenAI(base_url=upstream.base, api_key="k", max_retries=0)
        async with client:
            return await asked(client)

    async def asked(client: AsyncOpenAI) -> Seen:
        http = _behind(GuardedTransport(local), client._client, is_async=True)
        headers = {"x-normguard-policy": policy, "content-type": "application/json"}
        broken, content = False, b""
        async with http.stream("POST", f"{upstream.base}/chat/completions", content=body, headers=headers) as response:
            try:
                async for chunk in response.aiter_bytes():
                    content += chunk
            except NormGuardError:
                broken = True
        return _seen(response, content, upstream, broken=broken)

    return asyncio.run(ask())


@dataclass
class _Sent:
    response: httpx.Response

    @property
    def ok(self) -> bool:
        return self.response.status_code < 300

    @property
    def streams(self) -> bool:
        return self.response.headers["content-type"].startswith("text/event-stream")


def through_integration(local: Local, policy: str, body: bytes, upstream: FakeUpstream) -> Seen:
    """As a framework that sends what it is given and hands back what comes."""
    conversations = Conversations(local.guard)
    conversations.local = Local(local.guard, policy, audit=local.audit, guard_timeout=local.guard_timeout)
    given = json.loads(body)

    def post(content: Any) -> httpx.Response:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return httpx.post(f"{upstream.base}/chat/completions", content=data)

    def perform(step: Step) -> Any:
        match step:
            case Send(out, changed):
                return _Sent(post(out if changed else body))
            case Read(sent):
                return sent.response.content
            case Call(_, out):
                response = post(out)
                return response.json() if response.status_code < 300 else None
        return conversations.perform(step)

    try:
        flow = conversations.flow(CHAT, given)
        run(flow(), perform)
    except NormGuardError as error:
        fault = fault_of(error)
        flow.record(fault.status)
        return Seen(fault.status, code=fault.code, sent=list(upstream.bodies))
    headers = dict(flow.headers)
    if flow.own is not None:
        flow.record(200)
        return Seen(200, "".join(CHAT.texts(flow.own).values()), headers=headers, sent=list(upstream.bodies))
    assert flow.sent is not None
    response: httpx.Response = flow.sent.response  # type: ignore[attr-defined]
    content, broken = response.content, False
    flow.record(response.status_code)
    if flow.stream is not None:
        stream, content = flow.stream, b""
        try:
            for start in range(0, len(response.content), 50):
                content += run(stream.feed(response.content[start : start + 50]), perform)
            content += run(stream.feed(None), perform)
        except NormGuardError:
            broken = True
        finally:
            stream.close()
    if flow.changed is not None:
        content = json.dumps(flow.changed).encode()
    seen = _seen(response, content, upstream, broken=broken)
    seen.headers = headers
    return seen
