"""``normguard train``: from raw data to the classifier that ships."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of the data sets: cross/, safeworld/, benign/.")  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the artefact.  [the shipped one]"
)
@click.option("--seed", default=0, show_default=True, help="Of everything that is drawn.")
@click.option("--epochs", default=6.0, show_default=True, help="Passes of the encoders over the texts.")
@click.option(
    "--cache",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the teacher's vectors, to train again sooner.",
)
@click.option("--by-country", is_flag=True, help="Also train without each country of CROSS, and measure on it.")
@click.option("--answers", is_flag=True, help="Train the check of answers instead, from the norm packs; needs no data.")
@click.option("--quick", is_flag=True, help="A minute or two: only the design that ships, and little of it.")
def train(
    data: Path | None,
    out: Path | None,
    seed: int,
    epochs: float,
    cache: Path | None,
    by_country: bool,
    answers: bool,
    quick: bool,
) -> None:
    """Train the classifier: teacher, students, calibration, ONNX, model card. Needs the extra [train]."""
    from guard.errors import NormGuardError, missing
    from guard.files import module

    if data is None and not answers:
        raise click.UsageError(
            "Give the folder of the data sets with --data, or train the check of answers: --answers."
        )
    try:
        run = module("training.answers.run" if answers else "training.run")
    except ModuleNotFoundError as error:
        if (error.name or "training").partition(".")[0] in {"benchmarks", "guard", "training"}:
            raise
        raise NormGuardError(missing(f"{error.name} is not installed. Training", "train")) from error
    if answers:
        run.main(out=out, seed=seed, quick=quick)
        return
    run.main(data, out=out, seed=seed, epochs=epochs, cache=cache, by_country=by_country, quick=quick)
