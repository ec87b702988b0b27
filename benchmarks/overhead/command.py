"""``normguard bench overhead``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["headline", "versions", "apis", "actions", "sizes", "connections"]),
    help="What to measure. Repeatable.  [default: headline]",
)
@click.option(
    "--soak", "seconds", type=click.FloatRange(10, 7200), help="Then everything at once, for so many seconds."
)
@click.option(
    "--beside",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another checkout of NormGuard, for --only versions.",
)
@click.option("--quick", is_flag=True, help="A sixth of the requests.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures, beside those there.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
def overhead(
    only: tuple[str, ...],
    seconds: float | None,
    beside: Path | None,
    quick: bool,
    out: Path | None,
    plot: Path | None,
) -> None:
    """What the proxy costs, beside a bare upstream and the LiteLLM proxy in the same run."""
    from benchmarks.overhead.run import main

    main(only, quick=quick, seconds=seconds, beside=beside, out=out, plot=plot)


COMMANDS = (overhead,)
