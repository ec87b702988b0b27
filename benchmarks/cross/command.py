"""``normguard bench cross`` and ``bench report``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from guard.cli.settings import settings_file

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PATH = click.Path(path_type=Path)


def _arms(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    del context, parameter
    files = {}
    for value in values:
        arm, equals, file = value.partition("=")
        if not equals or arm not in {"bare", "guarded"}:
            raise click.BadParameter(f"{value!r} is not of the form bare=FILE or guarded=FILE.")
        files[arm] = Path(file)
    return files


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command()
@_options(
    click.option("--data", type=_PATH, help="A clone of the CROSS repository."),
    click.option("--cases", type=_PATH, help="Own cases instead: JSON lines."),
    click.option(
        "--answers",
        multiple=True,
        metavar="ARM=FILE",
        callback=_arms,
        help="Recorded answers of an arm (bare, guarded) instead: a file of generation_results or evaluation_results.",
    ),
    click.option("--benign", multiple=True, type=_PATH, help="Harmless questions: JSON lines. Repeatable."),
    click.option("--model", help="The model to measure, as Inspect names it: openai/gpt-4o, ollama/llava, ..."),
    click.option("--model-base-url", help="Address of the model's API, where it is not the provider's own."),
    click.option("--judge", "judges", multiple=True, help="A model that judges. Repeatable: the majority decides."),
    click.option("--rubric", type=_PATH, help="A clone of CROSS whose own prompts judge, in place of ours."),
    click.option("--subset", "subsets", multiple=True, help="casa or safeworld. Repeatable."),
    click.option("--language", "languages", multiple=True, help="English name of a language. Repeatable."),
    click.option("--country", "countries", multiple=True, help="ISO code of a country. Repeatable."),
    click.option("--domain", "domains", multiple=True, help="shopping, meals, outdoors or social. Repeatable."),
    click.option("--sample", type=click.IntRange(min=1), help="So many cases, stratified by country and language."),
    click.option("--seed", default=0, show_default=True, help="Of the sample, and of the order of judging."),
    click.option("--no-images", is_flag=True, help="Tell the models what the pictures show, in place of the pictures."),
    click.option("--fetch", is_flag=True, help="Fetch the pictures that the clone lacks, once."),
    click.option("--skip-broken", is_flag=True, help="Leave out cases whose picture cannot be used."),
    click.option("--guard-url", help="A deployed proxy (http://host:8017/v1), in place of one in this process."),
    click.option("--guard-model", help="The model's name at that proxy, where it is not that of --model."),
    click.option("--settings", type=_PATH, help="Settings file of the proxy in this process."),
    click.option("--policy", help="Deployment policy of the proxy in this process."),
    click.option("--temperature", type=float, help="Of the model that is measured."),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Of an answer of the model that is measured."),
    click.option("--epochs", default=1, show_default=True, help="How often each case is run."),
    click.option("--max-connections", type=click.IntRange(min=1), help="Calls at once to one model."),
    click.option("--max-retries", type=click.IntRange(min=0), help="Of one call.  [default: until it succeeds]"),
    click.option("--timeout", type=click.IntRange(min=1), help="Seconds for one call with all its retries."),
    click.option("--prices", type=_PATH, help="Prices by model, US $ for a million tokens: YAML or JSON."),
    click.option("--budget", type=click.FloatRange(min=0), help="Stop when this run has spent so many US $."),
    click.option("--margin", default=5.0, show_default=True, help="Points that helpfulness may fall by."),
    click.option("--humans", type=_PATH, help="Humans' scores to compare the judges with: JSON lines."),
    click.option("--out", required=True, type=_PATH, help="Folder of the run; one that was interrupted goes on there."),
    click.option("--display", type=click.Choice(["bar", "full", "plain", "none"]), default="bar", show_default=True,
                 help="Progress: a bar, or Inspect's own displays."),
    click.option("--yes", is_flag=True, help="Spend without asking."),
)  # fmt: skip
def cross(
    *,
    subsets: tuple[str, ...],
    languages: tuple[str, ...],
    countries: tuple[str, ...],
    domains: tuple[str, ...],
    sample: int | None,
    seed: int,
    no_images: bool,
    margin: float,
    yes: bool,
    **options: Any,
) -> None:
    """Does a model comply with norms, without the guard and with it? CROSS, or your own cases.

    Every answer of both arms is judged on awareness, education, compliance and helpfulness. Before anything is spent
    you are told how much it may be, and asked. The run's folder then holds report.html, summary.json, cases.csv and
    Inspect's logs.
    """
    from benchmarks.cross.dataset import Choice
    from benchmarks.cross.run import Options, run

    options["settings"] = options["settings"] or settings_file()
    choice = Choice(subsets, languages, countries, domains, sample, seed)
    told = Options(choice=choice, images=not no_images, margin=margin / 100, **options)

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise click.ClickException("Nobody is here to ask whether to go on; add --yes.")
        return click.confirm(question, err=True)

    sys.exit(run(told, confirm=confirm))


@click.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--out", type=_PATH, help="Where to write.  [default: the run's folder; needed for several]")
@click.option("--margin", default=5.0, show_default=True, help="Points that helpfulness may fall by.")
@click.option("--humans", type=_FILE, help="Humans' scores to compare the judges with: JSON lines.")
@click.option("--export", type=_PATH, help="Folder for the answers and scores in the layout of the CROSS repository.")
def report(runs: tuple[Path, ...], out: Path | None, margin: float, humans: Path | None, export: Path | None) -> None:
    """Report on a run anew, or compare several: folders of `bench cross`, or Inspect's logs."""
    from benchmarks.cross.formats import write_results
    from benchmarks.cross.records import read_run
    from benchmarks.cross.report import write_report

    if out is None and (len(runs) > 1 or not runs[0].is_dir()):
        raise click.UsageError("Name the folder to write to: --out.")
    read = [read_run(path) for path in runs]
    for path in write_report(read, out or runs[0], margin=margin / 100, humans=humans):
        click.echo(path)
    if export is not None:
        for run in read:
            for path in write_results(run, export if len(read) == 1 else export / run.name):
                click.echo(path)


COMMANDS = (
    cross,
    report,
)
