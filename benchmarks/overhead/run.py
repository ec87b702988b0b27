"""What the proxy costs, beside a bare upstream and the LiteLLM proxy in one run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.overhead import plots
from benchmarks.overhead.load import Run
from benchmarks.overhead.series import CONNECTIONS, SERIES, Bench
from benchmarks.overhead.soak import figures, lines, soak


def main(
    only: Sequence[str] = (),
    *,
    quick: bool = False,
    seconds: float | None = None,
    beside: Path | None = None,
    out: Path | None = None,
    plot: Path | None = None,
) -> dict[str, list[Run]]:
    """Measure, print tables and ratios; write JSON to `out` and a plot to `plot`.

    Args:
        only: which series; the headline figures where empty and there is no soak.
        seconds: of a soak, after the series.
        beside: another checkout, for the series `versions`.
    """
    console = Console(width=max(Console().width, 130))
    bench = Bench(console, quick, beside)
    told: dict[str, object] = {"machine": _machine(), "quick": quick}
    found: dict[str, list[Run]] = {}
    for name in only or (() if seconds else ("headline",)):
        found[name] = runs = SERIES[name](bench)
        _show(runs, console)
        if name == "headline":
            told |= {"runs": [asdict(run) for run in runs], "ratios": ratios(runs)}
            for label, value in ratios(runs).items():
                console.print(f"{label}: [bold]{value}[/]")
            if plot is not None:
                plot.parent.mkdir(parents=True, exist_ok=True)
                plots.draw(runs, plot)
        else:
            told[name] = [asdict(run) for run in runs]
    if seconds:
        soaked = soak(seconds)
        told["soak"] = figures(soaked)
        for line in lines(soaked):
            console.print(line)
        if plot is not None:
            plots.draw_soak(soaked, plot.with_stem(f"{plot.stem}-soak"))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        out.write_text(json.dumps({**kept, **told}, indent=1) + "\n", encoding="utf-8")
    return found


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
            if other := by_key.get(("litellm, hook on", kind, False, connections)):
                ours = by_key["normguard", kind, False, connections]
                found[f"{kind}: throughput over LiteLLM with a hook, {connections} connections"] = (
                    ours.per_second / other.per_second
                )
    return {label: round(value, 3) for label, value in found.items()}


def _show(runs: Sequence[Run], console: Console) -> None:
    table = Table(title=_machine())
    for heading in (
        "request",
        "api",
        "policy",
        "stream",
        "connections",
        "server",
        "median ms",
        "p99 ms",
        "first token ms",
        "req/s",
        "failed",
    ):
        table.add_column(heading, justify="left" if heading in {"request", "server", "api", "policy"} else "right")
    previous = None
    for run in runs:
        key = (run.kind, run.api, run.stream, run.connections)
        if previous not in {None, key}:
            table.add_section()
        previous = key
        cells = (run.median, run.p99, run.first_token_median, run.per_second, run.failed or "")
        named = (run.kind, run.api, (run.policy or "").removeprefix("bench-"))
        table.add_row(*named, "yes" if run.stream else "", str(run.connections), run.server, *map(str, cells))
    console.print(table)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
