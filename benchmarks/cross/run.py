"""``normguard bench cross``: checks and asks before it spends, runs the tasks, writes down what came out."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.model import GenerateConfig, Model, get_model
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import guard as guard_package
from benchmarks.cross import task as tasks
from benchmarks.cross.arms import wire_name
from benchmarks.cross.dataset import Case, Choice, Question, read_benign
from benchmarks.cross.formats import Recorded, read_results
from benchmarks.cross.ledger import Ledger, open_ledger
from benchmarks.cross.local_proxy import LocalProxy
from benchmarks.cross.pictures import captioned, default_cache, locate
from benchmarks.cross.plan import Line, estimate, read_prices, set_prices
from benchmarks.cross.records import Run, read_run
from benchmarks.cross.remote_proxy import RemoteProxy
from benchmarks.cross.report import write_report
from benchmarks.cross.rubric import OwnRubric, Rubric, read_public_rubric
from guard.errors import NormGuardError

INCOMPLETE = 3
"""Exit status of a run that stopped early, or in which a sample failed."""

SCRIPTED = "scripted/"
"""Models of this provider are scripts of ours, served from here for as long as the run lasts."""


@dataclass(frozen=True)
class Options:
    """What ``normguard bench cross`` is told; its help says what each means."""

    out: Path
    data: Path | None = None
    cases: Path | None = None
    answers: Mapping[str, Path] = field(default_factory=dict)
    benign: Sequence[Path] = ()
    model: str | None = None
    model_base_url: str | None = None
    judges: Sequence[str] = ()
    rubric: Path | None = None
    choice: Choice = Choice()  # noqa: RUF009  (frozen)
    images: bool = True
    fetch: bool = False
    skip_broken: bool = False
    guard_url: str | None = None
    guard_model: str | None = None
    settings: Path | None = None
    policy: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    epochs: int = 1
    max_connections: int | None = None
    max_retries: int | None = None
    timeout: int | None = None
    prices: Path | None = None
    budget: float | None = None
    margin: float = 0.05
    humans: Path | None = None
    display: str = "bar"


def run(options: Options, *, confirm: Callable[[str], bool]) -> int:
    """Do what `options` say; 0, or `INCOMPLETE`.

    Args:
        confirm: asked once before anything is spent.

    Raises:
        NormGuardError: something cannot be used. Unless the message says otherwise nothing was spent.
    """
    console = Console(stderr=True)
    _check(options)
    proxy = None
    if options.model:
        proxy = tasks.guarded_arm(options.guard_url, _guard_model(options), options.settings, options.policy)
    cases, recorded, left_out = _cases(options, proxy, console)
    questions = read_benign(options.benign)
    rubric: Rubric = read_public_rubric(options.rubric) if options.rubric else OwnRubric()
    prices = read_prices(options.prices) if options.prices else {}
    samples = len(cases) * options.epochs + len(questions)
    with _scripts(options) as address:
        model = _model(options, options.model, address, subject=True) if options.model else None
        judges = [_model(options, name, address, subject=False) for name in options.judges]
        if isinstance(proxy, RemoteProxy):
            asyncio.run(proxy.readiness())
        config = _config(options, cases, questions, rubric, proxy, left_out)
        lines = estimate(
            cases,
            questions,
            model=str(model) if model else None,
            judges=[str(judge) for judge in judges],
            rubric=rubric,
            answers_known=sum(map(len, recorded.values())),
            prices=prices,
        )
        if options.budget is not None and (unpriced := [line.model for line in lines if line.cost is None]):
            raise NormGuardError(f"--budget needs the price of {', '.join(unpriced)}: name it in the file of --prices.")
        _announce(console, options, lines, left_out, samples)
        if lines and not confirm("Go on?"):
            return 0
        _claim(options.out, config)
        set_prices(prices)
        chosen: list[Task] = []
        if cases:
            seed = options.choice.seed
            chosen.append(tasks.cross_task(cases, proxy, rubric, recorded=recorded, seed=seed, metadata=config))
        if questions and proxy is not None:
            chosen.append(tasks.benign_task(questions, proxy, metadata=config))
        account = _evaluate(options, chosen, model, judges, samples, console)
    try:
        result = read_run(options.out)
    except NormGuardError as error:  # not even one log was written
        raise NormGuardError(f"The run came to nothing: {account.stopped or error}") from error
    try:
        write_report([result], options.out, margin=options.margin, humans=options.humans)
    except OSError as error:
        raise NormGuardError(
            f"The run is done, but its report cannot be written: {error}. Then: normguard bench report {options.out}"
        ) from error
    return _conclude(console, options, result, account, samples)


def _check(options: Options) -> None:
    sources = [name for name in ("data", "cases", "answers") if getattr(options, name)]
    if len(sources) > 1 or not (sources or options.benign):
        raise NormGuardError(
            "Name one of --data (a clone of CROSS), --cases (your own) and --answers; or --benign alone."
        )
    if options.model is None and (options.benign or sources != ["answers"]):
        raise NormGuardError("Name the --model to measure, such as openai/gpt-4o or ollama/llava.")
    if not options.judges and sources != ["answers"]:
        raise NormGuardError("Name at least one --judge, such as openai/gpt-4o.")
    if options.epochs < 1:
        raise NormGuardError("--epochs must be 1 or more.")


def _cases(
    options: Options, proxy: tasks.GuardedArm | None, console: Console
) -> tuple[list[Case], Recorded, list[str]]:
    choice = options.choice
    if not (options.data or options.cases or options.answers):
        return [], {}, []
    with _bar(console, options.images and options.display != "none") as progress:
        bar = progress.add_task("checking pictures", total=None, more="", visible=False)

        def told(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, visible=True)

        if not options.answers:
            how = {"images": options.images, "fetch": options.fetch, "skip_broken": options.skip_broken}
            chosen, left_out = tasks.gather(options.data, options.cases, choice, proxy, **how, progress=told)
            return chosen, {}, left_out
        cases, recorded = read_results(options.answers)
        chosen, left_out = tasks.select(cases, choice, proxy), []
        if not options.images:
            chosen, left_out = captioned(chosen)
        elif options.model or options.judges:
            cache = default_cache() if options.fetch else None
            chosen, left_out = locate(chosen, None, fetch=cache, skip=options.skip_broken, progress=told)
        return chosen, recorded, left_out


@contextlib.contextmanager
def _scripts(options: Options) -> Iterator[str | None]:
    """Address of the scripted models, where one was asked for."""
    if not any(name.startswith(SCRIPTED) for name in (options.model or "", *options.judges)):
        yield None
        return
    from benchmarks.cross.scripted import JUDGES, SUBJECTS, serving

    known = {SCRIPTED + name for name in SUBJECTS + JUDGES}
    for name in (options.model or "", *options.judges):
        if name.startswith(SCRIPTED) and name not in known:
            raise NormGuardError(f"There is no {name}; there are: {', '.join(sorted(known))}.")
    with serving() as server:
        yield server.base


def _model(options: Options, name: str, scripts: str | None, *, subject: bool) -> Model:
    config = GenerateConfig(
        max_connections=options.max_connections, max_retries=options.max_retries, timeout=options.timeout
    )
    url, arguments = None, dict[str, Any]()
    if subject:
        config = config.merge(GenerateConfig(temperature=options.temperature, max_tokens=options.max_tokens))
        url = options.model_base_url
    if name.startswith(SCRIPTED):
        name, url, arguments = f"openai-api/{name}", scripts, {"api_key": "none"}
    try:
        return get_model(name, config=config, base_url=url, **arguments)
    except Exception as error:  # unknown provider, missing package or key: Inspect's message says which
        lines = [line for line in str(error).replace("[bold]", "").replace("[/bold]", "").splitlines() if line.strip()]
        raise NormGuardError(f"{name} cannot be used: {' '.join(lines) or type(error).__name__}") from error


def _guard_model(options: Options) -> str | None:
    return options.guard_model or (wire_name(options.model) if options.model else None)


def _config(
    options: Options,
    cases: Sequence[Case],
    questions: Sequence[Question],
    rubric: Rubric,
    proxy: tasks.GuardedArm | None,
    left_out: Sequence[str],
) -> dict[str, Any]:
    """What the run is, without what does not change its results; a folder holds one such run only."""
    choice = options.choice
    config: dict[str, Any] = {
        "model": options.model,
        "model_base_url": _bare_url(options.model_base_url),
        "judges": list(options.judges),
        "rubric": rubric.name,
        "rubric_sha256": rubric.sha256,
        "source": next((name for name in ("data", "cases", "answers") if getattr(options, name)), None),
        "images": options.images,
        "subsets": list(choice.subsets),
        "languages": list(choice.languages),
        "countries": list(choice.countries),
        "domains": list(choice.domains),
        "sample": choice.sample,
        "seed": choice.seed,
        "epochs": options.epochs,
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
        "cases": len(cases),
        "cases_sha256": _digest([case.model_dump(mode="json", exclude={"image"}) for case in cases]),
        "benign": len(questions),
        "benign_sha256": _digest([question.model_dump() for question in questions]),
        "left_out": list(left_out),
        "versions": {name: version(name) for name in ("normguard", "inspect-ai", "scipy", "statsmodels")}
        | {"python": platform.python_version()},
    }
    if isinstance(proxy, LocalProxy):
        guard = proxy.guard
        norms = {id_: norm.model_dump(mode="json") for id_, norm in sorted(guard.library.norms.items())}
        config["guard"] = {
            "proxy": "in process",
            "policy": options.policy or proxy.settings.policy,
            "policy_sha256": _digest(guard.policy.model_dump(mode="json")),
            "norms": len(norms),
            "norms_sha256": _digest(norms),
            "scorer": guard.scorer.name,
            "vision": guard.vision.name if guard.vision else None,
            "code_sha256": _code(Path(guard_package.__file__).parent),
        }
    elif proxy is not None:
        ready = proxy.ready or {}
        config["guard"] = {"proxy": _bare_url(options.guard_url), "model": _guard_model(options), "readyz": ready}
    return config


def _bare_url(url: str | None) -> str | None:
    """An address without user name and password."""
    if url is None:
        return None
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def _code(root: Path) -> str:
    """Digest of the guard's own modules, the command line left out."""
    sources = sorted(path for path in root.rglob("*.py") if "cli" not in path.relative_to(root).parts)
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def _claim(out: Path, config: Mapping[str, Any]) -> None:
    """Take the run's folder, or go on in it if the same run was begun there; raises if it holds another one."""
    file = out / "run.json"
    try:
        if file.is_file():
            begun = json.loads(file.read_text(encoding="utf-8"))
            now = json.loads(json.dumps(config))
            other = sorted(key for key in {*begun, *now} if begun.get(key) != now.get(key))
            if other:
                raise NormGuardError(
                    f"{out} holds a run that differs in {', '.join(other)}. To go on with that one, give the same "
                    "options (and the same versions); for a new one, name another --out."
                )
            return
        if out.exists() and (not out.is_dir() or any(p.suffix != ".part" for p in out.iterdir())):
            raise NormGuardError(f"{out} is there already and holds no run of this benchmark; name another --out.")
        out.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(file)  # so that a disk that fills up here leaves no half of it
    except (OSError, json.JSONDecodeError) as error:
        raise NormGuardError(f"{out} cannot be used: {error}. Nothing was spent.") from error


def _announce(console: Console, options: Options, lines: Sequence[Line], left_out: Sequence[str], samples: int) -> None:
    if not options.images:
        console.print("[bold yellow]No pictures:[/] the models are told what they show. The report says so.")
    if left_out:
        console.print(f"[yellow]{len(left_out)} cases left out[/], the first: {left_out[0]}", highlight=False)
    if not lines:
        return
    table = Table(title=f"{samples} samples; at most, and as far as can be told beforehand")
    for heading in ("model", "for", "calls", "tokens in", "tokens out", "US $"):
        table.add_column(heading, justify="left" if heading in {"model", "for"} else "right")
    for line in lines:
        cost = "no price" if line.cost is None else f"{line.cost:,.2f}"
        table.add_row(
            line.model, line.what, *(f"{n:,}" for n in (line.calls, line.input_tokens, line.output_tokens)), cost
        )
    console.print(table)


def _evaluate(
    options: Options,
    chosen: Sequence[Task],
    model: Model | None,
    judges: Sequence[Model],
    samples: int,
    console: Console,
) -> Ledger:
    """Run the tasks; answers go into the run's own cache as they come, so that nothing is paid for twice."""
    os.environ["INSPECT_CACHE_DIR"] = str((options.out / "cache").resolve())
    (options.out / "cache").mkdir(exist_ok=True)
    account = open_ledger(budget=options.budget, folder=options.out)
    if reason := account.reason():
        raise NormGuardError(f"The run cannot begin: {reason}. Nothing was spent.")
    own = options.display == "bar"
    with _bar(console, own) as progress:
        bar = progress.add_task("asking and judging", total=samples, more="")

        def tell(ledger: Ledger) -> None:
            progress.update(bar, completed=ledger.done, more=_state(ledger))

        account.watchers.append(tell)
        try:
            logs = inspect_eval(
                list(chosen),
                model=model or "none/none",
                model_roles={"judge": list(judges)} if judges else None,
                epochs=options.epochs,
                log_dir=str(options.out / "logs"),
                log_level="error",
                display="none" if own else options.display,  # type: ignore[arg-type]
                max_tasks=1,
                log_images=False,
                log_realtime=False,
                ctl_server=False,
            )
            if fault := next((log.error for log in logs if log.error), None):
                account.stopped = account.stopped or fault.message.strip().splitlines()[-1]
        except KeyboardInterrupt:
            account.stopped = account.stopped or "interrupted"
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise NormGuardError(
                f"The disk under {options.out} is full. What was answered is kept; free some space and give the same "
                "command again: nothing is paid for twice."
            ) from error
    return account


def _state(ledger: Ledger) -> str:
    cost = (
        f" · ${ledger.spent:,.2f}{' and more' if ledger.unpriced else ''}"
        if ledger.spent or not ledger.unpriced
        else ""
    )
    return f"{ledger.calls:,} calls · {ledger.rate:,.0f}/min · {ledger.tokens:,} tokens{cost}"


def _bar(console: Console, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown)


def _conclude(console: Console, options: Options, result: Run, account: Ledger, samples: int) -> int:
    done = len(result.records) + len(result.benign)
    console.print(f"{_state(account)}; {done} of {samples} samples done.", highlight=False)
    console.print(f"Report: {options.out / 'report.html'}", highlight=False)
    faults = [answer.error for record in result.records for answer in record.answers.values()]
    faults += [answer.error for record in result.benign for answer in record.answers.values()]
    faults += [one.error for record in result.records for one in record.judgements]
    faults += [one.error for record in result.benign for one in record.preferences]
    if told := [fault for fault in faults if fault]:
        console.print(f"[yellow]{len(told)} calls failed[/] and count as missing, the first: {escape(told[0])}")
    nothing = bool(result.records) and not any(record.judgements for record in result.records)
    if done == samples and account.stopped is None and not nothing:
        return 0
    first = next(iter(result.errors.items()), None)
    why = account.stopped or (
        f"{first[0]}: {first[1]}" if first else "nothing was answered" if nothing else "interrupted"
    )
    console.print(
        f"[bold yellow]Not complete[/] ({escape(why)}). To go on, give the same command again: nothing is paid twice.",
        highlight=False,
    )
    return INCOMPLETE
