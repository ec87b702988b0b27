"""``normguard bench faults``."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--only", multiple=True, help="Only this scenario. Repeatable.")
@click.option("--quick", is_flag=True, help="A tenth of the requests.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
def faults(only: tuple[str, ...], quick: bool, out: Path | None) -> None:
    """What happens when things break? Ends with 1 where anything was wrongly changed, lost or leaked."""
    from benchmarks.faults import run

    if unknown := [name for name in only if name not in run.ALL]:
        raise click.BadParameter(
            f"there is no scenario {unknown[0]!r}; there are: {', '.join(run.ALL)}", param_hint="--only"
        )
    if not run.main(only, quick=quick, out=out):
        sys.exit(1)


COMMANDS = (faults,)
