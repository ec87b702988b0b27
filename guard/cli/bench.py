"""``normguard bench``: the benchmarks, which live in the folder ``benchmarks``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import click


def _benchmark(name: str) -> ModuleType:
    from guard.resources import folder

    parent = str(folder("benchmarks").parent)
    if parent not in sys.path:
        sys.path.insert(0, parent)
    return importlib.import_module(f"benchmarks.{name}")


@click.group()
def bench() -> None:
    """Measure the guard."""


@bench.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path), help="Folder of the data sets.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
@click.option("--missed", is_flag=True, help="Print every norm that was missed.")
@click.option("--alone", is_flag=True, help="Without the baselines that the classifier is compared with.")
def detection(data: Path, out: Path | None, plot: Path | None, missed: bool, alone: bool) -> None:
    """Is the culture found, is the right norm among those sent, is the rest left alone?"""
    _benchmark("detection.run").main(data, out=out, plot=plot, print_missed=missed, compare=not alone)


@bench.command()
@click.option("--quick", is_flag=True, help="Under a minute: fewer requests, without the LiteLLM proxy's slowest runs.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
def overhead(quick: bool, out: Path | None, plot: Path | None) -> None:
    """What the proxy costs, beside a bare upstream and the LiteLLM proxy in the same run."""
    _benchmark("overhead.run").main(quick=quick, out=out, plot=plot)


@bench.command()
@click.option("--pictures", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of *.jpg, each named for what it shows.")  # fmt: skip
@click.option("--model", default="mobilenet-v2", show_default=True, help="Name of a pulled model, or its folder.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
def vision(pictures: Path, model: str, out: Path | None) -> None:
    """What does a model see in pictures, and how long does it take?"""
    _benchmark("vision.run").main(pictures, model=model, out=out)
