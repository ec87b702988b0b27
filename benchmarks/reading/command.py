"""``normguard bench reading``."""

from __future__ import annotations

from pathlib import Path

import click

from guard.cli.settings import settings, settings_option


@click.command()
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option(
    "--writer",
    "writers",
    multiple=True,
    help="Only this writer's cases. Repeatable.  [default: all but the development ones]",
)
@click.option("--missed", is_flag=True, help="Print every case whose destination was not found first.")
@settings_option
def reading(out: Path | None, writers: tuple[str, ...], missed: bool) -> None:
    """Are languages, places with their roles, acts and things read right?"""
    from benchmarks.reading.run import main
    from guard.norms.compiled import open_library

    main(open_library(settings().norms), out=out, writers=writers, missed=missed)


COMMANDS = (reading,)
