"""Callers: numbered requests, and a strict look at what comes back."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

import aiohttp

from benchmarks.faults.counts import Counts
from benchmarks.faults.server import Proxy
from benchmarks.faults.upstream import Upstream, said

SECONDS = 20.0
_SENSITIVE = "Is a wall clock a nice gift for my host in Shanghai, number {n}? My password is {secret}."
_HARMLESS = "How many grams are {n} cups of flour? My password is {secret}."


class Callers:
    """Sends requests and counts what becomes of them.

    Every request has a number and a secret of its own. Half of them are advised on, half pass and must reach the
    upstream byte for byte; each must get the answer to its own number and no other.

    Attributes:
        secrets: all that must never be seen in a log, a metric, or somebody else's answer.
    """

    def __init__(self, proxy: Proxy, upstream: Upstream, counts: Counts) -> None:
        self.proxy, self.upstream, self.counts = proxy, upstream, counts
        self.secrets: list[str] = []
        self.headers: dict[str, str] = {}
        self.on_refused: Callable[[int, str], object] = lambda _, told: counts.lost.append(told)
        self._next = 0
        self._sent: dict[int, bytes] = {}

    async def many(self, model: str, count: int, *, at_once: int = 16, stream: bool | None = None) -> None:
        """Send `count` requests that the upstream answers as `model` says; half of them streamed where None."""
        numbers = iter(range(count))
        connector = aiohttp.TCPConnector(limit=0, force_close=False)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def caller() -> None:
                for i in numbers:
                    await self.one(session, model, stream=bool(i % 4 > 1) if stream is None else stream)

            await asyncio.gather(*(caller() for _ in range(min(at_once, count))))

    async def one(self, session: aiohttp.ClientSession, model: str, *, stream: bool = False) -> int | None:
        """Send one; its status, or None where the connection could not be had or was cut."""
        number = self._number()
        secret = f"QX{secrets.token_hex(8)}"
        self.secrets.append(secret)
        text = (_SENSITIVE if number % 2 else _HARMLESS).format(n=number, secret=secret)
        messages = [{"role": "user", "content": text}]
        body = json.dumps({"model": model, "user": str(number), "stream": stream, "messages": messages}).encode()
        self._sent[number] = body
        self.counts.sent += 1
        headers = {"content-type": "application/json", "authorization": f"Bearer sk-{secret}", **self.headers}
        try:
            async with asyncio.timeout(SECONDS):
                url = f"{self.proxy.base}/v1/chat/completions"
                async with session.post(url, data=body, headers=headers) as response:
                    data = await response.read()
        except TimeoutError:
            self.counts.lost.append(f"{model} {number}: no answer in {SECONDS:.0f} s")
            return None
        except aiohttp.ClientError as error:
            if isinstance(error, aiohttp.ClientPayloadError):
                self.counts.broken_off += 1
            else:
                self.on_refused(number, f"{model} {number}: {type(error).__name__}")
            return None
        self._judge(model, number, response.status, response.headers, data, stream=stream)
        return response.status

    def settle(self) -> None:
        """Compare what reached the upstream with what was sent, and look for secrets in the log."""
        for number, got in self.upstream.received.items():
            sent = self._sent.get(number)
            if sent is None:
                continue
            if number % 2 == 0 and got != sent:
                self.counts.wrong.append(f"request {number} was to pass and reached the upstream changed")
            elif number % 2 and not _advised(json.loads(sent), json.loads(got)):
                self.counts.wrong.append(f"request {number} was changed beyond its guidance")
        log = self.proxy.log.read_text(errors="replace")
        self.counts.leaked += [f"{secret} is in the log" for secret in self.secrets if secret in log]

    async def look_at_metrics(self) -> str:
        """The metrics, in which no secret may be."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.proxy.base}/metrics") as response:
            told = await response.text()
        self.counts.leaked += [f"{secret} is in the metrics" for secret in self.secrets if secret in told]
        return told

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _judge(self, model: str, number: int, status: int, headers: Any, data: bytes, *, stream: bool) -> None:
        text = data.decode("utf-8", "replace")
        own = self.secrets[number - 1] if number <= len(self.secrets) else ""
        if any(secret in text for secret in self.secrets if secret != own):
            self.counts.leaked.append(f"{model} {number}: another caller's words are in the answer")
        if status == 200 and stream and headers.get("content-type", "").startswith("text/event-stream"):
            prose, error = _prose(text)
            if error:
                self.counts.refused += 1
                if not said(number).startswith(prose):
                    self.counts.wrong.append(f"{model} {number}: a broken stream said {prose[:60]!r}")
            elif prose == said(number):
                self.counts.succeeded += 1
            else:
                self.counts.wrong.append(f"{model} {number}: a stream said {prose[:60]!r}")
            return
        try:
            body = json.loads(data)
        except ValueError:
            self.counts.lost.append(f"{model} {number}: {status} without JSON: {text[:60]!r}")
            return
        if status == 200:
            content = body.get("choices", [{}])[0].get("message", {}).get("content")
            if content == said(number):
                self.counts.succeeded += 1
            else:
                self.counts.wrong.append(f"{model} {number}: the answer is {str(content)[:60]!r}")
        elif isinstance(body.get("error"), dict) and body["error"].get("message"):
            self.counts.refused += 1
        else:
            self.counts.lost.append(f"{model} {number}: {status} without an error object")


def _advised(sent: dict[str, Any], got: dict[str, Any]) -> bool:
    """Whether guidance was all that was added."""
    rest = [message for message in got["messages"] if message.get("role") != "system"]
    others = all(got.get(name) == value for name, value in sent.items() if name != "messages")
    return others and rest == sent["messages"] and set(got) == set(sent)


def _prose(text: str) -> tuple[str, bool]:
    """The prose of an event stream, and whether it ended in an error."""
    prose, error, ended = "", False, False
    for event in text.split("\n\n"):
        data = event.removeprefix("data: ").strip()
        if data == "[DONE]":
            ended = True
        elif data:
            body = json.loads(data)
            error |= "error" in body
            prose += "".join(choice.get("delta", {}).get("content") or "" for choice in body.get("choices", ()))
    return prose, error or not ended
