"""Figures of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.overhead.load import Run
from benchmarks.overhead.series import CONNECTIONS
from benchmarks.overhead.soak import Soak


def draw(runs: Sequence[Run], path: Path) -> None:
    """Requests a second of each server, for texts and pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    servers = list(dict.fromkeys(run.server for run in runs))
    colours = dict(zip(servers, ("#9aa0a6", "#0b7a75", "#c8553d", "#e0a899"), strict=False))
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for axis, kind in zip(axes, ("text", "image"), strict=True):
        for i, server in enumerate(servers):
            chosen = [run for run in runs if run.server == server and run.kind == kind and not run.stream]
            places = [j + (i - 1.5) * 0.21 for j in range(len(chosen))]
            bars = axis.bar(places, [run.per_second for run in chosen], 0.2, label=server, color=colours[server])
            axis.bar_label(bars, [f"{run.per_second:,.0f}" for run in chosen], fontsize=8)
        axis.set_yscale("log")
        axis.set_xticks(range(len(CONNECTIONS)), [f"{n} connection{'s' * (n > 1)}" for n in CONNECTIONS])
        axis.set_title(f"{kind} requests")
        axis.set_ylabel("requests per second (log)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 4)  # room for the legend above the first bars
    axes[0].legend(frameon=False, loc="upper left", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def draw_soak(found: Soak, path: Path) -> None:
    """Memory over time."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8, 3.6), layout="constrained")
    axis.plot([at / 60 for at, _, _ in found.samples], [mib for _, _, mib in found.samples], color="#0b7a75")
    axis.set_xlabel("minutes")
    axis.set_ylabel("resident memory, MiB")
    axis.set_ylim(bottom=0)
    axis.set_title(f"{found.requests:,} requests over 32 connections")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
