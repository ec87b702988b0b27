"""The benchmark as Inspect tasks: ``inspect eval benchmarks/cross/task.py@cross -T data=CLONE --model ...``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
    messages_to_openai,
    model_roles,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from guard.files import module

module("benchmarks")  # Inspect loads this file by its path, and knows no package of this name

from benchmarks.cross.arms import ARMS, Answer, bare_answer, failing_soft, wire_name
from benchmarks.cross.dataset import Case, Choice, Question, choose, enriched, read_benign, read_cases, read_clone
from benchmarks.cross.judge import Judgement, judge_arms, prefer
from benchmarks.cross.local_proxy import LocalProxy
from benchmarks.cross.pictures import Progress, captioned, default_cache, locate
from benchmarks.cross.records import verdict_of
from benchmarks.cross.remote_proxy import RemoteProxy
from benchmarks.cross.rubric import DIMENSIONS, OwnRubric, Rubric, read_public_rubric
from guard.errors import NormGuardError
from guard.norms.packs import read_packs
from guard.settings import read_settings

GuardedArm = LocalProxy | RemoteProxy

JUDGE_CONFIG = GenerateConfig(temperature=0.0)


@task
def cross(
    data: str | None = None,
    cases: str | None = None,
    judge: str | list[str] | None = None,
    rubric: str | None = None,
    subset: str | list[str] | None = None,
    language: str | list[str] | None = None,
    country: str | list[str] | None = None,
    domain: str | list[str] | None = None,
    sample: int | None = None,
    seed: int = 0,
    images: bool = True,
    fetch: bool = False,
    skip_broken: bool = False,
    guard_url: str | None = None,
    guard_model: str | None = None,
    settings: str | None = None,
    policy: str | None = None,
    cache: bool = True,
) -> Task:
    """CROSS, or an operator's own cases, bare and guarded.

    Args:
        data: a clone of the CROSS repository.
        cases: own cases instead, JSON lines.
        judge: one or more models as judges; the model role ``judge`` where None.
        rubric: a clone whose public prompts judge; our own where None.
        subset, language, country, domain: which cases; all where None.
        sample: size of a sample stratified by country and language.
        seed: of the sample, and of the order in which the arms are judged.
        images: whether the models see the pictures; if not, they are told what these show.
        fetch: whether pictures that the clone lacks are fetched.
        skip_broken: whether cases whose picture cannot be used are left out.
        guard_url: base URL of a deployed proxy; the proxy runs in process where None.
        guard_model: the model's name at that proxy.
        settings, policy: the in-process proxy's settings file and policy.
        cache: whether paid answers are kept and used again.
    """
    choice = Choice(_many(subset), _many(language), _many(country), _many(domain), sample, seed)
    proxy = guarded_arm(guard_url, guard_model, _path(settings), policy)
    chosen, notes = gather(
        _path(data), _path(cases), choice, proxy, images=images, fetch=fetch, skip_broken=skip_broken
    )
    chosen_rubric = read_public_rubric(_absolute(rubric)) if rubric else OwnRubric()
    return cross_task(
        chosen, proxy, chosen_rubric, judges=_many(judge), seed=seed, cache=cache, metadata={"left_out": notes}
    )


@task
def benign(
    questions: str | list[str],
    judge: str | list[str] | None = None,
    guard_url: str | None = None,
    guard_model: str | None = None,
    settings: str | None = None,
    policy: str | None = None,
    cache: bool = True,
) -> Task:
    """Harmless questions: how many does the guard touch, and are the answers to those any worse?

    Args:
        questions: files of JSON lines with a ``query``. The others are as in `cross`.
    """
    read = read_benign([_absolute(name) for name in _many(questions)])
    return benign_task(
        read, guarded_arm(guard_url, guard_model, _path(settings), policy), judges=_many(judge), cache=cache
    )


def select(cases: Sequence[Case], choice: Choice, proxy: GuardedArm | None) -> list[Case]:
    """The chosen cases, with what the packs know of their norms; raises `NormGuardError` where none is left."""
    if isinstance(proxy, LocalProxy):
        norms: Mapping[str, Any] = proxy.guard.library.norms
    else:
        norms = {norm.id: norm for pack in read_packs().values() for norm in pack.norms}
    return choose(enriched(cases, norms), choice)


def gather(
    data: Path | None,
    cases: Path | None,
    choice: Choice,
    proxy: GuardedArm | None,
    *,
    images: bool,
    fetch: bool,
    skip_broken: bool,
    progress: Progress = lambda done, total: None,
) -> tuple[list[Case], list[str]]:
    """The cases to run, their pictures checked, and a line for each that was left out; raises `NormGuardError`."""
    if (data is None) == (cases is None):
        raise NormGuardError("Name either a clone of CROSS (data) or a file of your own (cases).")
    found = read_cases(cases) if cases is not None else read_clone(data or Path(), subsets=choice.subsets)
    chosen = select(found, choice, proxy)
    if not images:
        return captioned(chosen)
    return locate(chosen, data, fetch=default_cache() if fetch else None, skip=skip_broken, progress=progress)


def guarded_arm(url: str | None, model: str | None, settings: Path | None, policy: str | None) -> GuardedArm:
    """The proxy in process, or the one at `url`."""
    if url is None:
        return LocalProxy(read_settings(settings, policy=policy))
    return RemoteProxy(url, model or wire_name(str(get_model())))


def cross_task(
    cases: Sequence[Case],
    proxy: GuardedArm | None,
    rubric: Rubric,
    *,
    judges: Sequence[str] = (),
    recorded: dict[str, dict[str, Any]] | None = None,
    seed: int = 0,
    cache: bool = True,
    metadata: dict[str, Any] | None = None,
) -> Task:
    """The task over `cases`; `recorded` answers, by case and arm, stand in for asking the model."""
    samples = [
        Sample(
            id=case.id,
            input=[_message(case)],
            target=case.norm,
            metadata={"case": case.model_dump(mode="json"), "recorded": (recorded or {}).get(case.id, {})},
        )
        for case in cases
    ]
    return Task(
        dataset=MemoryDataset(samples, name="cross"),
        solver=[_both_arms(proxy, cache)],
        scorer=[_cross_eval(rubric, list(judges), seed, cache)],
        fail_on_error=False,
        name="cross",
        metadata={"rubric": rubric.name, "rubric_sha256": rubric.sha256, "seed": seed, **(metadata or {})},
    )


def benign_task(
    questions: Sequence[Question],
    proxy: GuardedArm,
    *,
    judges: Sequence[str] = (),
    cache: bool = True,
    metadata: dict[str, Any] | None = None,
) -> Task:
    """The task over harmless questions."""
    samples = [
        Sample(id=question.id, input=question.query, metadata={"question": question.model_dump()})
        for question in questions
    ]
    return Task(
        dataset=MemoryDataset(samples, name="benign"),
        solver=[_touched(proxy, cache)],
        scorer=[_preference(list(judges), cache)],
        fail_on_error=False,
        name="benign",
        metadata=metadata,
    )


def _message(case: Case) -> ChatMessageUser:
    if case.image and "://" not in case.image:  # an address is left only where nobody is asked anything
        return ChatMessageUser(content=[ContentText(text=case.query), ContentImage(image=case.image)])
    shown = f"\n\n[The picture shows: {case.caption}]" if case.caption else ""
    return ChatMessageUser(content=f"{case.query}{shown}")


async def _request(state: TaskState) -> dict[str, Any]:
    """The request as an application would send it; both arms start from it."""
    return {"messages": await messages_to_openai(state.messages)}


@solver
def _both_arms(proxy: GuardedArm | None, cache: bool) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        case = Case.model_validate(state.metadata["case"])
        known = state.metadata.get("recorded", {})
        answers = {arm: Answer.model_validate(one["answer"]) for arm, one in known.items()}
        if proxy is not None and len(answers) < len(ARMS):
            request, model = await _request(state), get_model()
            captions = [case.caption] if case.caption and not case.image else []
            if "bare" not in answers:
                answers["bare"] = await failing_soft(bare_answer(model, request, config=GenerateConfig(), cache=cache))
            if "guarded" not in answers:
                call = proxy.answer(model, request, config=GenerateConfig(), cache=cache, captions=captions)
                answers["guarded"] = await failing_soft(call)
        _keep(state, answers)
        return state

    return solve


@solver
def _touched(proxy: GuardedArm, cache: bool) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        request, model = await _request(state), get_model()
        guarded = await failing_soft(proxy.answer(model, request, config=GenerateConfig(), cache=cache))
        answers = {"guarded": guarded}
        if guarded.action not in {None, "pass"}:  # else the bare answer is the same one
            answers["bare"] = await failing_soft(bare_answer(model, request, config=GenerateConfig(), cache=cache))
        _keep(state, answers)
        return state

    return solve


def _keep(state: TaskState, answers: dict[str, Answer]) -> None:
    state.metadata["answers"] = {arm: answer.model_dump(mode="json") for arm, answer in answers.items()}
    shown = answers.get("guarded") or answers.get("bare") or Answer()
    state.output = ModelOutput.from_content(shown.model or "none", shown.text or f"[no answer: {shown.error}]")
    state.messages.append(state.output.message)


@scorer(metrics={"*": [mean()]})
def _cross_eval(rubric: Rubric, judges: list[str], seed: int, cache: bool) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        case = Case.model_validate(state.metadata["case"])
        answers = {arm: Answer.model_validate(one) for arm, one in state.metadata.get("answers", {}).items()}
        known = state.metadata.get("recorded", {}).values()
        judgements = [Judgement.model_validate(one["judgement"]) for one in known if one.get("judgement")]
        if models := _judges(judges):
            judgements += await judge_arms(models, rubric, case, answers, config=JUDGE_CONFIG, cache=cache, seed=seed)
        verdict = verdict_of(judgements)
        values = {
            f"{arm}_{dimension}": float("nan") if (score := verdict[arm][dimension]) is None else float(score)
            for dimension in DIMENSIONS
            for arm in ARMS
        }
        return Score(value=values, metadata={"judgements": [one.model_dump(mode="json") for one in judgements]})

    return score


@scorer(metrics={"*": [mean()]})
def _preference(judges: list[str], cache: bool) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        question = Question.model_validate(state.metadata["question"])
        answers = {arm: Answer.model_validate(one) for arm, one in state.metadata["answers"].items()}
        touched = "bare" in answers
        preferences = []
        if touched and all(answer.usable for answer in answers.values()) and (models := _judges(judges)):
            preferences = await prefer(
                models, question, answers["bare"], answers["guarded"], config=JUDGE_CONFIG, cache=cache
            )
        return Score(
            value={"touched": float(touched)},
            metadata={"preferences": [one.model_dump(mode="json") for one in preferences]},
        )

    return score


def _judges(names: Sequence[str]) -> list[Model]:
    if names:
        return [get_model(name) for name in names]
    roles = model_roles().get("judge", [])
    return list(roles) if isinstance(roles, list) else [roles]


def _many(value: str | Sequence[str] | None) -> list[str]:
    if value is None:
        return []
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else list(value)


def _absolute(name: str) -> Path:
    """A path as the user meant it: Inspect changes the folder while it loads a task."""
    return Path(os.environ.get("PWD", "."), name)


def _path(name: str | None) -> Path | None:
    return _absolute(name) if name else None
