"""``normguard models``: what looks at pictures."""

from __future__ import annotations

import statistics
from pathlib import Path

import click

from guard.cli.settings import settings, settings_option


@click.group()
def models() -> None:
    """List, get and check the models that look at pictures."""


@models.command("list")
def list_() -> None:
    """List known models, and whether they are here."""
    from guard.vision.store import cache, is_here, shipped

    for name, manifest in shipped().items():
        size = f"{manifest.model.bytes / 2**20:.1f} MiB" if manifest.model else "?"
        state = f"here, in {cache() / name}" if is_here(name) else f"get it: normguard models pull {name}"
        click.echo(f"{name:<20} {manifest.kind:<12} {size:>9}  {manifest.licence:<12} {state}")


@models.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds the model's files already, instead of the network.",
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds that an address may take to answer.")
def pull(name: str, source: Path | None, timeout: float) -> None:
    """Fetch a model, check its SHA-256, convert it to ONNX and keep it for the guard."""
    from guard.vision.pull import pull as fetch

    click.echo(f"{name} is in {fetch(name, source=source, timeout=timeout)}")


@models.command()
@click.argument("name")
@click.option(
    "--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File of weights on this disk."
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write.  [the models' cache]")
def export(name: str, weights: Path | None, out: Path | None) -> None:
    """Export a CLIP's image tower to ONNX and embed the concept vocabulary; torch is not needed afterwards."""
    from guard.vision.export import export as make

    click.echo(f"{name} is in {make(name, weights=weights, out=out)}")


@models.command()
@click.argument("name", required=False)
@click.option("--pictures", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of pictures.")
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights that it was exported from: compare with the original.",
)
@settings_option
@click.pass_context
def verify(context: click.Context, name: str | None, pictures: Path | None, weights: Path | None) -> None:
    """Load a model, say what it sees in pictures and how long it takes; with --weights, compare with the original.

    Without a NAME it is the model of the settings.
    """
    from guard.errors import ImageError, SettingsError
    from guard.norms.vocabulary import Vocabulary
    from guard.pictures.decode import decode
    from guard.vision.model import latency, open_vision

    chosen = name or settings().vision
    vision = open_vision(chosen, Vocabulary())
    if vision is None:
        raise SettingsError(f"vision: {chosen}, so that there is none to verify; name one (normguard models list).")
    click.echo(f"{vision.name}: loads, runs on {vision.provider}")
    read = []
    for path in sorted(pictures.iterdir()) if pictures else ():
        if not path.is_file():
            continue
        try:
            picture = decode(path.read_bytes())
        except ImageError as error:
            click.echo(f"{path.name:<28} {error}")
            continue
        read.append(picture.thumbnail)
        seen = ", ".join(
            f"{concept} {score:.2f}" for concept, score in vision.concepts(picture.thumbnail, picture.key).items()
        )
        click.echo(f"{path.name:<28} {seen or '-'}")
    if weights is not None:
        from guard.vision.export import parity
        from guard.vision.store import find

        compared = parity(find(chosen), read, weights=weights)
        for one in compared:
            verdict = "holds" if one.holds else "FAILS"
            click.echo(
                f"parity {one.precision}: cosine at least {one.least:.4f}, mean {one.mean:.4f} "
                f"over {one.pictures} pictures: {verdict}"
            )
        if not all(one.holds for one in compared):
            context.exit(1)
    if read:
        taken = latency(vision, read, rounds=3)
        click.echo(f"a look: median {statistics.median(taken):.1f} ms over {len(taken)}")
