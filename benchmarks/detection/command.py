"""``normguard bench detection``."""

from __future__ import annotations

from pathlib import Path

import click

from guard.cli.settings import settings, settings_option


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), help="Folder of the data sets.")
@click.option("--own", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File of requests in users' own words, in place of the data sets.")  # fmt: skip
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
@click.option("--missed", is_flag=True, help="Print every norm that was missed.")
@settings_option
@click.option("--alone", is_flag=True, help="Without the baselines that the classifier is compared with.")
def detection(
    data: Path | None, own: Path | None, out: Path | None, plot: Path | None, missed: bool, alone: bool
) -> None:
    """Is the culture found, is the right norm among those sent, is the rest left alone?"""
    if (data is None) == (own is None):
        raise click.UsageError("Give either --data or --own.")
    from guard.pipeline import Guard

    if own is not None:
        from benchmarks.detection import own as words

        words.main(own, guard=Guard.from_settings(settings()), out=out, missed=missed)
        return
    from benchmarks.detection.run import main

    assert data is not None
    main(data, out=out, plot=plot, print_missed=missed, compare=not alone, guard=Guard.from_settings(settings()))


COMMANDS = (detection,)
