"""``normguard bench``: the benchmarks, which live in the folder ``benchmarks``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from guard.cli.settings import settings_file


def _benchmark(name: str) -> ModuleType:
    from guard.files import folder

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
def answers() -> None:
    """Does the local check tell answers in breach of a norm from those that respect it?"""
    _benchmark("answers.run").main()


@bench.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["headline", "apis", "actions", "sizes", "connections"]),
    help="What to measure. Repeatable.  [default: headline]",
)
@click.option(
    "--soak", "seconds", type=click.FloatRange(10, 7200), help="Then everything at once, for so many seconds."
)
@click.option("--quick", is_flag=True, help="A sixth of the requests.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures, beside those there.")
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw them (PNG).")
def overhead(only: tuple[str, ...], seconds: float | None, quick: bool, out: Path | None, plot: Path | None) -> None:
    """What the proxy costs, beside a bare upstream and the LiteLLM proxy in the same run."""
    _benchmark("overhead.run").main(only, quick=quick, seconds=seconds, out=out, plot=plot)


@bench.command()
@click.option("--only", multiple=True, help="Only this scenario. Repeatable.")
@click.option("--quick", is_flag=True, help="A tenth of the requests.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
def faults(only: tuple[str, ...], quick: bool, out: Path | None) -> None:
    """What happens when things break? Ends with 1 where anything was wrongly changed, lost or leaked."""
    run = _benchmark("faults.run")
    if unknown := [name for name in only if name not in run.ALL]:
        raise click.BadParameter(
            f"there is no scenario {unknown[0]!r}; there are: {', '.join(run.ALL)}", param_hint="--only"
        )
    if not run.main(only, quick=quick, out=out):
        sys.exit(1)


@bench.command()
@click.option("--pictures", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of *.jpg, each named for what it shows.")  # fmt: skip
@click.option("--model", default="mobilenet-v2", show_default=True, help="Name of a pulled model, or its folder.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write the figures.")
def vision(pictures: Path, model: str, out: Path | None) -> None:
    """What does a model see in pictures, and how long does it take?"""
    _benchmark("vision.run").main(pictures, model=model, out=out)


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PATH = click.Path(path_type=Path)


def _cross(name: str) -> ModuleType:
    try:
        return _benchmark(f"cross.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"benchmarks", "guard"}:
            raise
        raise click.ClickException(f"{error.name} is not installed: pip install 'normguard[bench]'") from error


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


@bench.command()
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
    options["settings"] = options["settings"] or settings_file()
    runner = _cross("run")
    choice = _cross("dataset").Choice(subsets, languages, countries, domains, sample, seed)
    told = runner.Options(choice=choice, images=not no_images, margin=margin / 100, **options)

    def confirm(question: str) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise click.ClickException("Nobody is here to ask whether to go on; add --yes.")
        return click.confirm(question, err=True)

    sys.exit(runner.run(told, confirm=confirm))


@bench.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH)
@click.option("--out", type=_PATH, help="Where to write.  [default: the run's folder; needed for several]")
@click.option("--margin", default=5.0, show_default=True, help="Points that helpfulness may fall by.")
@click.option("--humans", type=_FILE, help="Humans' scores to compare the judges with: JSON lines.")
@click.option("--export", type=_PATH, help="Folder for the answers and scores in the layout of the CROSS repository.")
def report(runs: tuple[Path, ...], out: Path | None, margin: float, humans: Path | None, export: Path | None) -> None:
    """Report on a run anew, or compare several: folders of `bench cross`, or Inspect's logs."""
    if out is None and (len(runs) > 1 or not runs[0].is_dir()):
        raise click.UsageError("Name the folder to write to: --out.")
    read = [_cross("records").read_run(path) for path in runs]
    for path in _cross("report").write_report(read, out or runs[0], margin=margin / 100, humans=humans):
        click.echo(path)
    for run in read if export else ():
        for path in _cross("formats").write_results(run, export if len(read) == 1 else export / run.name):
            click.echo(path)
