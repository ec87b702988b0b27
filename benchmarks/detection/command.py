"""``normguard bench detection``."""

from __future__ import annotations

from pathlib import Path

import click

from guard.cli.settings import settings, settings_option


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path), help="Folder of the data sets.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
@click.option("--missed", is_flag=True, help="Print every norm that was missed.")
@settings_option
@click.option("--alone", is_flag=True, help="Without the baselines that the classifier is compared with.")
def detection(data: Path, out: Path | None, plot: Path | None, missed: bool, alone: bool) -> None:
    """Is the culture found, is the right norm among those sent, is the rest left alone?"""
    from benchmarks.detection.run import main
    from guard.pipeline import Guard

    main(data, out=out, plot=plot, print_missed=missed, compare=not alone, guard=Guard.from_settings(settings()))


COMMANDS = (detection,)
