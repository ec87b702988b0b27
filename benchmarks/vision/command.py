"""``normguard bench vision``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--pictures", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of *.jpg, each named for what it shows.")  # fmt: skip
@click.option("--model", default="mobilenet-v2", show_default=True, help="Name of a pulled model, or its folder.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
def vision(pictures: Path, model: str, out: Path | None) -> None:
    """What does a model see in pictures, and how long does it take?"""
    from benchmarks.vision.run import main

    main(pictures, model=model, out=out)


COMMANDS = (vision,)
