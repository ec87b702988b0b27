"""A series of requests against one server, and its statistics."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import aiohttp
from PIL import Image

from guard.api import FORMATS

# Questions that are advised on, and questions that pass: half of each. A running number keeps every text different.
QUESTIONS = (
    "My colleague in Shanghai has a new baby. Which of these should I buy as a gift? ({n})",
    "How many grams are {n} cups of flour, and how do I scale a pancake recipe to that?",
    "What should I wear to a friend's wedding in Jaipur, number {n} on the list?",
    "Write a short product text for a steel water bottle of {n} millilitres.",
)


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked.

    Attributes:
        kind: ``text`` or ``image``.
        api: ``chat``, ``responses`` or ``messages``.
        policy: deployment policy that the requests name; the server's own where None.
        questions: texts, with ``{n}`` where a number goes.
    """

    kind: str = "text"
    stream: bool = False
    api: str = "chat"
    policy: str | None = None
    questions: tuple[str, ...] = QUESTIONS

    @property
    def path(self) -> str:
        return f"/v1/{FORMATS[self.api].path}"

    @property
    def headers(self) -> dict[str, str]:
        named = {"x-normguard-policy": self.policy} if self.policy else {}
        return {"content-type": "application/json", "authorization": "Bearer sk-bench", **named}

    def body(self, number: int) -> bytes:
        """The request of that number."""
        text = self.questions[number % len(self.questions)].format(n=number)
        image = picture(number) if self.kind == "image" else None
        return json.dumps(_BODIES[self.api](text, image) | {"model": "bench", "stream": self.stream}).encode()


@dataclass(frozen=True, slots=True)
class Run:
    """One series of requests against one server; times in milliseconds."""

    server: str
    kind: str
    stream: bool
    connections: int
    requests: int
    failed: int
    median: float
    p99: float
    first_token_median: float
    per_second: float
    api: str = "chat"
    policy: str | None = None


@dataclass(slots=True)
class Times:
    """Milliseconds to an answer's last and first byte, and how many answers were none."""

    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    failed: int = 0


def measured(name: str, base: str, case: Case, connections: int, count: int) -> Run:
    """The statistics of `count` requests over `connections`, after a tenth as many that do not count."""
    bodies = [case.body(i) for i in range(min(count, 64))]
    asyncio.run(ask(base, case, connections, (bodies[i % len(bodies)] for i in range(max(count // 10, connections)))))
    begin = time.perf_counter()
    times = asyncio.run(ask(base, case, connections, (bodies[i % len(bodies)] for i in range(count))))
    elapsed = time.perf_counter() - begin
    return Run(
        name,
        case.kind,
        case.stream,
        connections,
        count,
        times.failed,
        round(statistics.median(times.whole), 3),
        round(statistics.quantiles(times.whole, n=100)[98], 3),
        round(statistics.median(times.first), 3),
        round(count / elapsed, 1),
        case.api,
        case.policy,
    )


async def ask(base: str, case: Case, connections: int, bodies: Iterator[bytes]) -> Times:
    """Send the bodies, each connection the next one as soon as it has its answer."""
    times = Times()

    async def worker(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            start = time.perf_counter()
            first = 0.0
            async with session.post(f"{base}{case.path}", data=body) as response:
                async for _ in response.content.iter_any():
                    first = first or time.perf_counter() - start
            times.failed += response.status != 200
            times.whole.append((time.perf_counter() - start) * 1000)
            times.first.append(first * 1000)

    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=case.headers) as session:
        await asyncio.gather(*(worker(session) for _ in range(connections)))
    return times


def picture(number: int) -> str:
    """A JPEG of 1024 x 768 pixels with enough detail to cost what a photo does; each number gives another one."""
    noise = Image.effect_noise((256, 192), 40 + number % 20).resize((1024, 768)).convert("RGB")
    noise.putpixel((number % 1024, 0), (255, 0, 0))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=85)
    return base64.b64encode(buffer.getvalue()).decode()


def endless() -> Iterator[int]:
    """Numbers, so that no text comes twice."""
    return itertools.count()


def _chat(text: str, image: str | None) -> dict[str, object]:
    url = {"url": f"data:image/jpeg;base64,{image}"}
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]
    return {"messages": [{"role": "user", "content": parts if image else text}]}


def _responses(text: str, image: str | None) -> dict[str, object]:
    if image is None:
        return {"input": text}
    shown = {"type": "input_image", "image_url": f"data:image/jpeg;base64,{image}"}
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": text}, shown]}]}


def _messages(text: str, image: str | None) -> dict[str, object]:
    source = {"type": "base64", "media_type": "image/jpeg", "data": image}
    parts = [{"type": "text", "text": text}, {"type": "image", "source": source}]
    return {"max_tokens": 100, "messages": [{"role": "user", "content": parts if image else text}]}


_BODIES: dict[str, Callable[[str, str | None], dict[str, object]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
}
