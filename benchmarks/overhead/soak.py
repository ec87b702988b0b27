"""Ten minutes of everything at once: does memory grow?"""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from scipy import stats

from benchmarks.overhead import servers
from benchmarks.overhead.load import QUESTIONS, Case, ask, endless
from benchmarks.overhead.series import ACTIONS

CONNECTIONS = 32
_EVERY = 2.0


@dataclass(frozen=True, slots=True)
class Soak:
    """What a soak came to.

    Attributes:
        samples: seconds, requests so far and resident memory (MiB).
        per_hour: MiB that memory grows in an hour, over the second half, by Theil and Sen's slope (Sen 1968), and its
            95 % confidence interval.
        per_thousand: the same for a thousand requests.
    """

    requests: int
    failed: int
    seconds: float
    samples: list[tuple[float, int, float]]
    per_hour: tuple[float, float, float]
    per_thousand: tuple[float, float, float]


def soak(seconds: float) -> Soak:
    """Send new texts and pictures over all APIs and actions for so long."""
    with tempfile.TemporaryDirectory() as folder, servers.upstream() as upstream:
        for action in ACTIONS:
            policy = {"actions": dict.fromkeys((1, 2, 3), action), "verify": {"on_breach": "note"}}
            (Path(folder) / f"bench-{action}.yaml").write_text(yaml.safe_dump(policy))
        flags = ("--policies", folder)
        with servers.normguard(upstream, *flags, environment={"NORMGUARD_AUDIT": f"sqlite:///{folder}/a.db"}) as proxy:
            return asyncio.run(_soaked(proxy, _process(proxy), seconds))


async def _soaked(base: str, process: int, seconds: float) -> Soak:
    numbers, chance = endless(), random.Random(3)
    start = time.perf_counter()
    sent = failed = 0
    samples: list[tuple[float, int, float]] = []

    async def caller() -> None:
        nonlocal sent, failed
        while time.perf_counter() - start < seconds:
            case = Case(
                "image" if chance.random() < 0.1 else "text",
                chance.random() < 0.5,
                chance.choice(("chat", "responses", "messages")),
                f"bench-{chance.choice(ACTIONS)}",
                tuple(f"{question} {chance.random()}" for question in QUESTIONS),
            )
            batch = [case.body(next(numbers)) for _ in range(4 if case.kind == "image" else 40)]
            times = await ask(base, case, 1, iter(batch))
            sent, failed = sent + len(batch), failed + times.failed

    async def watch() -> None:
        while time.perf_counter() - start < seconds:
            await asyncio.sleep(_EVERY)
            samples.append((round(time.perf_counter() - start, 1), sent, memory(process)))

    await asyncio.gather(watch(), *(caller() for _ in range(CONNECTIONS)))
    second_half = samples[len(samples) // 2 :]
    return Soak(
        sent,
        failed,
        round(time.perf_counter() - start, 1),
        samples,
        slope([(at / 3600, mib) for at, _, mib in second_half]),
        slope([(count / 1000, mib) for _, count, mib in second_half]),
    )


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Theil and Sen's slope of points, and its 95 % confidence interval."""
    found = stats.theilslopes([y for _, y in points], [x for x, _ in points])
    return round(float(found.slope), 3), round(float(found.low_slope), 3), round(float(found.high_slope), 3)


def memory(process: int) -> float:
    """Resident memory of a process, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return round(int(found[1]) / 1024, 1) if found else 0.0


def _process(base: str) -> int:
    """The process that serves at an address of this machine."""
    import urllib.request

    with urllib.request.urlopen(f"{base}/normguard/admin/status") as response:
        return int(json.load(response)["process"])


def figures(found: Soak) -> dict[str, object]:
    return asdict(found)


def lines(found: Soak) -> Iterator[str]:
    """What to tell of it."""
    first, last = found.samples[0][2], found.samples[-1][2]
    yield f"{found.requests:,} requests in {found.seconds:.0f} s, {found.failed} failed; {first} MiB to {last} MiB"
    for what, (mid, low, high) in (("an hour", found.per_hour), ("1,000 requests", found.per_thousand)):
        yield f"memory grows by {mid} MiB {what} (95 %: {low} to {high}), second half"
