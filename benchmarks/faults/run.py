"""Running the scenarios one after the other, and telling what came of them."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.faults.counts import Counts
from benchmarks.faults.hostile import HOSTILE
from benchmarks.faults.scenarios import SCENARIOS, Scenario, Stage
from benchmarks.faults.services import Missing

ALL: dict[str, Scenario] = {**SCENARIOS, **HOSTILE}


def main(only: Sequence[str] = (), *, quick: bool = False, out: Path | None = None) -> bool:
    """Run the scenarios, print a table, write JSON to `out`; whether nothing was wrongly changed, lost or leaked."""
    console = Console()
    results: dict[str, dict[str, object]] = {}
    clean = True
    for name in only or ALL:
        start = time.perf_counter()
        try:
            counts = play(ALL[name], 0.1 if quick else 1.0)
        except Missing as missing:
            console.print(f"[yellow]{name}: left out, {missing}[/]")
            continue
        seconds = time.perf_counter() - start
        results[name] = {**counts.row(), "seconds": round(seconds, 1), "what": (ALL[name].__doc__ or "").strip()}
        clean &= counts.clean
        colour = "green" if counts.clean else "red"
        console.print(
            f"[{colour}]{name}[/]: {json.dumps(counts.row(), ensure_ascii=False)} ({seconds:.0f} s)", highlight=False
        )
    _show(results, console)
    if out is not None:
        machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        out.write_text(
            json.dumps({"machine": machine, "quick": quick, "scenarios": results}, indent=1, ensure_ascii=False) + "\n"
        )
    return clean


def play(scenario: Scenario, share: float = 1.0) -> Counts:
    """Run one scenario in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="normguard-faults-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), share)
        asyncio.run(scenario(stage))
        return stage.counts


def _show(results: dict[str, dict[str, object]], console: Console) -> None:
    table = Table(title="What was sent and what became of it")
    table.add_column("scenario", no_wrap=True)
    columns = ("sent", "succeeded", "refused", "broken off", "wrongly changed", "lost", "leaked", "seconds")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in results.items():
        table.add_row(name, *(str(row[column]) for column in columns))
    console.print(table)
