"""What a run found, read back from Inspect's logs: the only record that the statistics and the report rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.cross.arms import ARMS, Answer
from benchmarks.cross.dataset import Case, Question
from benchmarks.cross.judge import Judgement, Preference
from benchmarks.cross.rubric import DIMENSIONS, Scores
from benchmarks.datasets.files import json_lines
from guard.errors import NormGuardError


class Record(BaseModel):
    """One case with what both arms answered and how that was judged."""

    case: Case
    epoch: int = 1
    answers: dict[str, Answer] = {}
    judgements: list[Judgement] = []

    @property
    def verdict(self) -> dict[str, Scores]:
        """The judges' score by arm and dimension, see `verdict_of`."""
        return verdict_of(self.judgements)

    @property
    def hit(self) -> str:
        """Whether the guard sent a norm that expresses the case's own: ``hit``, ``miss``, or ``unlinked``."""
        if not self.case.norm_ids:
            return "unlinked"
        guarded = self.answers.get("guarded")
        return "hit" if guarded and set(guarded.norms) & set(self.case.norm_ids) else "miss"


class BenignRecord(BaseModel):
    """One harmless question, and the preference where the guard touched it."""

    question: Question
    answers: dict[str, Answer] = {}
    preferences: list[Preference] = []

    @property
    def touched(self) -> bool:
        return self.answers["guarded"].action not in {None, "pass"}


@dataclass
class Run:
    """One run of the benchmark.

    Attributes:
        name: how a report calls it.
        config: what was run and how, as data.
        planned: cases that were to be run; more than `records` where the run stopped early.
        errors: samples that failed as a whole, with why.
    """

    name: str
    config: dict[str, Any]
    records: list[Record] = field(default_factory=list)
    benign: list[BenignRecord] = field(default_factory=list)
    planned: int = 0
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def scripted(self) -> bool:
        """Whether any model that answered or judged is a script, by what it called itself."""
        served = [answer.model for record in self.records for answer in record.answers.values()]
        served += [answer.model for record in self.benign for answer in record.answers.values()]
        served += [one.model or one.judge for record in self.records for one in record.judgements]
        served += [one.model for record in self.benign for one in record.preferences]
        return any(is_scripted(name) for name in served)


def is_scripted(model: str) -> bool:
    """Whether a model says of itself, by its name, that it is none: our scripts, our demo model, Inspect's mock."""
    marks = ("scripted", "openai-api/scripted/", "normguard-demo", "mockllm")
    return any(name.startswith(marks) for name in model.split(", "))


def verdict_of(judgements: Sequence[Judgement]) -> dict[str, Scores]:
    """What the judges of a case decided together: the majority of those that scored; in a tie the one named first."""
    verdict: dict[str, Scores] = {arm: dict.fromkeys(DIMENSIONS) for arm in ARMS}
    for arm, scores in verdict.items():
        for dimension in DIMENSIONS:
            votes = [one.scores[dimension] for one in judgements if one.arm == arm]
            cast = [vote for vote in votes if vote is not None]
            if cast:
                ones = sum(cast)
                scores[dimension] = cast[0] if 2 * ones == len(cast) else int(2 * ones > len(cast))
    return verdict


def read_run(path: Path) -> Run:
    """A run from its folder or from one Inspect log.

    A run that was interrupted and gone on with has several logs: of each sample the newest one that succeeded counts.

    Raises:
        NormGuardError: there is no log of this benchmark, or none can be read.
    """
    logs = sorted((path / "logs").glob("*.eval"), reverse=True) if path.is_dir() else [path]
    if not logs or not path.exists():
        raise NormGuardError(f"{path}: no run is there (a folder with logs/*.eval, or one such log).")
    run = Run(path.stem if path.is_file() else path.resolve().name, {})
    planned: dict[str, int] = {}
    seen: set[tuple[str, str, int]] = set()
    faults = []
    for file in logs:
        try:
            log = _read_log(file)
        except NormGuardError as error:  # a log may be cut off where a run was killed
            faults.append(error)
            continue
        if log.eval.task not in {"cross", "benign"}:
            continue
        if not run.config:
            run.config = {**(log.eval.metadata or {}), "inspect": _about(log)}
        planned[log.eval.task] = (log.eval.dataset.samples or 0) * (log.eval.config.epochs or 1)
        for sample in log.samples or []:
            key = (log.eval.task, str(sample.id), sample.epoch)
            if key not in seen and _add(run, sample, log.eval.task):
                seen.add(key)
                run.errors.pop(str(sample.id), None)
    if faults and not planned:
        raise faults[0]
    if not seen and not run.errors:
        raise NormGuardError(f"{path}: there is no finished sample of this benchmark in it.")
    run.planned = planned.get("cross", 0)
    return run


def read_humans(path: Path) -> dict[tuple[str, str, str], list[int]]:
    """Scores by humans: JSON lines of ``id``, ``arm``, ``dimension`` and ``score``, one line a rater.

    Raises:
        NormGuardError: the file cannot be read, or a line is not of that form.
    """
    scores: dict[tuple[str, str, str], list[int]] = {}
    for number, line in json_lines(path):
        arm, dimension, score = line.get("arm"), line.get("dimension"), line.get("score")
        if arm not in ARMS or dimension not in DIMENSIONS or score not in (0, 1) or not isinstance(line.get("id"), str):
            raise NormGuardError(
                f"{path}:{number}: 'id' of a case, 'arm' ({', '.join(ARMS)}), 'dimension' ({', '.join(DIMENSIONS)}) "
                "and 'score' (0 or 1) are expected."
            )
        scores.setdefault((line["id"], arm, dimension), []).append(int(score))
    return scores


def _read_log(file: Path) -> Any:
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(str(file))
    except Exception as error:  # zip, JSON and validation errors alike
        raise NormGuardError(f"{file}: no Inspect log that can be read ({str(error)[:120]}).") from error


def _about(log: Any) -> dict[str, Any]:
    return {
        "model": log.eval.model,
        "created": log.eval.created,
        "status": log.status,
        "packages": log.eval.packages,
        "revision": log.eval.revision.commit if log.eval.revision else None,
    }


def _add(run: Run, sample: Any, task: str) -> bool:
    """Whether the sample succeeded, and so was added."""
    if sample.error is not None or "answers" not in sample.metadata:
        message = sample.error.message.strip() if sample.error else "no answer"
        run.errors.setdefault(str(sample.id), message.splitlines()[-1] if message else "failed")
        return False
    score = next(iter((sample.scores or {}).values()), None)
    found = (score.metadata or {}) if score else {}
    answers = {arm: Answer.model_validate(one) for arm, one in sample.metadata["answers"].items()}
    if task == "cross":
        case = Case.model_validate(sample.metadata["case"])
        run.records.append(
            Record(case=case, epoch=sample.epoch, answers=answers, judgements=found.get("judgements", []))
        )
    else:
        question = Question.model_validate(sample.metadata["question"])
        run.benign.append(BenignRecord(question=question, answers=answers, preferences=found.get("preferences", [])))
    return True
