"""What is measured, one function a question; each starts the servers it needs and gives its runs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks.overhead import servers
from benchmarks.overhead.load import Case, Run, measured
from guard.errors import NormGuardError
from guard.norms.packs import read_packs

CONNECTIONS = (1, 8, 32)
MANY_CONNECTIONS = (1, 8, 32, 64, 128, 256)
ACTIONS = ("pass", "advise", "rewrite", "verify", "block", "monitor")
_SENSITIVE = ("Is a wall clock a nice gift for my host in Shanghai, number {n}?",)


@dataclass(frozen=True, slots=True)
class Bench:
    """How much is measured, and where it is told.

    Attributes:
        beside: another checkout of NormGuard, whose proxy is measured in the same run.
    """

    console: Console
    quick: bool = False
    beside: Path | None = None

    def count(self, server: str, case: Case, connections: int) -> int:
        """How many requests a series has: fewer of what takes longer."""
        base = 150 if server.startswith("litellm") else 600 if case.kind == "image" else 1500
        return max(base // (6 if self.quick else 1), 3 * connections)

    def run(self, server: str, base: str, case: Case, connections: int) -> Run:
        return measured(server, base, case, connections, self.count(server, case, connections))


def headline(bench: Bench) -> list[Run]:
    """Texts and pictures through a bare upstream, this proxy and LiteLLM's, the last also with a guardrail hook on."""
    command = servers.find_litellm(bench.console)
    runs: list[Run] = []
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(servers.upstream())
        started = {"bare upstream": upstream, "normguard": stack.enter_context(servers.normguard(upstream))}
        if command is not None:
            started["litellm"] = stack.enter_context(servers.litellm(command, upstream))
            started["litellm, hook on"] = stack.enter_context(servers.litellm(command, upstream, hook=True))
        for kind in ("text", "image"):
            for stream in (False, True):
                for connections in CONNECTIONS:
                    for name, base in started.items():
                        if name.endswith("hook on") and (kind, stream) != ("text", False):
                            continue
                        runs.append(bench.run(name, base, Case(kind, stream), connections))
    return runs


def versions(bench: Bench) -> list[Run]:
    """This proxy and that of another checkout, taking turns."""
    if bench.beside is None:
        raise NormGuardError("Name the other checkout with --beside.")
    other = {"PYTHONPATH": str(bench.beside.resolve()), "PYTHONSAFEPATH": "1"}  # and not what lies where this runs
    with (
        servers.upstream() as upstream,
        servers.normguard(upstream) as this,
        servers.normguard(upstream, environment=other) as that,
    ):
        return [
            bench.run(name, base, case, connections)
            for case in (Case(), Case(stream=True), Case("image", False), Case(questions=_SENSITIVE))
            for connections in (1, 32)
            for _ in range(3)  # in turns, so that a busy moment of the machine does not fall on one of them
            for name, base in (("bare upstream", upstream), ("normguard", this), ("normguard beside", that))
        ]


def apis(bench: Bench) -> list[Run]:
    """The three APIs, streaming and not, beside the bare upstream."""
    with servers.upstream() as upstream, servers.normguard(upstream) as proxy:
        return [
            bench.run(name, base, Case(stream=stream, api=api), 1)
            for api in ("chat", "responses", "messages")
            for stream in (False, True)
            for name, base in (("bare upstream", upstream), ("normguard", proxy))
        ]


def actions(bench: Bench) -> list[Run]:
    """One sensitive question under each action; verify with notes, so that no model is asked twice."""
    with tempfile.TemporaryDirectory() as folder, servers.upstream() as upstream:
        for action in ACTIONS:
            policy = {"actions": dict.fromkeys((1, 2, 3), action), "verify": {"on_breach": "note"}}
            (Path(folder) / f"bench-{action}.yaml").write_text(yaml.safe_dump(policy))
        with servers.normguard(upstream, "--policies", folder) as proxy:
            runs = [
                bench.run("bare upstream", upstream, Case(stream=s, questions=_SENSITIVE), 1) for s in (False, True)
            ]
            for action in ACTIONS:
                for stream in (False, True):
                    case = Case(stream=stream, policy=f"bench-{action}", questions=_SENSITIVE)
                    runs.append(bench.run("normguard", proxy, case, 1))
    return runs


def sizes(bench: Bench) -> list[Run]:
    """The packs as they come, China's alone, and three times as many norms."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder, servers.upstream() as upstream:
        policies, norms = Path(folder) / "policies", Path(folder) / "norms"
        policies.mkdir()
        (policies / "china-alone.yaml").write_text("countries: {only: [CN]}\n")
        runs.append(bench.run("bare upstream", upstream, Case(), 1))
        with servers.normguard(upstream, "--policies", str(policies)) as proxy:
            runs.append(bench.run("normguard", proxy, Case(), 1))
            runs.append(bench.run("normguard", proxy, Case(policy="china-alone"), 1))
        count = write_larger(norms)
        with servers.normguard(upstream, "--norms", str(norms)) as proxy:
            runs.append(bench.run(f"normguard, {count:,} norms more", proxy, Case(), 1))
    return runs


def connections(bench: Bench) -> list[Run]:
    """Texts over 1 to 256 connections."""
    with servers.upstream() as upstream, servers.normguard(upstream) as proxy:
        return [
            bench.run(name, base, Case(), number)
            for number in MANY_CONNECTIONS
            for name, base in (("bare upstream", upstream), ("normguard", proxy))
        ]


def write_larger(folder: Path, times: int = 2) -> int:
    """Write packs with every norm `times` more under other ids; how many norms they hold."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for code, pack in read_packs().items():
        norms = list(_copies(pack, times))
        written += len(norms)
        data = {"country": code, "norms": norms}
        (folder / f"{code.lower()}.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return written


def _copies(pack: object, times: int) -> Iterator[dict[str, object]]:
    for norm in pack.norms:  # type: ignore[attr-defined]
        data = norm.model_dump(mode="json", exclude_unset=True)
        for number in range(times):
            yield {**data, "id": f"{data['id']}-again-{number}"}


SERIES = {
    "headline": headline,
    "versions": versions,
    "apis": apis,
    "actions": actions,
    "sizes": sizes,
    "connections": connections,
}
