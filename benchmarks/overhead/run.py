"""What the proxy costs: a bare upstream, this proxy and the LiteLLM proxy side by side in one run."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image
from rich.console import Console
from rich.table import Table

CACHE = Path(".cache/bench")
CONNECTIONS = (1, 8, 32)
_LITELLM = "litellm[proxy]"
# Questions that are advised on, and questions that pass: half of each. A running number keeps every text different.
_QUESTIONS = (
    "My colleague in Shanghai has a new baby. Which of these should I buy as a gift? ({n})",
    "How many grams are {n} cups of flour, and how do I scale a pancake recipe to that?",
    "What should I wear to a friend's wedding in Jaipur, number {n} on the list?",
    "Write a short product text for a steel water bottle of {n} millilitres.",
)


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


def main(*, quick: bool = False, out: Path | None = None, plot: Path | None = None) -> list[Run]:
    """Run all series, print medians, 99th percentiles and ratios; write JSON to `out` and a plot to `plot`."""
    console = Console()
    litellm = _litellm(console)
    runs: list[Run] = []
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(
            _server([sys.executable, str(Path(__file__).with_name("upstream.py")), "{port}"])
        )
        servers = {
            "bare upstream": upstream,
            "normguard": stack.enter_context(
                _server([sys.executable, "-m", "guard", "serve", "--port", "{port}", "--upstream", f"{upstream}/v1"])
            ),
        }
        if litellm is not None:
            servers["litellm"] = stack.enter_context(
                _server(_litellm_command(litellm, upstream), ready="/health/liveliness")
            )
        for kind in ("text", "image"):
            for stream in (False, True):
                for connections in CONNECTIONS:
                    for name, base in servers.items():
                        count = _count(name, kind, connections, quick)
                        asyncio.run(_series(name, base, kind, stream, connections, max(count // 10, connections)))
                        runs.append(asyncio.run(_series(name, base, kind, stream, connections, count)))
    _show(runs, console)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        figures = {"machine": _machine(), "quick": quick, "runs": [asdict(run) for run in runs], "ratios": ratios(runs)}
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        _draw(runs, plot)
    return runs


def ratios(runs: Sequence[Run]) -> dict[str, float]:
    """The figures with targets: what the proxy adds to one text request, and its throughput over LiteLLM's."""
    by_key = {(run.server, run.kind, run.stream, run.connections): run for run in runs}
    found: dict[str, float] = {}
    for kind in ("text", "image"):
        ours, bare = by_key["normguard", kind, False, 1], by_key["bare upstream", kind, False, 1]
        found[f"{kind}: added to the median, 1 connection (ms)"] = ours.median - bare.median
        ours, bare = by_key["normguard", kind, True, 1], by_key["bare upstream", kind, True, 1]
        found[f"{kind}: first token later, 1 connection (ms)"] = ours.first_token_median - bare.first_token_median
        for connections in CONNECTIONS:
            if other := by_key.get(("litellm", kind, False, connections)):
                ours = by_key["normguard", kind, False, connections]
                found[f"{kind}: throughput over LiteLLM, {connections} connections"] = (
                    ours.per_second / other.per_second
                )
    return {label: round(value, 3) for label, value in found.items()}


def _count(server: str, kind: str, connections: int, quick: bool) -> int:
    base = 150 if server == "litellm" else 600 if kind == "image" else 1500
    return max(base // (6 if quick else 1), 3 * connections)


async def _series(server: str, base: str, kind: str, stream: bool, connections: int, count: int) -> Run:
    bodies = [_body(kind, stream, i) for i in range(min(count, 64))]
    times: list[float] = []
    firsts: list[float] = []
    failed = 0
    numbers = iter(range(count))
    connector = aiohttp.TCPConnector(limit=connections)
    headers = {"content-type": "application/json", "authorization": "Bearer sk-bench"}

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal failed
        for number in numbers:
            start = time.perf_counter()
            first = 0.0
            async with session.post(f"{base}/v1/chat/completions", data=bodies[number % len(bodies)]) as response:
                async for _ in response.content.iter_any():
                    first = first or time.perf_counter() - start
            failed += response.status != 200
            times.append((time.perf_counter() - start) * 1000)
            firsts.append(first * 1000)

    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        begin = time.perf_counter()
        await asyncio.gather(*(worker(session) for _ in range(connections)))
        elapsed = time.perf_counter() - begin
    return Run(
        server,
        kind,
        stream,
        connections,
        count,
        failed,
        round(statistics.median(times), 3),
        round(statistics.quantiles(times, n=100)[98], 3),
        round(statistics.median(firsts), 3),
        round(count / elapsed, 1),
    )


def _body(kind: str, stream: bool, number: int) -> bytes:
    text = _QUESTIONS[number % len(_QUESTIONS)].format(n=number)
    content: Any = text
    if kind == "image":
        content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": _picture(number)}}]
    return json.dumps({"model": "bench", "stream": stream, "messages": [{"role": "user", "content": content}]}).encode()


def _picture(number: int) -> str:
    """A JPEG of 1024 x 768 pixels with enough detail to cost what a photo does; each number gives another one."""
    noise = Image.effect_noise((256, 192), 40 + number % 20).resize((1024, 768)).convert("RGB")
    noise.putpixel((number % 1024, 0), (255, 0, 0))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@contextlib.contextmanager
def _server(command: Sequence[str], ready: str = "/") -> Iterator[str]:
    """A server process on a free port, ended afterwards; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = CACHE / f"server-{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [part.format(port=port) for part in command], stdout=sink, stderr=sink, env=_environment()
        )
    try:
        _await(f"http://127.0.0.1:{port}{ready}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        if process.poll() is None:
            process.kill()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NORMGUARD_", "LITELLM_"))}
    litellm = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        # Without keys to check it is at its fastest; it listens on loopback only.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    return {**kept, **litellm}


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server at {url} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _litellm(console: Console) -> Path | None:
    """The LiteLLM proxy's command in an environment of its own, installed on first use; None where that fails."""
    command = CACHE / "litellm" / "bin" / "litellm"
    if command.exists():
        return command.resolve()
    console.print(f"Installing {_LITELLM} into {CACHE / 'litellm'} (once) ...")
    try:
        venv.create(CACHE / "litellm", with_pip=True)
        pip = [str(CACHE / "litellm" / "bin" / "python"), "-m", "pip", "install", "--quiet", _LITELLM]
        subprocess.run(pip, check=True, timeout=900)
    except (subprocess.SubprocessError, OSError) as error:
        console.print(f"[red]LiteLLM cannot be installed ({error}); going on without it.[/]")
        return None
    return command.resolve()


def _litellm_command(litellm: Path, upstream: str) -> list[str]:
    config = CACHE / "litellm.yaml"
    model = {"model": "openai/bench", "api_base": f"{upstream}/v1", "api_key": "sk-bench"}
    listed = {"model_list": [{"model_name": "bench", "litellm_params": model}]}
    config.write_text(json.dumps(listed), encoding="utf-8")  # JSON is YAML
    return [
        str(litellm),
        "--config",
        str(config.resolve()),
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
        "--num_workers",
        "1",
    ]


def _show(runs: Sequence[Run], console: Console) -> None:
    table = Table(title=_machine())
    for heading in (
        "request",
        "stream",
        "connections",
        "server",
        "median ms",
        "p99 ms",
        "first token ms",
        "req/s",
        "failed",
    ):
        table.add_column(heading, justify="left" if heading in {"request", "server"} else "right")
    previous = None
    for run in runs:
        key = (run.kind, run.stream, run.connections)
        if previous not in {None, key}:
            table.add_section()
        previous = key
        cells = (run.median, run.p99, run.first_token_median, run.per_second, run.failed or "")
        table.add_row(run.kind, "yes" if run.stream else "", str(run.connections), run.server, *map(str, cells))
    console.print(table)
    for label, value in ratios(runs).items():
        console.print(f"{label}: [bold]{value}[/]")


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _draw(runs: Sequence[Run], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    servers = list(dict.fromkeys(run.server for run in runs))
    colours = dict(zip(servers, ("#9aa0a6", "#0b7a75", "#c8553d"), strict=False))
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for axis, kind in zip(axes, ("text", "image"), strict=True):
        for i, server in enumerate(servers):
            chosen = [run for run in runs if run.server == server and run.kind == kind and not run.stream]
            places = [j + (i - 1) * 0.27 for j in range(len(chosen))]
            bars = axis.bar(places, [run.per_second for run in chosen], 0.25, label=server, color=colours[server])
            axis.bar_label(bars, [f"{run.per_second:,.0f}" for run in chosen], fontsize=8)
        axis.set_yscale("log")
        axis.set_xticks(range(len(CONNECTIONS)), [f"{n} connection{'s' * (n > 1)}" for n in CONNECTIONS])
        axis.set_title(f"{kind} requests")
        axis.set_ylabel("requests per second (log)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, loc="upper left", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
